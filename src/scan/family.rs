//! Which processes are gateways, told by the files that they hold open, and which others belong to each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contained;
use crate::host::reader::{Glance, Listener, ProcessDetails, Reader};
use crate::inventory::{Contained, ProcessId};
use crate::openclaw::layout::{Lock, is_candidate, parse_lock, state_directory_of};
use crate::secret::Hasher;

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
    /// Its working directory.
    pub(super) directory: Option<PathBuf>,
}

/// What a process holds that makes it a gateway.
#[derive(Debug, PartialEq, Eq)]
struct Claim {
    lock: Option<Lock>,
    state_directory: Option<PathBuf>,
}

/// Finds the running gateways outside containers, the containers that run OpenClaw, and says what could not be seen.
pub(super) fn find<'l>(
    reader: &Reader,
    glances: &[Glance],
    listeners: &dyn Fn() -> &'l [Listener],
    hasher: &Hasher,
    unseen: &mut Vec<String>,
) -> (Vec<Family>, Vec<Contained>) {
    let candidates: Vec<_> = glances
        .iter()
        .filter(|it| is_candidate(&it.name))
        .cloned()
        .collect();
    let (native, inside) = native(reader, candidates, unseen);
    let details = reader.details(&native);
    let claims = details
        .iter()
        .filter_map(|it| Some((it, claim(reader, it, listeners)?)));
    let claims = without_forks(claims.collect());
    let mains: Vec<_> = claims.iter().map(|(process, _)| process.id.pid).collect();
    let families = claims.into_iter().map(|(main, claim)| {
        let mut others = members(glances, main, &mains);
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
            ancestors: ancestors(reader, glances, main),
            others,
            lock: claim.lock,
            state_directory: claim.state_directory,
        }
    });
    let families = families.collect();
    (families, contained::find(reader, &inside, hasher, unseen))
}

/// Parts the candidates into those outside and inside containers, and counts those that cannot be seen.
fn native(
    reader: &Reader,
    candidates: Vec<Glance>,
    unseen: &mut Vec<String>,
) -> (Vec<Glance>, Vec<Glance>) {
    let (mut native, mut contained, mut hidden) = (Vec::new(), Vec::new(), 0);
    for candidate in candidates {
        match reader.is_native(candidate.id) {
            Some(true) => native.push(candidate),
            Some(false) => contained.push(candidate),
            None => hidden += 1,
        }
    }
    if hidden > 0 {
        unseen.push(format!(
            "{hidden} processes of other users that run node: run as root to see them"
        ));
    }
    (native, contained)
}

/// Returns what makes this process a gateway: the lock that it holds and that names it, or a gateway's database and a
/// port. A program that only looks into a database listens nowhere.
fn claim<'l>(
    reader: &Reader,
    process: &ProcessDetails,
    listeners: &dyn Fn() -> &'l [Listener],
) -> Option<Claim> {
    let locks = process.files.iter().filter(|path| is_lock(path));
    let locks = locks.filter_map(|path| parse_lock(&reader.file(path).ok()??));
    let mut locks: Vec<_> = locks.filter(|lock| names(lock, process.id)).collect();
    locks.sort_by_key(|lock| lock.state_directory.is_none());
    let lock = locks.into_iter().next();
    let named = lock.as_ref().and_then(|lock| lock.state_directory.clone());
    let opened = state_directory(&process.files);
    // A variable says it better than the configuration's place, which could lie in another state directory.
    let is_set = ["OPENCLAW_STATE_DIR", "CLAWDBOT_STATE_DIR"]
        .iter()
        .any(|name| process.variable(name).is_some());
    let config = lock.as_ref().filter(|_| !is_set);
    let beside = config.and_then(|lock| state_directory_of(lock.config_path.as_deref()?));
    let serves = is_own_service(process) && opened.is_some() && is_listening(process, listeners());
    (lock.is_some() || serves).then(|| Claim {
        lock,
        state_directory: named
            .or(opened)
            .or(beside)
            .filter(|path| is_owned(reader, path, process.uid)),
    })
}

/// Leaves out processes that only have everything open as yet that their gateway has: it has just forked to run a program.
/// They hold its database and its port between fork(2) and execve(2), and its lock does not name them.
fn without_forks(claims: Vec<(&ProcessDetails, Claim)>) -> Vec<(&ProcessDetails, Claim)> {
    let gateways: Vec<_> = claims
        .iter()
        .map(|(process, claim)| (process.id.pid, claim.state_directory.clone()))
        .collect();
    let is_fork = |process: &ProcessDetails, claim: &Claim| {
        let parent = (process.parent, claim.state_directory.clone());
        claim.lock.is_none() && gateways.contains(&parent)
    };
    claims
        .into_iter()
        .filter(|(process, claim)| !is_fork(process, claim))
        .collect()
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

pub(super) fn state_directory(files: &[PathBuf]) -> Option<PathBuf> {
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
            directory: reader.directory(glance.id),
        });
    }
    ancestors
}

#[cfg(test)]
#[path = "family_tests.rs"]
mod tests;
