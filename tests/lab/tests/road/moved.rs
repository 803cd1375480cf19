//! What a moved gateway looks like from its host: to its owner's own commands, and to a scan.

use serde_json::Value;

use crate::world::{GROUP, World};

/// OpenClaw's commands on the host keep their rights, which they have only over loopback.
pub(crate) fn is_served_as_before(world: &World) {
    let command = "openclaw cron list --json";
    let said = world.server.shell_as("joe", command).unwrap();
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert!(answer["jobs"].is_array(), "{said}");
}

/// A scan says where it is, and nothing of a gateway that is down, a taken port, or a login in two places.
pub(crate) fn is_told_by_a_scan(world: &World) {
    let inventory: Value = serde_json::from_str(&world.shell("ocmigrate scan --json")).unwrap();
    let findings = inventory["findings"].as_array().unwrap().iter();
    let ids: Vec<_> = findings
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"OM-S015"), "{ids:?}");
    for id in ["OM-S002", "OM-N001", "OM-T001", "OM-S010"] {
        assert!(!ids.contains(&id), "{ids:?}");
    }
}

/// A directory in the home directory that the user may use by a group of its own and not as its owner.
const SHARED: &str = "/home/joe/press";

/// Makes it, with a note of the owner's in it.
pub(crate) fn share_a_directory(world: &World) {
    world.shell(&format!(
        "install -d -m 2770 -o root -g press {SHARED}; echo hello > {SHARED}/note; chmod 660 {SHARED}/note"
    ));
}

/// The container may what the native process might by its groups, and so may what is started in it.
pub(crate) fn may_what_its_groups_may(world: &World) {
    let groups = world.shell(&format!(
        "grep Groups: /proc/$(docker inspect -f '{{{{.State.Pid}}}}' {GROUP})/status; getent group press"
    ));
    let (container, press) = groups.split_once("press:x:").unwrap();
    let id = press.split(':').next().unwrap();
    assert!(
        container.split_whitespace().any(|it| it == id),
        "{container}"
    );
    let use_it = format!("cat {SHARED}/note && echo x > {SHARED}/new && rm {SHARED}/new");
    let said = world.shell(&format!("docker exec {GROUP} sh -c '{use_it}'"));
    assert_eq!(said, "hello\n");
}
