//! Looks whether the host has the room that everything before the silence needs.

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::LayerEntry;
use crate::host::Room;
use crate::units::{Bytes, MIB};

/// How often the engine keeps a layer that it loads: once as the archive that it got, unpacked into `tmp` of its data
/// directory, and once as the layer; `image/tarexport/load.go` of Docker 20.10.
const COPIES: u64 = 2;
/// Journal, plans and files of a group take less than a megabyte, and a manifest of a million changed owners a few.
const STATE: Room = Room {
    bytes: 16 * MIB,
    inodes: 64,
};

/// Looks whether the disks and the memory have room for the image, for the run's own files, and for the rehearsal beside
/// the native gateway; changes nothing.
///
/// `Before` holds nothing: the look is part of it, so that a dry run tells what is short, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRoom {
    /// The image that will be made; one that is there needs no room.
    pub image: String,
    /// What its layer holds.
    pub entries: Vec<LayerEntry>,
    /// The most memory that the native gateway was seen to use, where it is rehearsed beside itself.
    pub rehearsal: Option<Bytes>,
}

impl Kind for CheckRoom {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "check-room".to_owned(),
            sign: Sign::Look,
            what: "room   on the disks and in memory for what comes before the silence".to_owned(),
            why: "a disk that runs full half-way would cost time, though no message".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Nothing> {
        self.check_image(context)?;
        check_disk(context, &context.paths.state, STATE, "the run")?;
        self.check_memory(context)?;
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, _context: &Context) -> Result<()> {
        Ok(())
    }

    fn undo(&self, _before: &Nothing, _context: &Context) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl CheckRoom {
    fn check_image(&self, context: &Context) -> Result<()> {
        if context.docker.find_image(&self.image)?.is_some() {
            return Ok(());
        }
        let Some(directory) = context.docker.data_directory()? else {
            return Ok(());
        };
        let layer = context.docker.weigh(&self.entries)?;
        let needed = Room {
            bytes: layer.bytes.0 * COPIES,
            inodes: layer.files,
        };
        check_disk(context, &directory, needed, "the image")
    }

    fn check_memory(&self, context: &Context) -> Result<()> {
        let Some(needed) = self.rehearsal else {
            return Ok(());
        };
        let free = context.host.available_memory()?;
        if free >= needed {
            return Ok(());
        }
        Err(StepError::unmet_with_hint(
            format!(
                "the rehearsal needs {needed} of memory beside the native gateway, and {free} are available"
            ),
            "free some, or leave it out: --no-rehearsal",
        ))
    }
}

fn check_disk(context: &Context, path: &std::path::Path, needed: Room, what: &str) -> Result<()> {
    let free = context.host.free_room(path)?;
    let shown = crate::display::path(path);
    let short = if free.bytes < needed.bytes {
        let (needed, free) = (Bytes(needed.bytes), Bytes(free.bytes));
        format!("{what} needs {needed} at `{shown}`, and {free} are free")
    } else if free.inodes < needed.inodes {
        let (needed, free) = (needed.inodes, free.inodes);
        format!("{what} needs {needed} inodes at `{shown}`, and {free} are free")
    } else {
        return Ok(());
    };
    Err(StepError::unmet_with_hint(
        short,
        "make room there, for example with: docker system df; then execute again",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;
    use crate::step::testing::with_context;

    /// Returns what is short on a machine, where the image's layer is empty.
    fn short(furnish: impl FnOnce(&FakeHost), rehearsal: Option<Bytes>) -> Option<String> {
        let host = FakeHost::new();
        furnish(&host);
        let room = CheckRoom {
            image: "image".to_owned(),
            entries: Vec::new(),
            rehearsal,
        };
        with_context(&host, &|_| {}, |context| {
            room.capture(context).err().map(|error| error.to_string())
        })
    }

    #[test]
    fn a_rehearsal_needs_the_memory_of_the_gateway_a_second_time() {
        let short = |mib, rehearsal| {
            short(
                |host| host.world_mut().available = Bytes::mib(mib),
                rehearsal,
            )
        };
        let peak = Some(Bytes::mib(900));
        assert_eq!(short(900, peak), None);
        assert_eq!(short(899, None), None);
        let told = "the rehearsal needs 900 M of memory beside the native gateway, and 899 M are available";
        assert_eq!(short(899, peak).as_deref(), Some(told));
    }

    #[test]
    fn the_runs_own_files_need_room_as_well() {
        let short = |bytes| short(|host| host.world_mut().free.bytes = bytes, None);
        assert_eq!(short(16 * MIB), None);
        let told = "the run needs 16 M at `/var/lib/ocmigrate`, and 15 M are free";
        assert_eq!(short(15 * MIB).as_deref(), Some(told));
    }
}
