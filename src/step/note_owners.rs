//! Notes, before the silence, whose files will change their owner in it.

use serde::{Deserialize, Serialize};

use super::change_owners::ChangeOwners;
use super::confirm_native::Nothing;
use super::{Context, Description, Drift, Kind, Result, Sign};
use crate::display;

/// Walks the state directory and the workspaces and writes the manifest by which [`ChangeOwners`] goes in the silence, so
/// that the silence does not grow with the number of files.
///
/// `Before` holds nothing. Idempotent: a complete manifest is taken as it is. Undo removes it, after the owners were given
/// back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteOwners {
    /// The change that is noted.
    pub change: ChangeOwners,
}

impl Kind for NoteOwners {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let strays = display::count(self.change.strays, "entry", "entries");
        Description {
            id: "note-owners".to_owned(),
            sign: Sign::Look,
            what: format!("owner  {strays} of another owner, noted in a manifest"),
            why: "the files are looked through before the silence, not in it".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        self.change.make_room(context)?;
        let report = context.host.note_owners(&self.change.change(context))?;
        for left in &report.left {
            (context.say)(&format!("keeps its owner: {left}"));
        }
        Ok(())
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        Ok(context.host.remove(&self.change.manifest(context))?)
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}
