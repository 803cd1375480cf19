//! What one worker of a census counts.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FileType, readlinkat};

use super::Progress;
use super::names::Names;
use crate::display;
use crate::host::Result;
use crate::host::attributes::{Listed, list, list_open};
use crate::host::entry::Stat;
use crate::host::keeps;
use crate::host::walk::{Entry, Then, Visitor};
use crate::inventory::{Census, Class, EntryKind, Oddity, Sampled, Stray};

/// How many entries a worker counts before it says so.
const TOLD_AFTER: u64 = 4_096;

/// What the workers of a census share.
pub(super) struct Common<'c> {
    /// Where links may lead without leaving.
    pub(super) inside: Vec<&'c Path>,
    pub(super) owner: (u32, u32),
    pub(super) names: Mutex<Names>,
    pub(super) counted: AtomicU64,
    pub(super) progress: Progress<'c>,
}

/// What a class goes by: user, group, kind and mode.
type Key = (u32, u32, u32);

/// How many entries a class has, and how many of them keep their owner.
#[derive(Clone, Copy, Default)]
struct Entries {
    all: u64,
    kept: u64,
}

/// One worker's counts.
pub(super) struct Tally<'c> {
    common: &'c Common<'c>,
    census: Census,
    strays: BTreeSet<Stray>,
    classes: HashMap<Key, Entries>,
    /// The class of the last entry, whether it keeps its owner, and how many came in a row: most entries are like the one
    /// before.
    run: (Key, bool, u64),
    /// Whether the directory in hand has attributes; then what lies in it may have them too.
    is_attributed: bool,
}

impl<'c> Tally<'c> {
    pub(super) fn new(common: &'c Common<'c>) -> Self {
        Self {
            common,
            census: Census::default(),
            strays: BTreeSet::new(),
            classes: HashMap::new(),
            run: ((0, 0, 0), false, 0),
            is_attributed: false,
        }
    }

    fn count(&mut self, entry: &Entry<'_>, keeps: bool) {
        let stat = &entry.stat;
        self.census.entries += 1;
        if stat.is_file() {
            self.census.size.0 += stat.size;
        }
        let class = (stat.uid, stat.gid, stat.mode);
        if (class, keeps) != (self.run.0, self.run.1) {
            self.end_run();
            self.run = (class, keeps, 0);
        }
        self.run.2 += 1;
        if self.census.entries.is_multiple_of(TOLD_AFTER) {
            let counted = self.common.counted.fetch_add(TOLD_AFTER, Ordering::Relaxed);
            (self.common.progress)(counted + TOLD_AFTER);
        }
    }

    fn end_run(&mut self) {
        let (class, keeps, entries) = self.run;
        if entries == 0 {
            return;
        }
        if self.classes.len() < Census::CLASSES || self.classes.contains_key(&class) {
            let known = self.classes.entry(class).or_default();
            known.all += entries;
            known.kept += if keeps { entries } else { 0 };
        } else {
            self.census.unclassed += entries;
        }
    }

    fn count_owner(&mut self, entry: &Entry<'_>, keeps: bool) {
        let stat = &entry.stat;
        if (stat.uid, stat.gid) == self.common.owner {
            return;
        }
        self.census.strays += 1;
        self.census.kept_strays += u64::from(keeps);
        if stat.is_file() && stat.links > 1 {
            self.census.hard_linked_strays += 1;
        }
        let is_first = |path: &str| match self.strays.last() {
            Some(last) => self.strays.len() < Census::SAMPLE || path < last.path.as_str(),
            None => true,
        };
        let path = shown(entry);
        if is_first(&path) {
            self.strays.insert(Stray {
                path,
                uid: stat.uid,
                gid: stat.gid,
            });
            if self.strays.len() > Census::SAMPLE {
                self.strays.pop_last();
            }
        }
    }

    fn count_oddities(&mut self, entry: &Entry<'_>) {
        let stat = &entry.stat;
        let kind = kind(stat);
        let of_kind = match kind {
            EntryKind::Socket => Some(Oddity::Socket),
            EntryKind::Fifo => Some(Oddity::Fifo),
            EntryKind::Device => Some(Oddity::Device),
            EntryKind::Link if leaves(entry, &self.common.inside) => Some(Oddity::LeavingLink),
            EntryKind::File if stat.mode & 0o6000 != 0 => Some(Oddity::SetId),
            EntryKind::Directory | EntryKind::File | EntryKind::Link => None,
        };
        let name = entry.name.to_bytes();
        let flags = [
            (stat.is_immutable, Oddity::Immutable),
            (stat.is_append_only, Oddity::AppendOnly),
            (is_odd(name), Oddity::OddName),
            (is_lock(name), Oddity::Lock),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(is_so, it)| is_so.then_some(it));
        for oddity in of_kind.into_iter().chain(flags) {
            note(&mut self.census, oddity, || shown(entry));
        }
        if kind == EntryKind::File && stat.links > 1 {
            let mut names = self
                .common
                .names
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            names.meet(stat, || entry.root.join(entry.path));
        }
    }

    /// Whether attributes of an entry are worth their time. An access list changes nothing for the user whose file it is,
    /// and capabilities nothing in what cannot be run.
    fn may_matter(&self, stat: &Stat) -> bool {
        let can_be_run = stat.is_file() && stat.mode & 0o111 != 0;
        let is_stray = (stat.uid, stat.gid) != self.common.owner;
        !stat.is_directory() && (self.is_attributed || can_be_run || is_stray)
    }

