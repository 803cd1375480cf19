//! The fastest rate of messages that the native gateway answers in full, found in the run that uses it: it is a matter of
//! the machine, and of what else runs there.

use std::time::Duration;

use ocmigrate_lab::bot_api::ledger::BotSummary;

use crate::world::{STANDSTILL, World, now_ms};

/// How long a rate is kept up at least, in milliseconds.
const PHASE_MS: u64 = 30_000;

/// A reply that took longer, in milliseconds, waited behind others: the gateway falls behind, and what it is asked next waits
/// longer still.
const PROMPT_MS: u64 = 10_000;

/// What a plain restart did not get answered for so long, once it answers again, it lost.
const LOST: Duration = Duration::from_secs(40);

/// Finds the shortest time between two messages to each bot, in milliseconds, at which the native gateway answers every
/// one of them and does not fall behind.
///
/// From 2 s on it is halved for as long as that is so, down to 1 s; or doubled until it is so.
pub(crate) fn fastest_answered_in_full(world: &World) -> u64 {
    assert!(world.is_native());
    let is_answered = |every_ms: &u64| is_answered_in_full(world, *every_ms);
    let fastest = if is_answered(&2000) {
        Some(if is_answered(&1000) { 1000 } else { 2000 })
    } else {
        [4000, 8000, 16_000, 32_000].into_iter().find(is_answered)
    };
    let fastest = fastest.expect("the native gateway answers no rate in full");
    eprintln!("natively one message to each bot every {fastest} ms is answered in full");
    fastest
}

/// Sends at this rate for a phase; all of it must be answered, and each promptly, so that the gateway does not fall behind.
/// What is left is waited for, so that the next phase begins at rest.
fn is_answered_in_full(world: &World, every_ms: u64) -> bool {
    let phase = Duration::from_millis(PHASE_MS.max(2 * every_ms));
    let since = now_ms();
    world.start_traffic(every_ms);
    std::thread::sleep(phase);
    world.stop_traffic();
    let is_answered = world.wait_for_answers(since, STANDSTILL);
    let bots = world.print_summaries(since, &format!("natively, every {every_ms} ms"));
    let is_prompt = |bot: &BotSummary| bot.slowest_reply_ms.is_some_and(|ms| ms < PROMPT_MS);
    is_answered && bots.iter().all(is_prompt)
}

/// Restarts the native gateway under messages, as its user would; returns the silence of each bot in milliseconds. What
/// such a restart loses is told, and is no failure of ocmigrate's.
pub(crate) fn silence_of_a_native_restart(world: &World, every_ms: u64) -> Vec<u64> {
    let since = now_ms();
    world.start_traffic(every_ms);
    std::thread::sleep(Duration::from_secs(3));
    world
        .server
        .shell_as("joe", "systemctl --user restart openclaw-gateway.service")
        .unwrap();
    world.fleet.wait_until_ready(&world.server).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    world.stop_traffic();
    world.wait_for_answers(since, LOST);
    world.print_silences(since, "native restart")
}
