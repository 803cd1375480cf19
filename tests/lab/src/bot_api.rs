//! A Bot API in the manner of Telegram's that keeps a ledger of who polled what and when.
//!
//! `OpenClaw` is pointed at it with `channels.telegram.apiRoot`. Bots are registered under `/admin`; a request
//! with any other token is refused. The rules are Telegram's: one `getUpdates` a token, the older one ends with
//! 409, and an update stays queued until a later offset acknowledges it.

pub mod client;
pub mod ids;
pub mod ledger;
pub mod marks;
pub mod records;
pub mod wire;

mod admin;
mod bot;
mod connection;
mod get_updates;
mod identity;
mod methods;
mod params;
pub(crate) mod tls;
mod traffic;
mod world;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use tokio::net::TcpListener;

use connection::Connection;
use tls::{Identity, TlsListener};
use world::World;

/// Answers Bot API and admin requests on both listeners until the task is dropped; the second one speaks TLS.
///
/// # Errors
///
/// Fails when a listener does.
pub(crate) async fn serve(
    plain: TcpListener,
    tls: TcpListener,
    identity: Identity,
) -> io::Result<()> {
    let tls = TlsListener::start(tls, &identity)?;
    let world = Arc::new(World::new(identity.certificate));
    let service = Router::new()
        .nest("/admin", admin::routes())
        .fallback(any(methods::answer))
        .with_state(world)
        .into_make_service_with_connect_info::<Connection>();
    tokio::try_join!(
        axum::serve(plain, service.clone()).into_future(),
        axum::serve(tls, service).into_future(),
    )?;
    Ok(())
}
