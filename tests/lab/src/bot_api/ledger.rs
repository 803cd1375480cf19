//! The figures that matter, computed from the records: overlaps, silence, lost and doubled messages.
//!
//! Pure: no clock, no network. What is in flight or unanswered is judged at the end of the window.

use serde::{Deserialize, Serialize};

use super::marks::marks_in;
use super::records::{BotLedger, Poll, PollEnd, Poller, Reply, Update};

/// The span of time a summary speaks about, in unix milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Where it begins.
    pub since_ms: u64,
    /// Where it ends.
    pub until_ms: u64,
}

impl Window {
    fn contains(&self, instant_ms: u64) -> bool {
        (self.since_ms..=self.until_ms).contains(&instant_ms)
    }
}

/// Two polls on one token that were in flight at once and came from different processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The poll that was there first.
    pub older: Poll,
    /// The poll that came on top.
    pub newer: Poll,
}

/// From when to when one process polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollerSpan {
    /// The process.
    pub poller: Poller,
    /// When its first poll in the window began.
    pub first_ms: u64,
    /// When its last poll in the window began.
    pub last_ms: u64,
    /// How many polls it made in the window.
    pub polls: usize,
}

/// The figures of one bot in one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotSummary {
    /// The bot's token.
    pub token: String,
    /// The bot's name.
    pub username: String,
    /// Polls that were in flight in the window.
    pub polls: usize,
    /// Polls of the window that were answered 409, those replaced by their own process included.
    pub conflicts: usize,
    /// Pairs of polls of different processes in flight at once. Must be empty.
    pub overlaps: Vec<Overlap>,
    /// The processes that polled, in the order of their first poll.
    pub pollers: Vec<PollerSpan>,
    /// The longest time in which no poll was in flight.
    pub silence_ms: u64,
    /// Messages put into the queue in the window; the figures below are about these.
    pub enqueued: usize,
    /// How many of them were acknowledged.
    pub acknowledged: usize,
    /// How many of them were answered.
    pub answered: usize,
    /// Marks without an answer so far.
    pub unanswered: Vec<String>,
    /// Marks without an answer after the deadline. Must be empty.
    pub lost: Vec<String>,
    /// Marks answered by more than one message.
    pub duplicates: Vec<String>,
    /// Marks no poll took along.
    pub undelivered: Vec<String>,
    /// Marks that came back in another chat than they were sent to.
    pub misdirected: Vec<String>,
    /// The longest time from a message to its first answer.
    pub slowest_reply_ms: Option<u64>,
}

/// Computes the figures of one bot; a mark without an answer is lost once `patience_ms` have passed.
#[must_use]
pub fn summarize(bot: &BotLedger, window: Window, patience_ms: u64) -> BotSummary {
    let polls = polls_within(&bot.polls, window);
    let updates: Vec<&Update> = bot
        .updates
        .iter()
        .filter(|update| window.contains(update.enqueued_ms))
        .collect();
    let unanswered = marks_where(&updates, |update| answers(update, &bot.replies) == 0);
    BotSummary {
        token: bot.token.clone(),
        username: bot.username.clone(),
        polls: polls.len(),
        conflicts: polls
            .iter()
            .filter(|poll| poll.end == Some(PollEnd::Conflict))
            .count(),
        overlaps: overlaps(&polls),
        pollers: poller_spans(&polls),
        silence_ms: silence_ms(&bot.polls, window),
        enqueued: updates.len(),
        acknowledged: updates
            .iter()
            .filter(|update| update.acknowledged_ms.is_some())
            .count(),
        answered: updates.len() - unanswered.len(),
        lost: marks_where(&updates, |update| {
            update.enqueued_ms + patience_ms <= window.until_ms
                && answers(update, &bot.replies) == 0
        }),
        unanswered,
        duplicates: marks_where(&updates, |update| answers(update, &bot.replies) > 1),
        undelivered: marks_where(&updates, |update| update.deliveries.is_empty()),
        misdirected: marks_where(&updates, |update| is_misdirected(update, &bot.replies)),
        slowest_reply_ms: updates
            .iter()
            .filter_map(|update| reply_ms(update, &bot.replies))
            .max(),
    }
}

