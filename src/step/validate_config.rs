//! Has OpenClaw itself check the configuration to be, inside the image, without a network.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::confirm_native::Nothing;
use super::create_container::launched;
use super::throwaway::{remove_leftover, shown, shown_all, throwaway};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::ContainerSpec;
use crate::host::GatewayTrace;
use crate::openclaw::output::{self, Validation, Warning};

/// A loaded machine was seen to take 20 s.
const DEADLINE: Duration = Duration::from_mins(3);
/// Stands before the argv: OpenClaw makes a directory in the user's cache, and refuses every configuration where it cannot
/// (2026.9.6); XDG Base Directory Specification. After the launcher, which may set the gateway's own.
const WITH_A_CACHE: [&str; 4] = [
    "/bin/sh",
    "-c",
    "XDG_CACHE_HOME=/tmp exec \"$@\"",
    "validate",
];

/// Runs `openclaw config validate` in a throw-away container that sees the files read-only and no network, with the
/// configuration as it will be laid over the one of today. A plugin or channel that OpenClaw misses there, and not on the
/// host, is no error to it (2026.9.6), and one here.
///
/// Changes nothing that stays; `Before` holds nothing, undo removes a candidate and a container
/// that a crash left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateConfig {
    /// The group.
    pub group: String,
    /// The configuration to be.
    pub candidate: Candidate,
    /// The argv that validates.
    pub argv: Vec<String>,
    /// The container to be.
    pub container: ContainerSpec,
    /// What identifies the native gateway, whose own warnings do not count; older lists of steps do not say it.
    #[serde(default)]
    pub trace: Option<GatewayTrace>,
}

impl Kind for ValidateConfig {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "validate-config".to_owned(),
            sign: Sign::Look,
            what: format!(
                "config {}, as it will be",
                crate::display::path(&self.candidate.config)
            ),
            why: "OpenClaw itself says, inside the image, whether it would start with it"
                .to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let path = self.candidate_path(context);
        self.candidate.write(context, &path)?;
        let output = context.docker.run_once(&self.container(&path), DEADLINE);
        context.host.remove(&path)?;
        let output = output?;
        let verdict = output::parse_validation(&output.stdout);
        if let Some(verdict) = verdict.as_ref().filter(|it| it.valid && output.code == 0) {
            return self.compare(verdict, context);
        }
        let said = verdict.map_or_else(
            || format!("it ended with exit code {} and no verdict", output.code),
            |verdict| format!("see {}", verdict.keys.join(", ")),
        );
        Err(StepError::unmet_with_hint(
            format!(
                "OpenClaw {} refuses the configuration: {said}",
                self.candidate.version
            ),
            format!(
                "correct {}, then plan again",
                crate::display::path(&self.candidate.config)
            ),
        ))
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let path = self.candidate_path(context);
        remove_leftover(context, &self.container(&path))?;
        Ok(context.host.remove(&path)?)
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl ValidateConfig {
    fn candidate_path(&self, context: &Context) -> PathBuf {
        context
            .paths
            .group_state(&self.group)
            .join("candidate.json")
    }

    /// The container to be, which may only read: a check leaves nothing behind. What the configuration names, plugins for
    /// example, may lie anywhere in there, and links lead where they will lead.
    fn container(&self, candidate: &Path) -> ContainerSpec {
        let mut mounts = shown_all(&self.container.mounts);
        mounts.push(shown(candidate, &self.candidate.config));
        let argv = [WITH_A_CACHE.map(str::to_owned).to_vec(), self.argv.clone()].concat();
        throwaway(&self.container, "validate", launched(&argv), mounts)
    }

    /// Returns what OpenClaw warns of on the host already; nothing where it cannot be asked.
    fn natively(&self, context: &Context) -> Result<Option<Validation>> {
        let Some(trace) = &self.trace else {
            return Ok(None);
        };
        let Some(process) = context.host.find_gateway(trace)?.first().copied() else {
            return Ok(None);
        };
        let environment = context.host.environment(process)?;
        let argv: Vec<OsString> = self.argv.iter().map(OsString::from).collect();
        let user = &self.candidate.user;
        let output = context.host.run_as(user, &argv, &environment, DEADLINE)?;
        Ok(output::parse_validation(&output.stdout))
    }

    /// Refuses an image in which OpenClaw would do without a plugin or a channel that it has on the host.
    fn compare(&self, verdict: &Validation, context: &Context) -> Result<()> {
        if verdict.missing.is_empty() {
            return Ok(());
        }
        let natively = self.natively(context)?.unwrap_or_default();
        let is_new = |warning: &&Warning| !natively.missing.contains(warning);
        let keys: BTreeSet<_> = verdict
            .missing
            .iter()
            .filter(is_new)
            .map(Warning::key)
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = keys.into_iter().collect();
        Err(StepError::unmet_with_hint(
            format!(
                "OpenClaw {} would miss in the container what it has on this host: see {}",
                self.candidate.version,
                keys.join(", ")
            ),
            "move it below the home directory or a workspace, then plan again",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Mount;
    use crate::inventory::User;

    /// Seen with 2026.9.6: where it cannot make its directory in the cache it refuses every configuration.
    #[test]
    fn home_is_read_only_as_it_is_and_the_cache_is_elsewhere_after_the_gateways_own_environment() {
        let home = PathBuf::from("/home/joe");
        let mount = |read_only| Mount::Bind {
            source: home.clone(),
            target: home.clone(),
            read_only,
        };
        let step = ValidateConfig {
            group: "oc-joe".to_owned(),
            candidate: Candidate {
                config: home.join(".openclaw/openclaw.json"),
                user: User {
                    name: "joe".to_owned(),
                    uid: 1001,
                    gid: 1001,
                    home: home.clone(),
                },
                bind: None,
                port: 18789,
                version: "2026.9.6".parse().expect("a version"),
                keeps_bind: false,
            },
            argv: vec!["node".to_owned()],
            container: ContainerSpec {
                name: "oc-joe".to_owned(),
                hostname: "host".to_owned(),
                image: "image".to_owned(),
                user: "1001:1001".to_owned(),
                directory: home.clone(),
                argv: Vec::new(),
                environment: Vec::new(),
                labels: std::collections::BTreeMap::new(),
                mounts: vec![mount(false)],
                memory: crate::units::Bytes::mib(900),
                cpu_milli: 1000,
                pids: 100,
                ports: Vec::new(),
                network: None,
                supplementary_groups: Vec::new(),
                extra_hosts: Vec::new(),
                stop_timeout: Duration::from_secs(1),
            },
            trace: None,
        };
        let made = step.container(Path::new("/c"));
        assert_eq!(made.mounts.first(), Some(&mount(true)));
        let begin: Vec<_> = made.argv.iter().take(5).map(String::as_str).collect();
        let cache = "XDG_CACHE_HOME=/tmp exec \"$@\"";
        assert_eq!(
            begin,
            ["/bin/sh", "/run/ocmigrate/launch", "/bin/sh", "-c", cache]
        );
        assert_eq!(made.argv.last().map(String::as_str), Some("node"));
    }
}
