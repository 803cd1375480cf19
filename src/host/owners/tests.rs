//! Whole trees, given away and back: everything out of the ordinary, numbers that are used anew, large and deep ones.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "prepares and inspects real files; a test may panic"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _, chown, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{
    CWD, FileType, Mode, XattrFlags, lgetxattr, llistxattr, mkfifoat, mknodat, setxattr,
};

use super::*;
use crate::host::manifest::{Header, Noted, Packer, Writer};
use crate::host::{Ground, census};

const OLD: u32 = 1001;
const NEW: u32 = 2002;

fn run(line: &str, directory: &Path) {
    let status = Command::new("sh")
        .args(["-euc", line])
        .current_dir(directory)
        .status();
    assert!(status.unwrap().success(), "{line}");
}

fn change(room: &Path) -> OwnerChange {
    OwnerChange {
        roots: vec![room.join("tree")],
        uid: NEW,
        gid: NEW,
        manifest: room.join("manifest"),
    }
}

/// All extended attributes, capabilities and access lists among them, with their values.
fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut names, mut value) = ([0; 1024], [0; 1024]);
    let length = llistxattr(path, &mut names).unwrap();
    let names = names.get(..length).unwrap().split(|byte| *byte == 0);
    let names = names.filter(|name| !name.is_empty());
    names
        .map(|name| {
            let length = lgetxattr(path, name, &mut value).unwrap();
            (name.to_vec(), value.get(..length).unwrap().to_vec())
        })
        .collect()
}

/// Gives a user of no importance access; the binary form of acl(5), `linux/posix_acl_xattr.h`: a version, then tag, bits
/// and id of the owner, that user, the group, the mask and everybody else.
fn give_access(path: &Path, name: &str) {
    let mut list = 2_u32.to_le_bytes().to_vec();
    let none = u32::MAX;
    for (tag, bits, id) in [
        (1, 6, none),
        (2, 4, 3),
        (4, 4, none),
        (16, 7, none),
        (32, 0, none),
    ] {
        list.extend([u16::to_le_bytes(tag), u16::to_le_bytes(bits)].concat());
        list.extend(u32::to_le_bytes(id));
    }
    setxattr(path, name, &list, XattrFlags::empty()).unwrap();
}

/// Owner, mode, links, attributes and access lists of everything, as text.
fn state(tree: &Path) -> BTreeMap<PathBuf, String> {
    let entries = walkdir::WalkDir::new(tree).into_iter().map(Result::unwrap);
    let state = |path: &Path| {
        let meta = fs::symlink_metadata(path).unwrap();
        let (uid, gid, mode, links) = (meta.uid(), meta.gid(), meta.mode(), meta.nlink());
        format!("{uid}:{gid} {mode:o} {links} {:?}", attributes(path))
    };
    entries
        .map(|it| (it.path().to_owned(), state(it.path())))
        .collect()
}

