//! The directories and files of systemd's units, each read once: the managers of all users look into most of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::host::reader::Reader;

/// What was read so far.
pub(super) struct Shelf<'r> {
    pub(super) reader: &'r Reader,
    lists: RefCell<BTreeMap<PathBuf, Rc<[OsString]>>>,
    texts: RefCell<BTreeMap<PathBuf, Option<Rc<str>>>>,
    paths: RefCell<BTreeMap<PathBuf, Rc<Path>>>,
}

impl<'r> Shelf<'r> {
    pub(super) fn new(reader: &'r Reader) -> Self {
        Self {
            reader,
            lists: RefCell::default(),
            texts: RefCell::default(),
            paths: RefCell::default(),
        }
    }

    /// Returns the names in a directory, as [`Reader::list`] does.
    pub(super) fn list(&self, directory: &Path) -> Rc<[OsString]> {
        once(&self.lists, directory, || {
            self.reader.list(directory).into()
        })
    }

    /// Returns the text of a regular file, through links; `None` where there is none or it cannot be read.
    pub(super) fn text(&self, file: &Path) -> Option<Rc<str>> {
        once(&self.texts, file, || {
            let bytes = self.reader.file(file).ok()??;
            Some(String::from_utf8_lossy(&bytes).into())
        })
    }

    /// Returns a path with its links resolved, as [`Reader::resolve`] does.
    pub(super) fn resolve(&self, path: &Path) -> Rc<Path> {
        once(&self.paths, path, || self.reader.resolve(path).into())
    }
}

fn once<T: Clone>(
    known: &RefCell<BTreeMap<PathBuf, T>>,
    path: &Path,
    read: impl FnOnce() -> T,
) -> T {
    if let Some(known) = known.borrow().get(path) {
        return known.clone();
    }
    let new = read();
    known.borrow_mut().insert(path.to_path_buf(), new.clone());
    new
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes files")]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_not_read_again_and_a_pipe_is_no_text() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("a.service");
        std::fs::write(&file, "one").expect("written");
        let pipe = home.path().join("pipe.service");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).expect("made");
        let reader = Reader::new();
        let shelf = Shelf::new(&reader);
        assert_eq!(shelf.list(home.path()).len(), 2);
        assert_eq!(shelf.text(&file).as_deref(), Some("one"));
        std::fs::remove_file(&file).expect("removed");
        assert_eq!(shelf.list(home.path()).len(), 2);
        assert_eq!(shelf.text(&file).as_deref(), Some("one"));
        assert_eq!(shelf.text(&pipe), None);
        assert_eq!(Shelf::new(&reader).text(&file), None);
    }
}
