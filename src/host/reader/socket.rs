//! TCP sockets of this network namespace: those that listen, and those that are connected.

use std::net::SocketAddr;

use procfs::net::TcpState;

use super::Reader;

/// A socket that accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its inode number, by which a process's descriptors name it.
    pub inode: u64,
}

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

    /// Returns the listening TCP sockets, IPv4 and IPv6; `proc_pid_net(5)`.
    #[must_use]
    pub fn listeners(&self) -> Vec<Listener> {
        let v4 = procfs::net::tcp().unwrap_or_default();
        let v6 = procfs::net::tcp6().unwrap_or_default();
        let sockets = v4.into_iter().chain(v6);
        let listening = sockets.filter(|socket| socket.state == TcpState::Listen);
        let listeners = listening.map(|socket| Listener {
            address: socket.local_address,
            inode: socket.inode,
        });
        listeners.collect()
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
