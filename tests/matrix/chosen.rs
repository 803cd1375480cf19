//! What a person may choose otherwise: a heap of node's, the narrow sight, the host's network, a given image. The crash
//! points of such a run are among those of `crash.rs`.

use std::path::Path;

use ocmigrate::docker::{Docker, Mount};
use ocmigrate::execute::ExecuteError;
use ocmigrate::host::Host;
use ocmigrate::step::Step;

use crate::fleet::{GROUP, NETWORK, STATE};
use crate::starters::{GIVEN_IMAGE, Kind};
use crate::world::World;

fn group_file(world: &World, name: &str) -> Option<String> {
    let path = Path::new("/etc/ocmigrate/groups").join(GROUP).join(name);
    let file = world.host.read(&path).unwrap()?;
    Some(String::from_utf8(file.bytes).unwrap())
}

#[test]
fn a_heap_comes_behind_the_gateways_own_options_and_its_loss_is_told() {
    let world = World::of(Kind::Chosen);
    world.execute().unwrap();
    let environment = group_file(&world, "environment").unwrap();
    let wanted = "export NODE_OPTIONS='--use-openssl-ca --max-old-space-size=768'";
    assert!(environment.lines().any(|it| it == wanted), "{environment}");
    let limit = "NODE_OPTIONS=--max-old-space-size=768";
    assert_eq!(world.docker.spec(GROUP).unwrap().environment, [limit]);
    world
        .docker
        .change_container(GROUP, |spec| spec.environment.clear());
    let drifts: Vec<_> = world.drifts().into_iter().map(|it| it.what).collect();
    let told = "container `oc-joe`: environment nothing instead of NODE_OPTIONS";
    assert_eq!(drifts, [told]);
}

#[test]
fn the_narrow_sight_is_an_empty_home_with_the_state_and_what_node_looks_up_in_it() {
    let world = World::of(Kind::Chosen);
    world.execute().unwrap();
    let mounts = world.docker.spec(GROUP).unwrap().mounts;
    let below = mounts.iter().filter(|it| it.target().starts_with("/home"));
    let below: Vec<_> = below
        .map(|mount| match mount {
            Mount::Bind {
                target, read_only, ..
            } => (target.to_str().unwrap(), Some(*read_only)),
            Mount::Empty { target, .. } => (target.to_str().unwrap(), None),
        })
        .collect();
    let wanted = [
        (STATE, Some(false)),
        ("/home/joe", None),
        ("/home/joe/ca.pem", Some(true)),
        ("/home/joe/secrets/bot.token", Some(true)),
    ];
    assert_eq!(below, wanted);
}

#[test]
fn on_the_hosts_network_nothing_is_published_relayed_or_rewritten() {
    let world = World::of(Kind::Chosen);
    world.execute().unwrap();
    let spec = world.docker.spec(GROUP).unwrap();
    assert_eq!(
        (spec.ports.len(), spec.network.as_deref()),
        (0, Some("host"))
    );
    assert_eq!(world.docker.find_network(NETWORK).unwrap(), None);
    assert_eq!(group_file(&world, "relay.mjs"), None);
    let serve = group_file(&world, "serve").unwrap();
    assert!(
        serve.ends_with("exec \"$@\"\n") && !serve.contains("relay"),
        "{serve}"
    );
    let compose = Path::new("/etc/ocmigrate/docker-compose.yml");
    let compose = world.host.read(compose).unwrap().unwrap().bytes;
    let compose = String::from_utf8(compose).unwrap();
    assert!(compose.contains("network_mode: host\n"), "{compose}");
}

#[test]
fn a_given_image_is_looked_into_and_neither_made_nor_taken_away() {
    let world = World::of(Kind::Chosen);
    let ids: Vec<_> = world.steps.iter().map(|it| it.describe().id).collect();
    for other in [
        "make-base",
        "make-image",
        "create-network",
        "rewrite-config",
    ] {
        assert!(!ids.iter().any(|id| id == other), "{other}");
    }
    assert!(ids.iter().any(|id| id == "check-image"));
    let image = world.docker.find_image(GIVEN_IMAGE).unwrap();
    world.execute().unwrap();
    world.rollback().unwrap();
    assert_eq!(world.docker.find_image(GIVEN_IMAGE).unwrap(), image);
}

#[test]
fn a_given_image_that_is_not_there_stops_the_run_before_anything_is_changed() {
    let world = World::of(Kind::Chosen);
    world.docker.remove_image(GIVEN_IMAGE);
    let result = world.execute();
    let Err(ExecuteError::RolledBack { reason, hint, .. }) = &result else {
        panic!("{result:?}");
    };
    let missing = "the image `registry.example/openclaw:2026.9.6` is not on this host";
    let pull = "docker pull registry.example/openclaw:2026.9.6";
    assert_eq!((reason.as_str(), hint.as_deref()), (missing, Some(pull)));
    world.assert_native("no image");
}

#[test]
fn a_given_image_of_another_release_stops_the_run_before_the_gateway_is() {
    let mut world = World::of(Kind::Chosen);
    for step in &mut world.steps {
        if let Step::CheckImage(check) = step {
            "2026.9.7".clone_into(&mut check.version);
        }
    }
    let polled = world.host.world().pollers.len();
    let Err(ExecuteError::RolledBack { reason, .. }) = world.execute() else {
        panic!("it went on");
    };
    assert!(
        reason.contains("does not run OpenClaw 2026.9.7"),
        "{reason}"
    );
    world.assert_native("another release");
    assert_eq!(world.host.world().pollers.len(), polled);
}
