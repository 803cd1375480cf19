//! Which of several directories a walk has to begin at, where one may lie below another.

use std::path::{Path, PathBuf};

use super::Result;
use super::beneath::find_directory;
use super::context::Context;
use super::entry::Stat;

/// Returns the roots, sorted, less those that the walk of another one reaches, and less those that are not there.
///
/// One below another on a mount of its own stays: no walk enters a mount.
pub(super) fn disjoint(roots: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut sorted = roots.to_vec();
    sorted.sort();
    sorted.dedup();
    let mut kept: Vec<(PathBuf, u64)> = Vec::new();
    for root in sorted {
        let Some(mount) = mount_of(&root)? else {
            continue;
        };
        let reached = |(other, on): &(PathBuf, u64)| root.starts_with(other) && *on == mount;
        if !kept.iter().any(reached) {
            kept.push((root, mount));
        }
    }
    Ok(kept.into_iter().map(|(root, _)| root).collect())
}

fn mount_of(root: &Path) -> Result<Option<u64>> {
    let Some(directory) = find_directory(root)? else {
        return Ok(None);
    };
    Ok(Some(
        Stat::of_descriptor(&directory).on("look at", root)?.mount,
    ))
}
