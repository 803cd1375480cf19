//! The fastest rate of messages that the native gateway answers in full, found in the run that uses it: it is a matter of
//! the machine and of what else runs there.

use std::time::{Duration, Instant};

use crate::world::{World, now_ms};

/// The times between two messages to one bot that are tried, the longest first, in milliseconds.
const INTERVALS_MS: [u64; 5] = [16_000, 8000, 4000, 2000, 1000];
/// How long a rate is kept up.
const PHASE: Duration = Duration::from_secs(32);
/// How long the answers to the last messages may take at least. A gateway that falls behind by a third in a phase needs more.
const GRACE: Duration = Duration::from_secs(10);

/// Halves the time between two messages, from 8 s down to 1 s, for as long as every one of them is answered; doubles it
/// where not even that is so. Returns the shortest that was answered in full, in milliseconds.
pub(crate) fn fastest_answered_in_full(world: &World) -> u64 {
    assert!(world.is_native());
    let grace = GRACE.max(2 * lone_answer(world));
    let is_answered = |every_ms: &u64| is_answered_in_full(world, *every_ms, grace);
    let (slowest, usual) = INTERVALS_MS.split_first().unwrap();
    let fastest = usual
        .iter()
        .take_while(|every_ms| is_answered(every_ms))
        .last();
    let fastest = *fastest.unwrap_or(slowest);
    eprintln!("rate: one message to each bot every {fastest} ms is answered in full natively");
    fastest
}

/// How long one message to each bot takes to be answered by a gateway that has nothing else to do.
fn lone_answer(world: &World) -> Duration {
    let start = Instant::now();
    world.wait_until_answered();
    start.elapsed()
}

/// Sends at this rate for a phase; everything must be answered soon after its end, so that the gateway does not fall behind.
/// What it fell behind by is waited for before the next phase.
fn is_answered_in_full(world: &World, every_ms: u64, grace: Duration) -> bool {
    let since = now_ms();
    let is_answered = || {
        world
            .summaries(since)
            .iter()
            .all(|bot| bot.unanswered.is_empty())
    };
    world.start_traffic(every_ms);
    std::thread::sleep(PHASE);
    world.stop_traffic();
    let in_time = World::wait_until_within(grace, is_answered);
    World::wait_until(is_answered);
    world.print_summaries(since, &format!("natively, every {every_ms} ms"));
    in_time
}
