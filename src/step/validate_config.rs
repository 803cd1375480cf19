//! Has OpenClaw itself check the configuration to be, inside the image, without a network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::create_container::{GROUP_LABEL, SPEC_LABEL, launched};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::{ContainerSpec, Mount};
use crate::host::{FileMeta, Ownership};
use crate::inventory::User;
use crate::openclaw::{self, Version, output};

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
    /// The configuration file, links resolved.
    pub config: PathBuf,
    /// The gateway's user, who must be able to read the candidate.
    pub user: User,
    /// `gateway.bind` as it is, included files put in.
    pub bind: Option<String>,
    /// The gateway's port.
    pub port: u16,
    /// The release of OpenClaw.
    pub version: Version,
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
                crate::display::path(&self.config)
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
        let candidate = self.write_candidate(context)?;
        let output = context
            .docker
            .run_once(&self.container(&candidate), DEADLINE);
        context.host.remove(&candidate)?;
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
                self.version
            ),
            format!(
                "correct {}, then plan again",
                crate::display::path(&self.config)
            ),
        ))
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        self.remove_leftover(context)?;
        Ok(context.host.remove(&self.candidate_path(context))?)
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl ValidateConfig {
    /// Removes the throw-away container that a crash left; one with other labels of ours, or none, is not it.
    fn remove_leftover(&self, context: &Context) -> Result<()> {
        let wanted = self.container(&self.candidate_path(context));
        let found = context.docker.find_container(&wanted.name)?;
        let is_ours = found.is_some_and(|found| {
            [SPEC_LABEL, GROUP_LABEL]
                .iter()
                .all(|name| found.labels.get(*name) == wanted.labels.get(*name))
        });
        if is_ours {
            context.docker.stop(&wanted.name)?;
            context.docker.remove_container(&wanted.name)?;
        }
        Ok(())
    }

    fn candidate_path(&self, context: &Context) -> PathBuf {
        context
            .paths
            .group_state(&self.group)
            .join("candidate.json")
    }

    fn write_candidate(&self, context: &Context) -> Result<PathBuf> {
        let file = context.host.read(&self.config)?.ok_or_else(|| {
            StepError::unmet(format!("`{}` is gone", crate::display::path(&self.config)))
        })?;
        let rewrite = openclaw::for_container(
            &file.bytes,
            self.bind.as_deref(),
            self.port,
            &self.version,
            context.hasher,
        )
        .map_err(|error| {
            StepError::unmet(format!("{}: {error}", crate::display::path(&self.config)))
        })?;
        let path = self.candidate_path(context);
        let directory = context.paths.group_state(&self.group);
        let ownership = Ownership {
            uid: 0,
            gid: 0,
            mode: 0o700,
        };
        context.host.make_directory(&directory, ownership)?;
        let meta = FileMeta {
            uid: self.user.uid,
            gid: self.user.gid,
            mode: 0o400,
            mtime_ns: None,
        };
        context.host.replace(&path, &rewrite.text, meta)?;
        Ok(path)
    }

    /// The container to be, but without network and ports, with an empty HOME and only the candidate and what lies beside
    /// it in there: OpenClaw wants to make a cache below HOME, and a check leaves nothing behind.
    fn container(&self, candidate: &Path) -> ContainerSpec {
        let home = &self.user.home;
        let outside = |mount: &&Mount| !mount.target().starts_with(home);
        let mut mounts = vec![Mount::Empty {
            target: home.clone(),
            mode: 0o1777,
        }];
        mounts.extend(
            self.container
                .mounts
                .iter()
                .filter(outside)
                .cloned()
                .map(read_only),
        );
        // The file may be reached by a link in the state directory.
        let beside = [Some(self.state_directory.as_path()), self.config.parent()];
        let beside: BTreeSet<_> = beside
            .into_iter()
            .flatten()
            .filter(|beside| !home.starts_with(beside))
            .collect();
        mounts.extend(beside.into_iter().map(|path| Mount::Bind {
            source: path.to_owned(),
            target: path.to_owned(),
            read_only: true,
        }));
        mounts.push(Mount::Bind {
            source: candidate.to_owned(),
            target: self.config.clone(),
            read_only: true,
        });
        ContainerSpec {
            name: format!("{}-validate", self.container.name),
            argv: launched(&self.argv),
            mounts,
            ports: Vec::new(),
            network: None,
            labels: self
                .container
                .labels
                .iter()
                .filter(|(name, _)| name.starts_with("ocmigrate."))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            ..self.container.clone()
        }
    }
}

fn read_only(mount: Mount) -> Mount {
    match mount {
        Mount::Bind { source, target, .. } => Mount::Bind {
            source,
            target,
            read_only: true,
        },
        empty @ Mount::Empty { .. } => empty,
    }
}
