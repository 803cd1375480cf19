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
    /// Whether the configuration stays as it is, because the container is on the host's network.
    #[serde(default)]
    pub keeps_bind: bool,
}

impl Candidate {
    /// Writes the configuration to be below the group's own state, readable by its user alone.
    pub(super) fn write(&self, context: &Context, path: &Path) -> Result<()> {
        let shown = crate::display::path(&self.config);
        let file = context
            .host
            .read(&self.config)?
            .ok_or_else(|| StepError::unmet(format!("`{shown}` is gone")))?;
        let text = if self.keeps_bind {
            file.bytes
        } else {
            let bind = self.bind.as_deref();
            let rewritten = openclaw::for_container(
                &file.bytes,
                bind,
                self.port,
                &self.version,
                context.hasher,
            );
            let rewritten =
                rewritten.map_err(|error| StepError::unmet(format!("{shown}: {error}")))?;
            rewritten.text
        };
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
        Ok(context.host.replace(path, &text, meta)?)
    }
}
