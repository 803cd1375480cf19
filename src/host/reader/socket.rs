//! TCP sockets of this network namespace: those that listen, and those that are connected.

use std::net::SocketAddr;

use procfs::net::TcpState;

use super::Reader;
use crate::host::listening::{self, Listener};

/// A connected socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Its own end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Its inode number, by which a process's descriptors name it.
    pub inode: u64,
}

impl Reader {
    /// Returns the established TCP connections, IPv4 and IPv6, each from both ends if both are here; `proc_pid_net(5)`.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        let v4 = procfs::net::tcp().unwrap_or_default();
        let v6 = procfs::net::tcp6().unwrap_or_default();
        let sockets = v4.into_iter().chain(v6);
        let connected = sockets.filter(|socket| socket.state == TcpState::Established);
        let connections = connected.map(|socket| Connection {
            local: socket.local_address,
            remote: socket.remote_address,
            inode: socket.inode,
        });
        connections.collect()
    }

    /// Returns the listening TCP sockets, IPv4 and IPv6.
    #[must_use]
    pub fn listeners(&self) -> Vec<Listener> {
        listening::listeners().unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_listening_socket_is_found_by_its_port() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let found = Reader::new().listeners();
        assert!(found.iter().any(|it| it.address == address && it.inode > 0));
    }
}
