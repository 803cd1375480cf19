//! Waits until the container serves and its bots poll.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::context::{COMMAND_DEADLINE, HEALTH_DEADLINE, find_silent_account};
use super::{Context, Description, Drift, Kind, Reach, Result, Sign, StepError};
use crate::docker::ContainerState;
use crate::openclaw::command;

/// How long verify looks at a container that does not answer and has been up for long, in milliseconds.
const VERIFY_MS: i64 = 30_000;
const VERIFY_PAUSE: Duration = Duration::from_secs(2);

/// Waits until the gateway in the container is live and ready, seen from the host through the published port, and its
/// bots poll again; changes nothing. `Before` holds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmContainer {
    /// The container.
    pub container: String,
    /// How the gateway is seen.
    pub reach: Reach,
}

impl Kind for ConfirmContainer {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let bots = self.reach.accounts.len();
        Description {
            id: "confirm-container".to_owned(),
            sign: Sign::Look,
            what: format!(
                "look   {} serves on port {}, {bots} bots poll again",
                self.container, self.reach.port
            ),
            why: "a container that does not serve is rolled back at once".to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        self.wait(context)
    }

    fn undo(&self, _before: &Nothing, _context: &Context) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let remedy = format!(
            "docker logs {}; or: ocmigrate rollback --group {0}",
            self.container
        );
        // A busy gateway does not answer at once, and one that was just restarted needs its time; what stays silent has drifted.
        let container = context.docker.find_container(&self.container)?;
        let deadline = HEALTH_DEADLINE.as_millis().try_into().unwrap_or(i64::MAX);
        let up = container.and_then(|it| it.started_ms);
        let up = up.map_or(i64::MIN, |started| started.saturating_add(deadline));
        let end = up.max(context.host.now_ms().saturating_add(VERIFY_MS));
        let mut problem = self.find_problem(context)?;
        while problem.is_some() && self.find_end(context)?.is_none() && context.host.now_ms() < end
        {
            context.host.sleep(VERIFY_PAUSE);
            problem = self.find_problem(context)?;
        }
        Ok(problem
            .map(|what| Drift::new(what, remedy))
            .into_iter()
            .collect())
    }
}

impl ConfirmContainer {
    /// Waits until it is well; the reason why it is not ends with its log.
    pub(super) fn wait(&self, context: &Context) -> Result<()> {
        let result = context.wait_until_well(
            &format!("container {}", self.container),
            &|| self.find_problem(context),
            &|| Ok(self.find_end(context)?.or(self.find_rival(context)?)),
        );
        result.map_err(|error| {
            let log = context.container_log(&self.container, &self.reach.trace.config);
            StepError::unmet(format!("{error}{log}"))
        })
    }

    fn find_problem(&self, context: &Context) -> Result<Option<String>> {
        if let Some(problem) = self.find_end(context)? {
            return Ok(Some(problem));
        }
        if let Some(problem) = context.find_unreadiness(&self.reach)? {
            return Ok(Some(problem));
        }
        if self.reach.accounts.is_empty() {
            return Ok(None);
        }
        let user = format!("{}:{}", self.reach.user.uid, self.reach.user.gid);
        let output = context.docker.exec(
            &self.container,
            &user,
            &super::create_container::launched(&self.reach.channels_argv),
            &[],
            COMMAND_DEADLINE,
        )?;
        Ok(find_silent_account(&self.reach, &output.stdout))
    }

    /// Tells of a native process that serves the gateway, or is about to, beside its container: somebody started it since.
    /// A command that only asks the gateway is none.
    pub(super) fn find_rival(&self, context: &Context) -> Result<Option<String>> {
        for id in context.host.find_gateway(&self.reach.trace)? {
            let process = context.host.process(id.pid)?;
            if process.is_some_and(|it| it.id == id && command::is_gateway(&it.arguments)) {
                return Ok(Some(format!(
                    "process {} serves the gateway natively again",
                    id.pid
                )));
            }
        }
        Ok(None)
    }

    /// Returns why waiting longer is no use: the container is gone, ended, or starts again and again.
    pub(super) fn find_end(&self, context: &Context) -> Result<Option<String>> {
        let Some(container) = context.docker.find_container(&self.container)? else {
            return Ok(Some("the container is gone".to_owned()));
        };
        Ok(match container.state {
            ContainerState::Running if container.restarts > 0 => {
                Some("it ended, and the engine started it again".to_owned())
            }
            ContainerState::Running => None,
            ContainerState::Restarting => Some("it ends and is restarted".to_owned()),
            ContainerState::Created => Some("it was not started".to_owned()),
            ContainerState::Exited(code) => Some(format!("it ended with exit code {code}")),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;
    use crate::step::testing::{reach, start_natively, with_context};

    #[test]
    fn a_native_gateway_beside_the_container_is_told_once_it_runs() {
        let watched = ConfirmContainer {
            container: "oc-joe".to_owned(),
            reach: reach(),
        };
        let host = FakeHost::new();
        let told = || with_context(&host, &|_| {}, |it| watched.find_rival(it).unwrap());
        assert_eq!(told(), None);
        start_natively(&host, Duration::from_secs(1));
        let rival = told().unwrap();
        let end = "serves the gateway natively again";
        assert!(rival.ends_with(end), "{rival}");
    }
}
