//! Owner changes as root on a real file system: undo is exact, foreign files stay, a race leads nowhere.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "prepares and inspects real files; a test may panic"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::owners::{change_owners, note_owners, restore_owners};
use super::{HostError, OwnerChange, OwnerReport, unfinished};

const OLD: u32 = 1001;
const NEW: u32 = 2002;

struct Room {
    room: tempfile::TempDir,
    change: OwnerChange,
}

impl Room {
    fn new() -> Self {
        Self::within("/tmp")
    }

    fn within(directory: &str) -> Self {
        let temporary = tempfile::tempdir_in(directory).unwrap();
        let root = temporary.path().join("root");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        for name in ["a", "b", "sub/c", "sub/deep/d"] {
            fs::write(root.join(name), name).unwrap();
        }
        symlink("/etc/passwd", root.join("link")).unwrap();
        let change = OwnerChange {
            roots: vec![root.clone(), root.join("sub")],
            uid: NEW,
            gid: NEW,
            manifest: temporary.path().join("manifest"),
        };
        let made = Self {
            room: temporary,
            change,
        };
        made.each(|path| lchown(path, Some(OLD), Some(OLD + 1)).unwrap());
        made
    }

    fn root(&self) -> PathBuf {
        self.room.path().join("root")
    }

    fn each(&self, mut visit: impl FnMut(&Path)) {
        for entry in walkdir::WalkDir::new(self.root()) {
            visit(entry.unwrap().path());
        }
    }

    fn owners(&self) -> BTreeMap<PathBuf, (u32, u32, u32)> {
        let mut owners = BTreeMap::new();
        self.each(|path| {
            let meta = fs::symlink_metadata(path).unwrap();
            owners.insert(path.to_owned(), (meta.uid(), meta.gid(), meta.mode()));
        });
        owners
    }

    fn owner(&self, name: &str) -> u32 {
        fs::symlink_metadata(self.root().join(name)).unwrap().uid()
    }
}

#[test]
fn undo_is_exact_with_other_owners_and_set_id_directories() {
    let room = Room::new();
    chown(room.root().join("b"), Some(0), Some(7)).unwrap();
    chown(room.root().join("sub/c"), Some(NEW), Some(NEW)).unwrap();
    fs::set_permissions(room.root().join("sub"), fs::Permissions::from_mode(0o2770)).unwrap();
    let before = room.owners();
    let report = change_owners(&room.change).unwrap();
    assert_eq!((report.changed, report.left.len()), (7, 0));
    for (path, (uid, gid, mode)) in room.owners() {
        assert_eq!(
            (uid, gid, mode),
            (NEW, NEW, before[&path].2),
            "{}",
            path.display()
        );
    }
    assert_eq!(fs::metadata("/etc/passwd").unwrap().uid(), 0);
    assert_eq!(change_owners(&room.change).unwrap(), report);
    assert_eq!(restore_owners(&room.change.manifest).unwrap(), report);
    assert_eq!(room.owners(), before);
    assert_eq!(restore_owners(&room.change.manifest).unwrap(), report);
    assert_eq!(room.owners(), before);
}

#[test]
fn a_file_with_a_name_elsewhere_keeps_its_owner() {
    let room = Room::new();
    let outside = room.room.path().join("outside");
    fs::write(&outside, "").unwrap();
    fs::hard_link(&outside, room.root().join("hard")).unwrap();
    let noted = note_owners(&room.change).unwrap();
    let given = change_owners(&room.change).unwrap();
    assert_eq!(fs::metadata(&outside).unwrap().uid(), 0);
    let is_named = |left: &String| left.contains("root/hard: it has other names");
    assert!(noted.left.iter().any(is_named), "{noted:?}");
    let expected = OwnerReport {
        changed: noted.changed,
        left: Vec::new(),
    };
    assert_eq!(given, expected);
    restore_owners(&room.change.manifest).unwrap();
    assert_eq!(fs::metadata(&outside).unwrap().uid(), 0);
}

