//! Files of a tree by the end of their names, and files to be read piece by piece.

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::Reader;
use crate::host::walk::walk;

/// The most files that are found.
const FOUND: usize = 1_000;

impl Reader {
    /// Returns the regular files below a directory whose names end so, sorted; at most a thousand. Links are not followed.
    #[must_use]
    pub fn files_ending(&self, root: &Path, end: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let walked = walk(root, &mut |entry| {
            let name = entry.path.as_os_str().as_bytes();
            if entry.stat.is_file() && name.ends_with(end.as_bytes()) && found.len() < FOUND {
                found.push(entry.root.join(entry.path));
            }
            Ok(())
        });
        if walked.is_err() {
            return Vec::new();
        }
        found.sort();
        found
    }

    /// Opens a regular file for reading, through links; `None` where there is none, or it may not be read.
    #[must_use]
    pub fn open(&self, path: &Path) -> Option<File> {
        super::open(path).ok()?.map(|(file, _)| file)
    }
}
