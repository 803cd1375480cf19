//! One contract for both hosts: the real one in a temporary directory as root, and the one in memory.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test that prepares real files"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ocmigrate::host::fake::{Crash, FakeGateway, FakeHost, Moment};
use ocmigrate::host::{
    FileMeta, GatewayTrace, Host, HostError, OwnerChange, OwnerReport, Ownership, RealHost, Signal,
};
use ocmigrate::inventory::{Pm2Starter, ProcessId, UnitScope, UnitStarter, User};
use ocmigrate::units::Bytes;

const META: FileMeta = FileMeta {
    uid: 1001,
    gid: 1002,
    mode: 0o640,
    mtime_ns: Some(1_700_000_000_123_456_789),
};

const OWNED: Ownership = Ownership {
    uid: 1001,
    gid: 1002,
    mode: 0o750,
};

/// Everything that both hosts promise; `base` is an empty directory, `link` a symbolic link in it to another one.
fn contract(host: &dyn Host, base: &Path) {
    files_are_replaced_read_and_removed(host, &base.join("file"));
    foreign_things_are_refused(host, base);
    trees_are_removed_whole(host, base);
    directories_are_made_listed_and_removed(host, &base.join("made/deep"));
    owners_are_changed_and_given_back(host, &base.join("tree"), &base.join("manifest"));
    only_what_was_noted_is_changed(host, &base.join("noted"), &base.join("noted.manifest"));
    a_replaced_file_is_not_given_back(host, &base.join("tree2"), &base.join("manifest2"));
    absent_things_are_absent(host, base);
}

fn files_are_replaced_read_and_removed(host: &dyn Host, file: &Path) {
    assert!(host.read(file).unwrap().is_none());
    assert!(host.read_tail(file, 9).unwrap().is_none());
    for bytes in [&b"one"[..], b"", b"three"] {
        host.replace(file, bytes, META).unwrap();
        host.replace(file, bytes, META).unwrap();
        let state = host.read(file).unwrap().unwrap();
        assert_eq!((state.bytes.as_slice(), state.meta), (bytes, META));
        let tail = host.read_tail(file, 2).unwrap().unwrap();
        let end = bytes.get(bytes.len().saturating_sub(2)..).unwrap();
        assert_eq!((tail.bytes.as_slice(), tail.meta), (end, META));
    }
    let now = FileMeta {
        mtime_ns: None,
        ..META
    };
    host.replace(file, b"now", now).unwrap();
    let mtime_ns = host.read(file).unwrap().unwrap().meta.mtime_ns.unwrap();
    let late = i128::from(host.now_ms()) * 1_000_000 - mtime_ns;
    assert!(late.abs() < 10_000_000_000, "{late} ns");
    host.remove(file).unwrap();
    host.remove(file).unwrap();
    assert!(host.read(file).unwrap().is_none());
    assert!(
        host.replace(&file.join("below/nothing"), b"", META)
            .is_err()
    );
}

fn foreign_things_are_refused(host: &dyn Host, base: &Path) {
    let (link, directory) = (base.join("link"), base.join("directory"));
    host.make_directory(&directory, OWNED).unwrap();
    for path in [&link, &link.join("below"), &directory] {
        assert_foreign(host.replace(path, b"x", META), path);
        assert_foreign(host.read(path), path);
    }
    for path in [&link, &directory] {
        assert_foreign(host.remove(path), path);
    }
    assert_foreign(host.make_directory(&link.join("new"), OWNED), &link);
    assert_foreign(host.list(&link), &link);
    assert_foreign(host.remove_empty_directory(&link), &link);
    assert!(host.remove_empty_directory(&directory).unwrap());
}

#[track_caller]
fn assert_foreign<T>(result: Result<T, HostError>, path: &Path) {
    let is_foreign = result.is_err_and(|error| matches!(error, HostError::Foreign { .. }));
    assert!(is_foreign, "{}", path.display());
}

fn directories_are_made_listed_and_removed(host: &dyn Host, directory: &Path) {
    let parent = directory.parent().unwrap();
    assert_eq!(host.list(directory).unwrap().len(), 0);
    host.make_directory(directory, OWNED).unwrap();
    let other = Ownership { uid: 7, ..OWNED };
    host.make_directory(directory, other).unwrap();
    for name in ["b", "a"] {
        host.replace(&directory.join(name), b"", META).unwrap();
    }
    assert_eq!(host.list(directory).unwrap(), ["a", "b"]);
    assert!(!host.remove_empty_directory(directory).unwrap());
    for name in ["b", "a"] {
        host.remove(&directory.join(name)).unwrap();
    }
    assert!(!host.remove_empty_directory(parent).unwrap());
    for path in [directory, parent, parent] {
        assert!(host.remove_empty_directory(path).unwrap());
    }
}

