//! Finds the process behind a connection, in whichever network namespace of this machine it runs.
//!
//! Reads `/proc` only. The socket looked for is the one whose remote end is the server and whose local port is
//! the peer's: masquerading changes the address and nearly always keeps the port.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};

use super::records::Poller;

/// Returns the process that holds the client's end of the connection `peer` → `server`.
///
/// `None` when there is no such socket, or when two share the port and neither has the peer's address.
pub(super) fn find_poller(server: SocketAddr, peer: SocketAddr) -> Option<Poller> {
    let namespaces = processes_by_namespace();
    let mut candidates = Vec::new();
    for processes in namespaces.values() {
        let sockets = client_sockets(processes, server, peer.port());
        candidates.extend(sockets.into_iter().map(|socket| (socket, processes)));
    }
    let exact = candidates
        .iter()
        .find(|(socket, _)| is_same(socket.local_address, peer));
    let (socket, processes) = match (exact, candidates.as_slice()) {
        (Some(found), _) => found,
        (None, [only]) => only,
        (None, _) => return None,
    };
    processes
        .iter()
        .find_map(|pid| as_owner(*pid, socket.inode))
}

/// Says whether the process still runs; a zombie does not.
pub(super) fn is_alive(poller: Poller) -> bool {
    let stat = Process::new(poller.pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.starttime == poller.start_ticks && !matches!(stat.state, 'Z' | 'X'))
}

/// Returns the pids of each network namespace, keyed by what `/proc/PID/ns/net` points to.
fn processes_by_namespace() -> HashMap<OsString, Vec<i32>> {
    let mut namespaces: HashMap<OsString, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Ok(namespace) = fs::read_link(entry.path().join("ns/net")) {
            namespaces
                .entry(namespace.into_os_string())
                .or_default()
                .push(pid);
        }
    }
    namespaces
}

/// Returns the sockets of one namespace that lead to the server from this port.
fn client_sockets(processes: &[i32], server: SocketAddr, port: u16) -> Vec<TcpNetEntry> {
    let tables = processes.iter().find_map(|pid| {
        let process = Process::new(*pid).ok()?;
        Some((process.tcp().ok()?, process.tcp6().unwrap_or_default()))
    });
    let (four, six) = tables.unwrap_or_default();
    four.into_iter()
        .chain(six)
        .filter(|socket| socket.state == TcpState::Established)
        .filter(|socket| {
            socket.local_address.port() == port && is_same(socket.remote_address, server)
        })
        .collect()
}

/// Compares addresses without regard to IPv4 being written as IPv6.
fn is_same(left: SocketAddr, right: SocketAddr) -> bool {
    left.port() == right.port() && left.ip().to_canonical() == right.ip().to_canonical()
}

fn as_owner(pid: i32, inode: u64) -> Option<Poller> {
    let process = Process::new(pid).ok()?;
    let mut descriptors = process.fd().ok()?.flatten();
    descriptors.find(|descriptor| descriptor.target == FDTarget::Socket(inode))?;
    let start_ticks = process.stat().ok()?.starttime;
    Some(Poller { pid, start_ticks })
}
