//! The machine that a [`FakeHost`](super::FakeHost) stands on; a fake engine may share it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::faults::Faults;
use super::starters::{FakeApp, FakeCronLine, FakeProgram, FakeShell, FakeStranger};
use super::units::{FakeGateway, FakeUnit};
use crate::host::{FileMeta, FileState, Output, Ownership, Reply, Room};
use crate::inventory::ProcessId;
use crate::units::Bytes;

/// A file of the fake machine.
#[derive(Clone)]
pub struct FakeFile {
    /// Its bytes and metadata.
    pub state: FileState,
    /// Tells a file from the one that replaced it.
    pub inode: u64,
    /// The number of names that it has.
    pub links: u32,
}

/// A directory of the fake machine.
#[derive(Debug, Clone, Copy)]
pub struct FakeDirectory {
    /// Its owner and mode.
    pub ownership: Ownership,
    /// Tells a directory from the one that replaced it.
    pub inode: u64,
}

/// A live native process.
#[derive(Debug, Clone)]
pub struct FakeProcess {
    /// Its identity.
    pub id: ProcessId,
    /// The gateway that it serves.
    pub gateway: FakeGateway,
}

/// Somebody began or ceased to poll the bots of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollerChange {
    /// The virtual time.
    pub at_ms: i64,
    /// The state directory, which stands for its bots.
    pub bots: PathBuf,
    /// Who polls, for example `native 101` or `container oc-work`.
    pub poller: String,
    /// Whether the poller began; otherwise it ceased.
    pub polls: bool,
}

#[derive(Debug, Clone)]
struct Listener {
    owner: String,
    ready_at_ms: i64,
}

/// Everything that the fake machine holds. It outlives a simulated death or reboot.
#[derive(Default)]
pub struct FakeWorld {
    /// The files by path.
    pub files: BTreeMap<PathBuf, FakeFile>,
    /// The directories by path.
    pub directories: BTreeMap<PathBuf, FakeDirectory>,
    /// Symbolic links; whatever meets one is refused.
    pub links: BTreeSet<PathBuf>,
    /// The units that the managers know.
    pub units: Vec<FakeUnit>,
    /// The live native processes.
    pub processes: Vec<FakeProcess>,
    /// The shells that run a gateway in a loop.
    pub shells: Vec<FakeShell>,
    /// What cron would start.
    pub cron: Vec<FakeCronLine>,
    /// What pm2 would start.
    pub apps: Vec<FakeApp>,
    /// Something that nobody told of.
    pub stranger: Option<FakeStranger>,
    /// What files start when a shell runs them.
    pub launchers: BTreeMap<PathBuf, FakeProgram>,
    /// The shells that started and will open a script, each with when, in virtual milliseconds.
    pub starting: Vec<(i64, PathBuf)>,
    /// Who began and ceased to poll, in order.
    pub pollers: Vec<PollerChange>,
    /// The configuration that each native gateway found when it started, in order; `None` where there was none.
    pub found_configs: Vec<Option<Vec<u8>>>,
    /// What programs answer, by the first word of their argument list; others answer nothing, with code 0.
    pub programs: BTreeMap<OsString, Output>,
    /// What goes wrong, and the log of changing calls.
    pub faults: Faults,
    /// The virtual time in milliseconds since 1970.
    pub now_ms: i64,
    /// What is free on every disk.
    pub free: Room,
    /// The memory that is available.
    pub available: Bytes,
    answers: BTreeMap<(u16, String), Reply>,
    ports: BTreeMap<u16, Listener>,
    last_number: u64,
}

impl FakeWorld {
    /// Returns a machine with a root directory and nothing in it.
    #[must_use]
    pub fn new() -> Self {
        let mut world = Self {
            now_ms: 1_767_225_600_000,
            free: Room {
                bytes: 100 * crate::units::GIB,
                inodes: 1_000_000,
            },
            available: Bytes::mib(8192),
            ..Self::default()
        };
        world.add_directory(Path::new("/"), ROOT_OWNED);
        world
    }

