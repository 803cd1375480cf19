//! The second pass, forth or back: finds what was noted, and changes its owner while it is the same file still.

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Gid, OFlags, RawDir, Uid, chownat};
use rustix::io::Errno;

use super::trail::{Root, Trail};
use super::{Done, join, together};
use crate::display;
use crate::host::beneath::open_name;
use crate::host::context::Context as _;
use crate::host::entry::Stat;
use crate::host::manifest::{Noted, Reader, Unpacker};
use crate::host::walk::{Listing, WORKERS};
use crate::host::{OwnerReport, Result, keeps};

/// Which way owners change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Give,
    GiveBack,
}

/// What becomes of one entry.
enum Outcome {
    Change,
    /// It is as it shall be.
    Done,
    /// It has nothing to be done and nothing to be said.
    Untouched,
    Left(&'static str),
}

/// Changes every entry of a manifest.
pub(super) fn change_all(
    reader: &Mutex<Reader>,
    manifest: &Path,
    roots: &[Root],
    owner: (u32, u32),
    verb: Verb,
) -> Result<OwnerReport> {
    let has_failed = AtomicBool::new(false);
    let mut changers: Vec<_> = (0..WORKERS)
        .map(|_| Changer {
            verb,
            owner,
            trail: Trail::new(roots),
            listing: Listing::default(),
            buffer: vec![MaybeUninit::uninit(); 64 * 1024],
            done: Done::default(),
        })
        .collect();
    together(&mut changers, |changer| {
        let changed = changer.work(reader, manifest, &has_failed);
        if changed.is_err() {
            has_failed.store(true, Ordering::Relaxed);
        }
        changed
    })?;
    Ok(Done::report(changers.into_iter().map(|it| it.done)))
}

/// One worker of the second pass.
struct Changer<'r> {
    verb: Verb,
    /// Whom the manifest gives everything to.
    owner: (u32, u32),
    trail: Trail<'r>,
    listing: Listing,
    buffer: Vec<MaybeUninit<u8>>,
    done: Done,
}

impl Changer<'_> {
    /// Takes blocks until there is none left.
    fn work(
        &mut self,
        reader: &Mutex<Reader>,
        manifest: &Path,
        has_failed: &AtomicBool,
    ) -> Result<()> {
        let next = || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.next().on("read", manifest)
        };
        while let Some(block) = next()? {
            let mut directories = Unpacker::new(&block);
            while let Some(noted) = directories.next().on("read", manifest)? {
                if has_failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.change_in(&noted, manifest)?;
            }
        }
        Ok(())
    }

    /// Changes the noted entries of one directory.
    fn change_in(&mut self, noted: &Noted, manifest: &Path) -> Result<()> {
        let root = self.trail.root(noted.root).on("read", manifest)?;
        let path = join(&root.path, Path::new(OsStr::from_bytes(&noted.path)));
        let mut place = Place {
            noted,
            path: &path,
            verb: self.verb,
            owner: self.owner,
            found: 0,
            done: &mut self.done,
        };
        let directory = match self.trail.go(noted.root, &noted.path) {
            Ok(directory) => directory,
            Err(error) => match why_not(&error) {
                Some(reason) => {
                    let entries = display::count(noted.entries(), "entry", "entries");
                    let reason = format!("{reason}, {entries} in it");
                    self.done.leave(&path, Path::new(""), &reason);
                    return Ok(());
                }
                None => return Err(error).on("open the directory", &path),
            },
        };
        if noted.is_itself {
            place.change(directory, None)?;
        } else {
            place.change_listed(directory, &mut self.listing, &mut self.buffer)?;
        }
        let missing = noted.entries().saturating_sub(place.found);
        if missing > 0 {
            let entries = display::count(missing, "entry is", "entries are");
            let reason = format!("{entries} gone, or another file stands there");
            self.done.leave(&path, Path::new(""), &reason);
        }
        Ok(())
    }
}

