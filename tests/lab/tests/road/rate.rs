//! The fastest rate of messages that the native gateway answers in full, found in the run that uses it: it is a matter of
//! the machine, and of what else runs there.

use std::time::{Duration, Instant};

use crate::world::{World, now_ms};

/// The times between two messages to one bot that are tried, in milliseconds.
const INTERVALS_MS: [u64; 4] = [8000, 4000, 2000, 1000];
/// How long messages flow before and after the restart.
const AROUND: Duration = Duration::from_secs(6);
/// A gateway that answered nothing for so long answers no more.
const STANDSTILL: Duration = Duration::from_mins(1);

/// How the native gateway does over a restart.
pub(crate) struct Native {
    /// The time between two messages to one bot, in milliseconds.
    pub(crate) every_ms: u64,
    /// The silence of each bot in milliseconds.
    pub(crate) silences_ms: Vec<u64>,
}

/// Restarts the native gateway under messages, and again under twice as many, for as long as every message is answered;
/// returns the last time that it was so.
///
/// Over a restart, because several messages that wait in one chat are a harder thing to answer than one after the other.
pub(crate) fn fastest_answered_in_full(world: &World) -> Native {
    let tried = INTERVALS_MS
        .iter()
        .map(|every_ms| restart(world, *every_ms));
    let fastest = tried.map_while(|native| native).last();
    let fastest = fastest.expect("not even the slowest rate is answered in full natively");
    eprintln!(
        "natively one message to each bot every {} ms is answered in full",
        fastest.every_ms
    );
    fastest
}

/// Restarts the gateway as its user would, while messages arrive; `None` if some of them are never answered.
fn restart(world: &World, every_ms: u64) -> Option<Native> {
    assert!(world.is_native());
    let since = now_ms();
    world.start_traffic(every_ms);
    std::thread::sleep(AROUND);
    world
        .server
        .shell_as("joe", "systemctl --user restart openclaw-gateway.service")
        .unwrap();
    world.fleet.wait_until_ready(&world.server).unwrap();
    std::thread::sleep(AROUND);
    world.stop_traffic();
    let is_answered = wait_for_answers(world, since);
    let summaries = world.print_summaries(since, &format!("native restart, every {every_ms} ms"));
    is_answered.then(|| Native {
        every_ms,
        silences_ms: summaries.iter().map(|bot| bot.silence_ms).collect(),
    })
}

/// Waits until everything sent since an instant is answered, or nothing more is; returns whether everything is.
fn wait_for_answers(world: &World, since: u64) -> bool {
    let mut answered = 0;
    let mut progress = Instant::now();
    while progress.elapsed() < STANDSTILL {
        let summaries = world.summaries(since);
        if summaries.iter().all(|bot| bot.unanswered.is_empty()) {
            return true;
        }
        let now = summaries.iter().map(|bot| bot.answered).sum();
        if now > answered {
            (answered, progress) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    false
}
