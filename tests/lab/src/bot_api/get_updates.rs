//! `getUpdates`, the long poll.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::bot::Bot;
use super::connection::Connection;
use super::params::Params;
use super::records::PollEnd;

/// How often a waiting poll looks whether its process still lives.
const LOOK: Duration = Duration::from_millis(200);

/// Telegram's limit on updates a poll.
const MOST_UPDATES: i64 = 100;

/// Telegram's limit on the time a poll waits.
const LONGEST_WAIT_SECS: i64 = 50;

/// A newer poll took the place of this one.
#[derive(Debug)]
pub(super) struct Replaced;

/// Waits for updates and returns them; none when the time is up.
pub(super) async fn get_updates(
    bot: &Arc<Bot>,
    connection: &Connection,
    params: &Params,
) -> Result<Vec<Value>, Replaced> {
    let limit = params
        .integer("limit")
        .unwrap_or(MOST_UPDATES)
        .clamp(1, MOST_UPDATES);
    let wait = params
        .integer("timeout")
        .unwrap_or(0)
        .clamp(0, LONGEST_WAIT_SECS);
    let deadline = Instant::now() + Duration::from_secs(wait.unsigned_abs());
    let mut changes = bot.changes();
    let poll = InFlight::begin(bot, connection, params.integer("offset").unwrap_or(0));
    loop {
        changes.mark_unchanged();
        if let Some(outcome) = poll.look(usize::try_from(limit).unwrap_or(1), deadline) {
            return outcome;
        }
        // Waking up in vain is harmless, so it does not matter which of the two ended the wait.
        let _ = timeout_at(deadline.min(Instant::now() + LOOK), changes.changed()).await;
    }
}

/// A poll that ends when this value is dropped, as it is when the client closes the connection.
struct InFlight<'a> {
    bot: &'a Bot,
    connection: &'a Connection,
    number: usize,
}

impl<'a> InFlight<'a> {
    fn begin(bot: &'a Bot, connection: &'a Connection, offset: i64) -> Self {
        let number = bot.begin_poll(connection, offset);
        Self {
            bot,
            connection,
            number,
        }
    }

    /// Returns the answer if it is time for one.
    fn look(&self, limit: usize, deadline: Instant) -> Option<Result<Vec<Value>, Replaced>> {
        if self.bot.poll_end(self.number).is_none() && self.connection.is_dead() {
            self.bot.end_poll(self.number, PollEnd::ClientGone);
        }
        if let Some(updates) = self.bot.deliver(self.number, limit) {
            return Some(Ok(updates));
        }
        let end = self.bot.poll_end(self.number);
        let end =
            end.or_else(|| (Instant::now() >= deadline).then(|| self.end(PollEnd::Timeout)))?;
        match end {
            PollEnd::Conflict => Some(Err(Replaced)),
            PollEnd::Updates | PollEnd::Timeout | PollEnd::ClientGone => Some(Ok(Vec::new())),
        }
    }

    fn end(&self, end: PollEnd) -> PollEnd {
        self.bot.end_poll(self.number, end)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.end(PollEnd::ClientGone);
    }
}
