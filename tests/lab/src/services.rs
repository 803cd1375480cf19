//! The Bot API and the model server in one process, on a runtime of their own.
//!
//! They run outside the box: Telegram does not go down with the user's server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::bot_api::client::Client;
use crate::bot_api::tls::Identity;
use crate::{bot_api, model};

/// The address of the servers unless [`lab_address`] is told another one.
pub const DEFAULT_ADDRESS: &str = "10.99.0.1";

/// Returns the address that fleets and servers of this process use: `OCMIGRATE_LAB_ADDRESS`, or [`DEFAULT_ADDRESS`].
///
/// Two labs on one machine need two addresses.
///
/// # Panics
///
/// If the variable holds no address.
#[must_use]
pub fn lab_address() -> IpAddr {
    let address = std::env::var("OCMIGRATE_LAB_ADDRESS");
    let address = address.as_deref().unwrap_or(DEFAULT_ADDRESS);
    address
        .parse()
        .expect("OCMIGRATE_LAB_ADDRESS is an IP address")
}

/// Where and how the servers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The address both listen on; one that is missing is added to `lo`.
    pub address: IpAddr,
    /// The port of the Bot API; 0 takes a free one.
    pub bot_port: u16,
    /// The port where the Bot API is `api.telegram.org`, with TLS; 0 takes a free one.
    pub tls_port: u16,
    /// The port of the model server; 0 takes a free one.
    pub model_port: u16,
    /// How long every answer of the model takes.
    pub model_delay: Duration,
}

impl Options {
    /// Free ports of the loopback address and a model without delay.
    pub const EPHEMERAL: Self = Self {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        bot_port: 0,
        tls_port: 0,
        model_port: 0,
        model_delay: Duration::ZERO,
    };

    /// Returns where the URLs of fleets point: [`lab_address`] and the usual ports, and a model without delay.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            address: lab_address(),
            bot_port: 9600,
            tls_port: 443,
            model_port: 9700,
            model_delay: Duration::ZERO,
        }
    }
}

/// Why the servers do not run.
#[derive(Debug, Error)]
pub enum ServicesError {
    /// The `ip` program is missing or failed.
    #[error("add the address {0} to `lo`")]
    Address(IpAddr, #[source] io::Error),
    /// The port is taken or the address is not this machine's.
    #[error("listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// No certificate could be made.
    #[error("make a certificate")]
    Certificate(#[source] io::Error),
    /// No threads are to be had.
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
}

/// The running servers; dropping the value ends them and cuts every connection.
#[derive(Debug)]
pub struct Services {
    runtime: Option<Runtime>,
    bot_address: SocketAddr,
    tls_address: SocketAddr,
    model_address: SocketAddr,
}

impl Services {
    /// Starts both servers and returns once they listen.
    ///
    /// # Errors
    ///
    /// See [`ServicesError`].
    pub fn start(options: &Options) -> Result<Self, ServicesError> {
        let Options {
            address,
            bot_port,
            tls_port,
            model_port,
            model_delay,
        } = *options;
        ensure_address(address).map_err(|source| ServicesError::Address(address, source))?;
        let identity = Identity::make().map_err(ServicesError::Certificate)?;
        let runtime = Runtime::new().map_err(ServicesError::Runtime)?;
        let (bot_listener, bot_address) = listen(&runtime, (address, bot_port).into())?;
        let (tls_listener, tls_address) = listen(&runtime, (address, tls_port).into())?;
        let (model_listener, model_address) = listen(&runtime, (address, model_port).into())?;
        runtime.spawn(bot_api::serve(bot_listener, tls_listener, identity));
        runtime.spawn(model::serve(model_listener, model_delay));
        Ok(Self {
            runtime: Some(runtime),
            bot_address,
            tls_address,
            model_address,
        })
    }

    /// Returns where the Bot API listens.
    #[must_use]
    pub fn bot_address(&self) -> SocketAddr {
        self.bot_address
    }

    /// Returns where the Bot API listens with TLS.
    #[must_use]
    pub fn tls_address(&self) -> SocketAddr {
        self.tls_address
    }

    /// Returns where the model server listens.
    #[must_use]
    pub fn model_address(&self) -> SocketAddr {
        self.model_address
    }

    /// Returns a client of the admin interface.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.bot_address))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn listen(
    runtime: &Runtime,
    wanted: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServicesError> {
    let failed = |source| ServicesError::Listen(wanted, source);
    let listener = runtime
        .block_on(TcpListener::bind(wanted))
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Adds the address to `lo` unless this machine has it.
fn ensure_address(address: IpAddr) -> io::Result<()> {
    let is_missing = match std::net::TcpListener::bind((address, 0)) {
        Ok(_) => false,
        Err(refused) => refused.kind() == io::ErrorKind::AddrNotAvailable,
    };
    if !is_missing {
        return Ok(());
    }
    let network = format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 });
    let output = Command::new("ip")
        .args(["addr", "add", &network, "dev", "lo"])
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}
