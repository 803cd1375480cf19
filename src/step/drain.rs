//! Lets a gateway finish what it is at before it is stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Context;
use super::at_work::find_work;
use crate::display;
use crate::openclaw::output::{self, Suspension};

/// How a release lets its running turns finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drain {
    /// It is asked to take no new ones.
    Suspend(Suspend),
    /// It is left to what it does after SIGTERM; lists of steps that older versions of ocmigrate made.
    AtStop,
    /// It cannot be asked: it is stopped once its files tell that it has been quiet for some seconds.
    Watch {
        /// Where its sessions are.
        state_directory: PathBuf,
    },
}

/// The two commands that close a gateway for new turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspend {
    /// The argv that closes it if it is idle right now.
    pub when_idle: Vec<String>,
    /// The argv that closes it at once.
    pub at_once: Vec<String>,
}

/// How long an idle instant is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long running turns may take from the beginning until the gateway is stopped; one that was asked then has 315 s more
/// of its own.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long a gateway that cannot be asked may take to become quiet.
const QUIET_DEADLINE: Duration = Duration::from_mins(3);
/// The least time between two questions. A gateway takes 30 of one method in 60 s of one client and refuses the rest
/// (`consumeControlPlaneWriteBudget`, 2026.9.6): one each two seconds, and some room.
const ASK_PACE: Duration = Duration::from_millis(2200);
/// How far apart two lines are that say what is waited for.
const SAY_PACE: Duration = Duration::from_secs(1);
/// How far apart two looks at a gateway's files are.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Lets a gateway's running turns finish. A gateway that can be asked is closed for new turns at an instant in which none
/// runs; it polls its bots on and keeps what arrives. A gateway that has no such instant is closed with turns running.
/// `ask` runs one of the two commands and returns what it printed.
///
/// A gateway that does not answer is stopped all the same, so nothing here fails. If this process dies, the gateway opens
/// again two minutes later.
pub(super) fn drain(context: &Context, drain: &Drain, ask: impl Fn(&[String]) -> Option<Vec<u8>>) {
    match drain {
        Drain::Suspend(suspend) => suspend_until_idle(context, suspend, ask),
        Drain::AtStop => {}
        Drain::Watch { state_directory } => watch_until_quiet(context, state_directory),
    }
}

fn suspend_until_idle(
    context: &Context,
    suspend: &Suspend,
    ask: impl Fn(&[String]) -> Option<Vec<u8>>,
) {
    let begun_ms = context.host.now_ms();
    loop {
        let (asked_ms, waited) = (context.host.now_ms(), since(begun_ms, context));
        let argv = if waited < PATIENCE {
            &suspend.when_idle
        } else {
            &suspend.at_once
        };
        let said = ask(argv).and_then(|stdout| output::parse_suspension(&stdout));
        let (what, pace) = match said {
            Some(Suspension::Ready) => return,
            Some(Suspension::Busy { active }) => {
                let turns = display::count(active, "turn runs", "turns run");
                (turns, ASK_PACE)
            }
            Some(Suspension::NotNow { after }) => (
                "the gateway wants to be asked later".to_owned(),
                after.max(ASK_PACE),
            ),
            None => {
                (context.say)("the gateway does not take a suspension, and is stopped as it is");
                return;
            }
        };
        let left = DEADLINE.saturating_sub(waited);
        if left.is_zero() {
            (context.say)(&format!("{what}, too long; the gateway is stopped now"));
            return;
        }
        let pause = pace.min(left).saturating_sub(since(asked_ms, context));
        wait(context, pause, begun_ms, &what);
    }
}

/// Waits, and says each second what for; at least once.
fn wait(context: &Context, pause: Duration, begun_ms: i64, what: &str) {
    let mut left = pause;
    loop {
        let seconds = since(begun_ms, context).as_secs();
        (context.say)(&format!("draining: {what}, {seconds} s"));
        let step = left.min(SAY_PACE);
        context.host.sleep(step);
        left -= step;
        if left.is_zero() {
            return;
        }
    }
}

/// Waits until a gateway's files tell of no turn, of no message that waits, and of nothing written for some seconds.
fn watch_until_quiet(context: &Context, state_directory: &Path) {
    let begun_ms = context.host.now_ms();
    let mut said = None;
    while let Some(work) = find_work(context, state_directory) {
        let waited = since(begun_ms, context);
        if waited > QUIET_DEADLINE {
            (context.say)(&format!("{work}, too long; the gateway is stopped now"));
            return;
        }
        let second = waited.as_secs() / SAY_PACE.as_secs();
        if said.replace(second) != Some(second) {
            (context.say)(&format!("draining: {work}, {second} s"));
        }
        context.host.sleep(LOOK_PAUSE);
    }
}

fn since(then_ms: i64, context: &Context) -> Duration {
    Duration::from_millis(context.host.now_ms().abs_diff(then_ms))
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
