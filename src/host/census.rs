//! Counts what lies below a gateway's directories, and what of it belongs to somebody else. Changes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Result;
use super::roots::disjoint;
use super::walk::{Entry, walk};
use crate::inventory::{Census, Stray};

/// Counts the entries below the roots, each once even where one root lies below another.
///
/// Strays are those that do not belong to this user and group. Roots that are not there count nothing.
pub fn census(roots: &[PathBuf], uid: u32, gid: u32) -> Result<Census> {
    let mut census = Census::default();
    let mut sample = BTreeSet::new();
    for root in disjoint(roots)? {
        let unvisited = walk(&root, &mut |entry| {
            count(entry, (uid, gid), &mut census, &mut sample);
            Ok(())
        })?;
        census.mounts += unvisited.mounts;
    }
    census.sample = sample.into_iter().collect();
    Ok(census)
}

fn count(entry: &Entry<'_>, owner: (u32, u32), census: &mut Census, sample: &mut BTreeSet<Stray>) {
    let stat = &entry.stat;
    census.entries += 1;
    if stat.is_file() {
        census.size.0 += stat.size;
    }
    if (stat.uid, stat.gid) == owner {
        return;
    }
    census.strays += 1;
    if stat.is_file() && stat.links > 1 {
        census.hard_linked_strays += 1;
    }
    sample.insert(Stray {
        path: crate::display::path(&entry.root.join(entry.path)),
        uid: stat.uid,
        gid: stat.gid,
    });
    if sample.len() > Census::SAMPLE {
        sample.pop_last();
    }
}
