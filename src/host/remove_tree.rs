//! Removes a directory of ocmigrate's own with everything in it, relative to descriptors: no link is followed, no mount
//! entered.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

use super::Result;
use super::beneath::{Place, open_beneath};
use super::context::{Context, foreign};
use super::files::names;

/// Removes the directory; there being none is fine. One of another kind, or with something mounted in it, is refused.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    let Some(place) = Place::find(path)? else {
        return Ok(());
    };
    if remove(&place.directory, place.name, path)? == Removed::NoDirectory {
        return Err(foreign(path, "it is no directory"));
    }
    place.sync()
}

#[derive(PartialEq, Eq)]
enum Removed {
    Gone,
    NoDirectory,
}

fn remove(parent: &OwnedFd, name: &OsStr, path: &Path) -> Result<Removed> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = match open_beneath(parent.as_fd(), Path::new(name), flags) {
        Ok(directory) => directory,
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => return Ok(Removed::Gone),
            Some(Errno::NOTDIR | Errno::LOOP) => return Ok(Removed::NoDirectory),
            _ => return Err(error).on("open the directory", path),
        },
    };
    for entry in names(&directory).on("list", path)? {
        let below = path.join(&entry);
        if remove(&directory, &entry, &below)? == Removed::NoDirectory {
            rustix::fs::unlinkat(&directory, &entry, AtFlags::empty()).on("remove", &below)?;
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR).on("remove the directory", path)?;
    Ok(Removed::Gone)
}
