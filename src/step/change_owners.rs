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
    /// When it is done.
    pub pass: Pass,
    /// The directories.
    pub roots: Vec<PathBuf>,
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// How many strays the plan counted; for the description.
    pub strays: u64,
}

/// When owners are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// In the silence: what was noted before it.
    Noted,
    /// Once the container works: what appeared between the note and the stop.
    Late,
}

impl Kind for ChangeOwners {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let Self { uid, gid, .. } = self;
        let (id, entries) = match self.pass {
            Pass::Noted => {
                let strays = display::count(self.strays, "entry", "entries");
                (
                    "change-owners",
                    format!("{strays} -> {uid}:{gid}  (manifest kept)"),
                )
            }
            Pass::Late => {
                let late = "entries that appeared meanwhile, if any".to_owned();
                ("change-late-owners", format!("{late} -> {uid}:{gid}"))
            }
        };
        Description {
            id: id.to_owned(),
            sign: Sign::Own,
            what: format!("owner  {entries}"),
            why: "the container runs as the gateway's user and must be able to write its files"
                .to_owned(),
            in_silence: self.pass == Pass::Noted,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        self.make_room(context)?;
        let report = context.host.change_owners(&self.change(context))?;
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
    /// Makes the directory of the manifest.
    pub(super) fn make_room(&self, context: &Context) -> Result<()> {
        let ownership = Ownership::of_root(0o700);
        let directory = context.paths.group_state(&self.group);
        Ok(context.host.make_directory(&directory, ownership)?)
    }

    pub(super) fn change(&self, context: &Context) -> OwnerChange {
        OwnerChange {
            roots: self.roots.clone(),
            uid: self.uid,
            gid: self.gid,
            manifest: self.manifest(context),
        }
    }

    pub(super) fn manifest(&self, context: &Context) -> PathBuf {
        let name = match self.pass {
            Pass::Noted => "owners.manifest",
            Pass::Late => "late-owners.manifest",
        };
        context.paths.group_state(&self.group).join(name)
    }
}
