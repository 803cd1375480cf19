//! The text files of a directory, by a walk with an end.

use std::io::Read as _;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

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
    /// byte is no text. Says whether all files were read; a directory that cannot be read has none.
    pub fn texts(
        &self,
        root: &Path,
        passed: &[PathBuf],
        visit: &mut dyn FnMut(&Path, &str),
    ) -> bool {
        let mut texts = Texts {
            passed,
            visit,
            entries: 0,
            files: 0,
        };
        let walked = walk_alone(root, &mut texts);
        walked.is_ok() && texts.entries < TEXT_ENTRIES && texts.files < TEXT_FILES
    }
}

struct Texts<'t> {
    passed: &'t [PathBuf],
    visit: &'t mut dyn FnMut(&Path, &str),
    entries: usize,
    files: usize,
}

impl Visitor for Texts<'_> {
    fn visit(&mut self, entry: &Entry<'_>) -> crate::host::Result<Then> {
        self.entries += 1;
        if self.entries >= TEXT_ENTRIES || self.files >= TEXT_FILES {
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
            && let Some(text) = read(entry.directory, entry)
        {
            self.files += 1;
            (self.visit)(&path, &text);
        }
        Ok(Then::Pass)
    }
}

/// Reads a file as text; `None` where it is none, or another file took its place.
fn read(directory: BorrowedFd<'_>, entry: &Entry<'_>) -> Option<String> {
    let name = Path::new(entry.path.file_name()?);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = std::fs::File::from(open_beneath(directory, name, flags).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES).read_to_end(&mut bytes).ok()?;
    let is_text = !bytes.contains(&0);
    is_text.then(|| String::from_utf8_lossy(&bytes).into_owned())
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
        let is_whole = Reader::new().texts(room.path(), &[], &mut |_, text| {
            count += 1;
            longest = longest.max(text.len());
        });
        assert_eq!((is_whole, count), (false, TEXT_FILES));
        assert!(longest <= 256 * 1024);
    }
}
