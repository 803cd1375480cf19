//! The Bot API as `api.telegram.org` itself, for releases that know no other address.
//!
//! A box that names that host in `/etc/hosts` and trusts [`Identity::certificate`] talks to the lab.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// The host whose place the lab takes.
const HOST: &str = "api.telegram.org";

/// Handshakes that are done and not yet taken up.
const BACKLOG: usize = 64;

/// What the server shows to be [`HOST`]; made anew at each start.
pub(crate) struct Identity {
    /// The certificate, signed by itself, in PEM.
    pub(crate) certificate: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    /// Makes a certificate and its key.
    pub(crate) fn make() -> io::Result<Self> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([HOST.to_owned()]).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let builder = builder.with_no_client_auth();
                builder.with_single_cert(vec![cert.der().clone()], key)
            })
            .map_err(io::Error::other)?;
        Ok(Self {
            certificate: cert.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

/// Connections whose handshake is done, in the order in which that happened.
pub(super) struct TlsListener {
    local: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Shakes hands in the background: a client that is slow there keeps nobody waiting.
    pub(super) fn start(tcp: TcpListener, identity: &Identity) -> io::Result<Self> {
        let (sender, ready) = mpsc::channel(BACKLOG);
        let (local, acceptor) = (tcp.local_addr()?, identity.acceptor.clone());
        tokio::spawn(async move {
            while let Ok((stream, peer)) = tcp.accept().await {
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        // Nobody receives once the server ends.
                        let _ = sender.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { local, ready })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.local)
    }
}
