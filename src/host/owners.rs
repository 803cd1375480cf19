//! Gives a tree to another user and back: first the manifest, then exactly its entries, each by descriptor.
//!
//! An entry is changed only while it is the very file that the manifest names, so that a tree whose owner moves things
//! about meanwhile leads nowhere else. A file with names elsewhere (hard links) keeps its owner.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, chownat};
use rustix::io::Errno;

use super::beneath::{find_directory, open_beneath};
use super::context::{Context, foreign};
use super::entry::Stat;
use super::manifest::{Header, Reader, Record, Writer};
use super::roots::disjoint;
use super::walk::walk;
use super::{OwnerChange, OwnerReport, Result};

/// The most entries that a report names.
const NAMED: usize = 20;

/// The bits that chown(2) clears of a file.
const CLEARED_BITS: u32 = 0o6000;

/// Writes the manifest of a change unless it is there already.
pub(super) fn note_owners(change: &OwnerChange) -> Result<()> {
    open_manifest(change).map(drop)
}

/// Gives everything below the roots to one user; a complete manifest that is there already is taken.
pub(super) fn change_owners(change: &OwnerChange) -> Result<OwnerReport> {
    for_each(open_manifest(change)?, &change.manifest, give)
}

fn open_manifest(change: &OwnerChange) -> Result<Reader> {
    let OwnerChange {
        roots,
        uid,
        gid,
        manifest,
    } = change;
    if Reader::open(manifest)?.is_none() {
        write_manifest(change)?;
    }
    let Some(reader) = Reader::open(manifest)? else {
        return Err(Errno::NOENT).on("read", manifest);
    };
    let is_ours = (reader.header.uid, reader.header.gid) == (*uid, *gid)
        && reader
            .header
            .roots()
            .on("read", manifest)?
            .iter()
            .all(|root| roots.contains(root));
    if !is_ours {
        return Err(foreign(manifest, "it is the manifest of another change"));
    }
    Ok(reader)
}

/// Gives every entry of a manifest back; there being no manifest is fine.
pub(super) fn restore_owners(manifest: &Path) -> Result<OwnerReport> {
    match Reader::open(manifest)? {
        Some(reader) => for_each(reader, manifest, give_back),
        None => Ok(OwnerReport::default()),
    }
}

/// The first pass: notes what will change, and changes nothing.
pub(super) fn write_manifest(change: &OwnerChange) -> Result<()> {
    let roots = disjoint(&change.roots)?;
    let owner = (change.uid, change.gid);
    let mut writer = Writer::create(
        &change.manifest,
        &Header::new(change.uid, change.gid, &roots),
    )?;
    for (index, root) in roots.iter().enumerate() {
        let index = u16::try_from(index)
            .map_err(|_| Errno::OVERFLOW)
            .on("walk", root)?;
        walk(root, &mut |entry| {
            let stat = &entry.stat;
            if (stat.uid, stat.gid) == owner {
                return Ok(());
            }
            writer.push(&Record {
                root: index,
                path: entry.path.to_owned(),
                identity: stat.identity,
                uid: stat.uid,
                gid: stat.gid,
                mode: stat.mode,
            })
        })?;
    }
    writer.finish()
}

/// What became of one entry.
enum Outcome {
    Changed,
    /// It has nothing to be done and nothing to be said.
    Untouched,
    Left(&'static str),
}

type Treat = fn(&Found<'_>, &Header) -> Result<Outcome>;

fn for_each(mut reader: Reader, manifest: &Path, treat: Treat) -> Result<OwnerReport> {
    let mut report = OwnerReport::default();
    let mut trees = open_trees(&reader.header, manifest)?;
    while let Some(record) = reader.next().on("read", manifest)? {
        let Some(tree) = trees.get_mut(usize::from(record.root)) else {
            return Err(Errno::BADMSG).on("read", manifest);
        };
        let outcome = match tree.find(&record)? {
            Ok(found) => treat(&found, &reader.header)?,
            Err(reason) => Outcome::Left(reason),
        };
        match outcome {
            Outcome::Changed => report.changed += 1,
            Outcome::Untouched => {}
            Outcome::Left(reason) => leave(&mut report, &tree.path.join(&record.path), reason),
        }
    }
    // Nothing to make durable, and no waiting for what others write to the same file system.
    if report.changed == 0 {
        return Ok(report);
    }
    for tree in trees
        .iter()
        .filter_map(|tree| tree.root.as_ref().map(|root| (root, &tree.path)))
    {
        // Durable before the caller's journal says so.
        rustix::fs::syncfs(tree.0).on("make durable", tree.1)?;
    }
    Ok(report)
}

fn leave(report: &mut OwnerReport, path: &Path, reason: &str) {
    if report.left.len() < NAMED {
        report
            .left
            .push(format!("{}: {reason}", crate::display::path(path)));
    }
}

fn give(found: &Found<'_>, header: &Header) -> Result<Outcome> {
    let Found { record, stat, .. } = found;
    let new = (header.uid, header.gid);
    let owner = (stat.uid, stat.gid);
    if owner != new && owner != (record.uid, record.gid) {
        return Ok(Outcome::Left("somebody else gave it another owner"));
    }
    if owner != new && stat.is_file() && stat.links > 1 {
        return Ok(Outcome::Left("it has other names (hard links)"));
    }
    found.set_owner(new)?;
    Ok(Outcome::Changed)
}

fn give_back(found: &Found<'_>, header: &Header) -> Result<Outcome> {
    let Found { record, stat, .. } = found;
    let (new, old) = ((header.uid, header.gid), (record.uid, record.gid));
    let owner = (stat.uid, stat.gid);
    if owner == old && stat.is_file() && stat.links > 1 {
        return Ok(Outcome::Untouched);
    }
    if owner != new && owner != old {
        return Ok(Outcome::Left("somebody else gave it another owner"));
    }
    found.set_owner(old)?;
    Ok(Outcome::Changed)
}

/// An entry that is still the file that its record names.
struct Found<'a> {
    record: &'a Record,
    stat: Stat,
    descriptor: OwnedFd,
    tree: &'a Tree,
}

impl Found<'_> {
    fn set_owner(&self, (uid, gid): (u32, u32)) -> Result<()> {
        if (self.stat.uid, self.stat.gid) != (uid, gid) {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            chownat(
                &self.descriptor,
                "",
                Some(uid),
                Some(gid),
                AtFlags::EMPTY_PATH,
            )
            .on("change the owner of", &self.path())?;
        }
        self.restore_bits()
    }

