//! Starts the container, once the native gateway is proven dead.

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::create_container::launched;
use super::drain::{Drain, drain};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::{Container, ContainerState, RestartPolicy};
use crate::host::GatewayTrace;
use crate::inventory::GROUP_LABEL;

/// Starts the container and lets the engine start it at boot.
///
/// The restart policy is set here and not at creation, so that no restart of the engine can start the container before
/// the native gateway is proven dead. `Before` holds nothing. Idempotent: a running
/// container stays. Undo takes the policy away first, then stops the container, and sees it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartContainer {
    /// The container.
    pub container: String,
    /// The `uid:gid` that it runs as.
    pub user: String,
    /// How the gateway's running turns finish.
    pub drain: Drain,
    /// What identifies native processes of its gateway, which must not run.
    pub trace: GatewayTrace,
}

impl Kind for StartContainer {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "start-container".to_owned(),
            sign: Sign::Replace,
            what: format!("start  container {}, and at every boot", self.container),
            why: "it takes the gateway over, with the same files and the same bots".to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        if !self.is_running(context)? {
            if let Some(process) = context.host.find_gateway(&self.trace)?.first() {
                return Err(StepError::unmet_with_hint(
                    format!("process {} serves the gateway natively again", process.pid),
                    "find out what started it, then scan and plan again",
                ));
            }
            if context.host.is_port_taken(self.trace.port)? {
                let what = format!(
                    "port {} was taken by another program meanwhile",
                    self.trace.port
                );
                return Err(StepError::unmet(what));
            }
        }
        context
            .docker
            .set_restart_policy(&self.container, RestartPolicy::UnlessStopped)?;
        Ok(context.docker.start(&self.container)?)
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        // A container of that name without our label took the place of ours, and stays.
        let found = context.docker.find_container(&self.container)?;
        let ours =
            |container: &Container| container.labels.get(GROUP_LABEL) == Some(&self.container);
        let Some(container) = found.filter(ours) else {
            return Ok(());
        };
        if container.restart_policy != RestartPolicy::No {
            context
                .docker
                .set_restart_policy(&self.container, RestartPolicy::No)?;
        }
        if container.state == ContainerState::Running {
            self.drain(context);
        }
        (context.say)("the container stops");
        context.docker.stop(&self.container)?;
        if self.is_running(context)? {
            let what = format!("container `{}` was stopped and still runs", self.container);
            return Err(StepError::unmet(what));
        }
        Ok(())
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let Some(container) = context.docker.find_container(&self.container)? else {
            return Ok(Vec::new());
        };
        let policy = container.restart_policy;
        Ok(if policy == RestartPolicy::UnlessStopped {
            Vec::new()
        } else {
            vec![Drift::new(
                format!("container `{}` would not come back at boot", self.container),
                format!("docker update --restart unless-stopped {}", self.container),
            )]
        })
    }
}

impl StartContainer {
    /// Lets running turns finish while the bots are still polled; a gateway that cannot be asked finishes them after
    /// SIGTERM by itself.
    fn drain(&self, context: &Context) {
        drain(context, &self.drain, &|argv, deadline, on_line| {
            let argv: Vec<String> = argv
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            let (argv, name, user) = (launched(&argv), &self.container, &self.user);
            let asked = context
                .docker
                .exec_watched(name, user, &argv, &[], deadline, on_line);
            Some(asked.ok()?.code)
        });
    }

    fn is_running(&self, context: &Context) -> Result<bool> {
        let state = context
            .docker
            .find_container(&self.container)?
            .map(|container| container.state);
        Ok(matches!(
            state,
            Some(ContainerState::Running | ContainerState::Restarting)
        ))
    }
}
