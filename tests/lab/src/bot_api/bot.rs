//! One bot: its queue of updates and the pages of the ledger it fills.

use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::connection::Connection;
use super::ids::{Ids, now_ms};
use super::marks::mark_of;
use super::records::{BotLedger, Delivery, Poll, PollEnd, Reply, Update};
use super::world::lock;

/// A registered bot.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) token: String,
    pub(super) username: String,
    /// The stream of messages that runs, if one does.
    pub(super) traffic: Mutex<Option<AbortHandle>>,
    registered_ms: u64,
    pages: Mutex<Pages>,
    changes: watch::Sender<()>,
}

/// What was written down, each with the connection it came over: its process may be found later.
#[derive(Debug, Default)]
struct Pages {
    polls: Vec<(Poll, Connection)>,
    updates: Vec<Update>,
    replies: Vec<(Reply, Connection)>,
    /// How many updates from the front are acknowledged.
    acknowledged: usize,
    /// The poll in flight.
    current: Option<usize>,
}

impl Bot {
    pub(super) fn new(token: &str, username: &str) -> Self {
        Self {
            token: token.to_owned(),
            username: username.to_owned(),
            traffic: Mutex::default(),
            registered_ms: now_ms(),
            pages: Mutex::default(),
            changes: watch::Sender::new(()),
        }
    }

    /// The number before the colon of the token, as Telegram has it.
    pub(super) fn id(&self) -> i64 {
        let number = self
            .token
            .split(':')
            .next()
            .and_then(|part| part.parse().ok());
        number.unwrap_or(1)
    }

    /// Returns a receiver that wakes up when an update came in or a poll ended.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Puts a message with a mark of its own into the queue.
    pub(super) fn enqueue(&self, ids: &Ids, chat_id: i64, text: &str) -> Update {
        let mut pages = self.pages();
        let update_id = ids.next();
        let mark = mark_of(&self.username, update_id);
        let update = Update {
            update_id,
            chat_id,
            text: format!("{text} {mark}").trim().to_owned(),
            mark,
            enqueued_ms: now_ms(),
            deliveries: Vec::new(),
            acknowledged_ms: None,
        };
        pages.updates.push(update.clone());
        self.changes.send_replace(());
        update
    }

    /// Writes down a new poll, acknowledges up to its offset and ends the poll it replaces.
    pub(super) fn begin_poll(&self, connection: &Connection, offset: i64) -> usize {
        let mut pages = self.pages();
        let number = pages.polls.len();
        let now = now_ms();
        if let Some(older) = pages.current.take() {
            pages.replace(older, number, now);
        }
        pages.acknowledge(offset, now);
        let poll = Poll {
            number,
            started_ms: now,
            ended_ms: None,
            end: None,
            replaced_by: None,
            offset,
            origin: connection.origin(),
        };
        pages.polls.push((poll, connection.clone()));
        pages.current = Some(number);
        self.changes.send_replace(());
        number
    }

    /// Ends a poll; one that has ended stays as it is. Returns how it ended.
    pub(super) fn end_poll(&self, number: usize, end: PollEnd) -> PollEnd {
        let mut pages = self.pages();
        if pages.current == Some(number) {
            pages.current = None;
        }
        pages.end(number, end, now_ms())
    }

    /// Returns how a poll ended, if it did.
    pub(super) fn poll_end(&self, number: usize) -> Option<PollEnd> {
        self.pages()
            .polls
            .get(number)
            .and_then(|(poll, _)| poll.end)
    }

    /// Hands the oldest waiting updates to a poll in flight and ends it; `None` when there is nothing to hand over.
    pub(super) fn deliver(&self, poll: usize, limit: usize) -> Option<Vec<Value>> {
        let mut pages = self.pages();
        let from = pages.acknowledged;
        if pages.current != Some(poll) || from >= pages.updates.len() {
            return None;
        }
        let at_ms = now_ms();
        pages.current = None;
        pages.end(poll, PollEnd::Updates, at_ms);
        let waiting = pages.updates.iter_mut().skip(from).take(limit);
        let taken = waiting.map(|update| {
            update.deliveries.push(Delivery { at_ms, poll });
            update_json(update)
        });
        Some(taken.collect())
    }

