//! Who listens on which TCP port of the host; nobody is connected to.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Result;
use super::listening::{self, Listener};

/// Returns the inodes of the sockets that listen on this port on loopback or on all addresses.
pub(super) fn listeners(port: u16) -> Result<BTreeSet<u64>> {
    let listeners = listening::listeners()?;
    let taking = listeners.iter().filter(|one| takes(one, port));
    Ok(taking.map(|one| one.inode).collect())
}

fn takes(listener: &Listener, port: u16) -> bool {
    let address = match listener.address.ip() {
        IpAddr::V6(address) => address
            .to_ipv4_mapped()
            .map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    };
    listener.address.port() == port && (address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
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
