//! Counts what lies below a gateway's directories, whose it is, and what of it is out of the ordinary. Changes nothing.
//!
//! One pass by several workers; memory is bounded whatever the number of files: samples of twenty, a thousand classes of owner
//! and mode, and 65,536 files that have names left to be met. Flags come with statx(2). Extended attributes are asked of directories, of
//! what can be run, of what belongs to others, and of everything in a directory that has some: for each of a million files
//! they would take as long as everything else.

mod file_systems;
mod names;
mod tally;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use super::Result;
use super::roots::disjoint;
use super::walk::walk_together;
use crate::inventory::Census;

pub use file_systems::of as file_systems;
use names::Names;
use tally::{Common, Tally};

/// How many threads count: two are busy on two processors, and of a tree that nobody looked at lately all wait for the disk.
/// Eight take four fifths of the time of two then, and no more than two otherwise; `scripts/bench census`.
const WORKERS: usize = 8;

/// Told now and then how many entries were counted.
pub type Progress<'p> = &'p (dyn Fn(u64) + Sync);

/// What a census counts.
#[derive(Debug, Clone)]
pub struct Ground<'g> {
    /// The directories to count. Those that are not there count nothing.
    pub roots: &'g [PathBuf],
    /// Where links may lead beside the roots without leaving.
    pub inside: Vec<&'g Path>,
    /// Whose the entries should be: user and group.
    pub owner: (u32, u32),
}

/// Counts the entries below the roots, each once even where one root lies below another.
pub fn census(ground: &Ground<'_>, progress: Progress<'_>) -> Result<Census> {
    let roots = disjoint(ground.roots)?;
    let inside = roots.iter().map(PathBuf::as_path);
    let common = Common {
        inside: inside.chain(ground.inside.iter().copied()).collect(),
        owner: ground.owner,
        names: Mutex::new(Names::default()),
        counted: AtomicU64::new(0),
        progress,
    };
    let mut tallies: Vec<_> = (0..WORKERS).map(|_| Tally::new(&common)).collect();
    for root in &roots {
        walk_together(root, &mut tallies)?;
    }
    let mut census = tally::sum(tallies);
    tally::add_names(&mut census, common.names);
    census.file_systems = file_systems::of(&roots);
    Ok(census)
}
