//! Lets a gateway finish what it is at before it is stopped.

use std::time::Duration;

use super::Context;
use crate::display;
use crate::openclaw::output;

/// How long turns may take until the gateway is stopped in spite of them; it then has 315 s more of its own.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long one answer may take: the start of a command, on a loaded machine.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// Closes a gateway for new turns and waits until the running ones are done; it polls its bots meanwhile and keeps what
/// arrives. `ask` asks for the suspension, or extends it, and returns what was printed.
///
/// A gateway that cannot be asked finishes its turns after SIGTERM by itself, so nothing here fails. If this process dies,
/// the gateway opens again two minutes later.
pub(super) fn drain(context: &Context, ask: impl Fn() -> Option<Vec<u8>>) {
    let begun = context.host.now_ms();
    let waited = || Duration::from_millis(context.host.now_ms().abs_diff(begun));
    loop {
        let said = ask().and_then(|stdout| output::parse_suspension(&stdout));
        let Some(suspension) = said else {
            (context.say)(
                "the gateway does not take a suspension; it finishes its turns while it stops",
            );
            return;
        };
        if suspension.is_ready {
            return;
        }
        let turns = display::count(suspension.active, "turn", "turns");
        if waited() > DEADLINE {
            (context.say)(&format!("{turns} still run; the gateway is stopped now"));
            return;
        }
        let seconds = waited().as_secs();
        (context.say)(&format!("draining {turns}, {seconds} s; new messages wait"));
        context.host.sleep(PAUSE);
    }
}