/// One of everything, most of it of another owner than it shall have.
fn zoo(tree: &Path) {
    fs::create_dir_all(tree.join("inner/deep")).unwrap();
    for name in [
        "plain",
        "odd\nname",
        "setuid",
        "setgid",
        "capable",
        "listed",
        "tagged",
        "twice",
        "shared",
        "root",
        "new",
    ] {
        fs::write(tree.join(name), "x").unwrap();
    }
    fs::write(tree.join(OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    fs::write(tree.join("inner/deep/file"), "x").unwrap();
    symlink("/etc/passwd", tree.join("link")).unwrap();
    mkfifoat(CWD, tree.join("pipe"), Mode::RWXU).unwrap();
    drop(UnixListener::bind(tree.join("socket")).unwrap());
    mknodat(
        CWD,
        tree.join("device"),
        FileType::CharacterDevice,
        Mode::RUSR,
        259,
    )
    .unwrap();
    fs::hard_link(tree.join("twice"), tree.join("inner/twice")).unwrap();
    fs::hard_link(tree.join("shared"), tree.with_file_name("outside")).unwrap();
    for entry in walkdir::WalkDir::new(tree) {
        lchown(entry.unwrap().path(), Some(OLD), Some(OLD)).unwrap();
    }
    chown(tree.join("root"), Some(0), Some(0)).unwrap();
    chown(tree.join("new"), Some(NEW), Some(NEW)).unwrap();
    run(
        "chmod 4755 setuid; chmod 2755 setgid; chmod 2770 inner; chmod 1777 inner/deep",
        tree,
    );
    run(
        "cp /bin/true capable; chmod 755 capable; setcap cap_net_raw+ep capable; cp -p capable inner/unrunnable",
        tree,
    );
    run(
        "setcap cap_net_raw+ep inner/unrunnable; chmod 600 inner/unrunnable; chown -h 1001:1001 inner/unrunnable",
        tree,
    );
    run("setcap cap_net_raw+ep inner/unrunnable", tree);
    give_access(&tree.join("listed"), "system.posix_acl_access");
    give_access(&tree.join("inner"), "system.posix_acl_access");
    give_access(&tree.join("inner"), "system.posix_acl_default");
    for tagged in ["tagged", "inner/deep"] {
        setxattr(tree.join(tagged), "user.note", b"x", XattrFlags::empty()).unwrap();
    }
    run(
        "touch immutable append; chown 1001:1001 immutable append; chattr +i immutable; chattr +a append",
        tree,
    );
}

#[test]
fn a_zoo_comes_back_as_it_was_and_changes_as_it_was_counted() {
    let room = tempfile::tempdir_in("/var/tmp").unwrap();
    let tree = room.path().join("tree");
    zoo(&tree);
    let change = change(room.path());
    let before = state(&tree);
    let ground = Ground {
        roots: &change.roots,
        inside: Vec::new(),
        owner: (NEW, NEW),
    };
    let counted = census(&ground, &|_| {}).unwrap();
    let noted = note_owners(&change);
    let given = change_owners(&change);
    let between = state(&tree);
    let back = restore_owners(&change.manifest);
    run("chattr -i immutable; chattr -a append", &tree);
    let (noted, given, back) = (noted.unwrap(), given.unwrap(), back.unwrap());
    assert_eq!(state(&tree), before);
    assert_eq!(
        fs::metadata(room.path().join("outside")).unwrap().uid(),
        OLD
    );
    // What keeps its owner: set-id twice, capable twice, flags twice, a device, and three names of files with several.
    let kept = [
        "setuid",
        "setgid",
        "capable",
        "inner/unrunnable",
        "immutable",
        "append",
        "device",
        "twice",
        "inner/twice",
        "shared",
    ];
    let kept: Vec<_> = kept.map(|name| tree.join(name)).into();
    for (path, state) in &between {
        let expected = if kept.contains(path) {
            before.get(path).unwrap().clone()
        } else {
            let (_, rest) = before.get(path).unwrap().split_once(' ').unwrap();
            format!("{NEW}:{NEW} {rest}")
        };
        assert_eq!(*state, expected, "{}", path.display());
    }
    let changing = before.len() as u64 - 1 - kept.len() as u64;
    assert_eq!(noted.left.len(), kept.len(), "{noted:?}");
    assert_eq!(
        (counted.changing_strays(), counted.kept_strays),
        (changing, kept.len() as u64)
    );
    let handover = counted.handover_to(NEW, NEW);
    assert_eq!(
        (handover.changes, handover.kept),
        (changing, kept.len() as u64)
    );
    assert_eq!([noted.changed, given.changed, back.changed], [changing; 3]);
    assert!(given.left.is_empty() && back.left.is_empty());
}

/// Makes files until one has the number; the file system must use numbers anew.
fn make_with_inode(directory: &Path, inode: u64) -> Option<PathBuf> {
    (0..2_000).find_map(|number| {
        let path = directory.join(format!("again-{number}"));
        fs::write(&path, "another").unwrap();
        (fs::metadata(&path).unwrap().ino() == inode).then_some(path)
    })
}

#[test]
fn a_new_file_that_got_an_old_inode_number_is_not_given_back() {
    let room = tempfile::tempdir_in("/var/tmp").unwrap();
    let tree = room.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for name in ["gone", "moved", "stays"] {
        fs::write(tree.join(name), "").unwrap();
        chown(tree.join(name), Some(OLD), Some(OLD)).unwrap();
    }
    chown(&tree, Some(NEW), Some(NEW)).unwrap();
    let change = change(room.path());
    assert_eq!(change_owners(&change).unwrap().changed, 3);
    let inode = fs::metadata(tree.join("gone")).unwrap().ino();
    fs::remove_file(tree.join("gone")).unwrap();
    let again = make_with_inode(&tree, inode).expect("a file system that uses numbers anew");
    fs::rename(&again, tree.join("gone")).unwrap();
    fs::rename(tree.join("moved"), tree.join("elsewhere")).unwrap();
    chown(tree.join("gone"), Some(NEW), Some(NEW)).unwrap();
    let report = restore_owners(&change.manifest).unwrap();
    let owner = |name: &str| fs::metadata(tree.join(name)).unwrap().uid();
    assert_eq!(
        owner("gone"),
        NEW,
        "the new file belongs to whom it was made by"
    );
    assert_eq!((owner("stays"), owner("elsewhere")), (OLD, OLD));
    assert_eq!((report.changed, report.left.len()), (2, 1));
    assert!(
        report
            .left
            .concat()
            .ends_with("tree: 1 entry is gone, or another file stands there")
    );
}

#[test]
fn the_manifest_of_a_tidy_tree_takes_less_than_three_bytes_an_entry() {
    let room = tempfile::tempdir_in("/var/tmp").unwrap();
    for directory in 0..100 {
        let directory = room.path().join(format!(
            "tree/upper-{}/lower-{directory:02}",
            directory / 10
        ));
        fs::create_dir_all(&directory).unwrap();
        for file in 0..20 {
            fs::write(directory.join(format!("file-{file:02}.json")), "").unwrap();
        }
    }
    let change = change(room.path());
    let entries = change_owners(&change).unwrap().changed;
    let bytes = fs::metadata(&change.manifest).unwrap().len();
    assert_eq!(entries, 2_111);
    assert!(bytes < 3 * entries, "{bytes} bytes for {entries} entries");
}

#[test]
fn a_directory_that_is_read_in_parts_is_changed_and_given_back_whole() {
    let room = tempfile::tempdir_in("/dev/shm").unwrap();
    let tree = room.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let files = crate::host::walk::PART + 10;
    for number in 0..files {
        fs::write(tree.join(number.to_string()), "").unwrap();
    }
    let of_whom = |uid: u32| {
        let entries = fs::read_dir(&tree).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().metadata().unwrap().uid() == uid)
            .count()
    };
    let change = change(room.path());
    let report = change_owners(&change).unwrap();
    assert_eq!((report.changed, of_whom(NEW)), (files as u64 + 1, files));
    assert_eq!(restore_owners(&change.manifest).unwrap(), report);
    assert_eq!(of_whom(0), files);
}

/// Mounts an overlay with `tree/sub/b` of user 7 in the lower layer, which lies somewhere, for as long as `look` takes.
fn on_an_overlay(lower: &str, look: impl FnOnce(&Path)) {
    let [lower, upper] = [lower, "/dev/shm"].map(|it| tempfile::tempdir_in(it).unwrap());
    run("mkdir sub; echo x > sub/b; chown -R 7:7 .", lower.path());
    run("mkdir upper work tree", upper.path());
    let layers = format!(
        "lowerdir={},upperdir=upper,workdir=work,xino=off",
        lower.path().display()
    );
    run(
        &format!("mount -t overlay none -o {layers} tree"),
        upper.path(),
    );
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(upper.path())));
    run("umount tree", upper.path());
    if let Err(panic) = looked {
        std::panic::resume_unwind(panic);
    }
}

