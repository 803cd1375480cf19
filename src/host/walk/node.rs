//! The directories on the way to where a walk is: each knows its parent and its name, and the last of them are open.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::fs::OFlags;

use super::push_name;
use crate::host::beneath::open_beneath;
use crate::host::entry::{Identity, Stat};

/// The most directories that a walk keeps open, beside its root and those that are read.
pub const KEPT_OPEN: usize = 64;

/// How many levels are opened again at once, so that leaving a deep tree does not go its whole way for each of them.
const REOPENED: usize = KEPT_OPEN / 2;

/// How a walk opens directories.
pub(in crate::host) const READ_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// A directory of a walk.
pub(super) struct Node {
    parent: Option<Arc<Node>>,
    name: Vec<u8>,
    identity: Identity,
    /// The length of its path relative to the root.
    path_length: usize,
    /// `None` while it is closed; never for the root.
    descriptor: Mutex<Option<Arc<OwnedFd>>>,
}

impl Node {
    pub(super) fn root(descriptor: OwnedFd, identity: Identity) -> Self {
        Self {
            parent: None,
            name: Vec::new(),
            identity,
            path_length: 0,
            descriptor: Mutex::new(Some(Arc::new(descriptor))),
        }
    }

    pub(super) fn below(
        parent: Arc<Self>,
        name: Vec<u8>,
        descriptor: OwnedFd,
        identity: Identity,
    ) -> Self {
        let above = parent.path_length;
        let slash = usize::from(above > 0);
        Self {
            path_length: above + slash + name.len(),
            parent: Some(parent),
            name,
            identity,
            descriptor: Mutex::new(Some(Arc::new(descriptor))),
        }
    }

    /// Writes the path relative to the root. `path` holds that of an entry in `from`; where `from` lies not far below, the
    /// path only has to be cut.
    pub(super) fn path_into(self: &Arc<Self>, path: &mut Vec<u8>, from: Option<&Arc<Self>>) {
        let mut up = from;
        for _ in 0..KEPT_OPEN {
            match up {
                Some(node) if Arc::ptr_eq(node, self) => return path.truncate(self.path_length),
                Some(node) => up = node.parent.as_ref(),
                None => break,
            }
        }
        path.clear();
        for node in self.way_from(|node| node.parent.is_none()).iter().rev() {
            push_name(path, &node.name);
        }
    }

    /// Returns the open directory. One that was closed is opened again, beneath the nearest one that is open, and taken
    /// only if it is the same directory still; `opened` is told of each.
    pub(super) fn open(
        self: &Arc<Self>,
        opened: &mut dyn FnMut(&Arc<Self>),
    ) -> Option<Arc<OwnedFd>> {
        // Each is looked at once: another worker may open or close any of them meanwhile.
        let (mut closed, mut node) = (Vec::new(), self);
        let mut current = loop {
            let open = node.descriptor().clone();
            if let Some(open) = open {
                break open;
            }
            closed.push(node);
            node = node.parent.as_ref()?;
        };
        // All but the last levels at one go, and the others one by one: those will be wanted next.
        let far = closed.split_off(closed.len().min(REOPENED));
        let (mut path, mut next) = (Vec::new(), None);
        for node in far.iter().rev() {
            push_name(&mut path, &node.name);
            next = Some(node);
        }
        if let Some(node) = next {
            current = node.reopen(&current, &path)?;
            opened(node);
        }
        for node in closed.iter().rev() {
            current = node.reopen(&current, &node.name)?;
            opened(node);
        }
        Some(current)
    }

    fn reopen(&self, above: &OwnedFd, path: &[u8]) -> Option<Arc<OwnedFd>> {
        let path = Path::new(OsStr::from_bytes(path));
        let directory = open_beneath(above.as_fd(), path, READ_DIRECTORY).ok()?;
        let is_same = Stat::of_descriptor(&directory).ok()?.identity == self.identity;
        let directory = is_same.then(|| Arc::new(directory))?;
        *self.descriptor() = Some(Arc::clone(&directory));
        Some(directory)
    }

    /// Returns this directory and those above it, up to the first that is so, which is left out.
    fn way_from(self: &Arc<Self>, is_so: impl Fn(&Self) -> bool) -> Vec<&Arc<Self>> {
        let mut way = Vec::new();
        let mut node = self;
        while !is_so(node) {
            way.push(node);
            match &node.parent {
                Some(parent) => node = parent,
                None => break,
            }
        }
        way
    }

    fn descriptor(&self) -> MutexGuard<'_, Option<Arc<OwnedFd>>> {
        self.descriptor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    /// Not one in another: a tree may be deeper than a stack.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(node) = next {
            next = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

/// Returns which of the directories on a long way can be closed best, by the lengths of their paths, which rise.
///
/// It is the one that leaves the smallest gap for how far away it is, never the first or the last. So what is kept lies the
/// further apart the further it is away, and coming back up opens each level only a few times, however deep it was.
pub(in crate::host) fn most_dispensable<T>(kept: &[T], length: impl Fn(&T) -> usize) -> usize {
    let end = kept.last().map_or(0, &length);
    let mut best = (0, 0, 1);
    for (index, three) in kept.windows(3).enumerate() {
        let [before, own, after] = three else {
            continue;
        };
        let gap = length(after) - length(before);
        let distance = end - length(own);
        // gap / distance < best gap / best distance
        if index == 0 || gap * best.2 < best.1 * distance {
            best = (index + 1, gap, distance);
        }
    }
    best.0
}

/// The directories that a walk keeps open, by the lengths of their paths.
#[derive(Default)]
pub(super) struct Kept(Vec<(usize, Weak<Node>)>);

impl Kept {
    /// Takes an open directory in, and closes another one if there are too many.
    pub(super) fn add(&mut self, node: &Arc<Node>) {
        if node.parent.is_some() {
            let length = node.path_length;
            let at = self.0.partition_point(|(other, _)| *other <= length);
            self.0.insert(at, (length, Arc::downgrade(node)));
        }
        if self.0.len() > KEPT_OPEN {
            self.0.retain(|(_, node)| node.strong_count() > 0);
        }
        if self.0.len() > KEPT_OPEN {
            let (_, closed) = self
                .0
                .remove(most_dispensable(&self.0, |(length, _)| *length));
            if let Some(closed) = closed.upgrade() {
                *closed.descriptor() = None;
            }
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes the directories it opens, and may panic"
)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_others_open_and_close_meanwhile_is_opened() {
        let room = tempfile::tempdir().unwrap();
        std::fs::create_dir(room.path().join("a")).unwrap();
        let open = |path: &Path| {
            let descriptor = OwnedFd::from(std::fs::File::open(path).unwrap());
            let identity = Stat::of_descriptor(&descriptor).unwrap().identity;
            (descriptor, identity)
        };
        let (descriptor, identity) = open(room.path());
        let top = Arc::new(Node::root(descriptor, identity));
        let (descriptor, identity) = open(&room.path().join("a"));
        let below = Arc::new(Node::below(top, b"a".to_vec(), descriptor, identity));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        assert!(below.open(&mut |_| {}).is_some());
                        *below.descriptor() = None;
                    }
                });
            }
        });
    }
}
