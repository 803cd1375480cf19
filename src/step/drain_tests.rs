#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use std::cell::{Cell, RefCell};

use super::*;
use crate::host::fake::FakeHost;
use crate::host::{FileMeta, Host, Ownership};
use crate::step::testing::with_context;

const STATE: &str = "/home/joe/.openclaw";
const SESSION: &str = "/home/joe/.openclaw/agents/main/sessions/a.jsonl";
const SPOOLED: &str = "/home/joe/.openclaw/telegram/ingress-spool-default/7.json";
const OPEN: &[u8] = b"{\"type\":\"message\",\"message\":{\"role\":\"user\"}}\n";
const CLOSED: &[u8] =
    b"{\"type\":\"message\",\"message\":{\"role\":\"assistant\",\"stopReason\":\"stop\"}}\n";
const BUSY: &str = r#"{"status":"busy","reason":"active-work","activeCount":2}"#;
const READY: &str = r#"{"status":"ready","activeCount":0}"#;
const TOO_OFTEN: &str = r#"{"ok":false,"error":{"retryable":true,"retryAfterMs":11500}}"#;

/// What a drain did: when it asked and what it said, in milliseconds from its begin, and how long it took.
struct Drained {
    asked: Vec<i64>,
    said: Vec<String>,
    took_ms: i64,
}

/// Drains a gateway that gives these answers, the last of them for ever; `on_say` sees how many lines were said.
fn drained(host: &FakeHost, how: &Drain, answers: &[&str], on_say: &dyn Fn(usize)) -> Drained {
    let (asked, said) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let say = |line: &str| {
        said.borrow_mut().push(line.to_owned());
        let lines = said.borrow().len();
        on_say(lines);
    };
    let begun_ms = host.now_ms();
    with_context(host, &say, |context| {
        drain(context, how, |_| {
            let number = asked.borrow().len();
            asked.borrow_mut().push(host.now_ms() - begun_ms);
            let answer = answers.get(number).or(answers.last());
            answer.map(|answer| answer.as_bytes().to_vec())
        });
    });
    Drained {
        took_ms: host.now_ms() - begun_ms,
        asked: asked.into_inner(),
        said: said.into_inner(),
    }
}

fn suspend() -> Drain {
    Drain::Suspend(Suspend {
        when_idle: vec!["when-idle".to_owned()],
        at_once: vec!["at-once".to_owned()],
    })
}

fn watch() -> Drain {
    Drain::Watch {
        state_directory: STATE.into(),
    }
}

/// A host with a file that was written so many milliseconds ago.
fn host_with(path: &str, bytes: &[u8], age_ms: i64) -> FakeHost {
    let host = FakeHost::new();
    host.world_mut()
        .add_file(path, bytes, Ownership::of_root(0o600));
    write(&host, path, bytes, age_ms);
    host
}

fn write(host: &FakeHost, path: &str, bytes: &[u8], age_ms: i64) {
    let written_ms = host.now_ms() - age_ms;
    let meta = FileMeta {
        mtime_ns: Some(i128::from(written_ms) * 1_000_000),
        ..FileMeta::of_root(0o600)
    };
    host.replace(Path::new(path), bytes, meta).expect("written");
}

#[test]
fn a_busy_gateway_is_asked_no_faster_than_it_allows_and_a_line_a_second_says_so() {
    let drained = drained(&FakeHost::new(), &suspend(), &[BUSY], &|_| {});
    for first in &drained.asked {
        let minute = *first..first + 60_000;
        let in_it = drained.asked.iter().filter(|asked| minute.contains(asked));
        assert!(in_it.count() < 30, "from {first} ms");
    }
    assert!(drained.asked.len() > 50, "{:?}", drained.asked);
    assert!((120_000..123_000).contains(&drained.took_ms));
    assert!(drained.said.len() >= 120, "{}", drained.said.len());
    assert!(
        drained
            .said
            .contains(&"draining: 2 turns run, 100 s".into())
    );
    let last = "2 turns run, too long; the gateway is stopped now";
    assert_eq!(drained.said.last().map(String::as_str), Some(last));
}

