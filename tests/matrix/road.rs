//! There and back without faults.

use ocmigrate::journal::Outcome;

use crate::starters::Kind;
use crate::world::World;

#[test]
fn a_run_ends_in_the_container_and_a_rollback_gives_the_very_world_back() {
    for kind in Kind::ALL {
        let world = World::of(kind);
        assert_eq!(world.execute().unwrap(), Outcome::InContainer);
        world.assert_in_container(&format!("{kind:?}, there"));
        assert_eq!(world.rollback().unwrap(), Outcome::Native);
        world.assert_native(&format!("{kind:?}, back"));
    }
}

#[test]
fn both_ends_outlive_a_reboot() {
    for kind in Kind::ALL {
        let world = World::of(kind);
        world.execute().unwrap();
        world.reboot();
        world.assert_in_container_later(&format!("{kind:?}, there, rebooted"));
        world.rollback().unwrap();
        world.reboot();
        world.assert_native(&format!("{kind:?}, back, rebooted"));
    }
}

#[test]
fn an_ended_run_is_not_begun_again() {
    let world = World::new();
    world.execute().unwrap();
    let changes = world.changes();
    assert_eq!(world.execute().unwrap(), Outcome::InContainer);
    assert_eq!(world.changes(), changes);
}
