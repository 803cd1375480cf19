//! Writes as the final user in the final container, before anything depends on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::throwaway::{module_argv, remove_leftover, throwaway};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::ContainerSpec;
use crate::host::HostError;

const MODULE: &str = include_str!("probe_writing.mjs");
const DEADLINE: Duration = Duration::from_mins(2);
/// What the module makes in its directory.
const MADE: [&str; 6] = ["a", "b", "db", "db-wal", "db-shm", "db-journal"];

/// Makes, renames, locks, keeps a write-ahead log of `SQLite` and removes, in every directory that the container will
/// write to: as its user, in its image, with its mounts.
///
/// Leaves nothing; `Before` holds nothing, undo removes what a crash left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeWriting {
    /// The path of node.
    pub node: String,
    /// The directories to write in.
    pub directories: Vec<PathBuf>,
    /// The gateway's user.
    pub uid: u32,
    /// The directories whose strays are given to that user later.
    pub given: Vec<PathBuf>,
    /// The container to be.
    pub container: ContainerSpec,
}

/// What the module is asked.
#[derive(Serialize)]
struct Wish<'a> {
    name: String,
    directories: &'a [PathBuf],
}

/// What it answers.
#[derive(Deserialize)]
struct Answer {
    failed: Vec<Failed>,
}

#[derive(Deserialize)]
struct Failed {
    directory: PathBuf,
    doing: String,
    why: String,
    owner: Option<u32>,
}

impl Kind for ProbeWriting {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let count =
            crate::display::count(self.directories.len() as u64, "directory", "directories");
        Description {
            id: "probe-writing".to_owned(),
            sign: Sign::Look,
            what: format!(
                "write  as {} in {count}, in the container to be",
                self.container.user
            ),
            why: "making, renaming, locking, SQLite's log and removing work for its user"
                .to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        (context.say)("trying to write in the container to be");
        let output = context.docker.run_once(&self.once(), DEADLINE)?;
        let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| {
            StepError::unmet(format!(
                "the probe of writing ended with exit code {} and no answer",
                output.code
            ))
        })?;
        match answer
            .failed
            .iter()
            .find(|failed| !self.is_given_later(failed))
        {
            None => Ok(()),
            Some(failed) => Err(self.refusal(failed)),
        }
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        remove_leftover(context, &self.once())?;
        for directory in &self.directories {
            remove_probe(context, &directory.join(self.name()))?;
        }
        Ok(())
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl ProbeWriting {
    fn name(&self) -> String {
        format!(".ocmigrate-probe-{}", self.container.name)
    }

    fn once(&self) -> ContainerSpec {
        let wish = Wish {
            name: self.name(),
            directories: &self.directories,
        };
        let argv = module_argv(&self.node, MODULE, &wish);
        throwaway(
            &self.container,
            "probe",
            argv,
            self.container.mounts.clone(),
        )
    }

    /// A directory of somebody else that belongs to the gateway's user before the container starts.
    fn is_given_later(&self, failed: &Failed) -> bool {
        failed.owner.is_some_and(|owner| owner != self.uid)
            && self
                .given
                .iter()
                .any(|root| failed.directory.starts_with(root))
    }

    fn refusal(&self, failed: &Failed) -> StepError {
        let Failed {
            directory,
            doing,
            why,
            ..
        } = failed;
        let (directory, user) = (crate::display::path(directory), &self.container.user);
        StepError::unmet_with_hint(
            format!(
                "user {user} cannot {doing} in `{directory}`: {}",
                crate::display::text(why)
            ),
            format!("give `{directory}` to that user, or mount it writable"),
        )
    }
}

/// Removes what a probe that died left. A thing of that name that somebody else put there stays.
fn remove_probe(context: &Context, place: &Path) -> Result<()> {
    for name in MADE {
        match context.host.remove(&place.join(name)) {
            Err(HostError::Foreign { .. }) => return Ok(()),
            other => other?,
        }
    }
    match context.host.remove_empty_directory(place) {
        Ok(_) | Err(HostError::Foreign { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
