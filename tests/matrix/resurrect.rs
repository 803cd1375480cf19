//! Something that scan was not told of brings the native gateway back, at any moment of a run.

use ocmigrate::execute::ExecuteError;
use ocmigrate::host::Host;
use ocmigrate::host::fake::FakeStranger;
use ocmigrate::journal::Outcome;

use crate::fleet;
use crate::starters::Kind;
use crate::world::World;

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
    let call = crate::world::Call::Host(stop as u64 + 1);
    world.crash_at(call, ocmigrate::host::fake::Moment::After);
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
