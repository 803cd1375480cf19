//! Gives a tree to another user and back: first the manifest, then exactly its entries, each by descriptor.
//!
//! An entry is changed only while it is the very file that was noted, so that a tree whose owner moves things about
//! meanwhile leads nowhere else. What keeps its owner is said by [`super::keeps`]; access lists and modes of everything else
//! stay what they are, chown(2). Both passes have two workers, go by inode order, and take memory that does not grow with the
//! number of files.

mod change;
mod note;
#[cfg(test)]
mod tests;
mod trail;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::io::Errno;

use super::beneath::find_directory;
use super::context::{Context, foreign};
use super::manifest::Reader;
use super::{OwnerChange, OwnerReport, Result};
use change::{Verb, change_all};
use note::write_manifest;
use trail::Root;

/// The most entries that a report names.
const NAMED: usize = 20;

/// Writes the manifest of a change unless it is there already; reports what will change and what will not.
pub(super) fn note_owners(change: &OwnerChange) -> Result<OwnerReport> {
    if let Some(reader) = open_manifest(change)? {
        return Ok(OwnerReport {
            changed: reader.entries,
            left: Vec::new(),
        });
    }
    write_manifest(change)
}

/// Gives everything below the roots to one user; a complete manifest that is there already is taken.
pub(super) fn change_owners(change: &OwnerChange) -> Result<OwnerReport> {
    if open_manifest(change)?.is_none() {
        write_manifest(change)?;
    }
    let Some(reader) = open_manifest(change)? else {
        return Err(Errno::NOENT).on("read", &change.manifest);
    };
    carry_out(reader, &change.manifest, Verb::Give)
}

/// Gives every entry of a manifest back; there being no manifest is fine.
pub(super) fn restore_owners(manifest: &Path) -> Result<OwnerReport> {
    match Reader::open(manifest)? {
        Some(reader) => carry_out(reader, manifest, Verb::GiveBack),
        None => Ok(OwnerReport::default()),
    }
}

/// Opens the manifest of a change; one of another change is foreign.
fn open_manifest(change: &OwnerChange) -> Result<Option<Reader>> {
    let OwnerChange {
        roots,
        uid,
        gid,
        manifest,
    } = change;
    let Some(reader) = Reader::open(manifest)? else {
        return Ok(None);
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
    Ok(Some(reader))
}

fn carry_out(reader: Reader, manifest: &Path, verb: Verb) -> Result<OwnerReport> {
    let open = |path: PathBuf| {
        let directory = find_directory(&path)?;
        Ok(Root { path, directory })
    };
    let roots = reader.header.roots().on("read", manifest)?;
    let roots: Vec<Root> = roots.into_iter().map(open).collect::<Result<_>>()?;
    let owner = (reader.header.uid, reader.header.gid);
    let report = change_all(&Mutex::new(reader), manifest, &roots, owner, verb)?;
    // Nothing to make durable, and no waiting for what others write to the same file system.
    if report.changed == 0 {
        return Ok(report);
    }
    for Root { path, directory } in &roots {
        if let Some(directory) = directory {
            // Durable before the caller's journal says so.
            rustix::fs::syncfs(directory).on("make durable", path)?;
        }
    }
    Ok(report)
}

/// Runs the workers; the first error of one of them is that of all.
fn together<Worker: Send>(
    workers: &mut [Worker],
    work: impl Fn(&mut Worker) -> Result<()> + Sync,
) -> Result<()> {
    std::thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        let results: Vec<_> = handles
            .into_iter()
            .map(|handle| {
                handle
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect();
        results.into_iter().collect()
    })
}

/// Joins a path to its root, whose own path is empty.
fn join(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        return root.to_owned();
    }
    root.join(path)
}

/// What one worker did, and the first by path of what it left.
#[derive(Debug, Default)]
struct Done {
    changed: u64,
    left: BTreeSet<String>,
}

impl Done {
    /// Notes what was left; the path is relative to the root.
    fn leave(&mut self, root: &Path, path: &Path, reason: &str) {
        let path = join(root, path);
        self.left
            .insert(format!("{}: {reason}", crate::display::path(&path)));
        if self.left.len() > NAMED {
            self.left.pop_last();
        }
    }

    /// Adds up what the workers did.
    fn report(all: impl IntoIterator<Item = Self>) -> OwnerReport {
        let mut sum = Self::default();
        for Self { changed, left } in all {
            sum.changed += changed;
            sum.left.extend(left);
        }
        OwnerReport {
            changed: sum.changed,
            left: sum.left.into_iter().take(NAMED).collect(),
        }
    }
}
