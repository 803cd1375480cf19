//! The open directories on the way to where a worker is.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::host::beneath::open_beneath;
use crate::host::walk::{KEPT_OPEN, READ_DIRECTORY, most_dispensable};

/// A directory that a change began at.
pub(super) struct Root {
    pub(super) path: PathBuf,
    /// `None` where it is gone.
    pub(super) directory: Option<OwnedFd>,
}

/// Opens directories, each from the nearest one on its way that is open already, and follows no link.
pub(super) struct Trail<'r> {
    roots: &'r [Root],
    root: u16,
    path: Vec<u8>,
    /// Directories on the way to `path`: the length of the path up to each, and the descriptor.
    open: Vec<(usize, OwnedFd)>,
    /// How many directories were opened.
    #[cfg(test)]
    pub(super) opened: usize,
}

impl<'r> Trail<'r> {
    pub(super) fn new(roots: &'r [Root]) -> Self {
        Self {
            roots,
            root: 0,
            path: Vec::new(),
            open: Vec::new(),
            #[cfg(test)]
            opened: 0,
        }
    }

    /// Returns the path of a root.
    pub(super) fn root(&self, root: u16) -> io::Result<&'r Root> {
        let root = self.roots.get(usize::from(root));
        root.ok_or_else(|| Errno::BADMSG.into())
    }

    /// Opens a directory by its path relative to a root.
    pub(super) fn go(&mut self, root: u16, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if root != self.root {
            self.open.clear();
            self.root = root;
        }
        let is_on_the_way = |length: usize| {
            let rest = path.get(length..).unwrap_or_default();
            path.get(..length) == self.path.get(..length)
                && (rest.is_empty() || rest.starts_with(b"/"))
                && path.len() >= length
        };
        // The deepest first: most paths go on where the last one was.
        let kept = self
            .open
            .iter()
            .rposition(|(length, _)| is_on_the_way(*length));
        self.open.truncate(kept.map_or(0, |last| last + 1));
        let mut length = self.open.last().map_or(0, |(length, _)| *length);
        path.clone_into(&mut self.path);
        while length < path.len() {
            let begin = if length == 0 { 0 } else { length + 1 };
            let rest = path.get(begin..).unwrap_or_default();
            let name = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            let directory = self.at()?;
            let opened = open_beneath(
                directory,
                Path::new(OsStr::from_bytes(name)),
                READ_DIRECTORY,
            )?;
            length = begin + name.len();
            self.open.push((length, opened));
            #[cfg(test)]
            {
                self.opened += 1;
            }
            if self.open.len() > KEPT_OPEN {
                let index = most_dispensable(&self.open, |(length, _)| *length);
                self.open.remove(index);
            }
        }
        self.at()
    }

    /// Returns the directory that was opened last.
    fn at(&self) -> io::Result<BorrowedFd<'_>> {
        match self.open.last() {
            Some((_, directory)) => Ok(directory.as_fd()),
            None => match &self.root(self.root)?.directory {
                Some(root) => Ok(root.as_fd()),
                None => Err(Errno::NOENT.into()),
            },
        }
    }
}
