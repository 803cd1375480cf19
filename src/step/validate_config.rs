//! Has OpenClaw itself check the configuration to be, inside the image, without a network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::confirm_native::Nothing;
use super::create_container::launched;
use super::throwaway::{empty, remove_leftover, shown, shown_outside, throwaway};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::ContainerSpec;
use crate::openclaw::output;

/// A loaded machine was seen to take 20 s.
const DEADLINE: Duration = Duration::from_mins(3);

/// Runs `openclaw config validate` in a throw-away container that sees the files read-only and no network, with the
/// configuration as it will be laid over the one of today.
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
        if output.code == 0 && verdict.as_ref().is_some_and(|verdict| verdict.valid) {
            return Ok(());
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

    /// The container to be, but with an empty HOME and only the candidate and what lies beside it in there: OpenClaw wants
    /// to make a cache below HOME, and a check leaves nothing behind.
    fn container(&self, candidate: &Path) -> ContainerSpec {
        let Candidate { config, user, .. } = &self.candidate;
        let home = &user.home;
        let mut mounts = vec![empty(home)];
        mounts.extend(shown_outside(home, &self.container.mounts));
        // The file may be reached by a link in the state directory.
        let beside = [Some(self.state_directory.as_path()), config.parent()];
        let beside: BTreeSet<_> = beside
            .into_iter()
            .flatten()
            .filter(|beside| !home.starts_with(beside))
            .collect();
        mounts.extend(beside.into_iter().map(|path| shown(path, path)));
        mounts.push(shown(candidate, config));
        throwaway(&self.container, "validate", launched(&self.argv), mounts)
    }
}
