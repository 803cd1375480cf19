//! Owner changes of the fake machine, with a manifest among its files and the same rules as the real ones.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::world::{FakeWorld, ROOT_OWNED};
use crate::host::context::foreign;
use crate::host::{OwnerChange, OwnerReport, Result};

#[derive(Serialize, Deserialize)]
struct Manifest {
    uid: u32,
    gid: u32,
    records: Vec<Record>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    path: PathBuf,
    inode: u64,
    uid: u32,
    gid: u32,
}

impl FakeWorld {
    pub(super) fn note_owners(&mut self, change: &OwnerChange) -> Result<OwnerReport> {
        let is_new = self.read_manifest(&change.manifest)?.is_none();
        let mut report = OwnerReport {
            changed: self.open_manifest(change)?.records.len() as u64,
            left: Vec::new(),
        };
        for path in self.strays(change).into_iter().filter(|_| is_new) {
            if let Some(reason) = self.keeps(&path) {
                report.left.push(left(&path, reason));
            }
        }
        Ok(report)
    }

    /// Gives the trees to one user; with `only_half` it stops in the middle, as a program that dies.
    pub(super) fn change_owners(
        &mut self,
        change: &OwnerChange,
        only_half: bool,
    ) -> Result<OwnerReport> {
        let manifest = self.open_manifest(change)?;
        let all = manifest.records.len();
        let count = if only_half { all / 2 } else { all };
        let mut report = OwnerReport::default();
        for record in manifest.records.iter().take(count) {
            let (old, new) = ((record.uid, record.gid), (change.uid, change.gid));
            self.give(record, new, &[old, new], &mut report);
        }
        Ok(report)
    }

    pub(super) fn restore_owners(&mut self, manifest: &Path) -> Result<OwnerReport> {
        let mut report = OwnerReport::default();
        let Some(manifest) = self.read_manifest(manifest)? else {
            return Ok(report);
        };
        for record in &manifest.records {
            let (old, new) = ((record.uid, record.gid), (manifest.uid, manifest.gid));
            if !(self.keeps(&record.path).is_some() && self.owner_of(&record.path) == Some(old)) {
                self.give(record, old, &[old, new], &mut report);
            }
        }
        Ok(report)
    }

    fn give(
        &mut self,
        record: &Record,
        to: (u32, u32),
        from: &[(u32, u32)],
        report: &mut OwnerReport,
    ) {
        let reason = match (self.inode_of(&record.path), self.owner_of(&record.path)) {
            (None, _) => Some("it is gone"),
            (Some(inode), _) if inode != record.inode => Some("another file stands in its place"),
            (_, Some(owner)) if !from.contains(&owner) => {
                Some("somebody else gave it another owner")
            }
            (_, Some(owner)) if owner != to && to != (record.uid, record.gid) => {
                self.keeps(&record.path)
            }
            _ => None,
        };
        if let Some(reason) = reason {
            report.left.push(left(&record.path, reason));
            return;
        }
        self.set_owner(&record.path, to);
        report.changed += 1;
    }

    fn set_owner(&mut self, path: &Path, (uid, gid): (u32, u32)) {
        if let Some(file) = self.files.get_mut(path) {
            (file.state.meta.uid, file.state.meta.gid) = (uid, gid);
        }
        if let Some(directory) = self.directories.get_mut(path) {
            (directory.ownership.uid, directory.ownership.gid) = (uid, gid);
        }
    }

    /// Why a file keeps its owner; a directory never does.
    fn keeps(&self, path: &Path) -> Option<&'static str> {
        let file = self.files.get(path)?;
        match () {
            () if file.state.meta.mode & 0o6000 != 0 => {
                Some("it runs as its owner (setuid or setgid)")
            }
            () if file.links > 1 => Some("it has other names (hard links)"),
            () => None,
        }
    }

    fn inode_of(&self, path: &Path) -> Option<u64> {
        let file = self.files.get(path).map(|file| file.inode);
        file.or(self.directories.get(path).map(|directory| directory.inode))
    }

    fn open_manifest(&mut self, change: &OwnerChange) -> Result<Manifest> {
        let manifest = match self.read_manifest(&change.manifest)? {
            Some(manifest) => manifest,
            None => self.write_manifest(change)?,
        };
        if (manifest.uid, manifest.gid) != (change.uid, change.gid) {
            return Err(foreign(
                &change.manifest,
                "it is the manifest of another change",
            ));
        }
        Ok(manifest)
    }

    /// Returns what is below the roots and belongs to somebody else.
    fn strays(&self, change: &OwnerChange) -> Vec<PathBuf> {
        let paths = self.files.keys().chain(self.directories.keys());
        let is_below = |path: &&PathBuf| change.roots.iter().any(|root| path.starts_with(root));
        let is_stray = |path: &&PathBuf| {
            self.owner_of(path)
                .is_some_and(|it| it != (change.uid, change.gid))
        };
        let strays = paths.filter(is_below).filter(is_stray);
        strays.cloned().collect()
    }

    fn write_manifest(&mut self, change: &OwnerChange) -> Result<Manifest> {
        let strays = self.strays(change);
        let records = strays.into_iter().filter_map(|path| {
            if self.keeps(&path).is_some() {
                return None;
            }
            let (uid, gid) = self.owner_of(&path)?;
            let inode = self.inode_of(&path)?;
            Some(Record {
                path,
                inode,
                uid,
                gid,
            })
        });
        let records = records.collect();
        let (uid, gid) = (change.uid, change.gid);
        let manifest = Manifest { uid, gid, records };
        let text = serde_json::to_vec(&manifest)
            .map_err(|error| foreign(&change.manifest, error.to_string()))?;
        let owner = crate::host::Ownership {
            mode: 0o600,
            ..ROOT_OWNED
        };
        self.files
            .remove(&crate::host::unfinished(&change.manifest));
        self.add_file(change.manifest.clone(), &text, owner);
        Ok(manifest)
    }

    fn read_manifest(&self, path: &Path) -> Result<Option<Manifest>> {
        let Some(file) = self.files.get(path) else {
            return Ok(None);
        };
        let torn = |_| foreign(path, "it is no complete manifest of owners");
        serde_json::from_slice(&file.state.bytes)
            .map(Some)
            .map_err(torn)
    }
}

fn left(path: &Path, reason: &str) -> String {
    format!("{}: {reason}", crate::display::path(path))
}
