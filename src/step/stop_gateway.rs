//! Stops the native gateway and proves it dead.

use std::ffi::OsString;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drain::{ANSWER_DEADLINE, Suspend, drain};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::GatewayTrace;
use crate::inventory::{ProcessId, UnitStarter, User};

/// OpenClaw drains for up to 315 s after SIGTERM, and its own unit allows 330 s.
const STOP_DEADLINE: Duration = Duration::from_secs(345);
/// How long processes that the manager does not know of may outlive the unit's stop.
const DEATH_DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Stops the native gateway by its unit, and proves that its processes are gone and its port is free.
///
/// `Before` holds its processes. Idempotent: a stopped unit stays stopped. Undo does nothing: the starter's undo starts
/// the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopGateway {
    /// The gateway's name, for messages.
    pub gateway: String,
    /// The unit.
    pub unit: UnitStarter,
    /// The user that it runs as.
    pub user: User,
    /// The commands that let its running turns finish.
    pub suspend: Suspend,
    /// What identifies its processes.
    pub trace: GatewayTrace,
}

/// The processes that ran.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    processes: Vec<ProcessId>,
}

impl Kind for StopGateway {
    type Before = Before;

    fn describe(&self) -> Description {
        Description {
            id: "stop-gateway".to_owned(),
            sign: Sign::Replace,
            what: format!("stop   {} by its unit, and see it dead", self.gateway),
            why:
                "the old poller must be gone before the new one starts; it finishes its turns first"
                    .to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        Ok(Before {
            processes: context.host.find_gateway(&self.trace)?,
        })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        self.drain(before, context)?;
        (context.say)("the gateway stops");
        context.host.stop_unit(&self.unit, STOP_DEADLINE)?;
        let start = context.host.now_ms();
        while let Some(alive) = self.find_life(&before.processes, context)? {
            let waited = context.host.now_ms() - start;
            if waited > i64::try_from(DEATH_DEADLINE.as_millis()).unwrap_or(i64::MAX) {
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
        Ok(())
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

impl StopGateway {
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
        drain(context, &self.suspend, |argv| {
            let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
            let asked = context
                .host
                .run_as(&self.user, &argv, &environment, ANSWER_DEADLINE);
            Some(asked.ok()?.stdout)
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