    fn note_attributes(&mut self, listed: Listed, shown: impl Fn() -> String) {
        let Listed {
            has_access_list,
            has_capabilities,
            has_others,
        } = listed;
        let attributes = [
            (has_access_list, Oddity::AccessList),
            (has_capabilities, Oddity::Capabilities),
            (has_others, Oddity::Attribute),
        ];
        for (_, oddity) in attributes.into_iter().filter(|(is_so, _)| *is_so) {
            note(&mut self.census, oddity, &shown);
        }
    }
}

impl Visitor for Tally<'_> {
    fn visit(&mut self, entry: &Entry<'_>) -> Result<Then> {
        let matters = self.may_matter(&entry.stat);
        let listed = matters.then(|| list(entry.directory, entry.name));
        let listed = listed.unwrap_or_default();
        let keeps = keeps::reason(&entry.stat, || listed.has_capabilities).is_some();
        self.count(entry, keeps);
        self.count_owner(entry, keeps);
        self.count_oddities(entry);
        self.note_attributes(listed, || shown(entry));
        Ok(Then::Enter)
    }

    fn begin(&mut self, root: &Path, path: &Path, directory: BorrowedFd<'_>) -> Result<()> {
        let listed = list_open(directory);
        self.is_attributed = listed != Listed::default();
        self.note_attributes(listed, || display::path(&root.join(path)));
        Ok(())
    }

    fn meet_mount(&mut self, entry: &Entry<'_>) {
        note(&mut self.census, Oddity::Mount, || shown(entry));
    }
}

/// Adds up what the workers counted.
pub(super) fn sum(tallies: Vec<Tally<'_>>) -> Census {
    let mut sum = Census::default();
    let mut strays = BTreeSet::new();
    let mut classes: HashMap<Key, Entries> = HashMap::new();
    for mut tally in tallies {
        tally.end_run();
        let Census {
            entries,
            size,
            strays: others,
            kept_strays,
            sample: _,
            hard_linked_strays,
            classes: _,
            unclassed,
            oddities,
            undecided: _,
            file_systems: _,
        } = tally.census;
        sum.entries += entries;
        sum.size.0 += size.0;
        sum.strays += others;
        sum.kept_strays += kept_strays;
        sum.hard_linked_strays += hard_linked_strays;
        sum.unclassed += unclassed;
        for (oddity, Sampled { count, sample }) in oddities {
            let known = sum.oddities.entry(oddity).or_default();
            known.count += count;
            known.sample.extend(sample);
        }
        strays.extend(tally.strays);
        for (class, entries) in tally.classes {
            let known = classes.entry(class).or_default();
            known.all += entries.all;
            known.kept += entries.kept;
        }
    }
    for sampled in sum.oddities.values_mut() {
        sampled.sample.sort();
        sampled.sample.truncate(Census::SAMPLE);
    }
    sum.sample = strays.into_iter().take(Census::SAMPLE).collect();
    sum.classes = classes.into_iter().map(class).collect();
    sum.classes.sort();
    sum
}

/// Adds the files that have names outside.
pub(super) fn add_names(census: &mut Census, names: Mutex<Names>) {
    let names = names.into_inner().unwrap_or_else(PoisonError::into_inner);
    census.undecided = names.lost;
    let (count, first) = names.outside();
    if count > 0 {
        let first = first.iter().take(Census::SAMPLE);
        let sample = first.map(|path| display::path(path)).collect();
        let sampled = Sampled { count, sample };
        census.oddities.insert(Oddity::OutsideNames, sampled);
    }
}

fn class(((uid, gid, mode), Entries { all, kept }): (Key, Entries)) -> Class {
    Class {
        uid,
        gid,
        kind: kind_of(mode),
        mode: mode & 0o7777,
        entries: all,
        kept,
    }
}

/// Counts one more, and keeps its name if it is one of the first by name.
fn note(census: &mut Census, oddity: Oddity, shown: impl FnOnce() -> String) {
    let Sampled { count, sample } = census.oddities.entry(oddity).or_default();
    *count += 1;
    let shown = shown();
    let at = sample.partition_point(|other| *other < shown);
    if at < Census::SAMPLE {
        sample.insert(at, shown);
        sample.truncate(Census::SAMPLE);
    }
}

fn shown(entry: &Entry<'_>) -> String {
    display::path(&entry.root.join(entry.path))
}

fn kind(stat: &Stat) -> EntryKind {
    kind_of(stat.mode)
}

fn kind_of(mode: u32) -> EntryKind {
    match FileType::from_raw_mode(mode) {
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        FileType::Socket => EntryKind::Socket,
        FileType::Fifo => EntryKind::Fifo,
        FileType::BlockDevice | FileType::CharacterDevice => EntryKind::Device,
        FileType::RegularFile | FileType::Unknown => EntryKind::File,
    }
}

/// Whether a link's target lies outside. The target is taken word for word: links on its way are not followed.
fn leaves(entry: &Entry<'_>, inside: &[&Path]) -> bool {
    let Ok(target) = readlinkat(entry.directory, entry.name, Vec::new()) else {
        return false;
    };
    let link = entry.root.join(entry.path);
    let from = link.parent().unwrap_or(Path::new("/"));
    let mut path = PathBuf::new();
    for part in from.join(OsStr::from_bytes(target.to_bytes())).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    !inside.iter().any(|root| path.starts_with(root))
}

fn is_odd(name: &[u8]) -> bool {
    if name.is_ascii() {
        return name.iter().any(u8::is_ascii_control);
    }
    str::from_utf8(name).map_or(true, |name| name.chars().any(char::is_control))
}

fn is_lock(name: &[u8]) -> bool {
    name.ends_with(b".lock") || name.ends_with(b".lck") || name.ends_with(b".pid")
}
