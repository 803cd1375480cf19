//! A census of a small zoo, compared whole.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "prepares real files; a test may panic"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, mkfifoat, mknodat, setxattr};

use super::*;
use crate::inventory::Handover;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let status = Command::new(program).args(arguments).arg(path).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

/// Makes a tree with one of everything; only the immutable file has to be freed before it goes.
fn zoo(tree: &Path) {
    let file = |name: &str| {
        let path = tree.join(name);
        fs::write(&path, "12345").unwrap();
        path
    };
    fs::create_dir_all(tree.join("inner/mount")).unwrap();
    mode(&file("setuid"), 0o4755);
    mode(&tree.join("inner"), 0o2755);
    file("plain.lock");
    // Both ways to be asked: a directory, and what lies in one that has attributes.
    for attributed in [tree.join("inner"), file("inner/attributed")] {
        setxattr(&attributed, "user.note", b"x", XattrFlags::empty()).unwrap();
    }
    // Version 2 of the kernel's format, with CAP_NET_RAW permitted; linux/capability.h.
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let capable = file("capable");
    mode(&capable, 0o755);
    setxattr(
        &capable,
        "security.capability",
        &capability,
        XattrFlags::empty(),
    )
    .unwrap();
    run("chattr", &["+i"], &file("immutable"));
    run("chattr", &["+a"], &file("append"));
    fs::hard_link(file("both"), tree.join("inner/both")).unwrap();
    fs::hard_link(file("shared"), tree.with_file_name("other")).unwrap();
    chown(file("stray"), Some(9), Some(8)).unwrap();
    symlink("../../outside", tree.join("inner/leaving")).unwrap();
    symlink("inner/../setuid", tree.join("staying")).unwrap();
    symlink("/usr/share/doc", tree.join("package")).unwrap();
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
    for name in [&b"line\nbreak"[..], b"\xff\xfe", "umläut".as_bytes()] {
        fs::write(tree.join(OsStr::from_bytes(name)), "").unwrap();
    }
    mode(&file("locked-out"), 0o000);
    run("mount", &["-t", "tmpfs", "none"], &tree.join("inner/mount"));
}

fn free(tree: &Path) {
    run("chattr", &["-i"], &tree.join("immutable"));
    run("chattr", &["-a"], &tree.join("append"));
    run("umount", &[], &tree.join("inner/mount"));
}

#[test]
fn everything_out_of_the_ordinary_is_counted_and_named() {
    let room = tempfile::tempdir_in("/var/tmp").unwrap();
    let tree = room.path().join("tree");
    fs::create_dir(&tree).unwrap();
    zoo(&tree);
    let ground = Ground {
        roots: std::slice::from_ref(&tree),
        inside: vec![Path::new("/usr/share")],
        owner: (0, 0),
    };
    let census = census(&ground, &|_| {});
    free(&tree);
    let census = census.unwrap();
    let shown: Vec<_> = census
        .oddities
        .iter()
        .map(|(oddity, sampled)| {
            let names = sampled
                .sample
                .iter()
                .map(|path| path.rsplit_once("tree/").unwrap().1);
            assert_eq!(sampled.count, sampled.sample.len() as u64);
            format!("{oddity}: {}", names.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [
        "setuid or setgid: setuid",
        "with capabilities: capable",
        "with other attributes: inner inner/attributed",
        "immutable: immutable",
        "append-only: append",
        "with names outside: shared",
        "links leaving: inner/leaving",
        "mounts: inner/mount",
        "sockets: socket",
        "pipes: pipe",
        "devices: device",
        "locks: plain.lock",
        "unusual names: \\xff\\xfe line\\nbreak",
    ];
    assert_eq!(shown, expected);
    let counted = (
        census.entries,
        census.size.0,
        census.strays,
        census.undecided,
    );
    assert_eq!(counted, (22, 55, 1, 0));
    let handover = census.handover_to(9, 8);
    // What is setuid, capable, immutable, append-only, a device, and three names of two files.
    let expected = Handover {
        changes: 13,
        kept: 8,
        unreadable: 3,
        unwritable: 18,
    };
    assert_eq!(handover, expected);
}
