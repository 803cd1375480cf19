//! The first pass: notes what will change, and changes nothing.

use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::Done;
use crate::host::attributes::has_capabilities;
use crate::host::beneath::find_directory;
use crate::host::context::Context as _;
use crate::host::manifest::{Header, Noted, Packer, Writer};
use crate::host::roots::disjoint;
use crate::host::walk::{Entry, PART, Then, Visitor, WORKERS, walk_together};
use crate::host::{OwnerChange, OwnerReport, Result, keeps};

/// Writes the manifest of a change, durably; reports how much was noted, and what keeps its owner.
pub(super) fn write_manifest(change: &OwnerChange) -> Result<OwnerReport> {
    let roots = disjoint(&change.roots)?;
    let header = Header::new(change.uid, change.gid, &roots);
    let writer = Mutex::new(Writer::create(&change.manifest, &header)?);
    let mut noters: Vec<_> = (0..WORKERS)
        .map(|_| Noter::new((change.uid, change.gid), &writer))
        .collect();
    for (index, root) in roots.iter().enumerate() {
        let index = u16::try_from(index)
            .map_err(|_| Errno::OVERFLOW)
            .on("walk", root)?;
        let keeps_births = keeps_births(root)?;
        for noter in &mut noters {
            noter.begin_at(index, keeps_births)?;
        }
        walk_together(root, &mut noters)?;
    }
    let mut all = Vec::new();
    for mut noter in noters {
        noter.end()?;
        all.push(noter.done);
    }
    let writer = writer.into_inner();
    writer.unwrap_or_else(PoisonError::into_inner).finish()?;
    Ok(Done::report(all))
}

/// Whether a file keeps its time of birth as long as it lives. On an overlay it does not: what lies in a lower layer is
/// copied up when it is first changed, by a change of its owner too, and born anew then. There a file is known by its number
/// and its owner alone: one that got a noted number since, in the same directory, is given to whom the old one belonged.
fn keeps_births(root: &Path) -> Result<bool> {
    let Some(directory) = find_directory(root)? else {
        return Ok(true);
    };
    let file_system = rustix::fs::fstatfs(directory).on("look at", root)?;
    Ok(file_system.f_type != OVERLAY)
}

/// `OVERLAYFS_SUPER_MAGIC` of statfs(2).
const OVERLAY: rustix::fs::FsWord = 0x794c_7630;

/// One worker of the first pass.
struct Noter<'n, 'w> {
    /// Whom everything will belong to.
    owner: (u32, u32),
    /// Whether a time of birth tells which file it is.
    keeps_births: bool,
    writer: &'n Mutex<Writer<'w>>,
    packer: Packer,
    /// The directory in hand, without its runs.
    noted: Noted,
    /// What was noted in it.
    found: Vec<Found>,
    done: Done,
}

struct Found {
    inode: u64,
    owner: (u32, u32),
    born_ns: u64,
}

impl<'n, 'w> Noter<'n, 'w> {
    fn new(owner: (u32, u32), writer: &'n Mutex<Writer<'w>>) -> Self {
        Self {
            owner,
            keeps_births: true,
            writer,
            packer: Packer::default(),
            noted: Noted::default(),
            found: Vec::new(),
            done: Done::default(),
        }
    }

    /// Goes on with another root.
    fn begin_at(&mut self, root: u16, keeps_births: bool) -> Result<()> {
        self.pack()?;
        self.keeps_births = keeps_births;
        self.noted = Noted {
            root,
            ..Noted::default()
        };
        Ok(())
    }

    /// Packs what was noted of the directory in hand.
    fn pack(&mut self) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_unstable_by_key(|found| found.inode);
        for found in self.found.drain(..) {
            self.noted.push(found.inode, found.owner, found.born_ns);
        }
        self.done.changed += self.noted.entries();
        self.packer.push(&self.noted);
        self.noted.runs.clear();
        self.noted.last_born_ns = 0;
        if self.packer.is_full() {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.add(&mut self.packer)
    }

    fn end(&mut self) -> Result<()> {
        self.pack()?;
        self.write()
    }

    fn note(&mut self, entry: &Entry<'_>) -> Result<()> {
        let stat = &entry.stat;
        let owner = (stat.uid, stat.gid);
        if owner == self.owner {
            return Ok(());
        }
        if let Some(reason) = keeps::reason(stat, || has_capabilities(entry.directory, entry.name))
        {
            self.done.leave(entry.root, entry.path, reason);
            return Ok(());
        }
        self.noted.lists_others |= entry.listed_inode != stat.identity.inode;
        self.found.push(Found {
            inode: stat.identity.inode,
            owner,
            born_ns: if self.keeps_births {
                stat.identity.born_ns
            } else {
                u64::MAX
            },
        });
        if self.found.len() == PART {
            self.pack()?;
        }
        Ok(())
    }
}

impl Visitor for Noter<'_, '_> {
    fn visit(&mut self, entry: &Entry<'_>) -> Result<Then> {
        let is_root = entry.path.as_os_str().is_empty();
        self.noted.is_itself = is_root;
        self.note(entry)?;
        if is_root {
            self.pack()?;
        }
        Ok(Then::Enter)
    }

    fn begin(&mut self, _root: &Path, path: &Path, _directory: BorrowedFd<'_>) -> Result<()> {
        self.pack()?;
        self.noted.path = path.as_os_str().as_bytes().to_vec();
        self.noted.is_itself = false;
        self.noted.lists_others = false;
        Ok(())
    }
}
