//! One TCP connection of a client, and the process behind it once that is known.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, TcpStream};

use super::identity::{find_poller, is_alive};
use super::records::{Origin, Poller};
use super::tls::TlsListener;

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// A connection; clones speak about the same one.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    number: u64,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    poller: Arc<OnceLock<Poller>>,
    is_searching: Arc<AtomicBool>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::new(*stream.remote_addr(), stream.io())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self::new(*stream.remote_addr(), stream.io().get_ref().0)
    }
}

impl Connection {
    fn new(peer: SocketAddr, stream: &TcpStream) -> Self {
        Self {
            number: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            peer,
            local: stream.local_addr().ok(),
            poller: Arc::default(),
            is_searching: Arc::default(),
        }
    }

    /// Returns what the ledger writes down, as far as it is known by now.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            peer: self.peer,
            connection: self.number,
            poller: self.poller.get().copied(),
        }
    }

    /// Looks for the process in the background, unless it is known or being looked for.
    pub(super) fn identify(&self) {
        let Some(local) = self.local else { return };
        if self.poller.get().is_some() || self.is_searching.swap(true, Ordering::SeqCst) {
            return;
        }
        let connection = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Some(poller) = find_poller(local, connection.peer) {
                // Only one search runs at a time, so the cell is empty.
                let _ = connection.poller.set(poller);
            }
            connection.is_searching.store(false, Ordering::SeqCst);
        });
    }

    /// Says whether the process was found once and is gone now.
    ///
    /// A power cut may end a process without a word on its connection.
    pub(super) fn is_dead(&self) -> bool {
        self.poller.get().is_some_and(|poller| !is_alive(*poller))
    }
}
