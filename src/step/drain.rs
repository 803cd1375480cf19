//! Lets a gateway finish what it is at before it is stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Context, Result};
use crate::display;
use crate::openclaw::{output, sessions};

/// How a release lets its running turns finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drain {
    /// It is asked to take no new ones.
    Suspend(Suspend),
    /// It finishes them after SIGTERM by itself.
    AtStop,
    /// It does neither: it is stopped at an instant in which its sessions wait for no answer.
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
/// How long running turns may take from then on until the gateway is stopped; it then has 315 s more of its own.
const DEADLINE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(300);
/// How far apart two looks at the sessions are.
const LOOK_PAUSE: Duration = Duration::from_millis(700);

/// Lets a gateway's running turns finish. A gateway that can be asked is closed for new turns at an instant in which none runs; it polls its bots on and keeps what arrives. A gateway
/// that has no such instant is closed with turns running. `ask` runs one of the two commands and returns what it printed.
///
/// A gateway that cannot be asked finishes its turns after SIGTERM by itself, so nothing here fails. If this process dies,
/// the gateway opens again two minutes later.
pub(super) fn drain(context: &Context, drain: &Drain, ask: impl Fn(&[String]) -> Option<Vec<u8>>) {
    match drain {
        Drain::Suspend(suspend) => suspend_until_idle(context, suspend, ask),
        Drain::AtStop => {}
        Drain::Watch { state_directory } => watch_until_idle(context, state_directory),
    }
}

fn suspend_until_idle(
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

/// Waits for an instant in which no session waits for an answer. A message needs a moment from the channel to its session,
/// so that two looks must agree. What cannot be read says nothing.
fn watch_until_idle(context: &Context, state_directory: &Path) {
    let begun = context.host.now_ms();
    let mut was_idle = false;
    loop {
        let open = count_open_turns(context, state_directory).unwrap_or_default();
        if open == 0 && was_idle {
            return;
        }
        was_idle = open == 0;
        let waited = Duration::from_millis(context.host.now_ms().abs_diff(begun));
        if open > 0 {
            let turns = display::count(open, "turn runs", "turns run");
            if waited > PATIENCE + DEADLINE {
                (context.say)(&format!("{turns} still; the gateway is stopped now"));
                return;
            }
            (context.say)(&format!("draining: {turns}, {} s", waited.as_secs()));
        }
        context.host.sleep(LOOK_PAUSE);
    }
}

fn count_open_turns(context: &Context, state_directory: &Path) -> Result<u64> {
    let mut open = 0;
    for agent in context
        .host
        .list(&sessions::agents_directory(state_directory))?
    {
        let directory = sessions::directory(state_directory, Path::new(&agent));
        for name in context.host.list(&directory)? {
            let path = directory.join(name);
            if path.extension().is_none_or(|end| end != "jsonl") {
                continue;
            }
            let Some(file) = context.host.read_tail(&path, sessions::TAIL_BYTES)? else {
                continue;
            };
            let changed_ms = file.meta.mtime_ns.unwrap_or_default() / 1_000_000;
            let is_recent = i128::from(context.host.now_ms() - sessions::TURN_MS) < changed_ms;
            open += u64::from(is_recent && sessions::is_turn_open(&file.bytes));
        }
    }
    Ok(open)
}
