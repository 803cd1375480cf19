//! Room on the disk that is kept for the journal: a run that has begun must be able to end when the disk is full.
#![expect(
    clippy::disallowed_methods,
    reason = "it lies beside the journal and is this room's alone"
)]

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// A run and its rollback write about 40 KB.
const BYTES: u64 = 1024 * 1024;

/// Takes the room. Blocks that are allocated cannot be taken by others; `posix_fallocate(3)`.
pub(super) fn take(journal: &Path) -> io::Result<()> {
    let path = path(journal);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)?;
    let taken = fallocate(&file, FallocateFlags::empty(), 0, BYTES)
        .map_err(io::Error::from)
        .and_then(|()| file.sync_all());
    if taken.is_err() {
        release(journal)?;
    }
    taken
}

/// Gives the room back.
pub(super) fn release(journal: &Path) -> io::Result<()> {
    match fs::remove_file(path(journal)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn path(journal: &Path) -> PathBuf {
    journal.with_extension("reserve")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_room_is_really_taken_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let journal = directory.path().join("journal.jsonl");
        take(&journal).unwrap();
        take(&journal).unwrap();
        let blocks = fs::metadata(path(&journal)).unwrap().blocks();
        assert!(blocks * 512 >= BYTES, "{blocks} blocks");
        release(&journal).unwrap();
        release(&journal).unwrap();
        assert!(!path(&journal).exists());
    }
}
