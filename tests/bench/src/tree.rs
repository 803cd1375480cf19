//! A tidy tree to count and to give away: directories of twenty files, a hundred of them in each of the upper ones.

use std::fs::{self, File};
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// The files in a directory.
const FILES: u64 = 20;
/// The directories in an upper one, itself included.
const DIRECTORIES: u64 = 100;
/// The user and group that everything belongs to.
pub(crate) const OWNER: u32 = 64_101;

/// A tree in a directory of its own, which goes when it is dropped.
pub(crate) struct Tree {
    room: tempfile::TempDir,
    /// The entries below the root, and the root.
    pub(crate) entries: u64,
}

impl Tree {
    /// Makes a tree of this many entries, its root not counted, rounded down to whole directories.
    pub(crate) fn make(under: &Path, entries: u64) -> Outcome<Self> {
        let room = tempfile::Builder::new()
            .prefix("ocmigrate-bench.")
            .tempdir_in(under)?;
        let tree = Self {
            entries: entries / (FILES + 1) * (FILES + 1) + 1,
            room,
        };
        fs::create_dir(tree.root())?;
        lchown(tree.root(), Some(OWNER), Some(OWNER))?;
        for number in 0..entries / (FILES + 1) {
            fill(&tree.directory(number), number)?;
        }
        Ok(tree)
    }

    /// Returns the root.
    pub(crate) fn root(&self) -> PathBuf {
        self.room.path().join("tree")
    }

    /// Returns a place beside the tree.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// Writes the paths of one file in a hundred to a file beside the tree; returns it and how many they are.
    pub(crate) fn list_one_in_a_hundred(&self) -> Outcome<(PathBuf, u64)> {
        let (mut text, mut count) = (String::new(), 0);
        for number in (0..self.entries / (FILES + 1)).step_by(5) {
            let file = self.directory(number).join("file-07.json");
            text.push_str(&format!("{}\n", file.display()));
            count += 1;
        }
        let list = self.beside("list");
        fs::write(&list, text)?;
        Ok((list, count))
    }

    fn directory(&self, number: u64) -> PathBuf {
        let upper = self
            .root()
            .join(format!("upper-{:03}", number / DIRECTORIES));
        match number % DIRECTORIES {
            0 => upper,
            lower => upper.join(format!("lower-{lower:02}")),
        }
    }
}

/// Makes a directory with its files; they have a size, and take no room on the disk.
fn fill(directory: &Path, number: u64) -> Outcome {
    fs::create_dir(directory)?;
    lchown(directory, Some(OWNER), Some(OWNER))?;
    for file in 0..FILES {
        let path = directory.join(format!("file-{file:02}.json"));
        File::create_new(&path)?.set_len(number % 1000 + file)?;
        lchown(&path, Some(OWNER), Some(OWNER))?;
    }
    Ok(())
}
