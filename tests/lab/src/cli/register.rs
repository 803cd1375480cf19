//! `lab register`: makes the Bot API accept a token.

use clap::Args;

use super::{Outcome, Server};

/// Make the Bot API accept a token
#[derive(Debug, Args)]
pub(super) struct Register {
    #[command(flatten)]
    server: Server,
    /// The token, such as 961:AAA
    token: String,
    /// The bot's name
    username: String,
}

impl Register {
    pub(super) fn run(self) -> Outcome {
        Ok(self.server.client().register(&self.token, &self.username)?)
    }
}
