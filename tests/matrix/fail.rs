//! Every change is refused once.

use ocmigrate::execute::ExecuteError;
use ocmigrate::journal::Outcome;

use crate::machine::Sickness;
use crate::world::{Call, World};

/// Every change between two counts.
fn calls(from: (u64, u64), to: (u64, u64)) -> impl Iterator<Item = Call> {
    let host = (from.0 + 1..=to.0).map(Call::Host);
    host.chain((from.1 + 1..=to.1).map(Call::Docker))
}

#[test]
fn a_run_with_one_refused_change_ends_at_one_of_the_two_ends() {
    let whole = World::new();
    whole.execute().unwrap();
    for call in calls((0, 0), whole.changes()) {
        let world = World::new();
        world.fail_at(call);
        let result = world.execute();
        let case = format!("{call:?} was refused: {result:?}");
        match result {
            Ok(Outcome::InContainer) => world.assert_in_container(&case),
            Err(ExecuteError::RolledBack { .. }) => world.assert_native(&case),
            _ => panic!("{case}"),
        }
    }
}

#[test]
fn a_rollback_with_one_refused_change_is_stuck_and_goes_on_when_asked_again() {
    let whole = World::new();
    whole.execute().unwrap();
    let from = whole.changes();
    whole.rollback().unwrap();
    for call in calls(from, whole.changes()) {
        let world = World::new();
        world.execute().unwrap();
        world.fail_at(call);
        let result = world.rollback();
        let case = format!("{call:?} was refused: {result:?}");
        assert!(
            matches!(result, Ok(_) | Err(ExecuteError::Stuck { .. })),
            "{case}"
        );
        world.assert_safe(&case);
        world.rollback().unwrap();
        world.assert_native(&case);
    }
}

#[test]
fn a_container_that_is_not_well_is_rolled_back_by_itself() {
    for sickness in [
        Sickness::EndsAtOnce,
        Sickness::NeverServes,
        Sickness::NeverPolls,
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
fn a_gateway_that_never_comes_to_rest_is_stopped_after_a_deadline() {
    let world = World::new();
    world.execute().unwrap();
    world.fall_ill(Sickness::NeverIdle);
    let begun = world.host.world().now_ms;
    world.rollback().unwrap();
    let waited = world.host.world().now_ms - begun;
    assert!((120_000..240_000).contains(&waited), "{waited} ms");
    world.assert_native("never idle");
}
