//! Follows files with several names until all of them were met.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::host::entry::Stat;
use crate::inventory::Census;

/// The most files of which the first name is kept, to be shown.
const SHOWN: usize = 1_000;

/// Files with names that were not met yet.
#[derive(Default)]
pub(super) struct Names {
    /// By device and inode.
    open: HashMap<(u64, u64), Left>,
    shown: usize,
    /// Names of files that there was no room for.
    pub(super) lost: u64,
}

/// What is left of a file's names.
struct Left {
    names: u32,
    /// The first name that was met, of some of the files.
    first: Option<PathBuf>,
}

impl Names {
    /// Notes a name of a regular file that has several.
    pub(super) fn meet(&mut self, stat: &Stat, path: impl FnOnce() -> PathBuf) {
        let key = (stat.identity.device, stat.identity.inode);
        if let Some(left) = self.open.get_mut(&key) {
            left.names -= 1;
            if left.names == 0 {
                let done = self.open.remove(&key);
                self.shown -= usize::from(done.is_some_and(|it| it.first.is_some()));
            }
            return;
        }
        if self.open.len() >= Census::FOLLOWED {
            self.lost += 1;
            return;
        }
        let first = (self.shown < SHOWN).then(path);
        self.shown += usize::from(first.is_some());
        let names = stat.links - 1;
        self.open.insert(key, Left { names, first });
    }

    /// Returns how many files have names that were not met, and the first names of some.
    pub(super) fn outside(self) -> (u64, Vec<PathBuf>) {
        let count = self.open.len() as u64;
        let mut shown: Vec<_> = self.open.into_values().filter_map(|it| it.first).collect();
        shown.sort();
        (count, shown)
    }
}
