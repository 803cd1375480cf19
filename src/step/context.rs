//! What the verbs of a step get: the doors to the host and to Docker, where ocmigrate keeps its own files, and how to
//! say what is going on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Result, StepError};
use crate::docker::{ContainerState, Docker};
use crate::host::{GatewayTrace, Host};
use crate::inventory::User;
use crate::openclaw::release::Health;
use crate::openclaw::{health, output};
use crate::secret::Hasher;

/// The doors and places that a step's verbs work with.
pub struct Context<'a> {
    /// The door to the host.
    pub host: &'a dyn Host,
    /// The door to the engine.
    pub docker: &'a dyn Docker,
    /// Makes keyed hashes for this host.
    pub hasher: &'a Hasher,
    /// Where ocmigrate keeps its own files.
    pub paths: &'a Paths,
    /// Takes a line that says what a slow step does right now.
    pub say: &'a dyn Fn(&str),
}

/// Where ocmigrate keeps its own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Journals and manifests, for root only; `/var/lib/ocmigrate`.
    pub state: PathBuf,
    /// The compose file, launchers and markers; `/etc/ocmigrate`.
    pub etc: PathBuf,
    /// Where drop-ins for units of the system's manager go; `/etc/systemd/system`.
    pub system_units: PathBuf,
    /// Where drop-ins for units of all users' managers go; `/etc/systemd/user`.
    pub user_units: PathBuf,
    /// This program, as a unit calls it at boot.
    pub program: PathBuf,
}

impl Paths {
    /// Returns the places that an installed ocmigrate uses, with its state below `state`.
    #[must_use]
    pub fn installed(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            etc: PathBuf::from("/etc/ocmigrate"),
            system_units: PathBuf::from("/etc/systemd/system"),
            user_units: PathBuf::from("/etc/systemd/user"),
            program: PathBuf::from("/usr/local/bin/ocmigrate"),
        }
    }

    /// Returns the compose file of all groups.
    #[must_use]
    pub fn compose_file(&self) -> PathBuf {
        self.etc.join("docker-compose.yml")
    }

    /// Returns the directory of one group's journal and manifests.
    #[must_use]
    pub fn group_state(&self, group: &str) -> PathBuf {
        self.state.join("groups").join(group)
    }

    /// Returns the environment of a group's gateway, as a file for the `.` of a shell.
    #[must_use]
    pub fn environment(&self, group: &str) -> PathBuf {
        self.group_etc(group).join("environment")
    }

    /// Returns the directory of one group's launcher and environment, which its container sees.
    #[must_use]
    pub fn group_etc(&self, group: &str) -> PathBuf {
        self.etc.join("groups").join(group)
    }
}

/// What a person chose for one run, beside the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    /// Whether the container is started on a copy of the state first.
    pub rehearsal: bool,
    /// For how many seconds the container is watched before the run ends.
    pub soak_seconds: u64,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            rehearsal: true,
            soak_seconds: 60,
        }
    }
}

/// How a gateway's health is seen, natively and in its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The gateway's name, for messages.
    pub gateway: String,
    /// The port on the host's loopback address.
    pub port: u16,
    /// The user that it runs as.
    pub user: User,
    /// What identifies its native processes.
    pub trace: GatewayTrace,
    /// What its release tells of its health.
    pub health: Health,
    /// The argv that prints the state of its channels as JSON.
    pub channels_argv: Vec<String>,
    /// The accounts whose bots must poll, as `channel/account`.
    pub accounts: Vec<String>,
}

/// How long a gateway may take until it serves and polls: on a loaded machine 2026.9.6 was seen to take 67 s.
pub(super) const HEALTH_DEADLINE: Duration = Duration::from_mins(4);
/// How long one of OpenClaw's own commands may take: a loaded machine needs 20 s to start it, and one with a load of 40 on two
/// processors more than that.
pub(super) const COMMAND_DEADLINE: Duration = Duration::from_secs(90);
const HEALTH_PAUSE: Duration = Duration::from_millis(500);

impl Context<'_> {
    /// Refuses to arm or start anything native while the container runs.
    pub(super) fn refuse_while_it_runs(&self, container: &str) -> Result<()> {
        let found = self.docker.find_container(container)?;
        match found.map(|container| container.state) {
            Some(ContainerState::Running | ContainerState::Restarting) => {
                Err(StepError::unmet_with_hint(
                    format!(
                        "container `{container}` still runs, so the native gateway is not started"
                    ),
                    format!("docker stop {container}, and roll back again"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Returns what keeps a gateway from being live and ready as seen from the host; `None` when it is.
    pub(super) fn find_unreadiness(&self, reach: &Reach) -> Result<Option<String>> {
        let Some(live) = self.host.get(reach.port, "/healthz")? else {
            return Ok(Some(format!("nobody answers on 127.0.0.1:{}", reach.port)));
        };
        if reach.health == Health::Port {
            let is_other = live.status != 200;
            return Ok(is_other.then(|| format!("it answers with status {}", live.status)));
        }
        if !health::is_live(&live) {
            return Ok(Some("/healthz does not say that it is live".to_owned()));
        }
        match self.host.get(reach.port, "/readyz")? {
            Some(ready) if health::is_ready(&ready) => Ok(None),
            _ => Ok(Some("/readyz does not say that it is ready".to_owned())),
        }
    }

    /// Waits until `find_problem` finds none; `give_up` ends the wait early with the reason that it returns.
    pub(super) fn wait_until_well(
        &self,
        what: &str,
        find_problem: &dyn Fn() -> Result<Option<String>>,
        give_up: &dyn Fn() -> Result<Option<String>>,
    ) -> Result<()> {
        let start = self.host.now_ms();
        let deadline = i64::try_from(HEALTH_DEADLINE.as_millis()).unwrap_or(i64::MAX);
        loop {
            let Some(problem) = find_problem()? else {
                return Ok(());
            };
            if let Some(reason) = give_up()? {
                return Err(StepError::unmet(format!("{what}: {reason}")));
            }
            let waited = self.host.now_ms() - start;
            if waited > deadline {
                let seconds = waited / 1000;
                return Err(StepError::unmet(format!(
                    "{what}: after {seconds} s still: {problem}"
                )));
            }
            (self.say)(&format!("{what}: {problem}"));
            self.host.sleep(HEALTH_PAUSE);
        }
    }
}

/// Returns the first of these accounts that does not poll, by what `channels status` printed.
pub(super) fn find_silent_account(reach: &Reach, printed: &[u8]) -> Option<String> {
    let Some(seen) = output::parse_channels_status(printed) else {
        return Some("the gateway does not tell the state of its channels".to_owned());
    };
    let mut accounts = reach.accounts.iter();
    accounts
        .find(|wanted| {
            !seen.iter().any(|one| {
                one.is_polling(reach.health)
                    && format!("{}/{}", one.channel, one.account) == **wanted
            })
        })
        .map(|account| format!("{account} does not poll yet"))
}
