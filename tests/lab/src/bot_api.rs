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
mod traffic;
mod world;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use tokio::net::TcpListener;

use connection::Connection;
use world::World;

/// Answers Bot API and admin requests on the listener until the task is dropped.
///
/// # Errors
///
/// Fails when the listener does.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let world = Arc::new(World::default());
    let router = Router::new()
        .nest("/admin", admin::routes())
        .fallback(any(methods::answer))
        .with_state(world);
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<Connection>(),
    )
    .await
}
