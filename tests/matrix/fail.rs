//! Every change is refused once.

use ocmigrate::execute::ExecuteError;
use ocmigrate::host;
use ocmigrate::journal::Outcome;

use crate::fleet::NODE;
use crate::machine::{ABSENT, ANSWER, MISSING_PLUGIN, Sickness};
use crate::starters::Kind;
use crate::world::{Call, World};

/// Every change between two counts.
fn calls(from: (u64, u64), to: (u64, u64)) -> impl Iterator<Item = Call> {
    let host = (from.0 + 1..=to.0).map(Call::Host);
    host.chain((from.1 + 1..=to.1).map(Call::Docker))
}

#[test]
fn a_run_with_one_refused_change_ends_at_one_of_the_two_ends() {
    for kind in Kind::ALL {
        let whole = World::of(kind);
        whole.execute().unwrap();
        for call in calls((0, 0), whole.changes()) {
            let world = World::of(kind);
            world.fail_at(call);
            let result = world.execute();
            let case = format!("{kind:?}: {call:?} was refused: {result:?}");
            match result {
                Ok(Outcome::InContainer) => world.assert_in_container(&case),
                Err(ExecuteError::RolledBack { .. }) => world.assert_native(&case),
                _ => panic!("{case}"),
            }
        }
    }
}

#[test]
fn a_rollback_with_one_refused_change_is_stuck_and_goes_on_when_asked_again() {
    for kind in Kind::ALL {
        let whole = World::of(kind);
        whole.execute().unwrap();
        let from = whole.changes();
        whole.rollback().unwrap();
        for call in calls(from, whole.changes()) {
            let world = World::of(kind);
            world.execute().unwrap();
            world.fail_at(call);
            let result = world.rollback();
            let case = format!("{kind:?}: {call:?} was refused: {result:?}");
            assert!(
                matches!(result, Ok(_) | Err(ExecuteError::Stuck { .. })),
                "{case}"
            );
            world.assert_safe(&case);
            world.rollback().unwrap();
            world.assert_native(&case);
        }
    }
}

#[test]
fn a_container_that_is_not_well_is_rolled_back_by_itself() {
    for sickness in [
        Sickness::EndsAtOnce,
        Sickness::NeverServes,
        Sickness::NeverPolls,
        Sickness::RunsOutOfMemory,
        Sickness::MeetsSecondPoller,
    ] {
        let world = World::new();
        world.fall_ill(sickness);
        let result = world.execute();
        let is_rolled_back = matches!(result, Err(ExecuteError::RolledBack { changed: true, .. }));
        assert!(is_rolled_back, "{sickness:?}: {result:?}");
        world.assert_native(&format!("{sickness:?}"));
    }
}

#[test]
fn what_a_log_says_of_a_second_poller_is_quoted_without_the_token() {
    let world = World::new();
    world.fall_ill(Sickness::MeetsSecondPoller);
    let Err(ExecuteError::RolledBack { reason, .. }) = world.execute() else {
        panic!("it went on");
    };
    assert!(reason.contains("409 in its log"), "{reason}");
    assert!(reason.contains("getUpdates conflict"), "{reason}");
    assert!(!reason.contains("AAH"), "{reason}");
}

#[test]
fn what_can_be_proven_before_is_refused_before_anything_is_stopped() {
    for (sickness, words) in [
        (Sickness::LacksLibrary, "lacks libatomic.so.1"),
        (Sickness::MissesPlugin, "see plugins.load.paths"),
        (Sickness::CannotWrite, "cannot make in `/home/joe`: EROFS"),
        (Sickness::FailsRehearsal, "ran out of memory at 1.5 G"),
    ] {
        let world = World::new();
        let polled = world.host.world().pollers.len();
        world.fall_ill(sickness);
        let Err(ExecuteError::RolledBack { reason, .. }) = world.execute() else {
            panic!("{sickness:?} went on");
        };
        assert!(reason.contains(words), "{sickness:?}: {reason}");
        world.assert_native(words);
        let now = world.host.world().pollers.len();
        assert_eq!(now, polled, "{sickness:?}: the gateway was stopped");
    }
}

#[test]
fn what_the_host_lacks_too_is_no_reason_to_refuse_an_image() {
    let lacking = |host_lacks: bool| {
        let world = World::with(|world| {
            let said = host::Output {
                code: 0,
                stdout: ABSENT.into(),
                stderr: Vec::new(),
            };
            let mut machine = world.host.world_mut();
            machine
                .programs
                .extend(host_lacks.then(|| ("/bin/sh".into(), said)));
        });
        world.fall_ill(Sickness::LacksWhatTheHostLacks);
        world.execute()
    };
    assert!(matches!(lacking(true), Ok(Outcome::InContainer)));
    let Err(ExecuteError::RolledBack { reason, .. }) = lacking(false) else {
        panic!("it went on without a library that the host has");
    };
    assert!(reason.contains("lacks libvips.so.42"), "{reason}");
}

#[test]
fn a_plugin_that_the_host_misses_too_is_no_reason_to_refuse() {
    let world = World::with(|world| {
        let (warned, rest) = (MISSING_PLUGIN.strip_suffix('}'), ANSWER.strip_prefix('{'));
        let said = format!("{},{}", warned.unwrap(), rest.unwrap());
        let said = host::Output {
            code: 0,
            stdout: said.into(),
            stderr: Vec::new(),
        };
        let programs = &mut world.host.world_mut().programs;
        programs.insert(NODE.into(), said);
    });
    world.fall_ill(Sickness::MissesPlugin);
    world.execute().unwrap();
    world.assert_in_container("a plugin that nobody has");
}

#[test]
fn a_gateway_that_never_comes_to_rest_is_stopped_after_a_deadline() {
    let world = World::new();
    world.execute().unwrap();
    world.fall_ill(Sickness::NeverIdle);
    let begun = world.host.world().now_ms;
    world.rollback().unwrap();
    let waited = world.host.world().now_ms - begun;
    assert!((120_000..240_000).contains(&waited), "{waited} ms");
    let said = world.said();
    let told = |line: &str| said.iter().any(|it| it == line);
    assert!(told("draining: 2 turns run, 120 s"), "{said:?}");
    let stopped = "2 turns run, too long; the gateway is stopped now";
    assert!(told(stopped), "{said:?}");
    world.assert_native("never idle");
}
