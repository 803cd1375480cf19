//! What a moved gateway looks like from its host: to its owner's own commands, and to a scan.

use serde_json::Value;

use crate::world::World;

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