fn trees_are_removed_whole(host: &dyn Host, base: &Path) {
    let tree = base.join("tree to remove");
    let deep = tree.join("a").join("b");
    host.make_directory(&deep, OWNED).unwrap();
    for file in [tree.join("x"), deep.join("y")] {
        host.replace(&file, b"", META).unwrap();
    }
    assert_foreign(host.remove_tree(&deep.join("y")), &deep.join("y"));
    assert_foreign(host.remove_tree(&base.join("link")), &base.join("link"));
    for _ in 0..2 {
        host.remove_tree(&tree).unwrap();
    }
    let names = host.list(base).unwrap();
    assert!(
        !names.iter().any(|name| name == "tree to remove"),
        "{names:?}"
    );
}

fn owners_are_changed_and_given_back(host: &dyn Host, tree: &Path, manifest: &Path) {
    let change = plant(host, tree, manifest);
    assert_eq!(
        host.restore_owners(manifest).unwrap(),
        OwnerReport::default()
    );
    let report = host.change_owners(&change).unwrap();
    assert_eq!((report.changed, report.left.len()), (3, 0));
    assert_eq!(host.change_owners(&change).unwrap(), report);
    assert_eq!(meta(host, &tree.join("sub/file")).uid, 2002);
    let noted = host.read(manifest).unwrap().unwrap().meta;
    assert_eq!((noted.uid, noted.mode), (0, 0o600));
    for _ in 0..2 {
        assert_eq!(host.restore_owners(manifest).unwrap(), report);
        assert_eq!(meta(host, &tree.join("sub/file")), META);
    }
    let other = OwnerChange { uid: 3, ..change };
    assert_foreign(host.change_owners(&other), manifest);
}

fn only_what_was_noted_is_changed(host: &dyn Host, tree: &Path, manifest: &Path) {
    let change = plant(host, tree, manifest);
    let set_id = FileMeta {
        mode: 0o4755,
        ..META
    };
    host.replace(&tree.join("set-id"), b"x", set_id).unwrap();
    let noted = host.note_owners(&change).unwrap();
    assert_eq!((noted.changed, noted.left.len()), (3, 1));
    assert!(noted.left.concat().contains("set-id: it runs as its owner"));
    assert_eq!(host.note_owners(&change).unwrap().changed, 3);
    assert_eq!(meta(host, &tree.join("sub/file")), META);
    host.replace(&tree.join("late"), b"x", META).unwrap();
    let report = host.change_owners(&change).unwrap();
    assert_eq!((report.changed, report.left.len()), (3, 0));
    assert_eq!(meta(host, &tree.join("late")), META);
    assert_eq!(meta(host, &tree.join("set-id")), set_id);
    let late = OwnerChange {
        manifest: manifest.with_extension("late"),
        ..change
    };
    assert_eq!(host.change_owners(&late).unwrap().changed, 1);
}

fn a_replaced_file_is_not_given_back(host: &dyn Host, tree: &Path, manifest: &Path) {
    let change = plant(host, tree, manifest);
    host.change_owners(&change).unwrap();
    let file = tree.join("sub/file");
    let agents = FileMeta {
        uid: 2002,
        gid: 2003,
        ..META
    };
    host.replace(&file, b"another", agents).unwrap();
    let report = host.restore_owners(manifest).unwrap();
    assert_eq!((report.changed, report.left.len()), (2, 1));
    assert_eq!(meta(host, &file), agents);
    host.replace(manifest, b"torn", META).unwrap();
    assert_foreign(host.restore_owners(manifest), manifest);
}

fn plant(host: &dyn Host, tree: &Path, manifest: &Path) -> OwnerChange {
    host.make_directory(tree, OWNED).unwrap();
    host.make_directory(&tree.join("sub"), OWNED).unwrap();
    host.replace(&tree.join("sub/file"), b"x", META).unwrap();
    OwnerChange {
        roots: vec![tree.to_owned(), tree.join("sub")],
        uid: 2002,
        gid: 2003,
        manifest: manifest.to_owned(),
    }
}

fn meta(host: &dyn Host, path: &Path) -> FileMeta {
    host.read(path).unwrap().unwrap().meta
}

