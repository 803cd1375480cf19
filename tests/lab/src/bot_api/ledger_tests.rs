//! Tests of the figures.

use proptest::prelude::*;

use super::*;
use crate::bot_api::records::{Delivery, Origin};

const WINDOW: Window = Window {
    since_ms: 100,
    until_ms: 200,
};

fn poll(number: usize, span: (u64, Option<u64>), pid: Option<i32>, connection: u64) -> Poll {
    Poll {
        number,
        started_ms: span.0,
        ended_ms: span.1,
        end: span.1.map(|_| PollEnd::Timeout),
        replaced_by: None,
        offset: 0,
        origin: origin(pid, connection),
    }
}

fn origin(pid: Option<i32>, connection: u64) -> Origin {
    Origin {
        peer: ([127, 0, 0, 1], 4000).into(),
        connection,
        poller: pid.map(|pid| Poller {
            pid,
            start_ticks: 1,
        }),
    }
}

fn update(update_id: i64, enqueued_ms: u64) -> Update {
    Update {
        update_id,
        chat_id: 1,
        text: String::new(),
        mark: format!("mark-a-{update_id}"),
        enqueued_ms,
        deliveries: vec![Delivery {
            at_ms: enqueued_ms,
            poll: 0,
        }],
        acknowledged_ms: None,
    }
}

fn reply(text: &str, chat_id: i64, sent_ms: u64) -> Reply {
    let origin = origin(Some(1), 1);
    let text = text.to_owned();
    Reply {
        message_id: 1,
        chat_id,
        text,
        sent_ms,
        edited_ms: None,
        is_deleted: false,
        origin,
    }
}

fn bot(polls: Vec<Poll>, updates: Vec<Update>, replies: Vec<Reply>) -> BotLedger {
    let (token, username) = ("1:A".to_owned(), "a".to_owned());
    BotLedger {
        token,
        username,
        registered_ms: 0,
        polls,
        updates,
        replies,
    }
}

fn overlap_numbers(polls: &[Poll]) -> Vec<(usize, usize)> {
    let polls: Vec<&Poll> = polls.iter().collect();
    let pairs = overlaps(&polls).into_iter();
    pairs
        .map(|pair| (pair.older.number, pair.newer.number))
        .collect()
}

#[test]
fn polls_of_two_processes_at_once_are_an_overlap() {
    let first = poll(0, (100, Some(150)), Some(7), 1);
    let second = poll(1, (149, None), Some(8), 2);
    assert_eq!(overlap_numbers(&[first, second]), [(0, 1)]);
}

#[test]
fn a_poll_replaced_in_the_same_millisecond_is_an_overlap() {
    let mut first = poll(0, (100, Some(150)), Some(7), 1);
    first.replaced_by = Some(1);
    let second = poll(1, (150, Some(160)), Some(8), 2);
    assert_eq!(overlap_numbers(&[first, second]), [(0, 1)]);
}

#[test]
fn polls_one_after_the_other_are_no_overlap() {
    let first = poll(0, (100, Some(150)), Some(7), 1);
    let second = poll(1, (150, Some(160)), Some(8), 2);
    assert!(overlap_numbers(&[first, second]).is_empty());
}

#[test]
fn a_process_that_replaces_its_own_poll_is_no_overlap() {
    let first = poll(0, (100, Some(150)), Some(7), 1);
    let second = poll(1, (120, Some(160)), Some(7), 2);
    assert!(overlap_numbers(&[first, second]).is_empty());
}

#[test]
fn unknown_processes_are_told_apart_by_their_connection() {
    let first = poll(0, (100, Some(150)), None, 1);
    let second = poll(1, (120, Some(160)), Some(7), 2);
    assert_eq!(overlap_numbers(&[first, second]), [(0, 1)]);
}

#[test]
fn silence_reaches_to_the_edges_of_the_window() {
    let middle = vec![poll(0, (130, Some(160)), None, 1)];
    assert_eq!(silence_ms(&middle, WINDOW), 40);
    assert_eq!(silence_ms(&[], WINDOW), 100);
}

#[test]
fn a_poll_in_flight_at_an_edge_counts() {
    let over_the_start = poll(0, (50, Some(120)), None, 1);
    let still_open = poll(1, (125, None), None, 1);
    assert_eq!(silence_ms(&[over_the_start, still_open], WINDOW), 5);
}

#[test]
fn a_message_is_lost_only_after_the_deadline() {
    let young = update(2, 195);
    let figures = summarize(
        &bot(vec![], vec![update(1, 110), young], vec![]),
        WINDOW,
        50,
    );
    assert_eq!(figures.lost, ["mark-a-1"]);
    assert_eq!(figures.unanswered, ["mark-a-1", "mark-a-2"]);
}

#[test]
fn a_longer_mark_does_not_answer_a_shorter_one() {
    let replies = vec![reply("echo mark-a-10", 1, 120)];
    let figures = summarize(
        &bot(vec![], vec![update(1, 110), update(10, 110)], replies),
        WINDOW,
        0,
    );
    assert_eq!(
        (figures.lost, figures.answered),
        (vec!["mark-a-1".to_owned()], 1)
    );
    assert_eq!(figures.slowest_reply_ms, Some(10));
}

#[test]
fn a_mark_in_two_messages_is_a_duplicate_and_a_deleted_message_does_not_count() {
    let mut draft = reply("mark-a-2", 1, 120);
    draft.is_deleted = true;
    let twice = reply("mark-a-1 mark-a-2", 1, 130);
    let replies = vec![reply("mark-a-1", 1, 120), twice, draft];
    let figures = summarize(
        &bot(vec![], vec![update(1, 110), update(2, 111)], replies),
        WINDOW,
        0,
    );
    assert_eq!(figures.duplicates, ["mark-a-1"]);
}

#[test]
fn an_answer_in_another_chat_is_no_answer() {
    let replies = vec![reply("mark-a-1", 9, 120)];
    let figures = summarize(&bot(vec![], vec![update(1, 110)], replies), WINDOW, 0);
    assert_eq!(figures.misdirected, ["mark-a-1"]);
    assert_eq!(figures.lost, ["mark-a-1"]);
}

#[test]
fn a_message_no_poll_took_is_undelivered_and_one_outside_the_window_is_left_out() {
    let mut waiting = update(1, 110);
    waiting.deliveries.clear();
    let figures = summarize(
        &bot(vec![], vec![update(0, 99), waiting], vec![]),
        WINDOW,
        0,
    );
    assert_eq!(
        (figures.enqueued, figures.undelivered),
        (1, vec!["mark-a-1".to_owned()])
    );
}

/// Walks the window millisecond by millisecond.
fn silence_step_by_step(polls: &[Poll], window: Window) -> u64 {
    let (mut longest, mut current) = (0, 0);
    for instant in window.since_ms..window.until_ms {
        let is_heard = |poll: &Poll| (poll.started_ms..end_or_never(poll)).contains(&instant);
        current = if polls.iter().any(is_heard) {
            0
        } else {
            current + 1
        };
        longest = longest.max(current);
    }
    longest
}

proptest! {
    #[test]
    fn silence_equals_a_walk_step_by_step(spans in prop::collection::vec((50_u64..250, 1_u64..60), 0..12)) {
        let polls: Vec<Poll> = spans
            .iter()
            .enumerate()
            .map(|(number, (start, length))| poll(number, (*start, Some(start + length)), None, 1))
            .collect();
        prop_assert_eq!(silence_ms(&polls, WINDOW), silence_step_by_step(&polls, WINDOW));
    }
}
