//! Halts the shell that starts a gateway whenever it ends.

use serde::{Deserialize, Serialize};

use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{GatewayTrace, Signal};
use crate::inventory::{LoopStarter, ProcessId};

/// The most processes between a loop and its gateway.
const DISTANCE_LIMIT: usize = 16;

/// Halts the shell where it is, so that it does not see its gateway end; it is ended once the gateway is proven dead.
///
/// `Before` holds the shell's identity. Idempotent: a halted shell stays halted. Undo lets it go on, and where its gateway
/// has ended it starts it again by itself. A shell that is gone is started by the undo of the kept start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeLoop {
    /// The step's id.
    pub id: String,
    /// The loop.
    pub shell: LoopStarter,
    /// What identifies the gateway's processes.
    pub trace: GatewayTrace,
    /// The container that must not run when the loop goes on.
    pub container: String,
}

/// The shell.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    shell: ProcessId,
}

impl Kind for FreezeLoop {
    type Before = Before;

    fn describe(&self) -> Description {
        let script = self.shell.script.as_ref();
        let script = script.map_or("its loop".to_owned(), |script| crate::display::path(script));
        Description {
            id: self.id.clone(),
            sign: Sign::Change,
            what: format!("loop   {script} (pid {}): is halted", self.shell.pid),
            why: "it would start the gateway again as soon as it ends".to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let shell = find_loop(&self.shell, &self.trace, context)?;
        Ok(Before { shell })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        Ok(context.host.signal(before.shell, Signal::Freeze)?)
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        context.refuse_while_it_runs(&self.container)?;
        Ok(context.host.signal(before.shell, Signal::GoOn)?)
    }

    fn verify(&self, before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let shell = context.host.process(before.shell.pid)?;
        let runs = shell.is_some_and(|it| it.id == before.shell && !it.is_frozen);
        let drift = || {
            Drift::new(
                format!(
                    "the loop of process {} goes on: a second poller",
                    before.shell.pid
                ),
                format!("kill {}", before.shell.pid),
            )
        };
        Ok(runs.then(drift).into_iter().collect())
    }
}

/// Finds the shell of a loop among the processes above the gateway.
pub(super) fn find_loop(
    shell: &LoopStarter,
    trace: &GatewayTrace,
    context: &Context,
) -> Result<ProcessId> {
    for member in context.host.find_gateway(trace)? {
        let mut pid = member.pid;
        for _ in 0..DISTANCE_LIMIT {
            let Some(process) = context.host.process(pid)? else {
                break;
            };
            if process.id.pid == shell.pid {
                return Ok(process.id);
            }
            pid = process.parent;
        }
    }
    Err(StepError::unmet_with_hint(
        format!(
            "process {} does not run the gateway in a loop any more",
            shell.pid
        ),
        "scan and plan again",
    ))
}
