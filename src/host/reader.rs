//! The read-only door to the host that a scan goes through: files, processes, sockets and what service managers say.
//!
//! A [`Reader`] has no method that changes anything. Everything that it reads has a limit; what stands at a path is looked at
//! before it is opened, and opened only if it is a regular file: a pipe in its place cannot hold a scan up, and no device is
//! touched.
#![expect(
    clippy::disallowed_methods,
    reason = "a scan reads the host here, and only here"
)]

mod error;
mod find;
mod machine;
mod mounts;
mod open;
mod passwd;
mod process;
mod program;
mod socket;
mod texts;
mod weight;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use open::{first, open, whole};

pub use super::listening::Listener;
pub use error::{ReadError, Result};
pub use machine::MachineFacts;
pub use process::{Glance, ProcessDetails};
pub use socket::Connection;
pub use texts::{TEXT_BYTES, TEXT_ENTRIES, TEXT_FILES, USER_TEXT_BYTES, USER_TEXT_ENTRIES};
pub use weight::Weight;

/// The most bytes of a file that is read at once: 10 MiB.
pub const FILE_LIMIT: u64 = 10 * 1024 * 1024;
/// The most paths of which it is kept why they were not read.
pub const REFUSED_LIMIT: usize = 1_000;
/// The most entries of a directory that are listed.
pub const LIST_LIMIT: usize = 10_000;

/// What stands at a path; a link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
}

/// The read-only door to the host. It keeps what it refused to read, to be told at the end.
#[derive(Debug, Default)]
pub struct Reader {
    refused: Mutex<BTreeMap<PathBuf, String>>,
    names: Mutex<HashMap<OsString, HashSet<OsString>>>,
    /// What the text files of each user's directories cost so far.
    spent: Mutex<BTreeMap<u32, texts::Spent>>,
}

impl Reader {
    /// Opens the door to the machine that this process runs on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether every process and file can be seen, that is whether this process runs as root.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// Notes that something there is passed over; the first reason for a path counts.
    pub fn refuse(&self, path: &Path, why: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < REFUSED_LIMIT || refused.contains_key(path) {
            let why = || why.to_owned();
            refused.entry(path.to_path_buf()).or_insert_with(why);
        } else {
            let why = format!("more than {REFUSED_LIMIT} things: the others are not told");
            refused.entry(PathBuf::new()).or_insert(why);
        }
    }

