//! The file systems that directories lie on, as the kernel's table of mounts names them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use procfs::FromBufRead as _;

use crate::display;
use crate::host::beneath::find_directory;
use crate::host::entry::Stat;
use crate::inventory::FileSystem;
use crate::units::Bytes;

/// Returns the file systems of some directories, each once; those that cannot be told are left out.
#[must_use]
pub fn of(roots: &[PathBuf]) -> Vec<FileSystem> {
    let mounts = mounts();
    let found: BTreeSet<_> = roots
        .iter()
        .filter_map(|root| of_one(root, &mounts))
        .collect();
    found.into_iter().collect()
}

fn of_one(root: &Path, mounts: &[procfs::process::MountInfo]) -> Option<FileSystem> {
    let directory = find_directory(root).ok()??;
    let id = Stat::of_descriptor(&directory).ok()?.mount;
    let mount = mounts
        .iter()
        .find(|mount| u64::try_from(mount.mnt_id) == Ok(id))?;
    let space = rustix::fs::fstatvfs(&directory).ok()?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(space.f_frsize));
    Some(FileSystem {
        kind: display::text(&mount.fs_type),
        mounted_at: display::path(&mount.mount_point),
        size: bytes(space.f_blocks),
        free: bytes(space.f_bavail),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the room of the host reads the kernel's table"
)]
fn mounts() -> Vec<procfs::process::MountInfo> {
    let file = std::fs::File::open("/proc/self/mountinfo").ok();
    let read = file.and_then(|file| {
        procfs::process::MountInfos::from_buf_read(std::io::BufReader::new(file)).ok()
    });
    read.map_or_else(Vec::new, |mounts| mounts.0)
}