fn owners_on(tree: &Path) -> [u32; 3] {
    ["", "sub", "sub/b"].map(|name| fs::metadata(tree.join(name)).unwrap().uid())
}

#[test]
fn a_worker_that_fails_ends_the_change_which_is_given_back_whole_once_it_can_be() {
    const BLOCKS: u32 = 50;
    let room = tempfile::tempdir_in("/dev/shm").unwrap();
    let tree = room.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let change = change(room.path());
    // A whole manifest, but for one directory that is in a root which the header does not name.
    let write = |root_of_one: u16| {
        let header = Header::new(NEW, NEW, &change.roots);
        let mut writer = Writer::create(&change.manifest, &header).unwrap();
        for number in 0..BLOCKS {
            let path = tree.join(number.to_string());
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("file"), "").unwrap();
            let file = fs::metadata(path.join("file")).unwrap();
            let mut noted = Noted {
                root: if number == BLOCKS / 2 { root_of_one } else { 0 },
                path: number.to_string().into_bytes(),
                last_born_ns: u64::MAX,
                ..Noted::default()
            };
            noted.push(file.ino(), (0, 0), u64::MAX);
            let mut packer = Packer::default();
            packer.push(&noted);
            writer.add(&mut packer).unwrap();
        }
        writer.finish().unwrap();
    };
    let given_away = || {
        let files = (0..BLOCKS).map(|number| tree.join(format!("{number}/file")));
        files
            .filter(|file| fs::metadata(file).unwrap().uid() == NEW)
            .count()
    };
    write(9);
    let error = change_owners(&change).unwrap_err();
    assert!(error.to_string().contains("manifest"), "{error}");
    assert!((1..50).contains(&given_away()), "{}", given_away());
    write(0);
    let report = restore_owners(&change.manifest).unwrap();
    assert_eq!((report.changed, report.left), (50, Vec::new()));
    assert_eq!(given_away(), 0);
}

