//! The program dies at every change, before, within and after it; a fresh process goes on or goes back.

use ocmigrate::docker::ContainerState;
use ocmigrate::host::fake::Moment;
use ocmigrate::journal::Outcome;

use crate::fleet::GROUP;
use crate::starters::Kind;
use crate::world::{Call, World};

/// Every change of a run from one world to a later one, with every moment that it has.
fn deaths(kind: Kind, prepare: fn(Kind) -> World, act: fn(&World)) -> Vec<(Call, Moment)> {
    let world = prepare(kind);
    let from = world.changes();
    act(&world);
    let to = world.changes();
    let moments = |number| {
        [Moment::Before, Moment::Midway, Moment::After].map(|moment| (Call::Host(number), moment))
    };
    let host = (from.0 + 1..=to.0).flat_map(moments);
    let moments =
        |number| [Moment::Before, Moment::After].map(|moment| (Call::Docker(number), moment));
    let docker = (from.1 + 1..=to.1).flat_map(moments);
    host.chain(docker).collect()
}

fn forward(world: &World) {
    world.execute().unwrap();
}

fn back(world: &World) {
    world.rollback().unwrap();
}

fn settled(kind: Kind) -> World {
    let world = World::of(kind);
    forward(&world);
    world
}

/// A world in which the program died.
fn dead(
    kind: Kind,
    prepare: fn(Kind) -> World,
    act: fn(&World),
    (call, moment): (Call, Moment),
) -> World {
    let world = prepare(kind);
    world.crash_at(call, moment);
    world.die_while(act);
    world
}

/// Lets the program die everywhere in `act`, for every kind of starter, then does `then` with the world and the name of the case.
fn everywhere(prepare: fn(Kind) -> World, act: fn(&World), then: impl Fn(&World, &str)) {
    for kind in Kind::ALL {
        let deaths = deaths(kind, prepare, act);
        assert!(deaths.len() > 40, "{} cases are too few", deaths.len());
        for death in deaths {
            let world = dead(kind, prepare, act, death);
            let case = format!("{kind:?} died at {death:?} ({})", world.last_change());
            world.assert_safe(&case);
            then(&world, &case);
        }
    }
}

#[test]
fn a_run_that_died_anywhere_is_resumed_to_the_container() {
    everywhere(World::of, forward, |world, case| {
        assert_eq!(world.execute().unwrap(), Outcome::InContainer, "{case}");
        world.assert_in_container(case);
    });
}

#[test]
fn a_run_that_died_anywhere_is_rolled_back_to_the_world_before() {
    everywhere(World::of, forward, |world, case| {
        assert_eq!(world.rollback().unwrap(), Outcome::Native, "{case}");
        world.assert_native(case);
    });
}

#[test]
fn a_resumed_run_can_still_be_rolled_back() {
    everywhere(World::of, forward, |world, case| {
        world.execute().unwrap();
        world.rollback().unwrap();
        world.assert_native(case);
    });
}

#[test]
fn a_rollback_that_died_anywhere_goes_on_to_the_world_before() {
    everywhere(settled, back, |world, case| {
        assert_eq!(world.rollback().unwrap(), Outcome::Native, "{case}");
        world.assert_native(case);
    });
}

#[test]
fn a_rollback_that_died_anywhere_is_not_turned_forward_by_resume() {
    everywhere(settled, back, |world, case| {
        assert_eq!(world.execute().unwrap(), Outcome::Native, "{case}");
        world.assert_native(case);
    });
}

#[test]
fn after_a_power_cut_anywhere_a_run_is_resumed_to_one_of_the_two_ends() {
    everywhere(World::of, forward, |world, case| {
        world.reboot();
        world.assert_safe(case);
        match world.execute() {
            Ok(Outcome::InContainer) => world.assert_in_container(case),
            _ => world.assert_native(case),
        }
    });
}

#[test]
fn after_a_power_cut_anywhere_a_run_is_rolled_back() {
    everywhere(World::of, forward, |world, case| {
        world.reboot();
        world.assert_safe(case);
        world.rollback().unwrap();
        world.assert_native(case);
    });
}

#[test]
fn after_a_power_cut_anywhere_a_rollback_goes_on() {
    everywhere(settled, back, |world, case| {
        world.reboot();
        world.assert_safe(case);
        world.rollback().unwrap();
        world.assert_native(case);
    });
}

/// The engine in memory knows no death within a program's run, so what it leaves is put there by hand.
#[test]
fn a_container_that_a_death_within_the_validation_left_goes_with_the_rollback() {
    for state in [ContainerState::Running, ContainerState::Exited(0)] {
        let world = settled(Kind::UserUnit);
        let mut spec = world.docker.spec(GROUP).unwrap();
        spec.name = format!("{GROUP}-validate");
        (spec.network, spec.ports) = (None, Vec::new());
        spec.labels.retain(|name, _| name.starts_with("ocmigrate."));
        world.docker.add_container(&spec, state);
        world.rollback().unwrap();
        world.assert_native(&format!("{state:?}"));
    }
}
