//! `lab traffic`: a steady stream of messages to a bot.

use clap::Args;
use ocmigrate_lab::bot_api::wire;

use super::{Outcome, Server};

/// Start or stop a steady stream of messages to a bot
#[derive(Debug, Args)]
pub(super) struct Traffic {
    #[command(flatten)]
    server: Server,
    /// The bot's token
    token: String,
    /// Send one message every MS milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    every_ms: u64,
    /// Send from the user CHAT
    #[arg(long, value_name = "CHAT", default_value_t = 1000)]
    chat_id: i64,
    /// Let COUNT users, counted up from the first, take turns
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    chats: usize,
    /// Stop the stream that runs
    #[arg(long)]
    stop: bool,
}

impl Traffic {
    pub(super) fn run(self) -> Outcome {
        let Self {
            server,
            token,
            every_ms,
            chat_id,
            chats,
            stop,
        } = self;
        let client = server.client();
        if stop {
            return Ok(client.stop_traffic(&token)?);
        }
        let text = "hello".to_owned();
        Ok(client.start_traffic(&wire::Traffic {
            token,
            chat_id,
            chats,
            every_ms,
            text,
        })?)
    }
}