fn absent_things_are_absent(host: &dyn Host, base: &Path) {
    let nobody = ProcessId {
        pid: 1,
        start_ticks: u64::MAX,
    };
    assert!(!host.is_alive(nobody).unwrap());
    assert!(host.environment(nobody).is_err());
    assert!(host.process(i32::MAX).unwrap().is_none());
    host.signal(nobody, Signal::End).unwrap();
    let joe = user(base);
    let script = ["/bin/sh".into(), base.join("no-script").into_os_string()];
    assert!(host.start_detached(&joe, &script).is_err());
    let app = Pm2Starter {
        name: "nobody".to_owned(),
        dump: base.join("dump.pm2"),
        user: "nobody".to_owned(),
    };
    assert!(
        host.stop_app(&app, &joe, &base.join("environment"))
            .is_err()
    );
    assert!(!host.is_port_taken(1).unwrap());
    assert_eq!(host.get(1, "/healthz").unwrap(), None);
    assert_eq!(host.find_gateway(&trace(base)).unwrap(), []);
    let room = host.free_room(&base.join("not/yet")).unwrap();
    assert!(room.bytes > 0 && room.inodes > 0, "{room:?}");
    assert!(host.available_memory().unwrap() > Bytes(0));
}

fn user(home: &Path) -> User {
    User {
        name: "nobody".to_owned(),
        uid: 65534,
        gid: 65534,
        home: home.to_owned(),
    }
}

fn trace(base: &Path) -> GatewayTrace {
    GatewayTrace {
        state_directory: base.join("state"),
        config: base.join("state/openclaw.json"),
        uid: 1001,
        port: 1,
    }
}

#[test]
fn the_real_host_keeps_the_contract() {
    let room = tempfile::tempdir().unwrap();
    let base = room.path().join("base");
    std::fs::create_dir(&base).unwrap();
    std::os::unix::fs::symlink(room.path(), base.join("link")).unwrap();
    contract(&RealHost::new(), &base);
    let left: Vec<_> = std::fs::read_dir(room.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing came through the link");
    let names = RealHost::new().list(&base).unwrap();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().starts_with('.')),
        "{names:?}"
    );
}

#[test]
fn the_fake_host_keeps_the_contract() {
    let host = FakeHost::new();
    let base = PathBuf::from("/base");
    host.world_mut().add_directory(&base, OWNED);
    host.world_mut().links.insert(base.join("link"));
    contract(&host, &base);
}

#[test]
fn what_a_dead_replace_left_is_swept_by_the_next_one() {
    let room = tempfile::tempdir().unwrap();
    let host = RealHost::new();
    let file = room.path().join("file");
    let hash = blake3::hash(b"file").to_hex();
    let ours = room
        .path()
        .join(format!(".ocmigrate-{}-0123456789abcdef", &hash[..16]));
    let others = room.path().join(".ocmigrate-something-else");
    for path in [&ours, &others] {
        std::fs::write(path, "half").unwrap();
    }
    host.replace(&file, b"whole", META).unwrap();
    assert_eq!((ours.exists(), others.exists()), (false, true));
}

#[test]
fn a_link_in_a_tree_goes_and_what_it_points_at_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (tree, outside) = (
        directory.path().join("tree"),
        directory.path().join("outside"),
    );
    std::fs::create_dir_all(&tree).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("kept"), b"").unwrap();
    std::os::unix::fs::symlink(&outside, tree.join("link")).unwrap();
    RealHost.remove_tree(&tree).unwrap();
    assert!(outside.join("kept").exists() && !tree.exists());
}

#[test]
fn a_pipe_in_the_way_is_refused_at_once() {
    let room = tempfile::tempdir().unwrap();
    let pipe = room.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    assert_foreign(RealHost::new().read(&pipe), &pipe);
    assert_foreign(RealHost::new().replace(&pipe, b"", META), &pipe);
}

#[test]
fn attributes_of_the_replaced_file_are_carried_over() {
    let room = tempfile::tempdir_in("/var/tmp").unwrap();
    let file = room.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let open = std::fs::File::open(&file).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::fsetxattr(&open, "user.note", b"kept", flags).is_err() {
        return;
    }
    RealHost::new().replace(&file, b"new", META).unwrap();
    let mut value = [0; 16];
    let open = std::fs::File::open(&file).unwrap();
    let length = rustix::fs::fgetxattr(&open, "user.note", &mut value[..]).unwrap();
    assert_eq!(value.get(..length), Some(&b"kept"[..]));
}

fn unit() -> UnitStarter {
    UnitStarter {
        name: "openclaw-gateway.service".to_owned(),
        scope: UnitScope::User { uid: 1001 },
        file: "/home/joe/.config/systemd/user/openclaw-gateway.service".into(),
        enablement: "enabled".to_owned(),
    }
}

fn server() -> FakeHost {
    let host = FakeHost::new();
    let gateway = FakeGateway {
        trace: GatewayTrace {
            port: 18789,
            ..trace(Path::new("/home/joe"))
        },
        environment: vec![("A".into(), "b".into())],
        boot: Duration::from_secs(7),
    };
    host.world_mut().add_unit(unit(), gateway);
    host
}

