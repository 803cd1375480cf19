//! The text files of a directory, by a walk with an end.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use rustix::fs::OFlags;

use super::Reader;
use crate::host::beneath::open_beneath;
use crate::host::walk::{Entry, Then, Visitor, walk_alone};

/// The most entries of a directory that are looked at.
pub const TEXT_ENTRIES: usize = 50_000;
/// The most files of it that are read.
pub const TEXT_FILES: usize = 2_000;
/// The most bytes of one file that are read: 256 KiB.
pub const TEXT_BYTES: u64 = 256 * 1024;
/// The most bytes of all directories of one user that are read, binary files' beginnings included: 256 MiB.
pub const USER_TEXT_BYTES: u64 = 256 * 1024 * 1024;
/// The most entries of all directories of one user that are looked at.
pub const USER_TEXT_ENTRIES: usize = 500_000;
/// How much of a file tells whether it is text; the same as git(1) looks at, `buffer_is_binary` of xdiff-interface.c.
const TELLING_BYTES: u64 = 8000;

/// Directories of others: of package managers, version control and caches.
const PASSED: [&[u8]; 7] = [
    b".git",
    b"node_modules",
    b".venv",
    b"venv",
    b"__pycache__",
    b".cache",
    b"vendor",
];

impl Reader {
    /// Reads the text files below a directory, in the order of the directory: path and text, which is cut at [`TEXT_BYTES`].
    ///
    /// Links are not followed, other mounts, `passed` and directories of package managers not entered. What holds a zero
    /// byte is no text. What is read counts for `user`, however many directories are read for that one. Says whether all files
    /// were read; a directory that cannot be read has none.
    pub fn texts(
        &self,
        root: &Path,
        passed: &[PathBuf],
        user: u32,
        visit: &mut dyn FnMut(&Path, &str),
    ) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut texts = Texts {
            passed,
            visit,
            entries: 0,
            files: 0,
            spent: spent.entry(user).or_default(),
        };
        let walked = walk_alone(root, &mut texts);
        walked.is_ok() && !texts.is_over()
    }
}

/// What was read for a user.
#[derive(Debug, Default)]
pub(super) struct Spent {
    entries: usize,
    bytes: u64,
}

struct Texts<'t> {
    passed: &'t [PathBuf],
    visit: &'t mut dyn FnMut(&Path, &str),
    entries: usize,
    files: usize,
    spent: &'t mut Spent,
}

impl Texts<'_> {
    fn is_over(&self) -> bool {
        self.entries >= TEXT_ENTRIES
            || self.files >= TEXT_FILES
            || self.spent.entries >= USER_TEXT_ENTRIES
            || self.spent.bytes >= USER_TEXT_BYTES
    }

    /// Reads a file as text; `None` where it is none, or another file took its place.
    fn read(&mut self, entry: &Entry<'_>) -> Option<String> {
        let name = Path::new(entry.path.file_name()?);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut file = std::fs::File::from(open_beneath(entry.directory, name, flags).ok()?);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        for limit in [TELLING_BYTES, TEXT_BYTES - TELLING_BYTES] {
            let read = file.by_ref().take(limit).read_to_end(&mut bytes).ok()?;
            self.spent.bytes += read as u64;
            if bytes.contains(&0) {
                return None;
            }
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Visitor for Texts<'_> {
    fn visit(&mut self, entry: &Entry<'_>) -> crate::host::Result<Then> {
        self.entries += 1;
        self.spent.entries += 1;
        if self.is_over() {
            return Ok(Then::Pass);
        }
        let path = entry.root.join(entry.path);
        if entry.stat.is_directory() {
            let name = entry.name.to_bytes();
            let is_root = entry.path.as_os_str().is_empty();
            let is_passed = PASSED.contains(&name) || self.passed.contains(&path);
            return Ok(if is_passed && !is_root {
                Then::Pass
            } else {
                Then::Enter
            });
        }
        if entry.stat.is_file()
            && let Some(text) = self.read(entry)
        {
            self.files += 1;
            (self.visit)(&path, &text);
        }
        Ok(Then::Pass)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test makes a tree and may panic"
)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn texts_are_read_without_links_binaries_and_the_files_of_package_managers() {
        let room = tempfile::tempdir().unwrap();
        for name in ["a.md", "b/c.sh", "node_modules/d.js", "other/e.md", "zero"] {
            let path = room.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{name}\n")).unwrap();
        }
        fs::write(room.path().join("zero"), "a\0b").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", room.path().join("link")).unwrap();
        let mut seen = Vec::new();
        let is_whole = Reader::new().texts(
            room.path(),
            &[room.path().join("other")],
            7,
            &mut |path, text| {
                seen.push(format!(
                    "{} {text}",
                    path.strip_prefix(room.path()).unwrap().display()
                ));
            },
        );
        seen.sort();
        assert!(is_whole);
        assert_eq!(seen, ["a.md a.md\n", "b/c.sh b/c.sh\n"]);
        fs::write(room.path().join("big"), vec![b'x'; 300_000]).unwrap();
        for number in 0..TEXT_FILES {
            fs::write(room.path().join(format!("many-{number}")), "x").unwrap();
        }
        let (mut count, mut longest) = (0, 0);
        let is_whole = Reader::new().texts(room.path(), &[], 7, &mut |_, text| {
            count += 1;
            longest = longest.max(text.len());
        });
        assert_eq!((is_whole, count), (false, TEXT_FILES));
        assert!(longest <= 256 * 1024);
    }

    #[test]
    fn what_is_read_for_one_user_ends_over_all_directories_and_leaves_the_others_theirs() {
        let room = tempfile::tempdir().unwrap();
        fs::write(room.path().join("long"), vec![b'x'; 256 * 1024]).unwrap();
        for number in 1..100 {
            let name = room.path().join(format!("long-{number}"));
            fs::hard_link(room.path().join("long"), name).unwrap();
        }
        let reader = Reader::new();
        let read = |user: u32| {
            let mut bytes = 0;
            let is_whole = reader.texts(room.path(), &[], user, &mut |_, text| bytes += text.len());
            (is_whole, bytes as u64)
        };
        let all: u64 = (0..20).map(|_| read(7).1).sum();
        assert_eq!(all, USER_TEXT_BYTES);
        assert_eq!(read(7), (false, 0));
        assert_eq!(read(8), (true, 100 * TEXT_BYTES));
    }

    #[test]
    fn of_a_file_that_is_no_text_only_the_beginning_is_read() {
        let room = tempfile::tempdir().unwrap();
        let sparse = fs::File::create(room.path().join("sparse")).unwrap();
        sparse.set_len(TEXT_BYTES).unwrap();
        let reader = Reader::new();
        assert!(reader.texts(room.path(), &[], 7, &mut |_, _| {}));
        let spent = reader.spent.lock().unwrap();
        assert_eq!(spent.get(&7).unwrap().bytes, TELLING_BYTES);
    }
}
