//! Walks over deep, wide, mounted and vanishing trees.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "prepares and inspects real files; a test may panic"
)]

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, mkdirat, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::context::Context as _;
use super::{
    Entry, Ground, KEPT_OPEN, OwnerChange, Stat, Then, Unvisited, Visitor, census, walk,
    walk_together,
};
use crate::inventory::{Census, Oddity};

fn room() -> tempfile::TempDir {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir_all(room.path().join("tree/a/b")).unwrap();
    fs::write(room.path().join("tree/a/f"), "12345").unwrap();
    symlink("/etc", room.path().join("tree/link")).unwrap();
    room
}

fn visited(root: &Path) -> (Vec<PathBuf>, Unvisited) {
    let mut paths = Vec::new();
    let unvisited = walk(root, &mut |entry| {
        paths.push(entry.path.to_owned());
        Ok(())
    });
    paths.sort();
    (paths, unvisited.unwrap())
}

fn counted(roots: &[PathBuf], owner: u32) -> Census {
    let ground = Ground {
        roots,
        inside: Vec::new(),
        owner: (owner, owner),
    };
    census(&ground, &|_| {}).unwrap()
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

const DEPTH: usize = 10_000;

/// Makes directories one in another; returns the root, which holds one `f` at each level.
fn dig(root: &Path) {
    fs::create_dir(root).unwrap();
    let mut directory: OwnedFd = fs::File::open(root).unwrap().into();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for _ in 0..DEPTH {
        mkdirat(&directory, "d", Mode::RWXU).unwrap();
        mkdirat(&directory, "e", Mode::RWXU).unwrap();
        directory = openat(&directory, "d", flags, Mode::empty()).unwrap();
    }
}

/// Removes what `dig` made: no path of it is short enough for other means.
fn fill_up(root: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top: OwnedFd = fs::File::open(root).unwrap().into();
    for _ in 0..DEPTH {
        let first = openat(&top, "d", flags, Mode::empty()).unwrap();
        if openat(&first, "d", flags, Mode::empty()).is_ok() {
            renameat(&first, "d", &top, "next").unwrap();
            unlinkat(&first, "e", AtFlags::REMOVEDIR).unwrap();
        }
        unlinkat(&top, "d", AtFlags::REMOVEDIR).ok();
        renameat(&top, "next", &top, "d").ok();
    }
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn ten_thousand_levels_are_walked_and_changed_with_few_descriptors() {
    // In memory: on a disk most of the time would go into making the tree.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let root = memory.path().join("deep");
    dig(&root);
    let (mut entries, mut most) = (0, 0);
    let before = open_descriptors();
    let unvisited = walk(&root, &mut |_| {
        entries += 1;
        if entries % 500 == 0 {
            most = most.max(open_descriptors());
        }
        Ok(())
    });
    assert_eq!(
        (entries, unvisited.unwrap()),
        (2 * DEPTH + 1, Unvisited::default())
    );
    assert!(
        most <= before + KEPT_OPEN + 40,
        "{most} descriptors, {before} before"
    );
    let manifest = memory.path().join("manifest");
    let change = OwnerChange {
        roots: vec![root.clone()],
        uid: 5,
        gid: 5,
        manifest,
    };
    let report = super::owners::change_owners(&change).unwrap();
    assert_eq!(report.changed, 2 * DEPTH as u64 + 1);
    assert!(fs::metadata(&change.manifest).unwrap().len() < 3_000_000);
    fill_up(&root);
}

#[test]
fn directories_that_vanish_under_way_are_passed_over() {
    let home = room();
    let root = home.path().join("tree");
    let mut seen = 0;
    walk(&root, &mut |entry| {
        seen += 1;
        if entry.path == Path::new("a") {
            fs::remove_dir_all(root.join("a")).unwrap();
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn a_root_that_is_a_link_is_refused_and_one_that_is_missing_is_empty() {
    let room = room();
    assert!(walk(&room.path().join("tree/link"), &mut |_| Ok(())).is_err());
    assert_eq!(visited(&room.path().join("none")).0, Vec::<PathBuf>::new());
}

#[test]
fn links_are_visited_and_not_followed() {
    let room = room();
    let (paths, _) = visited(&room.path().join("tree"));
    assert_eq!(paths, ["", "a", "a/b", "a/f", "link"].map(PathBuf::from));
}

#[test]
fn mounts_are_counted_and_not_entered() {
    let room = room();
    let mount = room.path().join("tree/a/b");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(&mount)
            .status()
            .unwrap()
            .success()
    };
    assert!(run("mount", &["-t", "tmpfs", "none"]));
    fs::write(mount.join("inside"), "").unwrap();
    let (paths, unvisited) = visited(&room.path().join("tree"));
    let both = counted(&[room.path().join("tree"), mount.clone()], 0);
    assert!(run("umount", &[]));
    assert_eq!(paths, ["", "a", "a/f", "link"].map(PathBuf::from));
    assert_eq!(unvisited.mounts, 1);
    assert_eq!(both.entries, 6, "a root on a mount of its own is walked");
}

#[test]
fn a_census_counts_each_entry_once_and_names_strays() {
    let room = room();
    let tree = room.path().join("tree");
    fs::hard_link(tree.join("a/f"), room.path().join("other")).unwrap();
    for name in ["a", "a/f"] {
        chown(tree.join(name), Some(9), Some(9)).unwrap();
    }
    let census = counted(&[tree.join("a"), tree.clone(), tree.clone()], 0);
    assert_eq!((census.entries, census.size.0), (5, 5));
    assert_eq!(
        (
            census.strays,
            census.hard_linked_strays,
            census.count(Oddity::Mount)
        ),
        (2, 1, 0)
    );
    let sample: Vec<_> = census
        .sample
        .iter()
        .map(|stray| (stray.path.clone(), stray.uid))
        .collect();
    let shown = |name: &str| crate::display::path(&tree.join(name));
    assert_eq!(sample, [(shown("a"), 9), (shown("a/f"), 9)]);
}

#[test]
fn the_sample_of_strays_is_the_first_twenty_by_path() {
    let room = room();
    for number in 0..50 {
        fs::write(room.path().join(format!("{number:02}")), "").unwrap();
    }
    let census = counted(&[room.path().to_owned()], 77);
    assert_eq!((census.strays, census.sample.len()), (56, 20));
    assert!(
        census
            .sample
            .iter()
            .any(|stray| stray.path.ends_with("/18"))
    );
    assert!(
        !census
            .sample
            .iter()
            .any(|stray| stray.path.ends_with("/19"))
    );
}

/// Swaps a directory for a link that leads outside, and back, as fast as it can until told to stop, and counts how often.
fn swap_until(tree: &Path, is_done: &AtomicBool, swaps: &AtomicU32) {
    while !is_done.load(Ordering::Relaxed) {
        for name in ["d1", "d2", "d3"] {
            let (directory, link) = (tree.join(name), tree.join(format!("l{name}")));
            renameat_with(CWD, &directory, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_directory_swapped_for_a_link_leads_no_walk_outside_in_twenty_runs() {
    let room = tempfile::tempdir().unwrap();
    let (tree, outside) = (room.path().join("tree"), room.path().join("outside"));
    for name in ["d1", "d2", "d3"] {
        for directory in [tree.join(name).join("deep"), outside.join("deep")] {
            fs::create_dir_all(&directory).unwrap();
            for number in 0..50 {
                fs::write(directory.join(format!("{number}")), "").unwrap();
            }
        }
        symlink(&outside, tree.join(format!("l{name}"))).unwrap();
    }
    let foreign = fs::metadata(outside.join("deep")).unwrap().ino();
    for run in 0..20_u32 {
        let (is_done, swaps) = (AtomicBool::new(false), AtomicU32::new(0));
        let steps = std::thread::scope(|scope| {
            let swapper = scope.spawn(|| swap_until(&tree, &is_done, &swaps));
            let mut steps = (0..20).map(|_| steps_outside(&tree, foreign)).sum::<u64>();
            // On a busy machine the other thread may not have had its turn yet.
            while swaps.load(Ordering::Relaxed) <= 100 && !swapper.is_finished() {
                steps += steps_outside(&tree, foreign);
            }
            let change = OwnerChange {
                roots: vec![tree.clone()],
                uid: 1000 + run,
                gid: 1000 + run,
                manifest: room.path().join(format!("manifest-{run}")),
            };
            let changed = super::owners::change_owners(&change);
            is_done.store(true, Ordering::Relaxed);
            changed.unwrap();
            steps
        });
        assert_eq!(steps, 0, "run {run}: {swaps:?} swaps");
        let owners = fs::read_dir(outside.join("deep")).unwrap();
        let mut owners = owners.map(|entry| entry.unwrap().metadata().unwrap().uid());
        assert!(owners.all(|uid| uid == 0), "run {run}");
    }
}

/// Walks with two workers and counts the entries that lie in a foreign directory.
fn steps_outside(tree: &Path, foreign: u64) -> u64 {
    struct Steps(u64, u64);
    impl Visitor for Steps {
        fn visit(&mut self, entry: &Entry<'_>) -> crate::host::Result<Then> {
            let directory = Stat::of_descriptor(entry.directory).unwrap();
            self.1 += u64::from(directory.identity.inode == self.0);
            Ok(Then::Enter)
        }
    }
    let mut visitors = [Steps(foreign, 0), Steps(foreign, 0)];
    walk_together(tree, &mut visitors).unwrap();
    visitors.iter().map(|it| it.1).sum()
}

#[test]
fn a_directory_swapped_between_look_and_entry_is_not_entered() {
    let room = tempfile::tempdir().unwrap();
    let (tree, outside) = (room.path().join("tree"), room.path().join("outside"));
    fs::create_dir_all(tree.join("d")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "").unwrap();
    symlink(&outside, tree.join("l")).unwrap();
    let mut seen = Vec::new();
    walk(&tree, &mut |entry| {
        seen.push(entry.path.to_owned());
        if entry.path == Path::new("d") {
            let (directory, link) = (tree.join("d"), tree.join("l"));
            renameat_with(CWD, directory, CWD, link, RenameFlags::EXCHANGE).unwrap();
        }
        Ok(())
    })
    .unwrap();
    assert!(!seen.contains(&PathBuf::from("d/secret")), "{seen:?}");
}

#[test]
fn a_worker_that_fails_ends_the_walk_with_its_error() {
    struct Refusing;
    impl Visitor for Refusing {
        fn visit(&mut self, entry: &Entry<'_>) -> super::Result<Then> {
            if entry.path.ends_with("refused") {
                return Err(Errno::IO).on("look at", &entry.root.join(entry.path));
            }
            Ok(Then::Enter)
        }
    }
    let room = room();
    for number in 0..200 {
        fs::create_dir_all(room.path().join(format!("{number}/below/it"))).unwrap();
    }
    fs::write(room.path().join("100/below/refused"), "").unwrap();
    let error = walk_together(room.path(), &mut [Refusing, Refusing, Refusing]).unwrap_err();
    assert!(error.to_string().contains("100/below/refused"), "{error}");
}
