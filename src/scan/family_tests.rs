//! What makes a process a gateway, and what belongs to it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

fn glance(pid: i32, parent: i32, name: &str) -> Glance {
    let id = ProcessId {
        pid,
        start_ticks: 1,
    };
    Glance {
        id,
        parent,
        name: name.into(),
    }
}

fn process(pid: i32, parent: i32) -> ProcessDetails {
    ProcessDetails {
        id: ProcessId {
            pid,
            start_ticks: 9,
        },
        parent,
        name: b"node".to_vec(),
        uid: rustix::process::geteuid().as_raw(),
        gid: 0,
        arguments: Vec::new(),
        environment: Vec::new(),
        executable: None,
        files: Vec::new(),
        sockets: vec![77],
        cgroup: String::new(),
    }
}

fn listener() -> Listener {
    Listener {
        address: "127.0.0.1:1".parse().unwrap(),
        inode: 77,
    }
}

fn pids(members: &[ProcessId]) -> Vec<i32> {
    members.iter().map(|id| id.pid).collect()
}

#[test]
fn a_family_is_the_launcher_and_all_descendants() {
    let glances = [
        glance(1, 0, "systemd"),
        glance(10, 1, "openclaw"),
        glance(11, 10, "openclaw-gatewa"),
        glance(12, 11, "node-MainThread"),
        glance(13, 12, "bash"),
        glance(20, 1, "node"),
    ];
    assert_eq!(
        pids(&members(&glances, &process(11, 10), &[11])),
        [10, 12, 13]
    );
}

#[test]
fn a_gateway_below_another_keeps_its_own_children_and_pm2_is_no_launcher() {
    let glances = [
        glance(5, 1, "node"),
        glance(11, 5, "a"),
        glance(12, 11, "b"),
        glance(13, 12, "c"),
    ];
    assert_eq!(pids(&members(&glances, &process(11, 5), &[11, 12])), [0; 0]);
    assert_eq!(pids(&members(&glances, &process(12, 11), &[11, 12])), [13]);
}

#[test]
fn an_orphan_in_the_gateways_own_unit_belongs_to_it_and_one_in_crons_does_not() {
    let shares = |unit: &str| {
        let (mut main, mut orphan) = (process(7, 1), process(8, 1));
        main.cgroup = format!("0::/system.slice/{unit}\n");
        orphan.cgroup.clone_from(&main.cgroup);
        shares_unit(&orphan, &main)
    };
    assert!(shares("openclaw-gateway.service"));
    assert!(!shares("cron.service") && !shares(""));
}

#[test]
fn a_gateway_that_has_just_forked_is_one_gateway() {
    let claimed = |state: &str| Claim {
        lock: None,
        state_directory: Some(state.into()),
    };
    let (gateway, fork, other) = (process(7, 1), process(8, 7), process(9, 7));
    let claims = vec![
        (&fork, claimed("/home/joe/.openclaw")),
        (&gateway, claimed("/home/joe/.openclaw")),
        (&other, claimed("/home/joe/.openclaw-work")),
    ];
    let left = without_forks(claims).into_iter();
    let left: Vec<_> = left.map(|(process, _)| process.id.pid).collect();
    assert_eq!(left, [7, 9]);
}

#[test]
fn a_circle_of_parents_comes_to_an_end() {
    let glances = [glance(1, 2, "openclaw"), glance(2, 1, "openclaw")];
    assert_eq!(pids(&members(&glances, &process(1, 2), &[1])), [1, 2]);
}

#[test]
fn a_lock_counts_only_for_the_process_that_it_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.state.lock");
    let text = format!(
        r#"{{"pid":7,"startTime":9,"stateDir":"{}"}}"#,
        directory.path().display()
    );
    #[expect(clippy::disallowed_methods, reason = "the test makes a lock file")]
    std::fs::write(&path, text).unwrap();
    let claimed = |pid, start_ticks| {
        let mut process = process(pid, 1);
        process.id.start_ticks = start_ticks;
        process.files = vec![path.clone()];
        claim(&Reader::new(), &process, &|| &[])
    };
    let state_directory = claimed(7, 9).unwrap().state_directory;
    assert_eq!(state_directory.as_deref(), Some(directory.path()));
    assert_eq!(claimed(7, 10), None);
    assert_eq!(claimed(8, 9), None);
}

#[test]
fn an_old_lock_of_a_profile_names_the_directory_by_its_configuration() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".openclaw-work");
    #[expect(
        clippy::disallowed_methods,
        reason = "the test makes a state directory"
    )]
    std::fs::create_dir(&state).unwrap();
    let path = home.path().join("gateway.5eb698e9.lock");
    let config = state.join("openclaw.json");
    let text = format!(
        r#"{{"pid":7,"configPath":"{}","startTime":9}}"#,
        config.display()
    );
    #[expect(clippy::disallowed_methods, reason = "the test makes a lock file")]
    std::fs::write(&path, text).unwrap();
    let mut process = process(7, 1);
    process.files = vec![path];
    let told = |it: &ProcessDetails| claim(&Reader::new(), it, &|| &[]).unwrap().state_directory;
    assert_eq!(told(&process), Some(state));
    process.environment = vec![("OPENCLAW_STATE_DIR".into(), "/srv/claw".into())];
    assert_eq!(told(&process), None);
}

#[test]
fn a_database_counts_only_with_a_port_and_not_for_a_helper() {
    let mut process = process(7, 1);
    process.files = vec!["/nowhere/.openclaw/state/openclaw.sqlite".into()];
    let claimed =
        |it: &ProcessDetails, all: &[Listener]| claim(&Reader::new(), it, &|| all).is_some();
    assert!(claimed(&process, &[listener()]));
    assert!(!claimed(&process, &[]));
    process.environment = vec![(SERVICE_PID.into(), "6".into())];
    assert!(!claimed(&process, &[listener()]));
}

#[test]
fn the_state_directory_is_told_by_the_open_databases() {
    let told = |file: &str| state_directory(&[file.into()]);
    assert_eq!(
        told("/h/.openclaw/state/openclaw.sqlite"),
        Some("/h/.openclaw".into())
    );
    assert_eq!(told("/h/s/tasks/runs.sqlite"), Some("/h/s".into()));
    assert_eq!(told("/h/s/state/other.sqlite"), None);
    assert!(is_lock(Path::new("/t/gateway.5eb698e9.lock")));
    assert!(!is_lock(Path::new("/t/gateway.5eb698e9.lock.sqlite")));
}
