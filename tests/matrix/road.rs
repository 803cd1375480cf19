//! There and back without faults.

use std::path::{Path, PathBuf};

use ocmigrate::docker::{Docker, Mount};
use ocmigrate::host::Host;
use ocmigrate::journal::Outcome;
use ocmigrate::step::Step;

use crate::fleet::{GROUP, PORT};
use crate::starters::{Kind, SERVICES};
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
fn what_only_a_way_back_needs_is_named_and_nothing_else_misses_it() {
    for kind in Kind::ALL {
        let world = World::of(kind);
        world.execute().unwrap();
        let steps = world.steps.iter();
        let means: Vec<_> = steps
            .flat_map(|it| it.means_of_return(&world.paths))
            .collect();
        let is_there = |path: &&PathBuf| world.host.read(path).unwrap().is_some();
        let is_kept = matches!(kind, Kind::Cron | Kind::Loop | Kind::Tmux);
        let there = means.iter().filter(is_there).count();
        assert_eq!(there, usize::from(is_kept), "{kind:?}: {means:?}");

        let state = world.paths.group_state(GROUP);
        let names = world.host.list(&state).unwrap().into_iter();
        for path in names.map(|name| state.join(name)).chain(means) {
            world.host.remove(&path).unwrap();
        }
        let missed = world.drifts_of(|step| !step.is_for_the_way_back());
        assert_eq!(missed, [], "{kind:?}");
        let missed = world.drifts_of(Step::is_for_the_way_back);
        assert!(!missed.is_empty(), "{kind:?}");
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
fn a_container_that_is_broken_or_gone_is_rolled_back_all_the_same() {
    for is_gone in [false, true] {
        let world = World::new();
        world.execute().unwrap();
        world.docker.stop(GROUP).unwrap();
        if is_gone {
            world.docker.remove_container(GROUP).unwrap();
        }
        world.rollback().unwrap();
        world.assert_native(&format!("gone: {is_gone}"));
    }
}

#[test]
fn a_container_that_was_just_restarted_is_given_the_time_of_a_start_and_one_that_is_deaf_is_not() {
    let world = World::new();
    world.execute().unwrap();
    world.docker.stop(GROUP).unwrap();
    world.docker.start(GROUP).unwrap();
    {
        let mut host = world.host.world_mut();
        host.unlisten(PORT, "container oc-joe");
        let ready_at_ms = host.now_ms + 100_000;
        host.listen(PORT, "container oc-joe".to_owned(), ready_at_ms);
    }
    assert_eq!(world.drifts(), []);

    world.host.world_mut().unlisten(PORT, "container oc-joe");
    let since = world.host.now_ms();
    world.host.world_mut().now_ms += 3_600_000;
    let drifts: Vec<_> = world.drifts().into_iter().map(|it| it.what).collect();
    assert_eq!(drifts, ["nobody answers on 127.0.0.1:18789"]);
    assert!(world.host.now_ms() - since < 3_600_000 + 60_000);
}

#[test]
fn a_container_that_somebody_widened_is_told_with_what_puts_it_right() {
    let world = World::new();
    world.execute().unwrap();
    world.docker.change_container(GROUP, |spec| {
        spec.pids += 1;
        spec.environment.push("TOKEN=s3cret".to_owned());
        spec.mounts.pop();
    });
    let drifts = world.drifts();
    let remedies: Vec<_> = drifts.iter().map(|it| it.remedy.as_str()).collect();
    let anew = "ocmigrate rollback, then execute again";
    assert_eq!(
        remedies,
        [anew, anew, "docker update --pids-limit 512 oc-joe"]
    );
    assert_eq!(
        drifts.first().unwrap().what,
        "container `oc-joe`: environment TOKEN instead of nothing"
    );
}

#[test]
fn a_unit_recovers_at_boot_while_the_bots_may_be_silent_and_only_then() {
    let is_guarded = |world: &World| {
        let host = world.host.world();
        let mut files = host.files.keys();
        files.any(|file| file.ends_with("ocmigrate-recover-oc-joe.service"))
    };
    let world = World::new();
    for step in &world.steps {
        if step.describe().in_silence {
            assert!(is_guarded(&world), "{}", step.describe().id);
        }
        world
            .with_context(|context| step.apply(&step.capture(context)?, context))
            .unwrap();
    }
    assert!(!is_guarded(&world));
}

#[test]
fn loopback_services_are_handed_on_while_the_group_is_in_its_container_and_after_a_boot() {
    let units = |world: &World| -> Vec<String> {
        let host = world.host.world();
        let units = host.units.iter().filter(|unit| unit.active == "active");
        let names = units.map(|unit| unit.starter.name.clone());
        names.filter(|name| name.contains("relay")).collect()
    };
    let world = World::of(Kind::SystemUnit);
    world.execute().unwrap();
    let sockets = SERVICES.map(|port| format!("ocmigrate-relay-oc-joe-{port}.socket"));
    assert_eq!(units(&world), sockets);
    let serve = Path::new("/etc/ocmigrate/groups/oc-joe/serve");
    let serve = world.host.read(serve).unwrap().unwrap().bytes;
    let serve = String::from_utf8(serve).unwrap();
    assert!(
        serve.contains("relay.mjs\" 61789 18789 8788 11434;"),
        "{serve}"
    );
    let socket = Path::new("/etc/systemd/system").join(&sockets[0]);
    let socket = world.host.read(&socket).unwrap().unwrap().bytes;
    let socket = String::from_utf8(socket).unwrap();
    for line in [
        "ListenStream=/etc/ocmigrate/groups/oc-joe/services/8788.sock",
        "SocketUser=1001",
        "SocketMode=0600",
    ] {
        assert!(socket.lines().any(|it| it == line), "{socket}");
    }
    world.reboot();
    assert_eq!(units(&world), sockets);
    assert_eq!(world.drifts(), []);
    let relay = ocmigrate::inventory::UnitStarter {
        name: sockets[1].clone(),
        scope: ocmigrate::inventory::UnitScope::System,
        file: std::path::PathBuf::new(),
        enablement: String::new(),
    };
    world
        .host
        .stop_unit(&relay, std::time::Duration::ZERO)
        .unwrap();
    let drifts: Vec<_> = world.drifts().into_iter().map(|it| it.remedy).collect();
    assert_eq!(drifts, [format!("systemctl start {}", sockets[1])]);
    world.rollback().unwrap();
    world.assert_native("back");
    assert_eq!(units(&world), [""; 0]);
}

#[test]
fn an_ended_run_is_not_begun_again() {
    let world = World::new();
    world.execute().unwrap();
    let changes = world.changes();
    assert_eq!(world.execute().unwrap(), Outcome::InContainer);
    assert_eq!(world.changes(), changes);
}

#[test]
fn names_of_hosts_are_those_of_the_host_and_what_lies_in_home_is_mounted_once() {
    let world = World::new();
    world.execute().unwrap();
    let mounts = world.docker.spec(GROUP).unwrap().mounts;
    let below = |root: &str| {
        let found = mounts.iter().filter_map(|mount| match mount {
            Mount::Bind {
                source, read_only, ..
            } if source.starts_with(root) => Some((source.to_str().unwrap(), *read_only)),
            _ => None,
        });
        found.collect::<Vec<_>>()
    };
    assert_eq!(below("/etc/hosts"), [("/etc/hosts", true)]);
    assert_eq!(below("/home"), [("/home/joe", false)]);
    assert_eq!(below("/srv"), [("/srv/openclaw/bot.token", true)]);
}