    /// Writes down a message of the bot.
    pub(super) fn add_reply(
        &self,
        ids: &Ids,
        connection: &Connection,
        chat_id: i64,
        text: &str,
    ) -> i64 {
        let message_id = ids.next();
        let reply = Reply {
            message_id,
            chat_id,
            text: text.to_owned(),
            sent_ms: now_ms(),
            edited_ms: None,
            is_deleted: false,
            origin: connection.origin(),
        };
        self.pages().replies.push((reply, connection.clone()));
        message_id
    }

    /// Changes a message of the bot; says whether there is one of that number.
    pub(super) fn change_reply(&self, message_id: i64, change: impl FnOnce(&mut Reply)) -> bool {
        let mut pages = self.pages();
        let found = pages
            .replies
            .iter_mut()
            .find(|(reply, _)| reply.message_id == message_id);
        found.map(|(reply, _)| change(reply)).is_some()
    }

    /// Returns a copy of the pages, with every process found by now.
    pub(super) fn ledger(&self) -> BotLedger {
        let pages = self.pages();
        let polls = pages.polls.iter();
        let replies = pages.replies.iter();
        BotLedger {
            token: self.token.clone(),
            username: self.username.clone(),
            registered_ms: self.registered_ms,
            polls: polls
                .map(|(poll, connection)| Poll {
                    origin: connection.origin(),
                    ..poll.clone()
                })
                .collect(),
            updates: pages.updates.clone(),
            replies: replies
                .map(|(reply, connection)| Reply {
                    origin: connection.origin(),
                    ..reply.clone()
                })
                .collect(),
        }
    }

    /// Returns how many updates wait for an acknowledgement.
    pub(super) fn pending(&self) -> usize {
        let pages = self.pages();
        pages.updates.len() - pages.acknowledged
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        lock(&self.pages)
    }
}

impl Pages {
    fn end(&mut self, number: usize, end: PollEnd, now: u64) -> PollEnd {
        let Some((poll, _)) = self.polls.get_mut(number) else {
            return end;
        };
        poll.ended_ms.get_or_insert(now);
        *poll.end.get_or_insert(end)
    }

    /// Ends the older poll with a conflict, or without one when its process is dead.
    fn replace(&mut self, older: usize, newer: usize, now: u64) {
        let is_dead = self
            .polls
            .get(older)
            .is_some_and(|(_, connection)| connection.is_dead());
        if is_dead {
            self.end(older, PollEnd::ClientGone, now);
            return;
        }
        self.end(older, PollEnd::Conflict, now);
        if let Some((poll, _)) = self.polls.get_mut(older) {
            poll.replaced_by = Some(newer);
        }
    }

    /// Takes updates below the offset off the queue; a negative offset leaves that many at the end.
    fn acknowledge(&mut self, offset: i64, now: u64) {
        let waiting = self.updates.len() - self.acknowledged;
        let done = if offset < 0 {
            let kept = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            waiting.saturating_sub(kept)
        } else {
            let rest = self.updates.iter().skip(self.acknowledged);
            rest.take_while(|update| update.update_id < offset).count()
        };
        for update in self.updates.iter_mut().skip(self.acknowledged).take(done) {
            update.acknowledged_ms = Some(now);
        }
        self.acknowledged += done;
    }
}

/// Renders a message of a private chat as the Bot API does.
fn update_json(update: &Update) -> Value {
    let Update {
        update_id,
        chat_id,
        text,
        enqueued_ms,
        ..
    } = update;
    json!({
        "update_id": update_id,
        "message": {
            "message_id": update_id,
            "date": enqueued_ms / 1000,
            "from": { "id": chat_id, "is_bot": false, "first_name": "Lab", "username": format!("lab{chat_id}") },
            "chat": { "id": chat_id, "type": "private", "first_name": "Lab" },
            "text": text,
        }
    })
}
