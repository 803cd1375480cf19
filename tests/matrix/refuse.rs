//! Foreign things in the way stop a run before the gateway is stopped, and stay.

use std::collections::BTreeMap;

use ocmigrate::docker::{ContainerState, Docker};
use ocmigrate::execute::ExecuteError;

use crate::fleet::{GROUP, NETWORK};
use crate::machine::{ROOTS, foreign_container};
use crate::world::World;

/// Runs in a world with a foreign thing; the native gateway is never stopped, and everything stays as it was.
#[track_caller]
fn assert_refused(thing: &str, furnish: impl FnOnce(&World)) {
    let world = World::with(furnish);
    let polled = world.host.world().pollers.len();
    let result = world.execute();
    let Err(ExecuteError::RolledBack { reason, .. }) = &result else {
        panic!("{thing}: {result:?}");
    };
    assert!(
        reason.contains("was not made by ocmigrate"),
        "{thing}: {reason}"
    );
    world.assert_native(thing);
    assert_eq!(
        world.host.world().pollers.len(),
        polled,
        "{thing}: the gateway was stopped"
    );
}

fn assert_file_refused(path: &str) {
    assert_refused(path, |world| {
        world.host.world_mut().add_file(path, b"foreign", ROOTS);
    });
}

/// Runs on a machine that is short of something, once as a dry run looks and once for real; nothing is changed.
#[track_caller]
fn assert_short(reason: &str, furnish: impl FnOnce(&World)) {
    let world = World::with(furnish);
    let looks = world.steps.iter();
    let told =
        world.with_context(|context| looks.filter_map(|step| step.capture(context).err()).count());
    assert_eq!(told, 1, "a dry run tells: {reason}");
    let result = world.execute();
    let Err(ExecuteError::RolledBack {
        reason: said,
        changed,
        ..
    }) = &result
    else {
        panic!("{reason}: {result:?}");
    };
    assert_eq!((said.as_str(), *changed), (reason, false));
    assert_eq!(world.changes(), (0, 0));
    world.assert_native(reason);
}

#[test]
fn a_disk_without_room_stops_the_run_before_anything_is_made() {
    assert_short(
        "the image needs 1.5 G at `/var/lib/docker`, and 1 G are free",
        |world| {
            world.host.world_mut().free.bytes = 1024 * 1024 * 1024;
        },
    );
    assert_short(
        "the image needs 76000 inodes at `/var/lib/docker`, and 75999 are free",
        |world| {
            world.host.world_mut().free.inodes = 75_999;
        },
    );
}

#[test]
fn an_image_that_is_there_needs_no_room() {
    let world = World::new();
    world.execute().unwrap();
    world.rollback().unwrap();
    world.host.world_mut().free.inodes = 100;
    let looks = world.steps.iter();
    world.with_context(|context| {
        for step in looks {
            step.capture(context).unwrap();
        }
    });
}

#[test]
fn a_foreign_container_stops_the_run_and_stays() {
    for state in [
        ContainerState::Created,
        ContainerState::Exited(0),
        ContainerState::Running,
    ] {
        let spec = foreign_container(GROUP);
        assert_refused("container", |world| {
            world.docker.add_container(&spec, state);
        });
    }
}

#[test]
fn a_container_that_took_the_name_of_ours_is_never_touched_by_rollback() {
    let world = World::new();
    world.execute().unwrap();
    world.docker.stop(GROUP).unwrap();
    world.docker.remove_container(GROUP).unwrap();
    let foreign = foreign_container(GROUP);
    world
        .docker
        .add_container(&foreign, ContainerState::Running);
    // While it runs nobody knows what it polls.
    let result = world.rollback();
    assert!(
        matches!(result, Err(ExecuteError::Stuck { .. })),
        "{result:?}"
    );
    world.assert_safe("a foreign container");
    let left = world.docker.find_container(GROUP).unwrap().unwrap();
    assert_eq!(left.state, ContainerState::Running);
    assert!(world.pollers().is_empty());

    world.docker.stop(GROUP).unwrap();
    world.rollback().unwrap();
    assert_eq!(world.pollers(), ["native"]);
    assert_eq!(world.docker.spec(GROUP), Some(foreign));
}

#[test]
fn a_foreign_network_stops_the_run_and_stays() {
    assert_refused("network", |world| {
        world
            .docker
            .create_network(NETWORK, &BTreeMap::new())
            .unwrap();
    });
}

#[test]
fn a_foreign_image_stops_the_run_and_stays() {
    for reference in [
        "ocmigrate/base:debian-bookworm",
        "ocmigrate/openclaw:2026.9.6-00000000",
    ] {
        assert_refused(reference, |world| {
            world.docker.add_image(reference, &BTreeMap::new());
        });
    }
}

#[test]
fn a_foreign_compose_file_stops_the_run_and_stays() {
    assert_file_refused("/etc/ocmigrate/docker-compose.yml");
}

#[test]
fn a_foreign_drop_in_stops_the_run_and_stays() {
    assert_file_refused("/etc/systemd/user/openclaw-gateway.service.d/50-ocmigrate-oc-joe.conf");
}

#[test]
fn a_foreign_marker_stops_the_run_and_stays() {
    assert_file_refused("/etc/ocmigrate/disarmed/oc-joe/1001");
}
