//! Lets a gateway finish what it is at before it is stopped.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Context;
use super::at_work::find_work;
use super::context::COMMAND_DEADLINE;
use crate::display;
use crate::openclaw::output::{self, Suspension};
use crate::openclaw::release::{self, Suspend};

/// How a release lets its running turns finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drain {
    /// It is asked to take no new ones.
    Suspend(Client),
    /// It is left to what it does after SIGTERM; lists of steps that older versions of ocmigrate made.
    AtStop,
    /// It cannot be asked: it is stopped once its files tell that it has been quiet for some seconds.
    Watch {
        /// Where its sessions are.
        state_directory: PathBuf,
    },
}

/// OpenClaw's own client, by which a gateway is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Client {
    /// The node binary.
    pub node: PathBuf,
    /// The root directory of OpenClaw's package.
    pub package: PathBuf,
}

/// How a client stands in a list of steps.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Now {
        node: PathBuf,
        package: PathBuf,
    },
    /// Older versions of ocmigrate wrote a command of OpenClaw's: its node, and a script in its package.
    Before {
        when_idle: Vec<PathBuf>,
    },
}

impl From<Written> for Client {
    fn from(written: Written) -> Self {
        match written {
            Written::Now { node, package } => Self { node, package },
            Written::Before { when_idle } => {
                let mut words = when_idle.into_iter();
                let node = words.next().unwrap_or_default();
                let script = words.next().unwrap_or_default();
                let package = script.parent().unwrap_or(&script).to_owned();
                Self { node, package }
            }
        }
    }
}

/// Runs a command to its end or to a deadline, and hands each line over that it prints; returns its exit code, if it has one.
pub(super) type Ask<'a> = &'a dyn Fn(&[OsString], Duration, &mut dyn FnMut(&[u8])) -> Option<i64>;

/// How long an idle instant is waited for, and then, once it takes no new ones, the end of all turns. A gateway that is asked
/// to end has 315 s more of its own for those that run.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a gateway that cannot be asked may take to become quiet.
const QUIET_DEADLINE: Duration = Duration::from_mins(3);
/// How far apart two lines are that say what is waited for.
const SAY_PACE: Duration = Duration::from_secs(1);
/// How far apart two looks at a gateway's files are.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Lets a gateway's running turns finish. A gateway that can be asked is closed for new turns at an instant in which none
/// runs; it polls its bots on and keeps what arrives. A gateway that has no such instant is closed with turns running, where
/// it can be while none of them has just begun: `OpenClaw` refuses such a one in its middle, and its message is lost.
///
/// A gateway that does not answer is stopped all the same, so nothing here fails. If this process dies, the gateway opens
/// again two minutes later.
pub(super) fn drain(context: &Context, drain: &Drain, ask: Ask) {
    match drain {
        Drain::Suspend(client) => suspend(context, client, ask),
        Drain::AtStop => {}
        Drain::Watch { state_directory } => watch_until_quiet(context, state_directory),
    }
}

fn suspend(context: &Context, client: &Client, ask: Ask) {
    let begun_ms = context.host.now_ms();
    let mut waiting = String::new();
    for how in [Suspend::WhenIdle, Suspend::AtOnce] {
        let mut last = None;
        let mut tell = |line: &[u8]| {
            // OpenClaw may print lines of its own.
            let Some(said) = output::parse_suspension(line) else {
                return;
            };
            last = Some(said);
            if let Some(what) = waited_for(said) {
                let seconds = since(begun_ms, context).as_secs();
                (context.say)(&format!("draining: {what}, {seconds} s"));
            }
        };
        let argv = release::suspend_argv(&client.node, &client.package, how, PATIENCE);
        let code = ask(&argv, PATIENCE + COMMAND_DEADLINE, &mut tell);
        let Some(said) = last.filter(|_| code == Some(0)) else {
            (context.say)("the gateway does not take a suspension, and is stopped as it is");
            return;
        };
        match waited_for(said) {
            Some(what) => waiting = what,
            None => return,
        }
    }
    (context.say)(&format!("{waiting}, too long; the gateway is stopped now"));
}

/// What is waited for, if anything is.
fn waited_for(said: Suspension) -> Option<String> {
    match said {
        Suspension::Ready => None,
        Suspension::Busy { turns } => Some(display::count(turns, "turn runs", "turns run")),
        Suspension::Later => Some("the gateway wants to be asked later".to_owned()),
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
