//! Walks a tree that its owner may change meanwhile: relative to descriptors, following no link, entering no mount.
//!
//! A directory is read to its end before its subdirectories are entered, so that memory grows with the names of
//! subdirectories still to be entered, not with the number of files. At most [`KEPT_OPEN`] directories are open; one
//! farther up is opened again through `..` of its child, or from the root by name, and taken only if it is the same one.

use std::ffi::{CStr, OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use super::Result;
use super::beneath::{find_directory, open_beneath};
use super::context::Context;
use super::entry::{Identity, Stat};

/// The most directories that a walk keeps open, beside its root.
pub const KEPT_OPEN: usize = 64;

/// An entry that a walk met.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The directory that the walk began at.
    pub root: &'a Path,
    /// The path relative to it; empty for the root itself.
    pub path: &'a Path,
    /// What the kernel says of it.
    pub stat: Stat,
}

/// What a walk did not visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unvisited {
    /// Entries where another file system is mounted.
    pub mounts: u64,
    /// Directories that were moved away while they were walked.
    pub moved: u64,
}

/// Visits the root and everything below it, a directory before what it holds.
///
/// Entries that vanish meanwhile are passed over; a root that is not there is an empty walk.
pub fn walk(root: &Path, visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<Unvisited> {
    let Some(directory) = find_directory(root)? else {
        return Ok(Unvisited::default());
    };
    let stat = Stat::of_descriptor(&directory).on("look at", root)?;
    visit(&Entry {
        root,
        path: Path::new(""),
        stat,
    })?;
    let mut walker = Walker {
        root,
        path: Vec::new(),
        levels: Vec::new(),
        buffer: vec![MaybeUninit::uninit(); 64 * 1024],
        unvisited: Unvisited::default(),
    };
    walker.enter(directory, stat.identity, visit)?;
    while walker.advance(visit)? {}
    Ok(walker.unvisited)
}

struct Walker<'a> {
    root: &'a Path,
    /// The path of the entry in hand, relative to the root.
    path: Vec<u8>,
    levels: Vec<Level>,
    buffer: Vec<MaybeUninit<u8>>,
    unvisited: Unvisited,
}

/// A directory whose subdirectories are being walked.
struct Level {
    /// `None` while more than [`KEPT_OPEN`] levels lie below it.
    directory: Option<OwnedFd>,
    identity: Identity,
    path_length: usize,
    subdirectories: Vec<OsString>,
}

type Visit<'v> = &'v mut dyn FnMut(&Entry<'_>) -> Result<()>;

impl Walker<'_> {
    /// Enters the next subdirectory or leaves a finished one; says whether anything is left.
    fn advance(&mut self, visit: Visit<'_>) -> Result<bool> {
        let Some(level) = self.levels.last_mut() else {
            return Ok(false);
        };
        self.path.truncate(level.path_length);
        let Some(name) = level.subdirectories.pop() else {
            self.leave();
            return Ok(true);
        };
        let Some(directory) = &level.directory else {
            self.unvisited.moved += 1;
            self.leave();
            return Ok(true);
        };
        let opened = open_beneath(directory.as_fd(), Path::new(&name), READ_DIRECTORY);
        push_name(&mut self.path, name.as_bytes());
        match opened {
            Ok(subdirectory) => {
                let stat = Stat::of_descriptor(&subdirectory).on("look at", &self.shown())?;
                self.enter(subdirectory, stat.identity, visit)?;
            }
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::XDEV) => self.unvisited.mounts += 1,
                Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                _ => return Err(error).on("open the directory", &self.shown()),
            },
        }
        Ok(true)
    }

    /// Visits all entries of a directory and keeps the names of its subdirectories.
    fn enter(&mut self, directory: OwnedFd, identity: Identity, visit: Visit<'_>) -> Result<()> {
        let path_length = self.path.len();
        let mut subdirectories = Vec::new();
        let mut entries = RawDir::new(&directory, &mut self.buffer);
        while let Some(entry) = entries.next() {
            let shown = || self.root.join(OsStr::from_bytes(&self.path));
            let entry = match entry {
                Err(Errno::NOENT) => break,
                other => other.on("list", &shown())?,
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Some(stat) = stat_unless_gone(&directory, name).on("look at", &shown())? else {
                continue;
            };
            if stat.is_mount_root {
                self.unvisited.mounts += 1;
                continue;
            }
            push_name(&mut self.path, name.to_bytes());
            visit(&Entry {
                root: self.root,
                path: Path::new(OsStr::from_bytes(&self.path)),
                stat,
            })?;
            self.path.truncate(path_length);
            if stat.is_directory() {
                subdirectories.push(OsString::from_vec(name.to_bytes().to_vec()));
            }
        }
        self.push_level(Level {
            directory: Some(directory),
            identity,
            path_length,
            subdirectories,
        });
        Ok(())
    }

    fn push_level(&mut self, level: Level) {
        self.levels.push(level);
        let far = self.levels.len().checked_sub(KEPT_OPEN + 1);
        if let Some(far) = far.and_then(|index| self.levels.get_mut(index)) {
            far.directory = None;
        }
    }

    /// Leaves the innermost directory and opens its parent again if it was closed.
    fn leave(&mut self) {
        let child = self.levels.pop().and_then(|level| level.directory);
        let Some(parent) = self.levels.last_mut() else {
            return;
        };
        if parent.directory.is_none() {
            self.path.truncate(parent.path_length);
            let path = Path::new(OsStr::from_bytes(&self.path));
            let by_child = child.and_then(|child| open_parent(&child, parent.identity));
            parent.directory = by_child.or_else(|| open_again(self.root, path, parent.identity));
        }
    }

    fn shown(&self) -> std::path::PathBuf {
        self.root.join(OsStr::from_bytes(&self.path))
    }
}

const READ_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

fn stat_unless_gone(directory: &OwnedFd, name: &CStr) -> Result<Option<Stat>, Errno> {
    match Stat::of_name(directory, name) {
        Err(Errno::NOENT) => Ok(None),
        other => other.map(Some),
    }
}

fn open_again(root: &Path, path: &Path, identity: Identity) -> Option<OwnedFd> {
    let root = find_directory(root).ok().flatten()?;
    let directory = open_beneath(root.as_fd(), path, READ_DIRECTORY).ok()?;
    same(directory, identity)
}

fn open_parent(child: &OwnedFd, identity: Identity) -> Option<OwnedFd> {
    let flags = READ_DIRECTORY | OFlags::CLOEXEC;
    same(openat(child, c"..", flags, Mode::empty()).ok()?, identity)
}

fn same(directory: OwnedFd, identity: Identity) -> Option<OwnedFd> {
    let stat = Stat::of_descriptor(&directory).ok()?;
    (stat.identity == identity).then_some(directory)
}

fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
