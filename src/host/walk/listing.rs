//! A part of what a directory lists, sorted by inode number.
//!
//! Directories list in the order of a hash. Asked and changed in the order of their inodes, entries lie together in the
//! tables of the file system, and those that were made together have numbers that follow each other.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::RawDir;
use rustix::io::Errno;

/// The most entries that are held at a time: 65,536 with names of 20 bytes take 2.4 MB.
pub(in crate::host) const PART: usize = if cfg!(test) { 2_048 } else { 65_536 };

/// Entries of a directory: numbers and names.
#[derive(Default)]
pub(in crate::host) struct Listing {
    /// Each ends with a zero byte.
    names: Vec<u8>,
    /// Inode numbers, and where in `names` the name begins.
    entries: Vec<(u64, usize)>,
}

impl Listing {
    /// Reads on, up to a whole part, and keeps what is wanted by its number; returns whether there may be more.
    pub(in crate::host) fn read_part<Directory: AsFd>(
        &mut self,
        directory: &mut RawDir<'_, Directory>,
        is_wanted: impl Fn(u64) -> bool,
    ) -> Result<bool, Errno> {
        self.names.clear();
        self.entries.clear();
        let mut is_full = false;
        while !is_full {
            let Some(entry) = directory.next() else {
                break;
            };
            let entry = match entry {
                Ok(entry) => entry,
                // The directory itself was removed.
                Err(Errno::NOENT) => break,
                Err(error) => return Err(error),
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") || !is_wanted(entry.ino()) {
                continue;
            }
            self.entries.push((entry.ino(), self.names.len()));
            self.names.extend_from_slice(name.to_bytes_with_nul());
            is_full = self.entries.len() == PART;
        }
        self.entries.sort_unstable();
        Ok(is_full)
    }

    /// Returns the entries, lowest inode number first.
    pub(in crate::host) fn iter(&self) -> impl Iterator<Item = (u64, &CStr)> {
        self.entries.iter().filter_map(|(inode, start)| {
            let name = CStr::from_bytes_until_nul(self.names.get(*start..)?).ok()?;
            Some((*inode, name))
        })
    }
}

/// Names of subdirectories, packed: each ends with a zero byte. They come out as they went in.
#[derive(Default)]
pub(super) struct Names {
    packed: Vec<u8>,
    next: usize,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    pub(super) fn push(&mut self, name: &CStr) {
        self.packed.extend_from_slice(name.to_bytes_with_nul());
    }

    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let name = CStr::from_bytes_until_nul(self.packed.get(self.next..)?).ok()?;
        self.next += name.count_bytes() + 1;
        Some(name.to_bytes().to_vec())
    }
}
