//! Stops the native gateway and proves it dead.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drain::{Drain, drain};
use super::freeze_loop::find_loop;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{GatewayTrace, RunningProcess, Signal};
use crate::inventory::{LoopStarter, Pm2Starter, ProcessId, UnitStarter, User};

/// OpenClaw drains for up to 315 s after SIGTERM, and its own unit allows 330 s.
const STOP_DEADLINE: Duration = Duration::from_secs(345);
/// How long processes that the manager does not know of may outlive the unit's stop.
const DEATH_DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Stops the native gateway by its starter, and proves that its processes are gone and its port is free.
///
/// `Before` holds its processes. Idempotent: what is stopped stays stopped. Undo does nothing: the starter's undo starts
/// the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopGateway {
    /// The gateway's name, for messages.
    pub gateway: String,
    /// The group, whose environment tells where the user's programs are.
    pub group: String,
    /// What stops it.
    pub by: StopBy,
    /// The user that it runs as.
    pub user: User,
    /// How its running turns finish.
    pub drain: Drain,
    /// What identifies its processes.
    pub trace: GatewayTrace,
}

/// What stops a native gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopBy {
    /// The manager of its unit.
    Unit(UnitStarter),
    /// pm2.
    App(Pm2Starter),
    /// A signal to its own processes; and in the end to the halted shell that would start it again, where there is one.
    Signal {
        /// The shell.
        shell: Option<LoopStarter>,
    },
}

/// The processes that ran.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    processes: Vec<ProcessId>,
    shell: Option<ProcessId>,
}

impl Kind for StopGateway {
    type Before = Before;

    fn describe(&self) -> Description {
        Description {
            id: "stop-gateway".to_owned(),
            sign: Sign::Replace,
            what: format!("stop   {} {}, and see it dead", self.gateway, self.by.how()),
            why:
                "the old poller must be gone before the new one starts; it finishes its turns first"
                    .to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let shell = match &self.by {
            StopBy::Signal { shell: Some(shell) } => Some(find_loop(shell, &self.trace, context)?),
            _ => None,
        };
        Ok(Before {
            processes: context.host.find_gateway(&self.trace)?,
            shell,
        })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        self.drain(before, context)?;
        (context.say)("the gateway stops");
        self.stop(before, context)?;
        let deadline = self.by.patience();
        let start = context.host.now_ms();
        while let Some(alive) = self.find_life(&before.processes, context)? {
            let waited = context.host.now_ms() - start;
            if waited > i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX) {
                return Err(StepError::unmet_with_hint(
                    format!(
                        "the native gateway {} was stopped, but {alive}",
                        self.gateway
                    ),
                    "find out what keeps or brings it back, then scan and plan again",
                ));
            }
            context.host.sleep(PAUSE);
        }
        // Only now: until here it could go on and find its gateway alive.
        before.shell.map_or(Ok(()), |shell| {
            Ok(context.host.signal(shell, Signal::Kill)?)
        })
    }

    fn undo(&self, _before: &Before, _context: &Context) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let found = context.host.find_gateway(&self.trace)?;
        Ok(found
            .iter()
            .map(|process| {
                Drift::new(
                    format!(
                        "process {} runs {} natively beside the container",
                        process.pid, self.gateway
                    ),
                    "find out what started it; stop that first",
                )
            })
            .collect())
    }
}

impl StopBy {
    const fn how(&self) -> &'static str {
        match self {
            Self::Unit(_) => "by its unit",
            Self::App(_) => "by pm2",
            Self::Signal { .. } => "by a signal",
        }
    }

    /// How long its processes may live on once they were told to end. A manager has waited for them already.
    const fn patience(&self) -> Duration {
        match self {
            Self::Unit(_) | Self::App(_) => DEATH_DEADLINE,
            Self::Signal { .. } => STOP_DEADLINE,
        }
    }
}

impl StopGateway {
    /// Lets the starter stop it, and tells what that left alive to end; 2026.2.9's own unit leaves children to themselves.
    fn stop(&self, before: &Before, context: &Context) -> Result<()> {
        match &self.by {
            StopBy::Unit(unit) => context.host.stop_unit(unit, STOP_DEADLINE)?,
            StopBy::App(app) => {
                let environment = context.paths.environment(&self.group);
                context.host.stop_app(app, &self.user, &environment)?;
            }
            StopBy::Signal { .. } => {}
        }
        for process in roots(&before.processes, context)? {
            context.host.signal(process, Signal::End)?;
        }
        Ok(())
    }

    /// Lets running turns finish while the bots are still polled. A gateway that cannot be asked finishes them after
    /// SIGTERM by itself, so a failure here stops nothing.
    fn drain(&self, before: &Before, context: &Context) -> Result<()> {
        let Some(process) = before.processes.first().copied() else {
            return Ok(());
        };
        if !context.host.is_alive(process)? {
            return Ok(());
        }
        let environment = context.host.environment(process)?;
        drain(context, &self.drain, &|argv, deadline, on_line| {
            let (host, user) = (context.host, &self.user);
            let asked = host.run_watched(user, argv, &environment, deadline, on_line);
            Some(i64::from(asked.ok()?.code))
        });
        Ok(())
    }

    /// Returns a sign of life of the native gateway.
    fn find_life(&self, known: &[ProcessId], context: &Context) -> Result<Option<String>> {
        for process in known {
            if context.host.is_alive(*process)? {
                return Ok(Some(format!("its process {} still runs", process.pid)));
            }
        }
        if let Some(process) = context.host.find_gateway(&self.trace)?.first() {
            return Ok(Some(format!("process {} serves it again", process.pid)));
        }
        if context.host.is_port_taken(self.trace.port)? {
            return Ok(Some(format!("port {} is still taken", self.trace.port)));
        }
        Ok(None)
    }
}

/// Returns the living processes that none of the others launched: a launcher hands the signal on by itself, and a second
/// one would cut its gateway's work short.
fn roots(processes: &[ProcessId], context: &Context) -> Result<Vec<ProcessId>> {
    let mut living = Vec::new();
    for process in processes {
        let found = context.host.process(process.pid)?;
        living.extend(found.filter(|found| found.id == *process));
    }
    let is_launched = |one: &RunningProcess| living.iter().any(|it| it.id.pid == one.parent);
    let roots = living.iter().filter(|one| !is_launched(one));
    Ok(roots.map(|one| one.id).collect())
}
