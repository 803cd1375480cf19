//! Something that scan was not told of brings the native gateway back, at any moment of a run.

use ocmigrate::execute::ExecuteError;
use ocmigrate::host::Host;
use ocmigrate::host::fake::{FakeStranger, Moment};
use ocmigrate::journal::Outcome;

use crate::fleet;
use crate::machine::Sickness;
use crate::starters::Kind;
use crate::world::{Call, World};

/// A world with a stranger that wakes at a change.
fn world_with_stranger(kind: Kind, times: u32, from_change: u64) -> World {
    let world = World::of(kind);
    world.host.world_mut().stranger = Some(FakeStranger {
        gateway: fleet::gateway(),
        times,
        from_change,
    });
    world
}

#[test]
fn a_gateway_that_is_brought_back_again_and_again_stays_native() {
    for kind in Kind::ALL {
        let world = world_with_stranger(kind, u32::MAX, 0);
        let result = world.execute();
        assert!(
            matches!(result, Err(ExecuteError::RolledBack { .. })),
            "{kind:?}: {result:?}"
        );
        assert_eq!(world.host.world().two_at_once(), [], "{kind:?}");
        assert_eq!(world.pollers(), ["native"], "{kind:?}");
    }
}

#[test]
fn a_gateway_that_is_brought_back_at_any_change_never_polls_beside_the_container() {
    for kind in Kind::ALL {
        let whole = World::of(kind);
        whole.execute().unwrap();
        let mut ends = Vec::new();
        for change in 0..=whole.changes().0 {
            let world = world_with_stranger(kind, 1, change);
            let result = world.execute();
            let case = format!("{kind:?} from change {change}: {result:?}");
            assert_eq!(world.host.world().two_at_once(), [], "{case}");
            match result {
                Ok(Outcome::InContainer) => assert_eq!(world.pollers(), ["container"], "{case}"),
                Err(ExecuteError::RolledBack { .. }) => {
                    assert_eq!(world.pollers(), ["native"], "{case}");
                }
                _ => panic!("{case}"),
            }
            ends.push(result.is_ok());
        }
        assert!(
            ends.contains(&false),
            "{kind:?}: nobody was ever brought back"
        );
    }
}

/// Runs with a stranger from each change on, which takes another port, so that the container's own does not keep it away; returns
/// why the runs were rolled back. That it polls cannot be helped; that a run goes on beside it can.
fn rolled_back_beside(runs: impl Iterator<Item = World>) -> Vec<String> {
    let reasons = runs.filter_map(|world| {
        if let Some(stranger) = &mut world.host.world_mut().stranger {
            stranger.gateway.trace.port = 28_789;
        }
        match world.execute() {
            Err(ExecuteError::RolledBack { reason, .. }) => Some(reason),
            _ => None,
        }
    });
    reasons.collect()
}

/// How many of the runs saw it.
fn count_seen_beside(reasons: &[String]) -> usize {
    let seen = format!("container {}: process", fleet::GROUP);
    let seen = |reason: &&String| reason.starts_with(&seen);
    reasons.iter().filter(seen).count()
}

#[test]
fn a_gateway_that_is_started_beside_its_container_is_seen_while_that_is_watched() {
    let kind = Kind::UserUnit;
    let whole = World::of(kind);
    whole.execute().unwrap();
    let from = 0..=whole.changes().0;
    let runs = from.map(|change| world_with_stranger(kind, 1, change));
    let reasons = rolled_back_beside(runs);
    assert!(count_seen_beside(&reasons) > 0, "{reasons:#?}");
}

#[test]
fn a_gateway_that_is_started_beside_its_container_is_seen_while_that_is_waited_for() {
    let kind = Kind::UserUnit;
    let whole = World::of(kind);
    whole.execute().unwrap();
    let runs = (1..=whole.changes().1).map(|call| {
        let world = World::of(kind);
        world.crash_at(Call::Docker(call), Moment::After);
        world.die_while(World::execute);
        world.fall_ill(Sickness::NeverServes);
        world.host.world_mut().stranger = Some(FakeStranger {
            gateway: fleet::gateway(),
            times: 1,
            from_change: 0,
        });
        world
    });
    let reasons = rolled_back_beside(runs);
    // In the wait that follows the start, and in the watch that the last call belongs to.
    assert_eq!(count_seen_beside(&reasons), 2, "{reasons:#?}");
}

#[test]
fn a_watchdog_that_is_armed_again_while_a_run_was_cut_off_stops_its_resumption() {
    let kind = Kind::Cron;
    let world = World::of(kind);
    let calls = {
        let whole = World::of(kind);
        whole.execute().unwrap();
        whole.host.world().faults.calls().to_vec()
    };
    let stop = calls
        .iter()
        .position(|call| call.starts_with("signal"))
        .unwrap();
    let call = Call::Host(stop as u64 + 1);
    world.crash_at(call, Moment::After);
    world.die_while(World::execute);
    let table = std::path::Path::new("/var/spool/cron/crontabs/joe");
    let text = world.host.read(table).unwrap().unwrap();
    let armed = String::from_utf8(text.bytes).unwrap();
    let armed = armed.replace("#ocmigrate oc-joe: ", "");
    world
        .host
        .replace(table, armed.as_bytes(), text.meta)
        .unwrap();
    let result = world.execute();
    let Err(ExecuteError::RolledBack { reason, .. }) = &result else {
        panic!("{result:?}")
    };
    assert!(reason.contains("runs again"), "{reason}");
    assert_eq!(world.host.world().two_at_once(), []);
    assert_eq!(world.pollers(), ["native"]);
}
