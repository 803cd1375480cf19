//! Which processes are gateways, told by the files that they hold open, and which others belong to each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::reader::{Glance, Listener, ProcessDetails, Reader};
use crate::inventory::ProcessId;
use crate::openclaw::layout::{Lock, is_candidate, parse_lock};

/// Set in a gateway's helpers to the id of the gateway's process.
const SERVICE_PID: &str = "OPENCLAW_GATEWAY_SERVICE_PID";
/// The most processes above a gateway that are looked at.
const ANCESTORS_LIMIT: usize = 16;
/// Databases below a state directory that a gateway holds open: 2026.9, then two of 2026.5.
const DATABASES: [&str; 3] = [
    "state/openclaw.sqlite",
    "tasks/runs.sqlite",
    "plugin-state/state.sqlite",
];

/// A running gateway: the process that serves, and those that belong to it.
#[derive(Debug, Clone)]
pub(super) struct Family {
    /// The process that holds the lock.
    pub(super) main: ProcessDetails,
    /// Its launcher and everything below it, in the order of the ids.
    pub(super) others: Vec<ProcessId>,
    /// The details of those of them that run node.
    pub(super) helpers: Vec<ProcessDetails>,
    /// What its lock file says.
    pub(super) lock: Option<Lock>,
    /// The state directory that its lock or its open files name.
    pub(super) state_directory: Option<PathBuf>,
    /// The processes above it and its launchers, the nearest first; [`ANCESTORS_LIMIT`] at most.
    pub(super) ancestors: Vec<Ancestor>,
}

/// A process above a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ancestor {
    pub(super) pid: i32,
    pub(super) name: String,
    /// Its arguments, where they may be seen. They may hold secrets.
    pub(super) arguments: Vec<String>,
    /// Its open files.
    pub(super) files: Vec<PathBuf>,
}

/// What a process holds that makes it a gateway.
#[derive(Debug, PartialEq, Eq)]
struct Claim {
    lock: Option<Lock>,
    state_directory: Option<PathBuf>,
}

/// Finds the running gateways outside containers, and says what could not be seen.
pub(super) fn find(
    reader: &Reader,
    listeners: &[Listener],
    unseen: &mut Vec<String>,
) -> Vec<Family> {
    let glances = reader.glance();
    let candidates: Vec<_> = glances
        .iter()
        .filter(|it| is_candidate(&it.name))
        .cloned()
        .collect();
    let native = native(reader, candidates, unseen);
    let details = reader.details(&native);
    let claims = details
        .iter()
        .filter_map(|it| Some((it, claim(reader, it, listeners)?)));
    let claims: Vec<_> = claims.collect();
    let mains: Vec<_> = claims.iter().map(|(process, _)| process.id.pid).collect();
    let families = claims.into_iter().map(|(main, claim)| {
        let mut others = members(&glances, main, &mains);
        let strangers = details
            .iter()
            .filter(|it| !mains.contains(&it.id.pid) && shares_unit(it, main));
        others.extend(strangers.map(|it| it.id));
        others.sort();
        others.dedup();
        let is_member = |it: &&ProcessDetails| others.contains(&it.id);
        Family {
            helpers: details.iter().filter(is_member).cloned().collect(),
            main: main.clone(),
            ancestors: ancestors(reader, &glances, main),
            others,
            lock: claim.lock,
            state_directory: claim.state_directory,
        }
    });
    families.collect()
}

/// Keeps the candidates outside containers, and counts the rest.
fn native(reader: &Reader, candidates: Vec<Glance>, unseen: &mut Vec<String>) -> Vec<Glance> {
    let (mut native, mut contained, mut hidden) = (Vec::new(), 0, 0);
    for candidate in candidates {
        match reader.is_native(candidate.id) {
            Some(true) => native.push(candidate),
            Some(false) => contained += 1,
            None => hidden += 1,
        }
    }
    if contained > 0 {
        unseen.push(format!(
            "{contained} processes that run node in containers: not looked at"
        ));
    }
    if hidden > 0 {
        unseen.push(format!(
            "{hidden} processes of other users that run node: run as root to see them"
        ));
    }
    native
}

/// Returns what makes this process a gateway: the lock that it holds and that names it, or a gateway's database and a
/// port. A program that only looks into a database listens nowhere.
fn claim(reader: &Reader, process: &ProcessDetails, listeners: &[Listener]) -> Option<Claim> {
    let locks = process.files.iter().filter(|path| is_lock(path));
    let locks = locks.filter_map(|path| parse_lock(&reader.file(path).ok()??));
    let mut locks: Vec<_> = locks.filter(|lock| names(lock, process.id)).collect();
    locks.sort_by_key(|lock| lock.state_directory.is_none());
    let lock = locks.into_iter().next();
    let named = lock.as_ref().and_then(|lock| lock.state_directory.clone());
    let opened = state_directory(&process.files);
    let serves = is_own_service(process) && is_listening(process, listeners) && opened.is_some();
    (lock.is_some() || serves).then(|| Claim {
        lock,
        state_directory: named
            .or(opened)
            .filter(|path| is_owned(reader, path, process.uid)),
    })
}

