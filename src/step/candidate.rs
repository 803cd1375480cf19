//! The configuration as it will be, for programs that look at it before anything is changed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Context, Result, StepError};
use crate::host::{FileMeta, Ownership};
use crate::inventory::User;
use crate::openclaw::{self, Version};

/// What decides a configuration to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
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
}

impl Candidate {
    /// Writes the configuration to be below the group's own state, readable by its user alone.
    pub(super) fn write(&self, context: &Context, path: &Path) -> Result<()> {
        let shown = crate::display::path(&self.config);
        let file = context
            .host
            .read(&self.config)?
            .ok_or_else(|| StepError::unmet(format!("`{shown}` is gone")))?;
        let rewritten = openclaw::for_container(
            &file.bytes,
            self.bind.as_deref(),
            self.port,
            &self.version,
            context.hasher,
        )
        .map_err(|error| StepError::unmet(format!("{shown}: {error}")))?;
        if let Some(directory) = path.parent() {
            let ownership = Ownership::of_root(0o700);
            context.host.make_directory(directory, ownership)?;
        }
        let meta = FileMeta {
            uid: self.user.uid,
            gid: self.user.gid,
            mode: 0o400,
            mtime_ns: None,
        };
        Ok(context.host.replace(path, &rewritten.text, meta)?)
    }
}
