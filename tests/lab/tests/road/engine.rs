//! The engine is restarted in the middle of a run: whatever becomes of it, one side polls, and nothing is lost.

use crate::host_state::host_state;
use crate::moment::{Record, once};
use crate::world::{GROUP, PLAN, World, now_ms};

const RESTART: &str = "systemctl restart docker";
/// The time between two messages to one bot, in milliseconds.
const EVERY_MS: u64 = 10_000;

/// Before the container is started there is nothing that the engine's restart could take along.
pub(crate) fn that_restarts_before_the_start(world: &World) {
    restarted_at(world, Record::Started, "stop-gateway");
}

/// The container has just been started, and its gateway comes up a second time.
pub(crate) fn that_restarts_after_the_start(world: &World) {
    restarted_at(world, Record::Done, "start-container");
}

fn restarted_at(world: &World, record: Record, step: &str) {
    world.plan();
    let before = host_state(world);
    let since = now_ms();
    world.start_traffic(EVERY_MS);
    let execute =
        format!("ocmigrate execute --group {GROUP} --plan {PLAN} --no-rehearsal --soak 10 --yes");
    let command = format!(
        "{} {execute}; code=$?; echo it ended with $code",
        once(record, step, RESTART)
    );
    let said = world.run_to(0, &command);
    eprintln!("{said}");
    if said.contains("it ended with 0") {
        assert!(world.is_in_container());
        world.run_to(0, "ocmigrate verify");
    } else {
        assert!(said.contains("it ended with 4"), "{said}");
        assert!(world.is_native());
    }
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    assert!(world.is_native());
    world.stop_traffic();
    world.check_ledger(since, &format!("engine restarted, {step} {record:?}"));
    assert_eq!(host_state(world), before);
}
