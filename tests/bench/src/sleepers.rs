//! Processes to be found among: many that sleep, and a few that look like gateways and listen.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use crate::Outcome;

/// How many of them are called `node` and hold a socket that listens.
pub(crate) const CANDIDATES: u64 = 20;
/// After this they end by themselves, should the bench be killed.
const BOUND_SECS: &str = "900";

/// Sleeping processes; they end when this is dropped.
pub(crate) struct Sleepers {
    children: Vec<Child>,
    _room: tempfile::TempDir,
}

impl Sleepers {
    /// Starts this many processes, [`CANDIDATES`] of them called `node`.
    pub(crate) fn start(count: u64) -> Outcome<Self> {
        let room = tempfile::tempdir()?;
        let node = room.path().join("node");
        symlink("/usr/bin/sleep", &node)?;
        let mut sleepers = Self {
            children: Vec::new(),
            _room: room,
        };
        for number in 0..count {
            let mut command = Command::new("/usr/bin/sleep");
            if number < CANDIDATES {
                command = Command::new(&node);
                // Its standard input, so that it is the process's own.
                let listener = TcpListener::bind("127.0.0.1:0")?;
                command.stdin(OwnedFd::from(listener));
            }
            command.arg(BOUND_SECS).stdout(Stdio::null());
            sleepers.children.push(command.spawn()?);
        }
        Ok(sleepers)
    }

    /// Returns the ids of those called `node`.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = u32> {
        let count = usize::try_from(CANDIDATES).unwrap_or(usize::MAX);
        self.children.iter().take(count).map(Child::id)
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended already needs no end.
            let _ = child.kill();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}
