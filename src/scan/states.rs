//! State directories that nobody runs now: what lies there, how old it is, and what could start it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::launch::Launch;
use super::sighting::Sighting;
use super::users;
use crate::display;
use crate::host::reader::{Kind, Reader};
use crate::inventory::{Finding, RestingState, catalogued};
use crate::openclaw::layout;

/// The most entries of all state directories of one user that are counted.
const ENTRIES_LIMIT: usize = 100_000;

/// Finds the state directories in the homes, and those that `sleeping` starters name, that no gateway uses.
pub(super) fn resting(
    reader: &Reader,
    sightings: &[Sighting],
    sleeping: &[Launch],
) -> Vec<RestingState> {
    let (seen, _) = users::visible(reader, &users::all(reader));
    let mut directories: BTreeMap<PathBuf, String> = BTreeMap::new();
    // Users of the system share homes, `/bin` for example, that have thousands of names.
    let mut homes = HashSet::new();
    let own = seen.iter().filter(|user| homes.insert(&user.home));
    let found = own.flat_map(|user| {
        let found = in_home(reader, &user.home).into_iter();
        found.map(|(is_link, path)| (is_link, path, &user.name))
    });
    let mut found: Vec<_> = found.collect();
    // A link makes nobody the owner of what lies in another home.
    found.sort_by_key(|(is_link, ..)| *is_link);
    for (_, path, user) in found {
        directories.entry(path).or_insert_with(|| user.clone());
    }
    for launch in sleeping {
        let path = launch.state_directory(reader);
        if let Some(path) = path.filter(|path| is_state(reader, path)) {
            directories
                .entry(path)
                .or_insert_with(|| launch.user.name.clone());
        }
    }
    let is_used = |path: &PathBuf| sightings.iter().any(|it| it.state_directory == *path);
    directories.retain(|path, _| !is_used(path));
    weigh(reader, directories, sleeping, ENTRIES_LIMIT)
}

/// Weighs directories, each with its user; of all of one user's at most `limit` entries.
fn weigh(
    reader: &Reader,
    directories: BTreeMap<PathBuf, String>,
    sleeping: &[Launch],
    limit: usize,
) -> Vec<RestingState> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let states = directories.into_iter().map(|(path, user)| {
        let counted = counted.entry(user.clone()).or_default();
        let weight = reader.weight(&path, limit.saturating_sub(*counted));
        *counted += weight.entries;
        let revivers = sleeping
            .iter()
            .filter(|launch| launch.state_directory(reader).as_ref() == Some(&path));
        RestingState {
            revivers: revivers.map(|launch| launch.reviver(false)).collect(),
            path,
            user,
            unchanged_secs: weight.unchanged.as_secs(),
            size: weight.size,
            is_counted_whole: weight.is_whole,
        }
    });
    states.collect()
}

/// Returns the state directories in a home, links resolved, each with whether it is a link.
fn in_home(reader: &Reader, home: &Path) -> Vec<(bool, PathBuf)> {
    let names = reader.list(home).into_iter();
    let names = names.filter(|name| name.to_str().is_some_and(layout::is_state_name));
    let paths = names.map(|name| {
        let path = home.join(name);
        (
            reader.kind(&path) == Some(Kind::Link),
            reader.resolve(&path),
        )
    });
    paths.filter(|(_, path)| is_state(reader, path)).collect()
}

/// Returns whether a directory holds a configuration or agents; a directory of that name alone is nothing.
fn is_state(reader: &Reader, path: &Path) -> bool {
    let marks = layout::STATE_MARKS.iter();
    reader.kind(path) == Some(Kind::Directory)
        && marks
            .into_iter()
            .any(|mark| reader.kind(&path.join(mark)).is_some())
}

/// Says what lies there.
pub(super) fn findings(states: &[RestingState]) -> Vec<Finding> {
    let findings = states.iter().map(|state| {
        let starters: Vec<_> = state
            .revivers
            .iter()
            .map(|it| it.starter.to_string())
            .collect();
        let by = if starters.is_empty() {
            "nothing starts it".to_owned()
        } else {
            format!("{} could start it, by hand", starters.join(" and "))
        };
        let days = state.unchanged_secs / 86_400;
        let more = if state.is_counted_whole {
            ""
        } else {
            " or more"
        };
        let summary = format!("{}{more}, unchanged for {days} days; {by}", state.size);
        let place = display::path(&state.path);
        let finding = Finding::new(&catalogued::RESTING_STATE, &place, display::text(&summary));
        finding.at(place)
    });
    findings.collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test makes directories")]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn state_under_every_name_is_seen_and_files_and_copies_of_files_are_not() {
        let home = tempfile::tempdir().unwrap();
        for name in [
            ".openclaw",
            ".openclaw-work",
            ".clawdbot",
            ".moldbot",
            ".openclaw-empty",
            "openclaw",
        ] {
            std::fs::create_dir(home.path().join(name)).unwrap();
        }
        for file in [
            ".openclaw/openclaw.json",
            ".openclaw-work/openclaw.json",
            ".clawdbot/clawdbot.json",
            ".moldbot/moldbot.json",
            ".openclaw-empty/openclaw.json.bak",
            "openclaw/openclaw.json",
            ".openclaw.json",
        ] {
            std::fs::write(home.path().join(file), "{}").unwrap();
        }
        std::os::unix::fs::symlink("openclaw", home.path().join(".openclaw-link")).unwrap();
        let mut found = in_home(&Reader::new(), home.path());
        found.sort();
        let linked = found.pop();
        assert_eq!(linked, Some((true, home.path().join("openclaw"))));
        let names: Vec<_> = found
            .iter()
            .map(|(_, path)| path.file_name().unwrap())
            .collect();
        assert_eq!(
            names,
            [".clawdbot", ".moldbot", ".openclaw", ".openclaw-work"]
        );
    }

    #[test]
    fn directories_within_one_another_are_not_counted_again_and_again_for_one_user() {
        let room = tempfile::tempdir().unwrap();
        let inner = room.path().join("joe/inner");
        for directory in [&inner, &room.path().join("max")] {
            std::fs::create_dir_all(directory).unwrap();
            for file in ["1", "2", "3"] {
                std::fs::write(directory.join(file), "x").unwrap();
            }
        }
        let directories = [("joe", "joe"), ("joe/inner", "joe"), ("max", "max")];
        let directories = directories.map(|(path, user)| (room.path().join(path), user.to_owned()));
        let weighed = weigh(&Reader::new(), directories.into(), &[], 7);
        let whole: Vec<_> = weighed.iter().map(|it| it.is_counted_whole).collect();
        assert_eq!(whole, [true, false, true]);
    }

    #[test]
    fn a_resting_state_is_told_with_size_and_age() {
        let state = RestingState {
            path: "/home/joe/.clawdbot".into(),
            user: "joe".into(),
            unchanged_secs: 3 * 86_400,
            size: Bytes(2048),
            is_counted_whole: false,
            revivers: Vec::new(),
        };
        let [finding] = &findings(&[state])[..] else {
            panic!("one finding")
        };
        assert_eq!(finding.id, "OM-S008");
        assert!(
            finding
                .summary
                .ends_with("or more, unchanged for 3 days; nothing starts it")
        );
    }
}
