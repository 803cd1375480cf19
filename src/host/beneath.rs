//! Opens files relative to directory descriptors, following no link: how every path of this room becomes a descriptor.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

use super::Result;
use super::context::Context;

/// The longest piece of a path that is given to the kernel at once; below `PATH_MAX` of limits.h.
const PIECE_BYTES: usize = 4000;

/// A name in an open directory.
pub(super) struct Place<'a> {
    /// The directory, opened for reading.
    pub(super) directory: OwnedFd,
    /// The last component.
    pub(super) name: &'a OsStr,
    /// The whole path, for messages.
    pub(super) path: &'a Path,
}

impl<'a> Place<'a> {
    /// Opens the parent of an absolute path; `None` where there is no such directory.
    pub(super) fn find(path: &'a Path) -> Result<Option<Self>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Errno::INVAL).on("open the parent of", path);
        };
        let directory = find_directory(parent)?;
        Ok(directory.map(|directory| Self {
            directory,
            name,
            path,
        }))
    }

    /// Opens the parent of an absolute path, which must exist.
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        match Self::find(path)? {
            Some(place) => Ok(place),
            None => Err(Errno::NOENT).on("open the parent of", path),
        }
    }

    /// Makes what was done to the name durable.
    pub(super) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.directory).on("make durable the directory of", self.path)
    }
}

/// Opens a directory by its absolute path; `None` where there is none.
pub(super) fn find_directory(path: &Path) -> Result<Option<OwnedFd>> {
    match open_directory(path) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error).on("open the directory", path),
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let is_plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(is_plain) {
        return Err(Errno::INVAL);
    }
    // Without O_NOFOLLOW, which would report a link at the end as "not a directory"; no link is followed all the same.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

/// Opens a path beneath a directory: no link is followed, no other mount entered.
///
/// Paths of any length work. The empty path is the directory itself.
pub(super) fn open_beneath(
    directory: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
) -> io::Result<OwnedFd> {
    let mut pieces = pieces(path).into_iter().peekable();
    let mut current: Option<OwnedFd> = None;
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        let wanted = if is_last {
            flags
        } else {
            OFlags::PATH | OFlags::DIRECTORY
        };
        let from = current.as_ref().map_or(directory, AsFd::as_fd);
        current = Some(open_piece(from, piece.as_slice(), wanted)?);
    }
    match current {
        Some(descriptor) => Ok(descriptor),
        None => Ok(open_piece(directory, c".", flags)?),
    }
}

/// Opens a name in a directory: no link is followed, no other mount entered.
pub(super) fn open_name(
    directory: BorrowedFd<'_>,
    name: &CStr,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    open_piece(directory, name, flags)
}

fn open_piece(
    directory: BorrowedFd<'_>,
    piece: impl Arg,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    // With O_PATH a link as the last component is opened itself, never followed; openat2(2), RESOLVE_NO_SYMLINKS.
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(directory, piece, flags, Mode::empty(), resolve)
}

/// Cuts a relative path at slashes into pieces that the kernel takes.
fn pieces(path: &Path) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    for part in path.as_os_str().as_bytes().split(|byte| *byte == b'/') {
        if part.is_empty() {
            continue;
        }
        match pieces.last_mut() {
            Some(last) if last.len() + part.len() < PIECE_BYTES => {
                last.push(b'/');
                last.extend_from_slice(part);
            }
            _ => pieces.push(part.to_vec()),
        }
    }
    pieces
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_cut_at_slashes() {
        let long = "abcdefg/".repeat(1000);
        let cut = pieces(Path::new(&long));
        assert!(cut.iter().all(|piece| piece.len() <= PIECE_BYTES));
        assert_eq!(cut.join(&b'/'), long.trim_end_matches('/').as_bytes());
        assert!(cut.len() > 1);
    }

    #[test]
    fn a_path_that_climbs_or_is_relative_is_refused() {
        assert!(find_directory(Path::new("/usr/../etc")).is_err());
        assert!(find_directory(Path::new("etc")).is_err());
        assert!(find_directory(Path::new("/usr")).unwrap().is_some());
    }
}
