//! The real host and engine that subcommands work with.

use std::path::Path;
use std::time::Duration;

use super::failure::{Code, Failure};
use super::terminal::Terminal;
use crate::docker::{Docker, DockerSocket};
use crate::host::{Reader, RealHost};
use crate::inventory::Inventory;
use crate::scan::{Named, Options};
use crate::secret::Hasher;
use crate::step::Paths;

/// The doors and places of this machine.
pub(super) struct World {
    pub(super) host: RealHost,
    pub(super) docker: DockerSocket,
    pub(super) hasher: Hasher,
    pub(super) paths: Paths,
}

impl World {
    /// Opens the doors; needs root and an engine.
    pub(super) fn open(state: &Path, command: &str) -> Result<Self, Failure> {
        if !nix::unistd::geteuid().is_root() {
            return Err(
                Failure::new(Code::Blocked, format!("`ocmigrate {command}` needs root"))
                    .hint(format!("sudo ocmigrate {command} …")),
            );
        }
        Ok(Self {
            host: RealHost,
            docker: DockerSocket::connect()?,
            hasher: hasher(&Reader::new())?,
            paths: paths(state),
        })
    }
}

/// Where an installed ocmigrate keeps its files; a unit at boot calls the program that runs now.
fn paths(state: &Path) -> Paths {
    let state = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
    let mut paths = Paths::installed(&state);
    if let Ok(program) = std::env::current_exe() {
        paths.program = program;
    }
    paths
}

/// Scans this machine; an engine that does not answer is a finding, not an error.
pub(super) fn scan(terminal: &Terminal) -> Result<Inventory, Failure> {
    scan_with(&[], None, terminal)
}

/// Scans this machine, names the processes that a person calls companions, and watches its processors for a while.
pub(super) fn scan_with(
    named: &[Named],
    window: Option<Duration>,
    terminal: &Terminal,
) -> Result<Inventory, Failure> {
    let reader = Reader::new();
    let engine = DockerSocket::connect()
        .and_then(|docker| docker.engine())
        .ok();
    let hasher = hasher(&reader)?;
    let counter = terminal.counter();
    let options = Options {
        named,
        window,
        progress: &|gateway, counted| counter.tell(&gateway.0, counted),
    };
    Ok(crate::scan::scan(&reader, engine, &hasher, &options))
}

fn hasher(reader: &Reader) -> Result<Hasher, Failure> {
    let id = reader
        .file(Path::new("/etc/machine-id"))
        .ok()
        .flatten()
        .ok_or_else(|| {
            Failure::new(Code::Failed, "`/etc/machine-id` cannot be read")
                .hint("systemd-machine-id-setup")
        })?;
    let id = String::from_utf8_lossy(&id);
    Ok(Hasher::for_machine(&id))
}