#[test]
fn a_file_system_that_lists_other_numbers_is_changed_all_the_same() {
    // An overlay of two file systems lists another number for a directory of the lower one than it tells.
    on_an_overlay("/var/tmp", |room| {
        let tree = room.join("tree");
        // What is open keeps its number; what the kernel forgets gets another one here.
        let _open = fs::File::open(tree.join("sub/b")).unwrap();
        let number = |entry: fs::DirEntry| (entry.ino(), entry.metadata().unwrap().ino());
        let (listed, told) = number(fs::read_dir(&tree).unwrap().next().unwrap().unwrap());
        assert_ne!(listed, told);
        let change = change(room);
        assert_eq!(change_owners(&change).unwrap().changed, 3);
        assert_eq!(owners_on(&tree), [NEW; 3]);
    });
}

#[test]
fn what_an_overlay_copied_up_meanwhile_is_changed_and_given_back() {
    on_an_overlay("/dev/shm", |room| {
        let tree = room.join("tree");
        let change = change(room);
        let old = owners_on(&tree);
        note_owners(&change).unwrap();
        // Writing to it copies up the file and the directory, which are born anew by that.
        fs::write(tree.join("sub/b"), "written").unwrap();
        let given = change_owners(&change).unwrap();
        assert_eq!((given.changed, given.left), (3, Vec::new()));
        let given_back = restore_owners(&change.manifest).unwrap();
        assert_eq!((given_back.changed, given_back.left), (3, Vec::new()));
        assert_eq!(owners_on(&tree), old);
    });
}

#[test]
fn coming_up_from_a_deep_tree_opens_each_level_a_few_times_at_most() {
    const DEPTH: usize = 4_000;
    let room = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut directory = find_directory(room.path()).unwrap().unwrap();
    for _ in 0..DEPTH {
        rustix::fs::mkdirat(&directory, "d", Mode::RWXU).unwrap();
        directory = crate::host::beneath::open_name(
            directory.as_fd(),
            c"d",
            crate::host::walk::READ_DIRECTORY,
        )
        .unwrap();
    }
    let roots = [Root {
        path: room.path().to_owned(),
        directory: find_directory(room.path()).unwrap(),
    }];
    let mut trail = trail::Trail::new(&roots);
    let path = |depth: usize| "d/".repeat(depth).trim_end_matches('/').to_owned();
    for depth in (0..=DEPTH).chain((0..DEPTH).rev()) {
        trail.go(0, path(depth).as_bytes()).unwrap();
    }
    assert!(
        trail.opened < 8 * DEPTH,
        "{} for {DEPTH} levels",
        trail.opened
    );
    run("rm -rf d", room.path());
}