#[test]
fn a_fake_unit_serves_until_it_is_stopped() {
    let host = server();
    host.start_unit(&unit()).unwrap();
    let process = ProcessId {
        pid: host.unit(&unit()).unwrap().main_pid,
        ..host.world().processes.first().unwrap().id
    };
    assert!(host.is_alive(process).unwrap() && host.is_port_taken(18789).unwrap());
    assert_eq!(
        host.environment(process).unwrap(),
        [("A".into(), "b".into())]
    );
    assert_eq!(host.get(18789, "/readyz").unwrap(), None);
    host.sleep(Duration::from_secs(7));
    assert_eq!(
        host.get(18789, "/readyz").unwrap().unwrap().content_type,
        "application/json"
    );
    host.stop_unit(&unit(), Duration::from_secs(1)).unwrap();
    assert!(!host.is_alive(process).unwrap() && !host.is_port_taken(18789).unwrap());
    assert_eq!(host.world().pollers.len(), 2);
    assert_eq!(host.world().two_at_once(), []);
}

#[test]
fn a_fake_unit_whose_condition_fails_does_not_start_even_at_boot() {
    let host = server();
    let drop_in = Path::new("/etc/systemd/user/openclaw-gateway.service.d/50-x.conf");
    let marker = Path::new("/etc/ocmigrate/disarmed/oc-work/1001");
    host.make_directory(drop_in.parent().unwrap(), OWNED)
        .unwrap();
    host.make_directory(marker.parent().unwrap(), OWNED)
        .unwrap();
    let text = b"[Unit]\nConditionPathExists=!/etc/ocmigrate/disarmed/oc-work/%U\n";
    host.replace(drop_in, text, META).unwrap();
    host.replace(marker, b"", META).unwrap();
    assert!(host.unit(&unit()).unwrap().needs_reload);
    host.reload_units(&unit()).unwrap();
    assert_eq!(host.unit(&unit()).unwrap().drop_ins, [drop_in]);
    host.start_unit(&unit()).unwrap();
    host.world_mut().reboot();
    assert_eq!(host.unit(&unit()).unwrap().main_pid, 0);
    host.remove(marker).unwrap();
    host.world_mut().reboot();
    assert_ne!(host.unit(&unit()).unwrap().main_pid, 0);
}

#[test]
fn a_poller_beside_a_container_is_seen() {
    let host = server();
    let bots = Path::new("/home/joe/state");
    host.world_mut().begin_polling(bots, "container oc-work");
    host.start_unit(&unit()).unwrap();
    assert_eq!(host.world().two_at_once().len(), 1);
}

#[test]
fn a_taken_port_stops_a_native_start() {
    let host = server();
    assert!(
        host.world_mut()
            .listen(18789, "container oc-work".to_owned(), 0)
    );
    host.start_unit(&unit()).unwrap();
    assert_eq!(host.unit(&unit()).unwrap().active, "failed");
    assert!(host.world().pollers.is_empty());
}

#[test]
fn failures_and_crashes_come_when_they_are_planned() {
    let host = FakeHost::new();
    let file = Path::new("/file");
    host.world_mut().faults.fail_at(1);
    assert!(host.replace(file, b"1", META).is_err());
    assert!(host.read(file).unwrap().is_none());
    for (moment, change, expected) in [(Moment::Before, 2, None), (Moment::After, 3, Some(()))] {
        host.world_mut().faults.crash_at(change, moment);
        let door = host.clone();
        let call = std::panic::AssertUnwindSafe(|| door.replace(file, b"1", META));
        let death = std::panic::catch_unwind(call).err().unwrap();
        assert_eq!(death.downcast_ref(), Some(&Crash { change }));
        assert_eq!(host.read(file).unwrap().map(drop), expected);
    }
}

#[test]
fn a_death_midway_leaves_half_of_the_owners_changed() {
    let host = FakeHost::new();
    let change = plant(&host, Path::new("/tree"), Path::new("/manifest"));
    host.world_mut().faults.crash_at(4, Moment::Midway);
    let door = host.clone();
    let call = std::panic::AssertUnwindSafe(|| door.change_owners(&change));
    assert!(std::panic::catch_unwind(call).is_err());
    let mixed = ["/tree", "/tree/sub", "/tree/sub/file"]
        .map(|path| host.world().owner_of(Path::new(path)).unwrap().0);
    assert!(mixed.contains(&1001) && mixed.contains(&2002), "{mixed:?}");
    assert_eq!(host.change_owners(&change).unwrap().changed, 3);
    assert_eq!(host.restore_owners(&change.manifest).unwrap().changed, 3);
}