#[test]
fn files_that_were_replaced_or_made_since_are_left() {
    let room = Room::new();
    note_owners(&room.change).unwrap();
    fs::write(room.root().join("new"), "").unwrap();
    fs::write(room.root().join("a.tmp"), "").unwrap();
    chown(room.root().join("a.tmp"), Some(OLD), Some(OLD + 1)).unwrap();
    fs::rename(room.root().join("a.tmp"), room.root().join("a")).unwrap();
    fs::remove_file(room.root().join("b")).unwrap();
    let report = change_owners(&room.change).unwrap();
    assert_eq!((room.owner("new"), room.owner("a")), (0, OLD));
    let two_gone = format!(
        "{}: 2 entries are gone, or another file stands there",
        crate::display::path(&room.root())
    );
    assert_eq!((report.changed, report.left), (6, vec![two_gone.clone()]));
    chown(room.root().join("sub/c"), Some(77), None).unwrap();
    let report = restore_owners(&room.change.manifest).unwrap();
    let c = crate::display::path(&room.root().join("sub/c"));
    let another = format!("{c}: somebody else gave it another owner");
    assert_eq!((report.changed, report.left), (5, vec![another, two_gone]));
    assert_eq!(
        (
            room.owner("a"),
            room.owner("sub/c"),
            room.owner("sub/deep/d")
        ),
        (OLD, 77, OLD)
    );
}

#[test]
fn after_a_death_between_manifest_and_change_either_way_is_open() {
    let (undone, done) = (Room::new(), Room::new());
    let before = undone.owners();
    note_owners(&undone.change).unwrap();
    restore_owners(&undone.change.manifest).unwrap();
    assert_eq!(undone.owners(), before);
    note_owners(&done.change).unwrap();
    let written = fs::read(&done.change.manifest).unwrap();
    change_owners(&done.change).unwrap();
    assert_eq!(done.owner("sub/deep/d"), NEW);
    assert!(
        fs::read(&done.change.manifest).unwrap() == written,
        "the manifest is taken, not made anew"
    );
}

#[test]
fn a_setuid_bit_that_is_set_after_the_note_keeps_the_owner() {
    let room = Room::new();
    let a = room.root().join("a");
    note_owners(&room.change).unwrap();
    fs::set_permissions(&a, fs::Permissions::from_mode(0o4755)).unwrap();
    let report = change_owners(&room.change).unwrap();
    assert!(report.left[0].ends_with("root/a: it runs as its owner (setuid or setgid)"));
    let meta = fs::metadata(&a).unwrap();
    assert_eq!((meta.uid(), meta.mode() & 0o7777), (OLD, 0o4755));
}

#[test]
fn a_torn_manifest_is_recognised_wherever_it_is_torn() {
    let room = Room::new();
    note_owners(&room.change).unwrap();
    let manifest = &room.change.manifest;
    assert_eq!(fs::metadata(manifest).unwrap().mode() & 0o7777, 0o600);
    let whole = fs::read(manifest).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    for torn in cut.chain([flipped]) {
        fs::write(manifest, torn).unwrap();
        assert!(matches!(
            change_owners(&room.change),
            Err(HostError::Foreign { .. })
        ));
        assert!(matches!(
            restore_owners(manifest),
            Err(HostError::Foreign { .. })
        ));
    }
    assert_eq!(room.owner("a"), OLD);
}

#[test]
fn what_a_dead_first_pass_left_is_not_taken() {
    let room = Room::new();
    fs::write(room.room.path().join("manifest.partial"), "torn").unwrap();
    change_owners(&room.change).unwrap();
    assert_eq!(room.owner("a"), NEW);
    assert!(!room.room.path().join("manifest.partial").exists());
}

