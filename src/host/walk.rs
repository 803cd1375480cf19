//! Walks a tree that its owner may change meanwhile: relative to descriptors, following no link, entering no mount.
//!
//! A directory is read to its end before its subdirectories are entered, its entries in the order of their inodes. Their packed names wait on a stack that all
//! workers share, so that memory grows with the subdirectories still to be entered, a name each, not with the files.

mod listing;
mod node;

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::RawDir;
use rustix::io::Errno;

use super::attributes::take_own_place;
use super::beneath::{find_directory, open_beneath};
use super::context::Context;
use super::entry::Stat;
use super::{HostError, Result};

use listing::Names;
pub(super) use listing::{Listing, PART};
pub use node::KEPT_OPEN;
use node::{Kept, Node};
pub(super) use node::{READ_DIRECTORY, most_dispensable};

/// How many workers a change of owners gains from: the second one halves the time, more gain nothing on two cores.
pub const WORKERS: usize = 2;

/// An entry that a walk met.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The directory that the walk began at.
    pub root: &'a Path,
    /// The path relative to it; empty for the root itself.
    pub path: &'a Path,
    /// What the kernel says of it.
    pub stat: Stat,
    /// The directory that it lies in; the root itself for the root.
    pub directory: BorrowedFd<'a>,
    /// Its name there; `.` for the root.
    pub name: &'a CStr,
    /// The inode number that the directory lists for it. Some file systems, overlays among them, list another one than
    /// statx(2) tells.
    pub listed_inode: u64,
}

/// Whether a walk goes into a directory that it met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It does.
    Enter,
    /// It passes it by.
    Pass,
}