/// Returns the pairs of polls of different processes that were in flight at once.
///
/// The server ends the older poll in the instant the newer one begins, so being replaced by another process
/// counts, even though the two spans only touch.
#[must_use]
pub fn overlaps(polls: &[&Poll]) -> Vec<Overlap> {
    let mut found = Vec::new();
    for (position, newer) in polls.iter().enumerate() {
        for older in polls.iter().take(position) {
            if is_overlap(older, newer) {
                found.push(Overlap {
                    older: (*older).clone(),
                    newer: (*newer).clone(),
                });
            }
        }
    }
    found
}

fn is_overlap(older: &Poll, newer: &Poll) -> bool {
    let was_replaced = older.replaced_by == Some(newer.number);
    let is_at_once =
        older.started_ms < end_or_never(newer) && newer.started_ms < end_or_never(older);
    (was_replaced || is_at_once) && !older.origin.is_same_poller(&newer.origin)
}

/// Returns the longest time within the window in which no poll was in flight.
///
/// A poll that reaches over an edge of the window counts up to the edge.
#[must_use]
pub fn silence_ms(polls: &[Poll], window: Window) -> u64 {
    let mut spans: Vec<(u64, u64)> = polls_within(polls, window)
        .iter()
        .map(|poll| (poll.started_ms, end_or_never(poll)))
        .collect();
    spans.sort_unstable();
    let mut heard_until = window.since_ms;
    let mut longest = 0;
    for (start, end) in spans {
        longest = longest.max(start.saturating_sub(heard_until));
        heard_until = heard_until.max(end);
    }
    longest.max(window.until_ms.saturating_sub(heard_until))
}

fn polls_within(polls: &[Poll], window: Window) -> Vec<&Poll> {
    polls
        .iter()
        .filter(|poll| poll.started_ms <= window.until_ms && end_or_never(poll) >= window.since_ms)
        .collect()
}

fn end_or_never(poll: &Poll) -> u64 {
    poll.ended_ms.unwrap_or(u64::MAX)
}

fn poller_spans(polls: &[&Poll]) -> Vec<PollerSpan> {
    let mut spans: Vec<PollerSpan> = Vec::new();
    for poll in polls {
        let Some(poller) = poll.origin.poller else {
            continue;
        };
        if let Some(span) = spans.iter_mut().find(|span| span.poller == poller) {
            span.last_ms = poll.started_ms;
            span.polls += 1;
        } else {
            let instant = poll.started_ms;
            spans.push(PollerSpan {
                poller,
                first_ms: instant,
                last_ms: instant,
                polls: 1,
            });
        }
    }
    spans
}

fn marks_where(updates: &[&Update], holds: impl Fn(&Update) -> bool) -> Vec<String> {
    let chosen = updates.iter().filter(|update| holds(update));
    chosen.map(|update| update.mark.clone()).collect()
}

fn repeats<'a>(update: &'a Update, replies: &'a [Reply]) -> impl Iterator<Item = &'a Reply> {
    replies
        .iter()
        .filter(|reply| !reply.is_deleted && marks_in(&reply.text).contains(&update.mark))
}

fn answers(update: &Update, replies: &[Reply]) -> usize {
    repeats(update, replies)
        .filter(|reply| reply.chat_id == update.chat_id)
        .count()
}

fn is_misdirected(update: &Update, replies: &[Reply]) -> bool {
    repeats(update, replies).any(|reply| reply.chat_id != update.chat_id)
}

fn reply_ms(update: &Update, replies: &[Reply]) -> Option<u64> {
    let first = repeats(update, replies).find(|reply| reply.chat_id == update.chat_id)?;
    Some(
        first
            .edited_ms
            .unwrap_or(first.sent_ms)
            .saturating_sub(update.enqueued_ms),
    )
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