/// Returns whether the directory belongs to the user or to root: nobody's process can claim another user's directory.
fn is_owned(reader: &Reader, path: &Path, uid: u32) -> bool {
    let owner = reader.owner(&reader.resolve(path));
    owner.is_some_and(|(owner, _)| owner == uid || owner == 0 || uid == 0)
}

fn is_lock(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let middle = name
        .strip_prefix("gateway.")
        .and_then(|rest| rest.strip_suffix(".lock"));
    middle.is_some_and(|it| {
        it == "state" || (it.len() == 8 && it.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// Returns whether the lock was taken by this very process.
fn names(lock: &Lock, process: ProcessId) -> bool {
    lock.pid == process.pid
        && lock
            .start_time
            .is_none_or(|ticks| ticks == process.start_ticks)
}

fn state_directory(files: &[PathBuf]) -> Option<PathBuf> {
    let below = |database: &&str| {
        let depth = Path::new(database).components().count();
        let file = files.iter().find(|file| file.ends_with(database))?;
        file.ancestors().nth(depth).map(Path::to_path_buf)
    };
    DATABASES.iter().find_map(below)
}

fn is_own_service(process: &ProcessDetails) -> bool {
    let named = process.variable(SERVICE_PID);
    named.is_none_or(|pid| pid.to_str() == Some(process.id.pid.to_string().as_str()))
}

fn is_listening(process: &ProcessDetails, listeners: &[Listener]) -> bool {
    listeners
        .iter()
        .any(|it| process.sockets.contains(&it.inode))
}

/// Returns whether a process lives in a gateway's own unit, though it is not below it: its launcher left it behind.
fn shares_unit(process: &ProcessDetails, main: &ProcessDetails) -> bool {
    process.uid == main.uid
        && super::starter::is_gateways_own(&main.cgroup)
        && process.cgroup == main.cgroup
}

/// Returns the launcher above a gateway and everything below it, other gateways and what is theirs excepted.
fn members(glances: &[Glance], main: &ProcessDetails, mains: &[i32]) -> Vec<ProcessId> {
    let mut members = launchers(glances, main);
    let mut children: BTreeMap<i32, Vec<&Glance>> = BTreeMap::new();
    for glance in glances {
        children.entry(glance.parent).or_default().push(glance);
    }
    let mut waiting = vec![main.id.pid];
    while let Some(pid) = waiting.pop() {
        // Removed, so that even a circle of parents comes to an end.
        for child in children.remove(&pid).unwrap_or_default() {
            if !mains.contains(&child.id.pid) {
                members.push(child.id);
                waiting.push(child.id.pid);
            }
        }
    }
    members.sort();
    members.dedup();
    members
}

/// Returns the `openclaw` processes straight above a gateway. A node process above it is something else, pm2 for example.
fn launchers(glances: &[Glance], main: &ProcessDetails) -> Vec<ProcessId> {
    let (mut launchers, mut parent) = (Vec::new(), main.parent);
    while let Some(glance) = glances.iter().find(|it| it.id.pid == parent) {
        if !glance.name.starts_with(b"openclaw") || launchers.contains(&glance.id) {
            break;
        }
        launchers.push(glance.id);
        parent = glance.parent;
    }
    launchers
}

/// Returns the processes above a gateway and its launchers. Where parents go in a circle, the walk ends at the limit.
fn ancestors(reader: &Reader, glances: &[Glance], main: &ProcessDetails) -> Vec<Ancestor> {
    let launchers = launchers(glances, main);
    let (mut ancestors, mut parent) = (Vec::new(), main.parent);
    for _ in 0..ANCESTORS_LIMIT {
        let Some(glance) = glances.iter().find(|it| it.id.pid == parent) else {
            break;
        };
        parent = glance.parent;
        if launchers.contains(&glance.id) {
            continue;
        }
        let details = reader.details(std::slice::from_ref(glance)).pop();
        let (arguments, files) =
            details.map_or_else(Default::default, |it| (it.arguments, it.files));
        let arguments = arguments.into_iter();
        ancestors.push(Ancestor {
            pid: glance.id.pid,
            name: crate::display::bytes(&glance.name),
            arguments: arguments
                .map(|it| it.to_string_lossy().into_owned())
                .collect(),
            files,
        });
    }
    ancestors
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
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
            claim(&Reader::new(), &process, &[])
        };
        let state_directory = claimed(7, 9).unwrap().state_directory;
        assert_eq!(state_directory.as_deref(), Some(directory.path()));
        assert_eq!(claimed(7, 10), None);
        assert_eq!(claimed(8, 9), None);
    }

    #[test]
    fn a_database_counts_only_with_a_port_and_not_for_a_helper() {
        let mut process = process(7, 1);
        process.files = vec!["/nowhere/.openclaw/state/openclaw.sqlite".into()];
        let claimed =
            |it: &ProcessDetails, all: &[Listener]| claim(&Reader::new(), it, all).is_some();
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
}
