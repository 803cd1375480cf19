//! Which TCP sockets of this network namespace listen; nobody is connected to.
//!
//! The kernel is asked for those alone, `sock_diag(7)`: its tables of all connections below `/proc/net` take it milliseconds
//! to write out, however few there are. They are read where it answers no such question.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use procfs::ProcError;
use procfs::net::TcpState;

use super::Result;
use super::context::Context;

/// A socket that accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its inode number, by which a process's descriptors name it.
    pub inode: u64,
}

/// Returns the listening TCP sockets, IPv4 and IPv6.
pub(super) fn listeners() -> Result<Vec<Listener>> {
    match diagnosed() {
        Ok(listeners) => Ok(listeners),
        Err(_) => tabled(),
    }
}

fn diagnosed() -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for (family, any) in [
        (AF_INET, SocketId::new_v4()),
        (AF_INET6, SocketId::new_v6()),
    ] {
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::LISTEN,
            socket_id: any,
        };
        ask(request, |response| {
            let socket = response.header.socket_id;
            listeners.push(Listener {
                address: SocketAddr::new(socket.source_address, socket.source_port),
                inode: response.header.inode.into(),
            });
        })?;
    }
    Ok(listeners)
}

/// Asks for sockets, and hands each over.
fn ask(request: InetRequest, mut each: impl FnMut(InetResponse)) -> io::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    let socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.send_to(&bytes, &netlink_sys::SocketAddr::new(0, 0), 0)?;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let message =
                NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    each(*response);
                }
                _ => {}
            }
            // Each message begins at a multiple of four; netlink(7).
            let length = (message.header.length as usize).next_multiple_of(4).max(4);
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

fn tabled() -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for (table, path) in [
        (procfs::net::tcp(), "/proc/net/tcp"),
        (procfs::net::tcp6(), "/proc/net/tcp6"),
    ] {
        let entries = match table {
            // A kernel without IPv6 has no such table.
            Err(ProcError::NotFound(_)) => continue,
            other => other
                .map_err(io::Error::other)
                .on("read", Path::new(path))?,
        };
        let listening = entries.iter().filter(|it| it.state == TcpState::Listen);
        listeners.extend(listening.map(|it| Listener {
            address: it.local_address,
            inode: it.inode,
        }));
    }
    Ok(listeners)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn both_ways_tell_the_same() {
        let held: Vec<TcpListener> = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"]
            .iter()
            .filter_map(|address| TcpListener::bind(address).ok())
            .collect();
        let own: Vec<SocketAddr> = held.iter().map(|it| it.local_addr().unwrap()).collect();
        let of_ours = |listeners: Vec<Listener>| {
            let mut ours = listeners;
            ours.retain(|it| own.contains(&it.address));
            ours.sort_unstable();
            ours
        };
        let diagnosed = of_ours(diagnosed().unwrap());
        assert_eq!(diagnosed.len(), own.len());
        assert!(diagnosed.iter().all(|it| it.inode > 0));
        assert_eq!(diagnosed, of_ours(tabled().unwrap()));
    }

    #[test]
    fn there_may_be_more_than_one_datagram_holds() {
        let held: Vec<TcpListener> = (0..300)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let found = diagnosed().unwrap();
        for one in &held {
            let address = one.local_addr().unwrap();
            assert_eq!(found.iter().filter(|it| it.address == address).count(), 1);
        }
    }
}