#[test]
fn a_manifest_that_has_its_room_is_written_on_a_full_disk() {
    let room = Room::new();
    let disk = room.room.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |words: &[&str]| {
        let done = Command::new(words[0]).args(&words[1..]).arg(&disk).status();
        assert!(done.unwrap().success(), "{words:?}");
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "none"]);
    let change = |name: &str| OwnerChange {
        manifest: disk.join(name),
        ..room.change.clone()
    };
    let (kept, without) = (change("kept"), change("without"));
    fs::write(unfinished(&kept.manifest), [7; 4096]).unwrap();
    // As much as goes in.
    let mut fill = fs::File::create(disk.join("fill")).unwrap();
    while fill.write_all(&[1; 512]).is_ok() {}
    drop(fill);
    let (refused, changed) = (change_owners(&without), change_owners(&kept));
    let bytes = fs::metadata(&kept.manifest).map(|it| it.len());
    let restored = restore_owners(&kept.manifest);
    mount(&["umount"]);
    assert!(refused.is_err(), "the disk was not full");
    assert!(changed.unwrap().changed > 0);
    assert!(bytes.unwrap() < 4096, "what stood there is left behind it");
    assert!(restored.unwrap().changed > 0);
    assert_eq!(room.owner("a"), OLD);
}

#[test]
fn a_manifest_of_another_change_is_refused_and_none_is_nothing_to_do() {
    let room = Room::new();
    change_owners(&room.change).unwrap();
    let other = OwnerChange {
        uid: 5,
        ..room.change.clone()
    };
    assert!(matches!(
        change_owners(&other),
        Err(HostError::Foreign { .. })
    ));
    let nothing = restore_owners(&room.room.path().join("none")).unwrap();
    assert_eq!(nothing, OwnerReport::default());
}

#[test]
fn a_file_that_became_immutable_is_left_and_named_both_ways() {
    let room = Room::within("/var/tmp");
    let path = room.root().join("sub/c");
    let chattr = |flag: &str| {
        let status = Command::new("chattr").arg(flag).arg(&path).status();
        assert!(status.unwrap().success());
    };
    note_owners(&room.change).unwrap();
    chattr("+i");
    let given = change_owners(&room.change);
    chattr("-i");
    let report = given.unwrap();
    assert_eq!((report.changed, report.left.len()), (7, 1));
    assert!(report.left[0].ends_with("root/sub/c: it is immutable"));
    change_owners(&room.change).unwrap();
    chattr("+i");
    let given_back = restore_owners(&room.change.manifest);
    chattr("-i");
    assert_eq!(given_back.unwrap(), report);
    assert_eq!((room.owner("a"), room.owner("sub/c")), (OLD, NEW));
}

/// Swaps a directory for a link to one outside, and back, until it is told to stop.
fn swap_until(
    root: PathBuf,
    outside: PathBuf,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<u64> {
    let (begun, begins) = std::sync::mpsc::channel();
    let swapper = std::thread::spawn(move || {
        let (victim, kept) = (root.join("victim"), root.join("kept"));
        let mut swaps = 0;
        while !stop.load(Ordering::Relaxed) {
            fs::rename(&victim, &kept).unwrap();
            symlink(&outside, &victim).unwrap();
            std::thread::yield_now();
            fs::remove_file(&victim).unwrap();
            fs::rename(&kept, &victim).unwrap();
            swaps += 1;
            let _ = begun.send(());
        }
        swaps
    });
    // On a busy machine the race would be over before the thread had its first turn.
    begins.recv().unwrap();
    swapper
}

#[test]
fn a_race_of_directories_and_links_never_leads_outside() {
    for _ in 0..20 {
        // In memory: on a disk the swaps would wait for the manifest to become durable.
        let room = Room::within("/dev/shm");
        let outside = room.room.path().join("outside");
        for directory in [room.root().join("victim"), outside.clone()] {
            // Each of them is opened through the directory that is being swapped.
            for number in 0..200 {
                let inner = directory.join(number.to_string());
                fs::create_dir_all(&inner).unwrap();
                fs::write(inner.join("file"), "").unwrap();
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let swapper = swap_until(room.root(), outside.clone(), Arc::clone(&stop));
        change_owners(&room.change).unwrap();
        restore_owners(&room.change.manifest).unwrap();
        change_owners(&room.change).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(swapper.join().unwrap() > 0);
        for entry in walkdir::WalkDir::new(&outside) {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().uid(),
                0,
                "{}",
                entry.path().display()
            );
        }
        assert_eq!(room.owner("a"), NEW);
    }
}