/// What looks at the entries of a walk; one for each worker.
pub trait Visitor {
    /// Looks at an entry, a directory before what it holds. The answer counts for directories.
    fn visit(&mut self, entry: &Entry<'_>) -> Result<Then>;

    /// Is told that the entries of a directory follow; the path is relative to the root.
    fn begin(&mut self, _root: &Path, _path: &Path, _directory: BorrowedFd<'_>) -> Result<()> {
        Ok(())
    }

    /// Looks at an entry where another file system is mounted; it is not entered.
    fn meet_mount(&mut self, _entry: &Entry<'_>) {}
}

/// What a walk did not visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unvisited {
    /// Entries where another file system is mounted.
    pub mounts: u64,
    /// Directories that were moved away while they were walked.
    pub moved: u64,
}

/// Visits the root and everything below it, a directory before what it holds, the entries of a directory together.
///
/// Entries that vanish meanwhile are passed over; a root that is not there is an empty walk.
pub fn walk(root: &Path, visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<Unvisited> {
    struct Everything<'v>(&'v mut dyn FnMut(&Entry<'_>) -> Result<()>);
    impl Visitor for Everything<'_> {
        fn visit(&mut self, entry: &Entry<'_>) -> Result<Then> {
            (self.0)(entry).map(|()| Then::Enter)
        }
    }
    walk_alone(root, &mut Everything(visit))
}

/// Visits the tree in this thread alone, and enters only what the visitor wants entered.
pub fn walk_alone(root: &Path, visitor: &mut dyn Visitor) -> Result<Unvisited> {
    let Some(walk) = Walk::begin(root, visitor)? else {
        return Ok(Unvisited::default());
    };
    walk.work(visitor)?;
    Ok(walk.end())
}

/// Visits the tree with a thread for each visitor; which of them meets an entry is left to chance.
pub fn walk_together<V: Visitor + Send>(root: &Path, visitors: &mut [V]) -> Result<Unvisited> {
    let Some(first) = visitors.first_mut() else {
        return Ok(Unvisited::default());
    };
    let Some(walk) = Walk::begin(root, first)? else {
        return Ok(Unvisited::default());
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = visitors
            .iter_mut()
            .map(|visitor| {
                scope.spawn(|| {
                    take_own_place();
                    walk.work(visitor)
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(walk.end())
}

/// A walk under way.
struct Walk<'a> {
    root: &'a Path,
    state: Mutex<State>,
    /// Told when there is a directory to enter, and when there is nothing left to do.
    changed: Condvar,
}

struct State {
    /// The root, until somebody reads it.
    first: Option<Arc<Node>>,
    /// The directories whose subdirectories wait, the innermost last.
    waiting: Vec<Waiting>,
    /// The workers that read a directory right now.
    busy: usize,
    has_failed: bool,
    kept: Kept,
    unvisited: Unvisited,
}

enum Task {
    /// A directory that is open.
    Read(Arc<Node>),
    /// A name in one.
    Enter(Arc<Node>, Vec<u8>),
}

struct Waiting {
    node: Arc<Node>,
    names: Names,
}

impl<'a> Walk<'a> {
    /// Visits the root; `None` where there is none.
    fn begin(root: &'a Path, visitor: &mut dyn Visitor) -> Result<Option<Self>> {
        let Some(directory) = find_directory(root)? else {
            return Ok(None);
        };
        let stat = Stat::of_descriptor(&directory).on("look at", root)?;
        let then = visitor.visit(&Entry {
            root,
            path: Path::new(""),
            stat,
            directory: directory.as_fd(),
            name: c".",
            listed_inode: stat.identity.inode,
        })?;
        let node = || Arc::new(Node::root(directory, stat.identity));
        Ok(Some(Self {
            root,
            state: Mutex::new(State {
                first: (then == Then::Enter).then(node),
                waiting: Vec::new(),
                busy: 0,
                has_failed: false,
                kept: Kept::default(),
                unvisited: Unvisited::default(),
            }),
            changed: Condvar::new(),
        }))
    }

    /// Reads directories until none is left.
    fn work(&self, visitor: &mut dyn Visitor) -> Result<()> {
        let mut worker = Worker::new(self, visitor);
        while let Some(task) = self.next() {
            let entered = match task {
                Task::Read(node) => worker.read(node),
                Task::Enter(parent, name) => worker.enter(parent, name),
            };
            let mut state = self.state();
            state.busy -= 1;
            state.has_failed |= entered.is_err();
            if state.has_failed || (state.busy == 0 && state.waiting.is_empty()) {
                self.changed.notify_all();
            }
            drop(state);
            entered?;
        }
        Ok(())
    }

    /// Takes a subdirectory from the stack, or waits until there is one; `None` once there will be none.
    fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.has_failed {
                return None;
            }
            if let Some(root) = state.first.take() {
                state.busy += 1;
                return Some(Task::Read(root));
            }
            while let Some(last) = state.waiting.last_mut() {
                if let Some(name) = last.names.pop() {
                    let parent = Arc::clone(&last.node);
                    state.busy += 1;
                    return Some(Task::Enter(parent, name));
                }
                state.waiting.pop();
            }
            if state.busy == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn push(&self, node: Arc<Node>, names: Names) {
        let mut state = self.state();
        state.kept.add(&node);
        state.waiting.push(Waiting { node, names });
        drop(state);
        self.changed.notify_all();
    }

    fn end(self) -> Unvisited {
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .unvisited
    }

    /// A worker that panicked leaves nothing half done behind this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's part of a walk.
struct Worker<'w, 'v> {
    walk: &'w Walk<'w>,
    visitor: &'v mut dyn Visitor,
    /// The path of the entry in hand, relative to the root.
    path: Vec<u8>,
    /// The directory that the path led to last.
    at: Option<Arc<Node>>,
    buffer: Vec<MaybeUninit<u8>>,
    listing: Listing,
}

impl<'w, 'v> Worker<'w, 'v> {
    fn new(walk: &'w Walk<'w>, visitor: &'v mut dyn Visitor) -> Self {
        Self {
            walk,
            visitor,
            path: Vec::new(),
            at: None,
            buffer: vec![MaybeUninit::uninit(); 64 * 1024],
            listing: Listing::default(),
        }
    }

    /// Opens a subdirectory and reads it.
    fn enter(&mut self, parent: Arc<Node>, name: Vec<u8>) -> Result<()> {
        parent.path_into(&mut self.path, self.at.as_ref());
        self.at = Some(Arc::clone(&parent));
        let Some(directory) = parent.open(&mut |node| self.walk.state().kept.add(node)) else {
            self.walk.state().unvisited.moved += 1;
            return Ok(());
        };
        push_name(&mut self.path, &name);
        let opened = open_beneath(
            directory.as_fd(),
            Path::new(OsStr::from_bytes(&name)),
            READ_DIRECTORY,
        );
        match opened {
            Ok(opened) => {
                let stat = Stat::of_descriptor(&opened).on("look at", &self.shown())?;
                self.read(Arc::new(Node::below(parent, name, opened, stat.identity)))
            }
            Err(error) => self.pass_over(error),
        }
    }

    fn pass_over(&self, error: std::io::Error) -> Result<()> {
        match Errno::from_io_error(&error) {
            Some(Errno::XDEV) => self.walk.state().unvisited.mounts += 1,
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            _ => return Err(error).on("open the directory", &self.shown()),
        }
        Ok(())
    }

    /// Visits all entries of an open directory and leaves the names of its subdirectories on the stack.
    fn read(&mut self, node: Arc<Node>) -> Result<()> {
        let Some(directory) = node.open(&mut |_| {}) else {
            return Ok(());
        };
        self.at = Some(Arc::clone(&node));
        let length = self.path.len();
        let path = Path::new(OsStr::from_bytes(&self.path));
        self.visitor
            .begin(self.walk.root, path, directory.as_fd())?;
        let mut names = Names::default();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut listing = std::mem::take(&mut self.listing);
        let mut entries = RawDir::new(&*directory, &mut buffer);
        let mut has_more = true;
        while has_more {
            has_more = listing
                .read_part(&mut entries, |_| true)
                .on("list", &self.shown())?;
            for (inode, name) in listing.iter() {
                push_name(&mut self.path, name.to_bytes());
                if self.meet(&directory, name, inode)? == Then::Enter {
                    names.push(name);
                }
                self.path.truncate(length);
            }
        }
        (self.buffer, self.listing) = (buffer, listing);
        if !names.is_empty() {
            self.walk.push(node, names);
        }
        Ok(())
    }

    /// Visits an entry; says whether it is a directory to enter.
    fn meet(
        &mut self,
        directory: &OwnedFd,
        name: &CStr,
        listed_inode: u64,
    ) -> Result<Then, HostError> {
        let stat = match Stat::of_name(directory, name) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Then::Pass),
            Err(error) => return Err(error).on("look at", &self.shown()),
        };
        let entry = Entry {
            root: self.walk.root,
            path: Path::new(OsStr::from_bytes(&self.path)),
            stat,
            directory: directory.as_fd(),
            name,
            listed_inode,
        };
        if stat.is_mount_root {
            self.visitor.meet_mount(&entry);
            self.walk.state().unvisited.mounts += 1;
            return Ok(Then::Pass);
        }
        let then = self.visitor.visit(&entry)?;
        Ok(if stat.is_directory() {
            then
        } else {
            Then::Pass
        })
    }

    fn shown(&self) -> PathBuf {
        self.walk.root.join(OsStr::from_bytes(&self.path))
    }
}

fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
