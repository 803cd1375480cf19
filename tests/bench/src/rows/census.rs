//! Counting a tree: owner, mode, links and size of every entry, with and without the kernel's caches.

use crate::Outcome;
use crate::arguments::Choices;
use crate::row::{Contestant, Judged, Line, Row};
use crate::tree::{OWNER, Tree};

/// The entries of the trees.
pub(super) const SIZES: [u64; 3] = [10_500, 105_000, 1_050_000];
/// The share of find that the census may take, warm and cold.
const GOAL: f64 = 0.5;
/// Empties the kernel's caches of files, names and inodes; `proc_sys_vm(5)`.
const COLD: &str = "sync; echo 3 > /proc/sys/vm/drop_caches";

pub(super) fn measure(choices: &Choices) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for size in choices.sizes(210, &SIZES) {
        let tree = Tree::make(&choices.under, size)?;
        for (work, prepare) in [("census, warm", ""), ("census, cold", COLD)] {
            let root = tree.root().display().to_string();
            let find = format!("find {root} -printf '%U %G %m %n %s %p\\n'");
            let driver = [root, OWNER.to_string()];
            let row = Row {
                work,
                size: format!("{} entries", tree.entries),
                judged: Judged::Wall,
                ours: Contestant::driver("census", driver, tree.entries)?.after(prepare),
                peers: vec![Contestant::shell("find", &find, Some(GOAL)).after(prepare)],
            };
            lines.extend(row.measure(choices.runs_of(size))?);
        }
    }
    Ok(lines)
}
