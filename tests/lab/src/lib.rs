//! The lab: a whole server in a container, real `OpenClaw`, and a Bot API that keeps a ledger.

pub mod bot_api;
pub mod fleet;
pub mod model;
pub mod own_losses;
pub mod server;
pub mod services;
pub mod trace;
