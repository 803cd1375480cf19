//! `lab send`: one message to a bot.

use std::time::Duration;

use clap::Args;

use super::{Outcome, Server, print_json};

/// Send a message to a bot and print its mark
#[derive(Debug, Args)]
pub(super) struct Send {
    #[command(flatten)]
    server: Server,
    /// The bot's token
    token: String,
    /// The words before the mark
    #[arg(default_value = "hello")]
    text: String,
    /// Send from the user CHAT
    #[arg(long, value_name = "CHAT", default_value_t = 1000)]
    chat_id: i64,
    /// Wait up to SECONDS until the bot has answered all messages
    #[arg(long, value_name = "SECONDS")]
    wait_secs: Option<u64>,
}

impl Send {
    pub(super) fn run(self) -> Outcome {
        let client = self.server.client();
        print_json(&client.send(&self.token, self.chat_id, &self.text)?)?;
        if let Some(seconds) = self.wait_secs {
            client.wait_until_answered(&[&self.token], Duration::from_secs(seconds))?;
        }
        Ok(())
    }
}
