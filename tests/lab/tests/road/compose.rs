//! Debian's docker-compose knows the container.

use crate::world::{GROUP, World};

/// `up -d` keeps it, `logs` shows it, `restart` restarts it, and the bots answer afterwards.
pub(crate) fn works(world: &World) {
    let compose = "cd /etc/ocmigrate && docker-compose -p ocmigrate";
    let id = || world.shell(&format!("docker inspect -f '{{{{.Id}}}}' {GROUP}"));
    let before = id();
    let up = world.run_to(0, &format!("{compose} up -d"));
    assert!(up.contains("up-to-date"), "{up}");
    let logs = world.run_to(0, &format!("{compose} logs {GROUP}"));
    assert!(logs.contains("gateway"), "{logs}");
    world.run_to(0, &format!("{compose} restart {GROUP}"));
    assert_eq!(id(), before);
    world.wait_until_answered();
}
