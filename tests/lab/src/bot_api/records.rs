//! What the Bot API writes down: polls, updates and replies as plain data.
//!
//! Times are unix milliseconds. Nothing in here is computed; see [`super::ledger`] for that.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Everything the server saw, one record a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// When this copy was taken.
    pub taken_ms: u64,
    /// One record a registered bot, in the order of their tokens.
    pub bots: Vec<BotLedger>,
}

/// What happened to one bot token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotLedger {
    /// The token the bot was registered with.
    pub token: String,
    /// The bot's name, as `getMe` tells it.
    pub username: String,
    /// When the bot was registered.
    pub registered_ms: u64,
    /// Every `getUpdates`, in the order of arrival.
    pub polls: Vec<Poll>,
    /// Every message sent to the bot, in the order of their ids.
    pub updates: Vec<Update>,
    /// Every message the bot sent, in the order of arrival.
    pub replies: Vec<Reply>,
}

/// One `getUpdates` request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Position among the polls of this bot, from 0.
    pub number: usize,
    /// When the request arrived.
    pub started_ms: u64,
    /// When it ended; `None` while it is in flight.
    pub ended_ms: Option<u64>,
    /// How it ended; `None` while it is in flight.
    pub end: Option<PollEnd>,
    /// The poll that ended this one with a conflict.
    pub replaced_by: Option<usize>,
    /// The offset that was asked for.
    pub offset: i64,
    /// The connection it came over.
    #[serde(flatten)]
    pub origin: Origin,
}

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PollEnd {
    /// It brought updates.
    Updates,
    /// Its time was up and there was nothing to bring.
    Timeout,
    /// A newer poll took its place: 409.
    Conflict,
    /// The client closed the connection or died.
    ClientGone,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address as this server sees it, which is the one after NAT.
    pub peer: SocketAddr,
    /// Number of the TCP connection, unique in the life of the server.
    pub connection: u64,
    /// The process behind the connection, when it was found.
    pub poller: Option<Poller>,
}

impl Origin {
    /// Says whether both requests come from one process, or for all that is known from one connection.
    #[must_use]
    pub fn is_same_poller(&self, other: &Self) -> bool {
        match (self.poller, other.poller) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.connection == other.connection,
        }
    }
}

/// A process of this machine, in whichever namespace it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Poller {
    /// The pid as seen from the server.
    pub pid: i32,
    /// Kernel clock ticks since boot; field 22 of `proc_pid_stat(5)`.
    pub start_ticks: u64,
}

/// One message to the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Strictly increasing, also over restarts of the server.
    pub update_id: i64,
    /// The private chat, which is the sender's id as well.
    pub chat_id: i64,
    /// The whole text, mark included.
    pub text: String,
    /// The word that must come back.
    pub mark: String,
    /// When it was put into the queue.
    pub enqueued_ms: u64,
    /// Each time a poll took it along.
    pub deliveries: Vec<Delivery>,
    /// When a later offset acknowledged it.
    pub acknowledged_ms: Option<u64>,
}

/// One hand-over of an update to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When the answer was written.
    pub at_ms: u64,
    /// Number of the poll.
    pub poll: usize,
}

/// One message from the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Unique among all messages of the server.
    pub message_id: i64,
    /// The chat it went to.
    pub chat_id: i64,
    /// The text after the last edit.
    pub text: String,
    /// When it was first sent.
    pub sent_ms: u64,
    /// When it was last edited.
    pub edited_ms: Option<u64>,
    /// Whether the bot took it back.
    pub is_deleted: bool,
    /// The connection it came over.
    #[serde(flatten)]
    pub origin: Origin,
}
