//! How large and how old a tree is, by a walk with an end.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Reader;
use crate::units::Bytes;

/// What a walk over a tree counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// The sum of the regular files' sizes.
    pub size: Bytes,
    /// The time since the youngest entry changed.
    pub unchanged: Duration,
    /// How many entries were counted.
    pub entries: usize,
    /// Whether those are all.
    pub is_whole: bool,
}

impl Reader {
    /// Counts a tree: links are not followed, other file systems are not entered, at most `limit` entries.
    #[must_use]
    pub fn weight(&self, path: &Path, limit: usize) -> Weight {
        let walk = walkdir::WalkDir::new(path).same_file_system(true);
        let (mut size, mut youngest, mut count) = (0_u64, None::<SystemTime>, 0);
        for entry in walk.into_iter().take(limit) {
            count += 1;
            let Some(metadata) = entry.ok().and_then(|entry| entry.metadata().ok()) else {
                continue;
            };
            if metadata.is_file() {
                size = size.saturating_add(metadata.len());
            }
            youngest = youngest.max(metadata.modified().ok());
        }
        let unchanged = youngest.and_then(|time| SystemTime::now().duration_since(time).ok());
        Weight {
            size: Bytes(size),
            unchanged: unchanged.unwrap_or_default(),
            entries: count,
            is_whole: count < limit,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test makes a tree")]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_weighed_without_following_links() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "12345").unwrap();
        std::os::unix::fs::symlink("/", directory.path().join("b")).unwrap();
        let weight = Reader::new().weight(directory.path(), 9);
        assert_eq!((weight.size, weight.is_whole), (Bytes(5), true));
        assert_eq!(weight.entries, 3);
        assert!(weight.unchanged < Duration::from_hours(1));
        assert_eq!(
            Reader::new().weight(Path::new("/nonexistent"), 9).size,
            Bytes(0)
        );
    }
}
