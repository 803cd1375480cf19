//! Lets a gateway finish what it is at before it is stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::display;
use crate::openclaw::output;

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
/// How long running turns may take from then on until the gateway is stopped; it then has 315 s more of its own.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long one answer may take: the start of a command, on a loaded machine.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(300);

/// Closes a gateway for new turns at an instant in which none runs; it polls its bots on and keeps what arrives. A gateway
/// that has no such instant is closed with turns running. `ask` runs one of the two commands and returns what it printed.
///
/// A gateway that cannot be asked finishes its turns after SIGTERM by itself, so nothing here fails. If this process dies,
/// the gateway opens again two minutes later.
pub(super) fn drain(
    context: &Context,
    suspend: &Suspend,
    ask: impl Fn(&[String]) -> Option<Vec<u8>>,
) {
    let begun = context.host.now_ms();
    loop {
        let waited = Duration::from_millis(context.host.now_ms().abs_diff(begun));
        let argv = if waited < PATIENCE {
            &suspend.when_idle
        } else {
            &suspend.at_once
        };
        let said = ask(argv).and_then(|stdout| output::parse_suspension(&stdout));
        let Some(suspension) = said else {
            (context.say)(
                "the gateway does not take a suspension; it finishes its turns while it stops",
            );
            return;
        };
        if suspension.is_ready {
            return;
        }
        let turns = display::count(suspension.active, "turn runs", "turns run");
        if waited > DEADLINE {
            (context.say)(&format!("{turns} still; the gateway is stopped now"));
            return;
        }
        (context.say)(&format!("draining: {turns}, {} s", waited.as_secs()));
        context.host.sleep(PAUSE);
    }
}