/// Why something cannot be opened any more; `None` for what should not happen.
fn why_not(error: &std::io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => Some("it is gone"),
        Some(Errno::NOTDIR | Errno::LOOP) => Some("another file stands in its way"),
        Some(Errno::XDEV) => Some("another file system is mounted there"),
        _ => None,
    }
}

/// A directory whose noted entries are changed.
struct Place<'p> {
    noted: &'p Noted,
    path: &'p Path,
    verb: Verb,
    owner: (u32, u32),
    /// How many of the noted entries were found.
    found: u64,
    done: &'p mut Done,
}

impl Place<'_> {
    fn change_listed(
        &mut self,
        directory: BorrowedFd<'_>,
        listing: &mut Listing,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Result<()> {
        let noted = self.noted;
        let mut entries = RawDir::new(directory, buffer);
        // The same descriptor may have been read before.
        rustix::fs::seek(directory, rustix::fs::SeekFrom::Start(0)).on("list", self.path)?;
        let mut has_more = true;
        while has_more {
            has_more = listing
                .read_part(&mut entries, |inode| {
                    noted.lists_others || noted.owner_of(inode).is_some()
                })
                .on("list", self.path)?;
            for (_, name) in listing.iter() {
                self.change_name(directory, name)?;
            }
        }
        Ok(())
    }

    fn change_name(&mut self, directory: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        match open_name(directory, name, OFlags::PATH) {
            Ok(descriptor) => self.change(descriptor.as_fd(), Some(name)),
            Err(error) => match why_not(&error.into()) {
                Some(_) => Ok(()),
                None => Err(error).on("open", &self.shown(Some(name))),
            },
        }
    }

    /// Changes an entry if it is one of those that were noted.
    fn change(&mut self, descriptor: BorrowedFd<'_>, name: Option<&CStr>) -> Result<()> {
        let stat = Stat::of_descriptor(descriptor).on("look at", &self.shown(name))?;
        let Some(old) = self.noted.owner_of(stat.identity.inode) else {
            return Ok(());
        };
        if stat.identity.born_ns > self.noted.last_born_ns {
            return Ok(());
        }
        self.found += 1;
        match self.outcome(&stat, old) {
            Outcome::Change => {
                let (uid, gid) = match self.verb {
                    Verb::Give => self.owner,
                    Verb::GiveBack => old,
                };
                let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
                chownat(descriptor, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
                    .on("change the owner of", &self.shown(name))?;
                self.done.changed += 1;
            }
            Outcome::Done => self.done.changed += 1,
            Outcome::Untouched => {}
            Outcome::Left(reason) => {
                let name = name.map_or(OsStr::new(""), |name| OsStr::from_bytes(name.to_bytes()));
                self.done.leave(self.path, Path::new(name), reason);
            }
        }
        Ok(())
    }

    fn outcome(&self, stat: &Stat, old: (u32, u32)) -> Outcome {
        let now = (stat.uid, stat.gid);
        // Capabilities were looked for when it was noted; only root gives a file some.
        let keeps = || keeps::reason(stat, || false);
        match self.verb {
            _ if now != old && now != self.owner => {
                Outcome::Left("somebody else gave it another owner")
            }
            Verb::Give if now == self.owner => Outcome::Done,
            Verb::Give => keeps().map_or(Outcome::Change, Outcome::Left),
            Verb::GiveBack if now == old && keeps().is_some() => Outcome::Untouched,
            Verb::GiveBack if now == old => Outcome::Done,
            Verb::GiveBack if stat.is_immutable => Outcome::Left("it is immutable"),
            Verb::GiveBack if stat.is_append_only => Outcome::Left("it can only be added to"),
            // Also with other names, made since: it is the file that was given away. Bits that its new owner set are cleared.
            Verb::GiveBack => Outcome::Change,
        }
    }

    fn shown(&self, name: Option<&CStr>) -> PathBuf {
        match name {
            Some(name) => self.path.join(OsStr::from_bytes(name.to_bytes())),
            None => self.path.to_owned(),
        }
    }
}
