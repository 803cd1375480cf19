//! Gives stray files to the gateway's user.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::{Context, Description, Drift, Kind, Result, Sign};
use crate::display;
use crate::host::{OwnerChange, Ownership};

/// Gives every entry below the state directory and the workspaces to the gateway's user.
///
/// `Before` holds nothing: the manifest, on disk before the first change, knows who had what. Idempotent: a complete
/// manifest is taken up where the last try ended. Undo gives every entry back that nobody replaced since, then removes
/// the manifest. Files with several names and other file systems are left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeOwners {
    /// The group.
    pub group: String,
    /// The directories.
    pub roots: Vec<PathBuf>,
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// How many strays the plan counted; for the description.
    pub strays: u64,
}

impl Kind for ChangeOwners {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let Self {
            uid, gid, strays, ..
        } = self;
        Description {
            id: "change-owners".to_owned(),
            sign: Sign::Own,
            what: format!(
                "owner  {} -> {uid}:{gid}  (manifest kept)",
                display::count(*strays, "entry", "entries")
            ),
            why: "the container runs as the gateway's user and must be able to write its files"
                .to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let ownership = Ownership {
            uid: 0,
            gid: 0,
            mode: 0o700,
        };
        context
            .host
            .make_directory(&context.paths.group_state(&self.group), ownership)?;
        let report = context.host.change_owners(&OwnerChange {
            roots: self.roots.clone(),
            uid: self.uid,
            gid: self.gid,
            manifest: self.manifest(context),
        })?;
        for left in &report.left {
            (context.say)(&format!("left as it is: {left}"));
        }
        Ok(())
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let report = context.host.restore_owners(&self.manifest(context))?;
        for left in &report.left {
            (context.say)(&format!("left as it is: {left}"));
        }
        Ok(context.host.remove(&self.manifest(context))?)
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        Ok(match context.host.read(&self.manifest(context))? {
            Some(_) => Vec::new(),
            None => vec![Drift::new(
                "the manifest of changed owners is gone; rollback could not give them back",
                "keep the owners as they are, or set them by hand after a rollback",
            )],
        })
    }
}

impl ChangeOwners {
    fn manifest(&self, context: &Context) -> PathBuf {
        context
            .paths
            .group_state(&self.group)
            .join("owners.manifest")
    }
}
