//! What the admin interface takes and returns; the server and its client share it.

use serde::{Deserialize, Serialize};

use super::ledger::BotSummary;

/// A bot to accept: `POST /admin/bot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The token its polls carry.
    pub token: String,
    /// The name `getMe` tells.
    pub username: String,
}

/// A message to a bot: `POST /admin/message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The bot's token.
    pub token: String,
    /// The private chat, which is the sender's id as well.
    pub chat_id: i64,
    /// The words before the mark.
    #[serde(default)]
    pub text: String,
}

/// The answer to a [`Message`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The id of the update.
    pub update_id: i64,
    /// The word that must come back.
    pub mark: String,
}

/// A steady stream of messages: `POST /admin/traffic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The bot's token.
    pub token: String,
    /// The first chat.
    pub chat_id: i64,
    /// How many chats, counted up from the first, take turns.
    #[serde(default = "one_chat")]
    pub chats: usize,
    /// The time from one message to the next.
    pub every_ms: u64,
    /// The words before the mark.
    #[serde(default)]
    pub text: String,
}

fn one_chat() -> usize {
    1
}

/// A bot by its token: `POST /admin/traffic/stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotToken {
    /// The token.
    pub token: String,
}

/// What `GET /admin/summary` is asked about; everything has a default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryQuery {
    /// Where the window begins, in unix milliseconds [default: when the bot was registered].
    pub since: Option<u64>,
    /// Where the window ends, in unix milliseconds [default: now].
    pub until: Option<u64>,
    /// How long an answer may take before its message is lost [default: 120000].
    pub patience_ms: Option<u64>,
}

/// The figures of every bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// When the figures were computed, in unix milliseconds.
    pub taken_ms: u64,
    /// One entry a bot, in the order of their tokens.
    pub bots: Vec<BotSummary>,
}
