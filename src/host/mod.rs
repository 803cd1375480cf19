//! The only room that changes the host: files, owners, signals, starters. [`Host`] is its door for steps;
//! [`RealHost`] stands behind it, and a fake with the same contract in tests.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::inventory::{Pm2Starter, ProcessId, UnitStarter, User};
use crate::units::Bytes;

mod attributes;
mod base;
mod beneath;
mod census;
mod coming_up;
mod context;
pub mod crontab;
mod entry;
pub mod fake;
mod files;
mod given;
mod http;
mod keeps;
mod listening;
mod manifest;
mod owners;
#[cfg(test)]
mod owners_tests;
mod pm2;
pub mod pm2_dump;
mod processes;
mod program;
pub mod reader;
pub mod real;
mod remove_tree;
mod roots;
mod running;
mod sockets;
mod systemd;
mod walk;
#[cfg(test)]
mod walk_tests;

pub use census::{Ground, Progress, census, file_systems};
pub use entry::{Identity, Stat};
pub use files::READ_LIMIT;
pub use given::{make_parent, read_given, write_given};
pub use manifest::unfinished;
pub use reader::Reader;
pub use real::RealHost;
pub use walk::{
    Entry, KEPT_OPEN, Then, Unvisited, Visitor, WORKERS, walk, walk_alone, walk_together,
};

/// What can still be written to a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// In bytes.
    pub bytes: u64,
    /// In files, directories and links; statvfs(3).
    pub inodes: u64,
}

/// What can go wrong on the host: what was tried, on which object.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// An operation on a file failed.
    #[error("{action} `{}`", crate::display::path(.path))]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something that ocmigrate did not make stands where it wants to write.
    #[error("`{}` is not ours: {what}", crate::display::path(.path))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A program could not be run or said no.
    #[error("`{program}`: {said}")]
    Program {
        /// The program with its main arguments.
        program: String,
        /// The end of what it said, or why it could not run.
        said: String,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {} s", .deadline.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        deadline: Duration,
    },
}

/// A `Result` of this room.
pub type Result<T, E = HostError> = std::result::Result<T, E>;

/// A file as it is: its bytes and what surrounds them.
#[derive(Clone, PartialEq, Eq)]
pub struct FileState {
    /// The content.
    pub bytes: Vec<u8>,
    /// Its metadata.
    pub meta: FileMeta,
}

/// A file's owner, permission bits and time of last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// The owner's user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The permission bits, `0o7777` at most.
    pub mode: u32,
    /// The time of the last change of its content, in nanoseconds since 1970; `None` lets the present stand.
    pub mtime_ns: Option<i128>,
}

impl FileMeta {
    /// Returns a file of root's with these permission bits, changed now.
    #[must_use]
    pub const fn of_root(mode: u32) -> Self {
        Self {
            uid: 0,
            gid: 0,
            mode,
            mtime_ns: None,
        }
    }
}

/// Who a directory or file that ocmigrate makes belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The permission bits.
    pub mode: u32,
}

impl Ownership {
    /// Returns a directory or file of root's with these permission bits.
    #[must_use]
    pub const fn of_root(mode: u32) -> Self {
        Self {
            uid: 0,
            gid: 0,
            mode,
        }
    }
}

/// A process and how it was started.
#[derive(Clone, PartialEq, Eq)]
pub struct RunningProcess {
    /// Its identity.
    pub id: ProcessId,
    /// The process that it is a child of.
    pub parent: i32,
    /// Its arguments as they are seen now; a process can write over them. They may hold secrets.
    pub arguments: Vec<OsString>,
    /// Its working directory.
    pub directory: PathBuf,
    /// The regular file that its standard output goes to, where it goes to one.
    pub output: Option<PathBuf>,
    /// Whether it was told to halt.
    pub is_frozen: bool,
    /// The permission bits that files it makes do not get; umask(2).
    pub umask: u32,
}

/// What a process can be told; signal(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To end: SIGTERM.
    End,
    /// To halt where it is: SIGSTOP.
    Freeze,
    /// To go on after a halt: SIGCONT.
    GoOn,
    /// Nothing; the kernel ends it: SIGKILL.
    Kill,
}

/// What a service manager says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitState {
    /// `ActiveState`, for example `active`, `inactive`, `activating`, `failed`.
    pub active: String,
    /// `UnitFileState`, for example `enabled`.
    pub enablement: String,
    /// `MainPID`; 0 where none runs.
    pub main_pid: i32,
    /// `FragmentPath`.
    pub file: PathBuf,
    /// `DropInPaths`, the files that change the unit.
    pub drop_ins: Vec<PathBuf>,
    /// `NeedDaemonReload`: the files changed since the manager read them.
    pub needs_reload: bool,
}

/// What identifies a native gateway's processes, whatever their titles say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayTrace {
    /// The state directory; a process with an open file below it, or with it in its environment, belongs.
    pub state_directory: PathBuf,
    /// The configuration file that its lock names.
    pub config: PathBuf,
    /// The user that it runs as.
    pub uid: u32,
    /// The port that it listens on.
    pub port: u16,
}

/// Whom to give a gateway's files, and where to note who had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerChange {
    /// The directories to walk; no other file system and no link is entered.
    pub roots: Vec<PathBuf>,
    /// The user id that everything shall have.
    pub uid: u32,
    /// The group id that everything shall have.
    pub gid: u32,
    /// The manifest: who had what before. On disk before the first change.
    pub manifest: PathBuf,
}

/// How many owners were changed, or will be, and what was left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerReport {
    /// Entries that now have another owner, or will have.
    pub changed: u64,
    /// Entries left as they are, with the reason, sorted; the first twenty.
    pub left: Vec<String>,
}

