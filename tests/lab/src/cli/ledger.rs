//! `lab ledger`: everything the Bot API wrote down.

use clap::Args;

use super::{Outcome, Server, print_json};

/// Print every poll, update and reply as JSON
#[derive(Debug, Args)]
pub(super) struct Ledger {
    #[command(flatten)]
    server: Server,
}

impl Ledger {
    pub(super) fn run(self) -> Outcome {
        print_json(&self.server.client().ledger()?)
    }
}