    /// Puts back what chown(2) cleared, also where an earlier try died in between.
    fn restore_bits(&self) -> Result<()> {
        let wanted = self.record.mode & 0o7777;
        if wanted & CLEARED_BITS == 0 || !self.stat.is_file() {
            return Ok(());
        }
        let now = Stat::of_descriptor(&self.descriptor).on("look at", &self.path())?;
        let is_only_cleared = now.permissions() | CLEARED_BITS == wanted | CLEARED_BITS;
        if now.permissions() == wanted || !is_only_cleared {
            return Ok(());
        }
        // A descriptor made with O_PATH takes no mode: opened again, and compared again.
        let file = self
            .tree
            .open(&self.record.path, OFlags::RDONLY | OFlags::NONBLOCK)
            .on("open", &self.path())?;
        let again = Stat::of_descriptor(&file).on("look at", &self.path())?;
        if again.identity != self.stat.identity {
            return Ok(());
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(wanted)).on("set the mode of", &self.path())
    }

    fn path(&self) -> PathBuf {
        self.tree.path.join(&self.record.path)
    }
}

/// A root, and the directory that the last entry lay in.
struct Tree {
    path: PathBuf,
    root: Option<OwnedFd>,
    near: Option<(Vec<u8>, OwnedFd)>,
}

fn open_trees(header: &Header, manifest: &Path) -> Result<Vec<Tree>> {
    let open = |path: PathBuf| {
        let root = find_directory(&path)?;
        Ok(Tree {
            path,
            root,
            near: None,
        })
    };
    header
        .roots()
        .on("read", manifest)?
        .into_iter()
        .map(open)
        .collect()
}

impl Tree {
    /// Finds the file that a record names; `Err` says why it is not there any more.
    fn find<'a>(&'a mut self, record: &'a Record) -> Result<Result<Found<'a>, &'static str>> {
        let descriptor = match self.open_near(&record.path) {
            Ok(descriptor) => descriptor,
            Err(error) => return self.explain(error, record),
        };
        let path = self.path.join(&record.path);
        let stat = Stat::of_descriptor(&descriptor).on("look at", &path)?;
        // It was reached from its root without leaving the file system.
        if !stat.identity.is_same_but_for_device(&record.identity) {
            return Ok(Err("another file stands in its place"));
        }
        Ok(Ok(Found {
            record,
            stat,
            descriptor,
            tree: self,
        }))
    }

    fn explain<'a>(
        &self,
        error: std::io::Error,
        record: &Record,
    ) -> Result<Result<Found<'a>, &'static str>> {
        match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => Ok(Err("it is gone")),
            Some(Errno::NOTDIR | Errno::LOOP) => Ok(Err("another file stands in its way")),
            Some(Errno::XDEV) => Ok(Err("another file system is mounted there")),
            _ => Err(error).on("open", &self.path.join(&record.path)),
        }
    }

    /// Opens an entry through the directory of the one before, where it lies in it or below it.
    fn open_near(&mut self, path: &Path) -> std::io::Result<OwnedFd> {
        let bytes = path.as_os_str().as_bytes();
        let Some(slash) = bytes.iter().rposition(|byte| *byte == b'/') else {
            return self.open(path, OFlags::PATH);
        };
        let (parent, name) = bytes.split_at(slash);
        let directory = self.open_parent(parent)?;
        let opened = open_beneath(directory.as_fd(), relative(name), OFlags::PATH);
        self.near = Some((parent.to_vec(), directory));
        opened
    }

    fn open_parent(&mut self, parent: &[u8]) -> std::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        if let Some((near, directory)) = self.near.take() {
            match parent.strip_prefix(near.as_slice()) {
                Some(b"") => return Ok(directory),
                Some(rest) if rest.starts_with(b"/") => {
                    return open_beneath(directory.as_fd(), relative(rest), flags);
                }
                _ => {}
            }
        }
        self.open(Path::new(OsStr::from_bytes(parent)), flags)
    }

    fn open(&self, path: &Path, flags: OFlags) -> std::io::Result<OwnedFd> {
        match &self.root {
            Some(root) => open_beneath(root.as_fd(), path, flags),
            None => Err(Errno::NOENT.into()),
        }
    }
}

/// Takes the slash away that a rest of a path begins with.
fn relative(rest: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(rest.strip_prefix(b"/").unwrap_or(rest)))
}
