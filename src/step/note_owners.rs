//! Notes, before the silence, whose files will change their owner in it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::change_owners::{ChangeOwners, Pass};
use super::confirm_native::Nothing;
use super::{Context, Description, Drift, Kind, Result, Sign};
use crate::display;
use crate::host::{self, FileMeta};

/// A manifest takes two bytes an entry on a tidy tree, and 120 where nothing in it is like the rest.
const LATE_BYTES: usize = 64 * 1024;

/// Walks the state directory and the workspaces and writes the manifest by which [`ChangeOwners`] goes in the silence, so
/// that the silence does not grow with the number of files. It takes the room of the manifest that is written late, too: a
/// run whose disk is full by then must be able to end.
///
/// `Before` holds nothing. Idempotent: a complete manifest is taken as it is, and the room replaced whole. Undo removes both,
/// after the owners were given back.
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
        let room = FileMeta::of_root(0o600);
        Ok(context
            .host
            .replace(&self.late_room(context), &vec![0; LATE_BYTES], room)?)
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        context.host.remove(&self.late_room(context))?;
        Ok(context.host.remove(&self.change.manifest(context))?)
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl NoteOwners {
    /// Returns the file that becomes the late manifest.
    fn late_room(&self, context: &Context) -> PathBuf {
        let late = ChangeOwners {
            pass: Pass::Late,
            ..self.change.clone()
        };
        host::unfinished(&late.manifest(context))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::host::Host as _;
    use crate::host::fake::FakeHost;
    use crate::step::testing::with_context;

    #[test]
    fn the_room_of_the_late_manifest_is_taken_before_the_silence_and_given_back() {
        let host = FakeHost::new();
        let step = NoteOwners {
            change: ChangeOwners {
                group: "oc-joe".to_owned(),
                pass: Pass::Noted,
                roots: Vec::new(),
                uid: 1001,
                gid: 1001,
                strays: 0,
            },
        };
        with_context(&host, &|_| {}, |context| {
            let taken = || host.read(&step.late_room(context)).unwrap();
            step.apply(&Nothing {}, context).unwrap();
            assert_eq!(taken().unwrap().bytes.len(), LATE_BYTES);
            step.undo(&Nothing {}, context).unwrap();
            assert!(taken().is_none());
        });
    }
}
