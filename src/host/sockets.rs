//! Who listens on which TCP port of the host, read from the kernel's tables; nobody is connected to.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use procfs::ProcError;
use procfs::net::{TcpNetEntry, TcpState};

use super::Result;
use super::context::Context;

/// Returns the inodes of the sockets that listen on this port on loopback or on all addresses.
pub(super) fn listeners(port: u16) -> Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
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
        let taken = entries.iter().filter(|entry| takes(entry, port));
        inodes.extend(taken.map(|entry| entry.inode));
    }
    Ok(inodes)
}

fn takes(entry: &TcpNetEntry, port: u16) -> bool {
    let address = match entry.local_address.ip() {
        IpAddr::V6(address) => address
            .to_ipv4_mapped()
            .map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    };
    entry.state == TcpState::Listen
        && entry.local_address.port() == port
        && (address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn listeners_are_seen_on_either_family_and_only_while_they_live() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            assert_eq!(listeners(port).unwrap().len(), 1, "{address}");
            drop(listener);
            assert_eq!(listeners(port).unwrap().len(), 0, "{address}");
        }
    }
}
