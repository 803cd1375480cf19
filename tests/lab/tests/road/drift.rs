//! What somebody changed after a move: told by `verify` with what puts it right, and no hindrance for the way back.

use crate::host_state::host_state;
use crate::second_poller;
use crate::world::{GROUP, PLAN, World};

pub(crate) fn is_told_and_does_not_hinder_the_way_back(world: &World) {
    world.plan();
    let before = host_state(world);
    let execute =
        format!("ocmigrate execute --group {GROUP} --plan {PLAN} --no-rehearsal --soak 2");
    world.run_to(0, &format!("{execute} --yes"));
    world.run_to(0, "ocmigrate verify");

    let limits = world.shell(&format!(
        "docker inspect -f '{{{{.HostConfig.PidsLimit}}}}' {GROUP}"
    ));
    let remedy = format!("docker update --pids-limit {} {GROUP}", limits.trim());
    world.shell(&format!("docker update --pids-limit 77 {GROUP}"));
    is_told(world, &[&remedy, "pids 77"]);
    world.shell(&remedy);
    world.run_to(0, "ocmigrate verify");

    second_poller::beside(world, || {
        is_told(world, &["holds telegram bot token", "second"]);
    });
    world.run_to(0, "ocmigrate verify");

    made_anew_with_more(world);
    is_told(
        world,
        &["environment EXTRA", "mounts /srv read-only", "rollback"],
    );

    world.shell(&format!("docker rm --force {GROUP}"));
    is_told(world, &["is gone"]);
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    assert!(world.is_native());
    world.wait_until_answered();
    assert_eq!(host_state(world), before, "rollback left something behind");
}

fn is_told(world: &World, words: &[&str]) {
    let said = world.run_to(3, "ocmigrate verify");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// Somebody edits the compose file, and docker-compose makes the container anew, with all its labels.
fn made_anew_with_more(world: &World) {
    world.shell(&format!(
        "cd /etc/ocmigrate && cp docker-compose.yml /root/kept.yml && \
         python3 -c \"import yaml; p = 'docker-compose.yml'; f = yaml.safe_load(open(p)); s = f['services']['{GROUP}']; \
         s['environment'] = {{'EXTRA': '1'}}; s['volumes'].append('/srv:/srv:ro'); yaml.safe_dump(f, open(p, 'w'))\" && \
         docker-compose -p ocmigrate up -d && cp /root/kept.yml docker-compose.yml"
    ));
}
