//! Every step done twice is like done once.

use crate::snapshot::Snapshot;
use crate::starters::Kind;
use crate::world::World;

#[test]
fn every_step_applied_twice_is_like_applied_once_and_undone_twice_like_undone_once() {
    Kind::ALL.into_iter().for_each(do_everything_twice);
}

fn do_everything_twice(kind: Kind) {
    let world = World::of(kind);
    let mut befores = Vec::new();
    for step in &world.steps {
        let id = step.describe().id;
        befores.push(world.with_context(|context| step.capture(context)).unwrap());
        let before = befores.last().unwrap();
        let apply = || {
            world
                .with_context(|context| step.apply(before, context))
                .unwrap();
        };
        apply();
        let once = Snapshot::of(&world);
        apply();
        Snapshot::of(&world).assert_is(&once, &format!("{kind:?}: {id} applied twice"));
    }
    for (step, before) in world.steps.iter().zip(&befores).rev() {
        let undo = || {
            world
                .with_context(|context| step.undo(before, context))
                .unwrap();
        };
        undo();
        let once = Snapshot::of(&world);
        undo();
        Snapshot::of(&world).assert_is(
            &once,
            &format!("{kind:?}: {} undone twice", step.describe().id),
        );
    }
    world.assert_native(&format!("{kind:?} undone"));
}

#[test]
fn looking_changes_nothing() {
    for kind in Kind::ALL {
        let world = World::of(kind);
        for step in &world.steps {
            let before = world.with_context(|context| step.capture(context)).unwrap();
            let id = step.describe().id;
            assert_eq!(world.changes(), (0, 0), "{kind:?}: {id} is captured");
            let _ = world.with_context(|context| step.verify(&before, context));
            assert_eq!(world.changes(), (0, 0), "{kind:?}: {id} is verified");
        }
    }
}
