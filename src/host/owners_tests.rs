//! Owner changes as root on a real file system: undo is exact, foreign files stay, a race leads nowhere.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "prepares and inspects real files; a test may panic"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::manifest::{Header, Reader, Writer};
use super::owners::{change_owners, restore_owners, write_manifest};
use super::{HostError, OwnerChange};

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
fn undo_is_exact_with_setuid_bits_and_other_owners() {
    let room = Room::new();
    let mode = |name: &str, mode| {
        let path = room.root().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    chown(room.root().join("b"), Some(0), Some(7)).unwrap();
    chown(room.root().join("sub/c"), Some(NEW), Some(NEW)).unwrap();
    mode("a", 0o6755);
    mode("sub", 0o2770);
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
fn a_device_that_has_another_number_after_a_reboot_is_the_same_one() {
    let room = Room::new();
    let before = room.owners();
    let report = change_owners(&room.change).unwrap();
    renumber_devices(&room.change.manifest);
    assert_eq!(restore_owners(&room.change.manifest).unwrap(), report);
    assert_eq!(room.owners(), before);
}

/// Writes a manifest anew, as if its devices had had other numbers when it was written.
fn renumber_devices(manifest: &Path) {
    let mut reader = Reader::open(manifest).unwrap().unwrap();
    let Header { uid, gid, .. } = reader.header;
    let header = Header::new(uid, gid, &reader.header.roots().unwrap());
    let mut writer = Writer::create(manifest, &header).unwrap();
    while let Some(mut record) = reader.next().unwrap() {
        record.identity.device += 1;
        writer.push(&record).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_file_with_a_name_elsewhere_keeps_its_owner() {
    let room = Room::new();
    let outside = room.room.path().join("outside");
    fs::write(&outside, "").unwrap();
    fs::hard_link(&outside, room.root().join("hard")).unwrap();
    let report = change_owners(&room.change).unwrap();
    assert_eq!(fs::metadata(&outside).unwrap().uid(), 0);
    assert!(
        report
            .left
            .iter()
            .any(|left| left.contains("root/hard: it has other names"))
    );
    restore_owners(&room.change.manifest).unwrap();
    assert_eq!(fs::metadata(&outside).unwrap().uid(), 0);
}

#[test]
fn files_that_were_replaced_or_made_since_are_left() {
    let room = Room::new();
    write_manifest(&room.change).unwrap();
    fs::write(room.root().join("new"), "").unwrap();
    fs::write(room.root().join("a.tmp"), "").unwrap();
    chown(room.root().join("a.tmp"), Some(OLD), Some(OLD + 1)).unwrap();
    fs::rename(room.root().join("a.tmp"), room.root().join("a")).unwrap();
    fs::remove_file(room.root().join("b")).unwrap();
    let report = change_owners(&room.change).unwrap();
    assert_eq!((room.owner("new"), room.owner("a")), (0, OLD));
    assert_eq!((report.changed, report.left.len()), (6, 2));
    chown(room.root().join("sub/c"), Some(77), None).unwrap();
    let report = restore_owners(&room.change.manifest).unwrap();
    assert_eq!((report.changed, report.left.len()), (5, 3));
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
    write_manifest(&undone.change).unwrap();
    restore_owners(&undone.change.manifest).unwrap();
    assert_eq!(undone.owners(), before);
    write_manifest(&done.change).unwrap();
    let written = fs::read(&done.change.manifest).unwrap();
    change_owners(&done.change).unwrap();
    assert_eq!(done.owner("sub/deep/d"), NEW);
    assert!(
        fs::read(&done.change.manifest).unwrap() == written,
        "the manifest is taken, not made anew"
    );
}

#[test]
fn a_setuid_bit_that_a_death_took_comes_back() {
    let room = Room::new();
    let a = room.root().join("a");
    fs::set_permissions(&a, fs::Permissions::from_mode(0o4755)).unwrap();
    write_manifest(&room.change).unwrap();
    chown(&a, Some(NEW), Some(NEW)).unwrap();
    assert_eq!(fs::metadata(&a).unwrap().mode() & 0o7777, 0o755);
    change_owners(&room.change).unwrap();
    assert_eq!(fs::metadata(&a).unwrap().mode() & 0o7777, 0o4755);
}

#[test]
fn a_torn_manifest_is_recognised_wherever_it_is_torn() {
    let room = Room::new();
    write_manifest(&room.change).unwrap();
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
    assert_eq!(nothing, super::OwnerReport::default());
}

#[test]
fn an_immutable_file_is_an_error_with_its_path() {
    let room = Room::new();
    let path = room.root().join("sub/c");
    let chattr = |flag: &str| {
        Command::new("chattr")
            .arg(flag)
            .arg(&path)
            .status()
            .unwrap()
            .success()
    };
    if !chattr("+i") {
        return;
    }
    let error = change_owners(&room.change).unwrap_err();
    assert!(chattr("-i"));
    assert!(error.to_string().ends_with("root/sub/c`"), "{error}");
    restore_owners(&room.change.manifest).unwrap();
    assert_eq!(room.owner("a"), OLD);
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