    /// Puts a file there without counting it as a change, with its parents.
    pub fn add_file(&mut self, path: impl Into<PathBuf>, bytes: &[u8], owner: Ownership) {
        let path = path.into();
        if let Some(parent) = path.parent() {
            self.add_directory(parent, ROOT_OWNED);
        }
        let meta = FileMeta {
            uid: owner.uid,
            gid: owner.gid,
            mode: owner.mode,
            mtime_ns: Some(i128::from(self.now_ms) * 1_000_000),
        };
        let bytes = bytes.to_vec();
        self.put_file(path, FileState { bytes, meta });
    }

    /// Makes a directory without counting it as a change, and its parents as root's; one that is there stays.
    pub fn add_directory(&mut self, path: &Path, ownership: Ownership) {
        if self.directories.contains_key(path) {
            return;
        }
        if let Some(parent) = path.parent() {
            self.add_directory(parent, ROOT_OWNED);
        }
        let inode = self.next_number();
        self.directories
            .insert(path.to_owned(), FakeDirectory { ownership, inode });
    }

    /// Returns who owns a file or directory.
    #[must_use]
    pub fn owner_of(&self, path: &Path) -> Option<(u32, u32)> {
        let file = self.files.get(path);
        let file = file.map(|file| (file.state.meta.uid, file.state.meta.gid));
        let directory = self.directories.get(path);
        file.or(directory.map(|one| (one.ownership.uid, one.ownership.gid)))
    }

    /// Claims a port; says whether it was free. Whoever listens answers `/healthz` and `/readyz` from `ready_at_ms` on.
    pub fn listen(&mut self, port: u16, owner: String, ready_at_ms: i64) -> bool {
        if self.ports.contains_key(&port) {
            return false;
        }
        self.ports.insert(port, Listener { owner, ready_at_ms });
        true
    }

    /// Gives a port up, if it is this owner's.
    pub fn unlisten(&mut self, port: u16, owner: &str) {
        if self.listener(port) == Some(owner) {
            self.ports.remove(&port);
        }
    }

    /// Returns who listens on a port.
    #[must_use]
    pub fn listener(&self, port: u16) -> Option<&str> {
        self.ports
            .get(&port)
            .map(|listener| listener.owner.as_str())
    }

    /// Sets what whoever listens on this port answers at a path, for example `/readyz`.
    pub fn answer(&mut self, port: u16, path: &str, reply: Reply) {
        self.answers.insert((port, path.to_owned()), reply);
    }

    /// Notes that somebody polls the bots of a state directory from now on.
    pub fn begin_polling(&mut self, bots: &Path, poller: &str) {
        self.note_poller(bots, poller, true);
    }

    /// Notes that somebody polls no more.
    pub fn end_polling(&mut self, bots: &Path, poller: &str) {
        if self.polling(bots).contains(poller) {
            self.note_poller(bots, poller, false);
        }
    }

    /// Returns who polls the bots of a state directory now.
    #[must_use]
    pub fn polling(&self, bots: &Path) -> BTreeSet<&str> {
        let mut now = BTreeSet::new();
        for change in self.pollers.iter().filter(|change| change.bots == bots) {
            if change.polls {
                now.insert(change.poller.as_str());
            } else {
                now.remove(change.poller.as_str());
            }
        }
        now
    }

    /// Returns every moment at which the same bots had two pollers; no test may see one.
    #[must_use]
    pub fn two_at_once(&self) -> Vec<PollerChange> {
        let mut now: BTreeMap<&Path, BTreeSet<&str>> = BTreeMap::new();
        let mut moments = Vec::new();
        for change in &self.pollers {
            let polling = now.entry(&change.bots).or_default();
            if change.polls {
                polling.insert(&change.poller);
            } else {
                polling.remove(change.poller.as_str());
            }
            if polling.len() > 1 {
                moments.push(change.clone());
            }
        }
        moments
    }