/// A finished program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// An answer over HTTP/1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The `content-type` header, lower case.
    pub content_type: String,
    /// The body; at most 64 KiB of it.
    pub body: Vec<u8>,
}

/// What steps ask of the host. Every path is taken as it stands: no symbolic link in it is followed.
pub trait Host {
    /// Reads a regular file; `None` where there is none. A link or another kind of file is an error.
    fn read(&self, path: &Path) -> Result<Option<FileState>>;

    /// Reads the end of a regular file, this many bytes at most; `None` where there is none.
    fn read_tail(&self, path: &Path, bytes: u64) -> Result<Option<FileState>>;

    /// Puts a file in place at once: written beside it, made durable, renamed over it, the directory made durable.
    ///
    /// A link that stands there is refused. Repeating it is harmless.
    fn replace(&self, path: &Path, bytes: &[u8], meta: FileMeta) -> Result<()>;

    /// Removes a regular file, durably; there being none is fine.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Makes a directory, durably, and its parents as root:root 0755; one that stands there already is left as it is.
    fn make_directory(&self, path: &Path, ownership: Ownership) -> Result<()>;

    /// Removes a directory if it is empty; says whether it is gone.
    fn remove_empty_directory(&self, path: &Path) -> Result<bool>;

    /// Removes a directory with everything in it; there being none is fine. No link is followed, no mount entered.
    fn remove_tree(&self, path: &Path) -> Result<()>;

    /// Lists a directory's entries by name, sorted; empty where there is no such directory.
    fn list(&self, path: &Path) -> Result<Vec<OsString>>;

    /// Returns the live native processes of a gateway: outside containers, found by open files, locks and sockets.
    fn find_gateway(&self, trace: &GatewayTrace) -> Result<Vec<ProcessId>>;

    /// Returns whether this very process still runs.
    fn is_alive(&self, process: ProcessId) -> Result<bool>;

    /// Returns the environment that a process was started with.
    fn environment(&self, process: ProcessId) -> Result<Vec<(OsString, OsString)>>;

    /// Returns what runs under a process id outside containers, and how it was started; `None` where nothing does.
    fn process(&self, pid: i32) -> Result<Option<RunningProcess>>;

    /// Signals this very process; one that has ended is fine.
    fn signal(&self, process: ProcessId, signal: Signal) -> Result<()>;

    /// Starts a program as a user, with an empty environment, in a session and a control group of its own; it outlives this
    /// process and is not waited for.
    fn start_detached(&self, user: &User, argv: &[OsString]) -> Result<()>;

    /// Returns whether anything on the host listens on this TCP port on loopback or on all addresses.
    fn is_port_taken(&self, port: u16) -> Result<bool>;

    /// Asks the manager for a unit's state.
    fn unit(&self, unit: &UnitStarter) -> Result<UnitState>;

    /// Lets the manager read its unit files anew.
    fn reload_units(&self, unit: &UnitStarter) -> Result<()>;

    /// Starts a unit; returns when the manager took the job.
    fn start_unit(&self, unit: &UnitStarter) -> Result<()>;

    /// Stops a unit and waits until it is stopped.
    fn stop_unit(&self, unit: &UnitStarter, deadline: Duration) -> Result<()>;

    /// Lets the user's pm2 start an application that it knows.
    fn start_app(&self, app: &Pm2Starter, user: &User, environment: &Path) -> Result<()>;

    /// Lets the user's pm2 stop an application and not start it again; its own patience counts, after which it kills.
    ///
    /// `environment` is a file for the `.` of a shell that says where its programs are.
    fn stop_app(&self, app: &Pm2Starter, user: &User, environment: &Path) -> Result<()>;

    /// Writes the manifest of what [`Host::change_owners`] would change, durably, and changes no owner. A complete
    /// manifest that is there already is taken as it is. Reports how many entries will change, and what keeps its owner.
    fn note_owners(&self, change: &OwnerChange) -> Result<OwnerReport>;

    /// Gives everything below the roots to one user, the manifest first; of a manifest that is there already, only its
    /// entries. Repeating it completes it.
    fn change_owners(&self, change: &OwnerChange) -> Result<OwnerReport>;

    /// Gives every entry of a manifest back, unless it was replaced or changed since. Repeating it is harmless.
    fn restore_owners(&self, manifest: &Path) -> Result<OwnerReport>;

    /// Asks `http://127.0.0.1:PORT/PATH`; `None` where nobody answers.
    fn get(&self, port: u16, path: &str) -> Result<Option<Reply>>;

    /// Runs a program as a user, with exactly this environment, its standard input closed.
    fn run_as(
        &self,
        user: &User,
        argv: &[OsString],
        environment: &[(OsString, OsString)],
        deadline: Duration,
    ) -> Result<Output> {
        self.run_watched(user, argv, environment, deadline, &mut |_| ())
    }

    /// Does the same, and hands over each line of its standard output as soon as it is there, without its end.
    fn run_watched(
        &self,
        user: &User,
        argv: &[OsString],
        environment: &[(OsString, OsString)],
        deadline: Duration,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Output>;

    /// Makes the archive of a base image's file system from the host's package mirror.
    ///
    /// `packages` are Debian packages. The archive is a tar; a finished one is taken as it is.
    fn make_base(&self, codename: &str, packages: &[String], archive: &Path) -> Result<()>;

    /// Returns what root can still write below this directory.
    fn free_room(&self, path: &Path) -> Result<Room>;

    /// Returns the memory that new processes can have without swapping; `MemAvailable` of `proc_meminfo(5)`.
    fn available_memory(&self) -> Result<Bytes>;

    /// Lets time pass.
    fn sleep(&self, time: Duration);

    /// Returns milliseconds since 1970.
    fn now_ms(&self) -> i64;
}
