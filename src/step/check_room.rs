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

/// What debootstrap(8) makes where ocmigrate keeps its own files: the tree with its archives of packages, 392 M and 12,500
/// entries for Debian 12 with python, git, curl, jq and tmux, and beside it the archive of the tree, 280 M. Some more, for
/// agents that need more.
const TREE: Room = Room {
    bytes: 800 * MIB,
    inodes: 16_000,
};
/// The same as a layer of the engine.
const BASE: Room = Room {
    bytes: 350 * MIB,
    inodes: 16_000,
};

/// Looks whether the disks and the memory have room for the image, for the run's own files, and for the rehearsal beside
/// the native gateway; changes nothing.
///
/// `Before` holds nothing: the look is part of it, so that a dry run tells what is short, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRoom {
    /// The image that will be made; one that is there needs no room.
    pub image: String,
    /// The base image that debootstrap makes, where the engine does not have it.
    #[serde(default)]
    pub base: Option<String>,
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
        let base = self.base_to_make(context)?;
        self.check_image(base, context)?;
        check_disk(context, &context.paths.state, STATE, "the run")?;
        if base.is_some() {
            check_disk(
                context,
                &context.paths.state,
                TREE,
                "the making of the base",
            )?;
        }
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
    /// Returns the base image if it has to be made.
    fn base_to_make(&self, context: &Context) -> Result<Option<&str>> {
        let Some(base) = self.base.as_deref() else {
            return Ok(None);
        };
        let is_there = context.docker.find_image(base)?.is_some();
        Ok((!is_there).then_some(base))
    }

    fn check_image(&self, base: Option<&str>, context: &Context) -> Result<()> {
        let mut needed = Room::default();
        if context.docker.find_image(&self.image)?.is_none() {
            let layer = context.docker.weigh(&self.entries)?;
            needed.bytes += layer.bytes.0 * COPIES;
            needed.inodes += layer.files;
        }
        if base.is_some() {
            needed.bytes += BASE.bytes;
            needed.inodes += BASE.inodes;
        }
        if needed == Room::default() {
            return Ok(());
        }
        match context.docker.data_directory()? {
            Some(directory) => check_disk(context, &directory, needed, "the image"),
            None => Ok(()),
        }
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
        short_with(furnish, None, rehearsal)
    }

    fn short_with(
        furnish: impl FnOnce(&FakeHost),
        base: Option<&str>,
        rehearsal: Option<Bytes>,
    ) -> Option<String> {
        let host = FakeHost::new();
        furnish(&host);
        let room = CheckRoom {
            image: "image".to_owned(),
            base: base.map(str::to_owned),
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

    #[test]
    fn a_base_that_has_to_be_made_needs_room_for_its_making() {
        let short = |bytes| {
            short_with(
                |host| host.world_mut().free.bytes = bytes,
                Some("ocmigrate/base:bookworm"),
                None,
            )
        };
        assert_eq!(short(800 * MIB), None);
        let told = "the making of the base needs 800 M at `/var/lib/ocmigrate`, and 799 M are free";
        assert_eq!(short(799 * MIB).as_deref(), Some(told));
        let told = "the image needs 350 M at `/var/lib/docker`, and 349 M are free";
        assert_eq!(short(349 * MIB).as_deref(), Some(told));
    }
}
