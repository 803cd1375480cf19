//! `lab summary`: the figures of every bot.

use clap::Args;
use ocmigrate_lab::bot_api::wire::SummaryQuery;

use super::{Outcome, Server, print_json};

/// Print overlaps, silence, lost and doubled messages of every bot as JSON
#[derive(Debug, Args)]
pub(super) struct Summary {
    #[command(flatten)]
    server: Server,
    /// Begin at MS, in unix milliseconds [default: when the bot was registered]
    #[arg(long, value_name = "MS")]
    since: Option<u64>,
    /// End at MS, in unix milliseconds [default: now]
    #[arg(long, value_name = "MS")]
    until: Option<u64>,
    /// Take a message for lost after MS milliseconds without an answer [default: 120000]
    #[arg(long, value_name = "MS")]
    patience_ms: Option<u64>,
}

impl Summary {
    pub(super) fn run(self) -> Outcome {
        let Self {
            server,
            since,
            until,
            patience_ms,
        } = self;
        print_json(&server.client().summary(SummaryQuery {
            since,
            until,
            patience_ms,
        })?)
    }
}
