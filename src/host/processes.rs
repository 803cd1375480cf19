//! Finds the native processes of a gateway, and tells whether one still runs. Processes may end at any moment.

#![expect(
    clippy::disallowed_methods,
    reason = "reads proc(5), where no user can put a link"
)]

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::context::Context;
use super::{GatewayTrace, Result, coming_up, sockets};
use crate::inventory::ProcessId;

/// Returns the live processes of a gateway outside containers, sorted.
///
/// A process belongs if it looks like OpenClaw and holds a file below the state directory, holds a lock that names the
/// configuration, was started with either in its environment, or was just started to serve below the same home; if it
/// listens on the port; or if it launched one of these.
pub(super) fn find_gateway(trace: &GatewayTrace) -> Result<Vec<ProcessId>> {
    let namespace =
        fs::read_link("/proc/self/ns/pid").on("read", Path::new("/proc/self/ns/pid"))?;
    let listeners = sockets::listeners(trace.port)?;
    let candidates: Vec<Candidate> = pids()?
        .into_iter()
        .filter_map(|pid| Candidate::read(pid, trace.uid, &namespace))
        .collect();
    let (found, others): (Vec<&Candidate>, Vec<&Candidate>) = candidates
        .iter()
        .partition(|candidate| candidate.belongs(trace, &listeners));
    let launched: BTreeSet<i32> = found.iter().map(|candidate| candidate.parent).collect();
    let is_launcher = |other: &&&Candidate| {
        launched.contains(&other.id.pid) && other.name.starts_with("openclaw")
    };
    let launchers: Vec<&Candidate> = others.iter().filter(is_launcher).copied().collect();
    let mut ids: Vec<ProcessId> = found.iter().chain(&launchers).map(|one| one.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Returns whether this very process still runs; a zombie does not.
pub(super) fn is_alive(process: ProcessId) -> Result<bool> {
    Ok(read_stat(process.pid)?.is_some_and(|stat| stat.id == process && !stat.is_dead))
}

/// Returns the environment that a process was started with, in its order.
pub(super) fn environment(process: ProcessId) -> Result<Vec<(OsString, OsString)>> {
    let path = PathBuf::from(format!("/proc/{}/environ", process.pid));
    let bytes = fs::read(&path).on("read", &path)?;
    // Asked afterwards: the bytes are those of this process only if it is still the same.
    if !is_alive(process)? {
        return Err(Errno::SRCH).on("read", &path);
    }
    Ok(parse_environment(&bytes))
}

/// A process of the gateway's user in our pid namespace.
struct Candidate {
    id: ProcessId,
    parent: i32,
    /// The command name; at most 15 bytes, `proc_pid_comm(5)`.
    name: String,
    /// What its descriptors point to, with their numbers.
    open: Vec<(OsString, PathBuf)>,
}

impl Candidate {
    /// Reads a process; `None` if it is another user's, lives in a container, or has ended.
    fn read(pid: i32, uid: u32, namespace: &Path) -> Option<Self> {
        let directory = PathBuf::from(format!("/proc/{pid}"));
        let status = fs::read_to_string(directory.join("status")).ok()?;
        if effective_uid(&status)? != uid
            || fs::read_link(directory.join("ns/pid")).ok()? != namespace
        {
            return None;
        }
        let open = open_files(&directory.join("fd"));
        let stat = read_stat(pid).ok()??;
        let Stat {
            id,
            parent,
            name,
            is_dead,
            is_frozen: _,
        } = stat;
        (!is_dead).then_some(Self {
            id,
            parent,
            name,
            open,
        })
    }

    fn belongs(&self, trace: &GatewayTrace, listeners: &BTreeSet<u64>) -> bool {
        let looks_like = looks_like_openclaw(&self.name);
        (looks_like
            && (self.holds_state(trace)
                || self.holds_lock(trace)
                || self.was_told(trace)
                || self.is_coming_up(trace)))
            // Docker's proxy listens for a container.
            || (self.name != "docker-proxy" && self.listens(listeners))
    }

    fn holds_state(&self, trace: &GatewayTrace) -> bool {
        self.open
            .iter()
            .any(|(_, target)| target.starts_with(&trace.state_directory))
    }

    /// OpenClaw's lock is a JSON file below /tmp that names the configuration; it stays open while the gateway lives.
    fn holds_lock(&self, trace: &GatewayTrace) -> bool {
        let is_lock = |target: &Path| {
            let name = target.file_name().unwrap_or_default().as_bytes();
            name.starts_with(b"gateway.") && name.ends_with(b".lock")
        };
        let locks = self.open.iter().filter(|(_, target)| is_lock(target));
        locks.into_iter().any(|(number, _)| {
            let link = PathBuf::from(format!("/proc/{}/fd", self.id.pid)).join(number);
            lock_names(&link).is_some_and(|config| config == trace.config)
        })
    }

    fn was_told(&self, trace: &GatewayTrace) -> bool {
        let Ok(variables) = environment(self.id) else {
            return false;
        };
        variables.iter().any(|(name, value)| {
            let wanted = match name.as_bytes() {
                b"OPENCLAW_STATE_DIR" => &trace.state_directory,
                b"OPENCLAW_CONFIG_PATH" => &trace.config,
                _ => return false,
            };
            let told = self.locate(Path::new(value), &variables);
            told == *wanted || fs::canonicalize(told).is_ok_and(|path| path == *wanted)
        })
    }

    /// Returns where a path of its environment leads: `~` is its home, and a relative one begins in its directory.
    fn locate(&self, path: &Path, variables: &[(OsString, OsString)]) -> PathBuf {
        if let Ok(below) = path.strip_prefix("~") {
            let home = variables.iter().find(|(name, _)| name == "HOME");
            return home.map_or_else(|| path.to_owned(), |(_, home)| Path::new(home).join(below));
        }
        let directory = fs::read_link(format!("/proc/{}/cwd", self.id.pid));
        directory.map_or_else(|_| path.to_owned(), |directory| directory.join(path))
    }

    /// A gateway that has nothing open yet: its arguments say that it serves, and nothing says that another state is meant.
    fn is_coming_up(&self, trace: &GatewayTrace) -> bool {
        let path = PathBuf::from(format!("/proc/{}/cmdline", self.id.pid));
        let bytes = fs::read(&path).unwrap_or_default();
        let words = bytes.split(|byte| *byte == 0);
        let words: Vec<_> = words
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .collect();
        if !coming_up::serves(&words) {
            return false;
        }
        let variables = environment(self.id).unwrap_or_default();
        let set = |wanted: &str| {
            let mut named = variables.iter().filter(|(name, _)| name == wanted);
            named.next().map(|(_, value)| value.clone())
        };
        // Where it is told, `was_told` has looked already.
        if set("OPENCLAW_STATE_DIR").is_some() {
            return false;
        }
        let told = set("OPENCLAW_PROFILE").map(|it| it.to_string_lossy().into_owned());
        let profile = coming_up::profile(&words).map(str::to_owned).or(told);
        let name = trace.state_directory.file_name().unwrap_or_default();
        let ends = |profile: &String| name.as_bytes().ends_with(format!("-{profile}").as_bytes());
        let home = set("HOME").and_then(|home| fs::canonicalize(home).ok());
        home.is_none_or(|home| trace.state_directory.starts_with(home))
            && profile
                .as_ref()
                .map_or(!name.as_bytes().contains(&b'-'), ends)
    }

    fn listens(&self, listeners: &BTreeSet<u64>) -> bool {
        let inode = |target: &Path| {
            let text = target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?;
            text.parse().ok()
        };
        let sockets = self.open.iter().filter_map(|(_, target)| inode(target));
        sockets
            .into_iter()
            .any(|inode: u64| listeners.contains(&inode))
    }
}

/// The names that node, bun and OpenClaw's processes show; an editor with an open file is no gateway.
fn looks_like_openclaw(name: &str) -> bool {
    ["openclaw", "node", "bun", "MainThread"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn lock_names(link: &Path) -> Option<PathBuf> {
    // A lock of this name that is a pipe would hold us up.
    fs::metadata(link).ok()?.is_file().then_some(())?;
    let mut bytes = Vec::new();
    fs::File::open(link)
        .ok()?
        .take(64 * 1024)
        .read_to_end(&mut bytes)
        .ok()?;
    // OpenClaw writes a token in white space behind the JSON value.
    let mut values = serde_json::Deserializer::from_slice(&bytes).into_iter::<serde_json::Value>();
    let value = values.next()?.ok()?;
    value.get("configPath")?.as_str().map(PathBuf::from)
}

fn pids() -> Result<Vec<i32>> {
    let proc = Path::new("/proc");
    let entries = fs::read_dir(proc).on("list", proc)?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(numbers.collect())
}

fn open_files(directory: &Path) -> Vec<(OsString, PathBuf)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let target = |entry: fs::DirEntry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?));
    entries.filter_map(target).collect()
}

fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What matters of `proc_pid_stat(5)`.
pub(super) struct Stat {
    pub(super) id: ProcessId,
    pub(super) parent: i32,
    pub(super) name: String,
    pub(super) is_dead: bool,
    pub(super) is_frozen: bool,
}

pub(super) fn read_stat(pid: i32) -> Result<Option<Stat>> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error).on("read", &path),
    };
    match parse_stat(pid, &String::from_utf8_lossy(&bytes)) {
        Some(stat) => Ok(Some(stat)),
        None => Err(Errno::BADMSG).on("read", &path),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::SRCH)
    )
}

/// The name may hold any character, so the fields are counted from its last parenthesis.
fn parse_stat(pid: i32, text: &str) -> Option<Stat> {
    let (start, rest) = text.rsplit_once(')')?;
    let (_, name) = start.split_once('(')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let start_ticks = fields.get(19)?.parse().ok()?;
    Some(Stat {
        id: ProcessId { pid, start_ticks },
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        is_dead: matches!(*fields.first()?, "Z" | "X" | "x"),
        is_frozen: *fields.first()? == "T",
    })
}

fn parse_environment(bytes: &[u8]) -> Vec<(OsString, OsString)> {
    let pair = |variable: &[u8]| {
        let equals = variable.iter().position(|byte| *byte == b'=')?;
        let (name, value) = variable.split_at_checked(equals)?;
        let value = OsStr::from_bytes(value.get(1..)?);
        Some((OsString::from_vec(name.to_vec()), value.to_owned()))
    };
    bytes.split(|byte| *byte == 0).filter_map(pair).collect()
}

#[cfg(test)]
#[path = "processes_tests.rs"]
mod tests;