#[test]
fn a_gateway_without_an_idle_instant_is_closed_at_once_after_a_minute() {
    let host = FakeHost::new();
    let begun_ms = host.now_ms();
    let is_closed = Cell::new(false);
    with_context(&host, &|_| {}, |context| {
        drain(context, &suspend(), |argv| {
            is_closed.set(argv == ["at-once"]);
            let answer = if is_closed.get() { READY } else { BUSY };
            Some(answer.as_bytes().to_vec())
        });
    });
    assert!(is_closed.get());
    assert!((60_000..63_000).contains(&(host.now_ms() - begun_ms)));
}

#[test]
fn a_gateway_that_was_asked_too_often_is_asked_again_when_it_says() {
    let answers = [BUSY, TOO_OFTEN, READY];
    let drained = drained(&FakeHost::new(), &suspend(), &answers, &|_| {});
    assert_eq!(drained.asked, [0, 2_200, 13_700]);
}

#[test]
fn a_gateway_that_does_not_know_of_suspension_is_asked_once() {
    let drained = drained(&FakeHost::new(), &suspend(), &["unknown method"], &|_| {});
    assert_eq!((drained.asked.len(), drained.took_ms), (1, 0));
}

#[test]
fn a_gateway_that_cannot_be_asked_is_stopped_when_it_was_quiet_for_three_seconds() {
    let took = |age_ms| {
        let host = host_with(SESSION, CLOSED, age_ms);
        drained(&host, &watch(), &[], &|_| {}).took_ms
    };
    assert_eq!(took(10_000), 0);
    assert_eq!(took(1_000), 2_000);
    assert_eq!(took(-3_600_000), 0, "a time to come is no sign of work");
}

#[test]
fn a_turn_that_runs_is_waited_for_and_the_quiet_after_it() {
    let host = host_with(SESSION, OPEN, 20_000);
    let drained = drained(&host, &watch(), &[], &|lines| {
        if lines == 5 {
            write(&host, SESSION, CLOSED, 0);
        }
    });
    assert_eq!(drained.said[0], "draining: 1 turn runs, 0 s");
    assert_eq!(drained.took_ms, 4_000 + 3_000);
}

#[test]
fn a_turn_of_long_ago_that_never_ended_is_not_waited_for() {
    let host = host_with(SESSION, OPEN, 700_000);
    assert_eq!(drained(&host, &watch(), &[], &|_| {}).took_ms, 0);
}

#[test]
fn a_message_that_waits_in_a_spool_has_its_turn_first() {
    let host = host_with(SPOOLED, b"{}", 20_000);
    let is_gone = Cell::new(false);
    let drained = drained(&host, &watch(), &[], &|lines| {
        if lines == 3 && !is_gone.replace(true) {
            host.remove(Path::new(SPOOLED)).expect("removed");
        }
    });
    assert_eq!(drained.said[0], "draining: 1 message waits, 0 s");
    assert!((2_000..3_000).contains(&drained.took_ms));
}

#[test]
fn a_gateway_that_is_never_quiet_is_stopped_at_the_deadline() {
    let host = host_with(SESSION, CLOSED, 0);
    let drained = drained(&host, &watch(), &[], &|_| write(&host, SESSION, CLOSED, 0));
    assert!((180_000..182_000).contains(&drained.took_ms));
    let last = "waiting for 3 s of quiet, too long; the gateway is stopped now";
    assert_eq!(drained.said.last().map(String::as_str), Some(last));
    assert!(drained.said.len() >= 180, "{}", drained.said.len());
}

#[test]
fn what_an_agent_puts_among_the_sessions_hides_no_turn() {
    let host = host_with(SESSION, OPEN, 1_000);
    for name in ["0-is-a-directory.jsonl", "z.jsonl"] {
        let odd = Path::new(SESSION).with_file_name(name);
        let mut world = host.world_mut();
        world.add_directory(&odd, Ownership::of_root(0o700));
    }
    let drained = drained(&host, &watch(), &[], &|_| {});
    assert!(drained.took_ms > 100_000, "{}", drained.took_ms);
}
