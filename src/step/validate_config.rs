//! Has OpenClaw itself check the configuration to be, inside the image, without a network.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::confirm_native::Nothing;
use super::create_container::launched;
use super::throwaway::{empty, remove_leftover, shown, shown_all, throwaway};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::ContainerSpec;
use crate::host::GatewayTrace;
use crate::openclaw::output::{self, Validation, Warning};

/// A loaded machine was seen to take 20 s.
const DEADLINE: Duration = Duration::from_mins(3);
/// What programs keep below HOME to be rid of it; the XDG Base Directory Specification.
const CACHE: &str = ".cache";
/// How many entries of HOME the check sees at most; each is a mount.
const MOST_SHOWN: usize = 500;

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
    /// The state directory.
    pub state_directory: PathBuf,
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
        let in_home = context.host.list(&self.candidate.user.home)?;
        let container = self.container(&path, &in_home);
        let output = context.docker.run_once(&container, DEADLINE);
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
        remove_leftover(context, &self.container(&path, &[]))?;
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

    /// The container to be, which may only read, so that a check leaves nothing behind. What the configuration names,
    /// plugins for example, may lie anywhere in HOME. HOME itself is empty and the container's own, with what the host's
    /// holds in there: OpenClaw wants to make a cache (2026.9.6 refuses a HOME that is read-only).
    fn container(&self, candidate: &Path, in_home: &[OsString]) -> ContainerSpec {
        let home = &self.candidate.user.home;
        let mut mounts = vec![empty(home)];
        for mount in shown_all(&self.container.mounts) {
            if mount.target() != home {
                mounts.push(mount);
                continue;
            }
            let names = in_home.iter().filter(|name| *name != CACHE);
            let names = names
                .filter(|name| name.to_str().is_some())
                .take(MOST_SHOWN);
            let paths = names.map(|name| home.join(name));
            let is_covered = |path: &PathBuf| {
                let mut others = self.container.mounts.iter();
                others.any(|other| other.target() == path)
            };
            let paths = paths.filter(|path| !is_covered(path));
            mounts.extend(paths.map(|path| shown(&path, &path)));
        }
        mounts.push(shown(candidate, &self.candidate.config));
        throwaway(&self.container, "validate", launched(&self.argv), mounts)
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