    /// Ends a native process; its port and its polling end with it.
    pub fn kill(&mut self, id: ProcessId) {
        let Some(index) = self.processes.iter().position(|process| process.id == id) else {
            return;
        };
        let process = self.processes.remove(index);
        let name = native(id);
        self.unlisten(process.gateway.trace.port, &name);
        self.end_polling(&process.gateway.trace.state_directory, &name);
        for unit in &mut self.units {
            if unit.main_pid == id.pid {
                unit.main_pid = 0;
                "inactive".clone_into(&mut unit.active);
            }
        }
    }

    /// Starts a native gateway, as by hand; `None` if its port is taken, at which OpenClaw gives up.
    pub fn run(&mut self, gateway: &FakeGateway) -> Option<ProcessId> {
        let id = self.next_process();
        let boot_ms = i64::try_from(gateway.boot.as_millis()).ok()?;
        let name = native(id);
        let config = self.files.get(&gateway.trace.config);
        let config = config.map(|file| file.state.bytes.clone());
        self.found_configs.push(config);
        if !self.listen(gateway.trace.port, name.clone(), self.now_ms + boot_ms) {
            return None;
        }
        self.begin_polling(&gateway.trace.state_directory, &name);
        let gateway = gateway.clone();
        self.processes.push(FakeProcess { id, gateway });
        Some(id)
    }

    /// Cuts the power and boots: everything that ran is dead, enabled units start unless a condition forbids it.
    pub fn reboot(&mut self) {
        for id in self
            .processes
            .iter()
            .map(|process| process.id)
            .collect::<Vec<_>>()
        {
            self.kill(id);
        }
        self.ports.clear();
        let bots: BTreeSet<PathBuf> = self
            .pollers
            .iter()
            .map(|change| change.bots.clone())
            .collect();
        for bots in bots {
            for poller in self
                .polling(&bots)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
            {
                self.end_polling(&bots, &poller);
            }
        }
        self.now_ms += 30_000;
        self.boot_units();
        self.boot_starters();
    }

    pub(super) fn reply(&self, port: u16, path: &str) -> Option<Reply> {
        let listener = self.ports.get(&port)?;
        if listener.ready_at_ms > self.now_ms {
            return None;
        }
        let set = self.answers.get(&(port, path.to_owned())).cloned();
        Some(set.unwrap_or_else(|| healthy(path)))
    }

    pub(super) fn put_file(&mut self, path: PathBuf, state: FileState) {
        let inode = self.next_number();
        let links = 1;
        self.files.insert(
            path,
            FakeFile {
                state,
                inode,
                links,
            },
        );
    }

    /// Returns an identity that no process had.
    pub(super) fn next_process(&mut self) -> ProcessId {
        let number = self.next_number();
        ProcessId {
            pid: i32::try_from(number).unwrap_or(i32::MAX),
            start_ticks: number * 100,
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        100 + self.last_number
    }

    fn note_poller(&mut self, bots: &Path, poller: &str, polls: bool) {
        self.pollers.push(PollerChange {
            at_ms: self.now_ms,
            bots: bots.to_owned(),
            poller: poller.to_owned(),
            polls,
        });
    }
}

/// Root's, readable by all.
pub(super) const ROOT_OWNED: Ownership = Ownership::of_root(0o755);

fn native(id: ProcessId) -> String {
    format!("native {}", id.pid)
}

fn healthy(path: &str) -> Reply {
    let (content_type, body) = match path {
        "/healthz" => ("application/json", r#"{"ok":true,"status":"live"}"#),
        "/readyz" => ("application/json", r#"{"ready":true,"failing":[]}"#),
        _ => ("text/html", "<!doctype html>"),
    };
    Reply {
        status: 200,
        content_type: content_type.to_owned(),
        body: body.as_bytes().to_vec(),
    }
}