    /// Returns what was passed over since the last call, with the reason; at most [`REFUSED_LIMIT`] paths, and where there were
    /// more, that there were, for an empty path.
    #[must_use]
    pub fn take_refused(&self) -> BTreeMap<PathBuf, String> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *refused)
    }

    /// Reads a regular file of at most [`FILE_LIMIT`] bytes, through links; `None` where there is none.
    ///
    /// What cannot be read is also kept for [`Self::take_refused`].
    pub fn file(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        self.file_within(path, FILE_LIMIT)
    }

    /// Reads a file as [`Self::file`] does, with a limit of its own.
    pub fn file_within(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
        let read = whole(path, limit);
        if let Err(error) = &read {
            self.refuse(path, &error.with_cause());
        }
        read
    }

    /// Reads the first bytes of a regular file, at most `limit`, through links; `None` where there is none.
    pub fn head(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some((file, _)) = open(path)? else {
            return Ok(None);
        };
        first(file, path, limit).map(Some)
    }

    /// Reads a file of which only the end matters: at most `limit` bytes, the first of them maybe amid a line.
    pub fn tail(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
        use std::io::{Seek as _, SeekFrom};
        let Some((mut file, length)) = open(path)? else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(length.saturating_sub(limit)))
            .map_err(|source| ReadError::Io {
                path: path.into(),
                source,
            })?;
        first(file, path, limit).map(Some)
    }

    /// Returns what stands at a path; `None` where nothing does, or where it may not be seen.
    #[must_use]
    pub fn kind(&self, path: &Path) -> Option<Kind> {
        let kind = fs::symlink_metadata(path).ok()?.file_type();
        Some(match () {
            () if kind.is_symlink() => Kind::Link,
            () if kind.is_file() => Kind::File,
            () if kind.is_dir() => Kind::Directory,
            () => Kind::Other,
        })
    }

    /// Returns the user and group ids of what stands at a path.
    #[must_use]
    pub fn owner(&self, path: &Path) -> Option<(u32, u32)> {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some((metadata.uid(), metadata.gid()))
    }

    /// Returns how many names a file has, links not followed; more than one are hard links.
    #[must_use]
    pub fn names(&self, path: &Path) -> Option<u64> {
        Some(fs::symlink_metadata(path).ok()?.nlink())
    }

    /// Returns the permission bits of what stands at a path, through links; chmod(2).
    #[must_use]
    pub fn mode(&self, path: &Path) -> Option<u32> {
        Some(fs::metadata(path).ok()?.mode() & 0o7777)
    }

    /// Returns the path with its links resolved, or as it is where that cannot be done.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
    }

    /// Returns whether a directory had an entry of this name when it was first asked about: it is listed once, not opened for
    /// each of many names. Of a directory with more than [`LIST_LIMIT`] names, those after them are taken to be there.
    #[must_use]
    pub fn had_name(&self, directory: &Path, name: &OsStr) -> bool {
        let mut all = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let names = all
            .entry(directory.as_os_str().to_owned())
            .or_insert_with(|| self.list(directory).into_iter().collect());
        names.contains(name) || names.len() >= LIST_LIMIT
    }

    /// Returns the names in a directory, sorted; at most [`LIST_LIMIT`], none where it cannot be read.
    #[must_use]
    pub fn list(&self, path: &Path) -> Vec<OsString> {
        let Ok(entries) = fs::read_dir(path) else {
            return Vec::new();
        };
        let mut entries = entries.flatten();
        let names = entries.by_ref().take(LIST_LIMIT);
        let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
        if entries.next().is_some() {
            let shown = crate::display::path(path);
            self.refuse(
                path,
                &format!("list `{shown}`: more than {LIST_LIMIT} names"),
            );
        }
        names.sort();
        names
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_in_the_place_of_a_file_does_not_hold_the_reader_up() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("openclaw.json");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        let reader = Reader::new();
        let answer = reader.file(&pipe);
        assert!(matches!(answer, Err(ReadError::NotRegular { .. })));
        let refused = reader.take_refused();
        assert!(
            refused.get(&pipe).unwrap().ends_with("not a regular file"),
            "{refused:?}"
        );
        assert!(reader.take_refused().is_empty());
    }

    #[test]
    fn what_is_no_file_is_not_even_opened() {
        use rustix::fs::inotify;
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("openclaw.json");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "x").unwrap();
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        for path in [&pipe, &file] {
            inotify::add_watch(&watch, path, inotify::WatchFlags::OPEN).unwrap();
        }
        let is_opened = || rustix::io::read(&watch, &mut [0; 4096]).is_ok();
        let reader = Reader::new();
        assert!(reader.file(&pipe).is_err());
        assert!(reader.head(&pipe, 2).is_err());
        assert!(reader.tail(&pipe, 2).is_err());
        assert!(!is_opened());
        assert!(reader.file(&file).is_ok());
        assert!(is_opened());
    }

    #[test]
    fn a_null_device_is_nothing_and_a_loop_of_links_says_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (masked, link) = (
            directory.path().join("masked"),
            directory.path().join("link"),
        );
        std::os::unix::fs::symlink("/dev/null", &masked).unwrap();
        std::os::unix::fs::symlink("link", &link).unwrap();
        let reader = Reader::new();
        assert!(reader.file(&masked).unwrap().is_none());
        assert!(reader.file(&link).is_err());
        let refused = reader.take_refused();
        assert_eq!(refused.keys().collect::<Vec<_>>(), [&link]);
        assert!(
            refused.get(&link).unwrap().contains("symbolic links"),
            "{refused:?}"
        );
    }

    #[test]
    fn what_is_passed_over_beyond_the_limit_is_told_as_more() {
        let reader = Reader::new();
        let refuse = |from: usize, to: usize| {
            let paths = (from..to).map(|number| PathBuf::from(format!("/{number}")));
            paths.for_each(|path| reader.refuse(&path, "no"));
        };
        refuse(0, REFUSED_LIMIT);
        refuse(0, REFUSED_LIMIT);
        assert_eq!(reader.take_refused().len(), REFUSED_LIMIT);
        refuse(0, REFUSED_LIMIT + 5);
        let refused = reader.take_refused();
        assert_eq!(refused.len(), REFUSED_LIMIT + 1);
        assert!(refused.get(Path::new("")).unwrap().starts_with("more than"));
    }

    #[test]
    fn a_file_larger_than_the_limit_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("huge");
        let file = fs::File::create(&path).unwrap();
        file.set_len(FILE_LIMIT).unwrap();
        assert_eq!(
            Reader::new().file(&path).unwrap().map(|it| it.len() as u64),
            Some(FILE_LIMIT)
        );
        file.set_len(FILE_LIMIT + 1).unwrap();
        let answer = Reader::new().file(&path);
        assert!(matches!(answer, Err(ReadError::TooLarge { .. })));
    }

    #[test]
    fn the_head_and_the_tail_of_a_file_are_its_first_and_last_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(Reader::new().tail(&path, 4).unwrap().unwrap(), b"two\n");
        assert_eq!(Reader::new().tail(&path, 99).unwrap().unwrap().len(), 8);
        assert_eq!(Reader::new().head(&path, 3).unwrap().unwrap(), b"one");
    }

    #[test]
    fn a_directory_is_asked_once_for_its_names() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "").unwrap();
        let reader = Reader::new();
        let has = |reader: &Reader, name: &str| reader.had_name(directory.path(), name.as_ref());
        assert!(has(&reader, "a") && !has(&reader, "b"));
        fs::write(directory.path().join("b"), "").unwrap();
        assert!(!has(&reader, "b") && has(&Reader::new(), "b"));
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let reader = Reader::new();
        assert!(
            reader
                .file(Path::new("/nonexistent/file"))
                .unwrap()
                .is_none()
        );
        assert!(reader.file(Path::new("/dev/null/file")).unwrap().is_none());
        assert!(reader.list(Path::new("/nonexistent")).is_empty());
        assert_eq!(reader.kind(Path::new("/nonexistent")), None);
    }
}
