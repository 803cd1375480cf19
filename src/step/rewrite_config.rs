//! Rewrites `gateway.bind`, and what the release demands with it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{FileMeta, FileState};
use crate::openclaw::{self, Rewrite, RewriteError, Version};

/// Sets `gateway.bind` to `lan` in the configuration file; comments and every other byte stay.
///
/// `Before` holds the inverse edits and the file's metadata, no other content. Idempotent: a file that holds the new
/// text is left as it is. Undo takes back only these edits: byte for byte where nobody changed the file since, else only
/// the values that are still ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteConfig {
    /// The file.
    pub config: PathBuf,
    /// The gateway's port.
    pub port: u16,
    /// The release of OpenClaw.
    pub version: Version,
    /// `gateway.bind` as it is, included files put in.
    pub bind: Option<String>,
}

/// The edits that lead back, and the file's metadata.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    rewrite: Rewrite,
    meta: FileMeta,
}

impl Kind for RewriteConfig {
    type Before = Before;

    fn describe(&self) -> Description {
        let path = crate::display::path(&self.config);
        let bind = self.bind.as_ref().map_or_else(
            || "unset".to_owned(),
            |bind| format!("\"{}\"", crate::display::text(bind)),
        );
        Description {
            id: "rewrite-config".to_owned(),
            sign: Sign::Change,
            what: format!("config {path}  gateway.bind: {bind} -> \"lan\""),
            why: "on the container's own loopback address nobody outside would reach it".to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let file = self.read(context)?;
        let bind = self.bind.as_deref();
        let rewritten =
            openclaw::for_container(&file.bytes, bind, self.port, &self.version, context.hasher)
                .map_err(|error| self.refused(&error))?;
        Ok(Before {
            rewrite: rewritten.rewrite,
            meta: file.meta,
        })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        let file = self.read(context)?;
        let path = crate::display::path(&self.config);
        let text = before
            .rewrite
            .redo(&file.bytes, context.hasher)
            .ok_or_else(|| {
                StepError::unmet(format!("`{path}` was changed by somebody else meanwhile"))
            })?;
        if text == file.bytes {
            return Ok(());
        }
        let meta = FileMeta {
            mtime_ns: None,
            ..file.meta
        };
        Ok(context.host.replace(&self.config, &text, meta)?)
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        let Some(file) = context.host.read(&self.config)? else {
            return Ok(());
        };
        let undone = before
            .rewrite
            .undo(&file.bytes, context.hasher)
            .map_err(|error| self.refused(&error))?;
        for left in &undone.left {
            (context.say)(&format!("left as it is: {left}"));
        }
        if undone.text == file.bytes {
            return Ok(());
        }
        let is_as_before = context.hasher.hash(&undone.text) == before.rewrite.before;
        let meta = FileMeta {
            mtime_ns: before.meta.mtime_ns.filter(|_| is_as_before),
            ..file.meta
        };
        Ok(context.host.replace(&self.config, &undone.text, meta)?)
    }

    fn verify(&self, before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let file = self.read(context)?;
        let remedy = "set it again by hand, or: ocmigrate rollback";
        let lost = before.rewrite.find_lost(&file.bytes);
        Ok(lost
            .into_iter()
            .map(|key| Drift::new(format!("`{key}` is no longer as it was written"), remedy))
            .collect())
    }
}

impl RewriteConfig {
    fn read(&self, context: &Context) -> Result<FileState> {
        context.host.read(&self.config)?.ok_or_else(|| {
            StepError::unmet(format!("`{}` is gone", crate::display::path(&self.config)))
        })
    }

    fn refused(&self, error: &RewriteError) -> StepError {
        StepError::unmet(format!("{}: {error}", crate::display::path(&self.config)))
    }
}
