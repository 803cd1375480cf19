//! The directories and files of systemd's units, each read once: the managers of all users look into most of them.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

use crate::host::reader::{Kind, Reader};

/// The most bytes of one unit file: far more than any has.
pub(super) const UNIT_LIMIT: u64 = 256 * 1024;
/// The most bytes of all unit files together: they are kept, and any user can write many.
const ALL_LIMIT: usize = 64 * 1024 * 1024;

/// What is known by its path, compared as bytes.
type Known<T> = RefCell<HashMap<OsString, T>>;

/// What was read so far.
pub(super) struct Shelf<'r> {
    pub(super) reader: &'r Reader,
    lists: Known<Rc<[OsString]>>,
    texts: Known<Option<Rc<str>>>,
    bytes: Cell<usize>,
    /// The shared units that start nothing, whoever's manager runs them.
    barren: RefCell<HashSet<OsString>>,
    paths: Known<Rc<Path>>,
    directories: Known<Rc<Path>>,
}

impl<'r> Shelf<'r> {
    pub(super) fn new(reader: &'r Reader) -> Self {
        Self {
            reader,
            lists: RefCell::default(),
            texts: RefCell::default(),
            bytes: Cell::default(),
            barren: RefCell::default(),
            paths: RefCell::default(),
            directories: RefCell::default(),
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
            if self.bytes.get() > ALL_LIMIT {
                self.reader.refuse(file, &past_all(file));
                return None;
            }
            let bytes = self.reader.file_within(file, UNIT_LIMIT).ok()??;
            self.bytes.set(self.bytes.get() + bytes.len());
            Some(String::from_utf8_lossy(&bytes).into())
        })
    }

    /// Returns a path with its links resolved, as [`Reader::resolve`] does; the directory of many files once.
    pub(super) fn resolve(&self, path: &Path) -> Rc<Path> {
        once(&self.paths, path, || {
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                return self.reader.resolve(path).into();
            };
            match self.reader.kind(path) {
                Some(Kind::File) => self.directory(above).join(name).into(),
                Some(Kind::Directory | Kind::Link | Kind::Other) | None => {
                    self.reader.resolve(path).into()
                }
            }
        })
    }

    fn directory(&self, path: &Path) -> Rc<Path> {
        once(&self.directories, path, || self.reader.resolve(path).into())
    }

    /// Notes that a unit starts nothing, whoever's manager runs it.
    pub(super) fn note_barren(&self, file: &Path) {
        self.barren.borrow_mut().insert(file.as_os_str().to_owned());
    }

    pub(super) fn is_barren(&self, file: &Path) -> bool {
        self.barren.borrow().contains(file.as_os_str())
    }
}

fn past_all(file: &Path) -> String {
    let file = crate::display::path(file);
    format!("read `{file}`: unit files before it have more than 64 MiB")
}

fn once<T: Clone>(known: &Known<T>, path: &Path, read: impl FnOnce() -> T) -> T {
    let key = path.as_os_str();
    if let Some(known) = known.borrow().get(key) {
        return known.clone();
    }
    let new = read();
    known.borrow_mut().insert(key.to_owned(), new.clone());
    new
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes files")]
mod tests {
    use super::*;

    #[test]
    fn units_beyond_the_limits_are_no_texts_and_are_told() {
        let home = tempfile::tempdir().expect("a directory");
        let limit = usize::try_from(UNIT_LIMIT).expect("fits");
        let make = |name: &str, length: usize| {
            let file = home.path().join(name);
            std::fs::write(&file, vec![b' '; length]).expect("written");
            file
        };
        let reader = Reader::new();
        let shelf = Shelf::new(&reader);
        assert_eq!(shelf.text(&make("large", limit + 1)), None);
        let first = make("0", limit);
        let another = |n: u32| {
            let file = home.path().join(n.to_string());
            std::fs::hard_link(&first, &file).expect("linked");
            file
        };
        let fits: Vec<_> = (1..=260).map(another).collect();
        let read = fits.iter().filter(|it| shelf.text(it).is_some()).count();
        assert_eq!(read, ALL_LIMIT / limit + 1);
        assert_eq!(reader.take_refused().len(), 1 + 260 - read);
    }

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
