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
const BUSY: &str = r#"{"status":"busy","turns":2}"#;
const READY: &str = r#"{"status":"ready"}"#;
/// The last line of a script that fails.
const FAILS: &str = "Node.js v26.10.0";
const LATER: &str = r#"{"status":"later"}"#;

/// What a drain did: the ways in which it asked, what it said, and how long it took, in milliseconds.
struct Drained {
    asked: Vec<bool>,
    said: Vec<String>,
    took_ms: i64,
}

/// Drains a gateway; each question gets the lines of one answer, a second apart. `on_say` sees how many lines were said.
fn drained(host: &FakeHost, how: &Drain, answers: &[&[&str]], on_say: &dyn Fn(usize)) -> Drained {
    let (asked, said) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let say = |line: &str| {
        said.borrow_mut().push(line.to_owned());
        let lines = said.borrow().len();
        on_say(lines);
    };
    let begun_ms = host.now_ms();
    with_context(host, &say, |context| {
        drain(context, how, &|argv, deadline, on_line| {
            assert!(deadline > PATIENCE, "killed while it still waits");
            let wish = argv.last().and_then(|wish| wish.to_str()).expect("a wish");
            let is_at_once = wish.contains(r#""at_once":true"#);
            assert!(wish.contains(r#""patience_ms":60000"#), "{wish}");
            let answer = answers.get(asked.borrow().len())?;
            asked.borrow_mut().push(is_at_once);
            for line in *answer {
                on_line(line.as_bytes());
                host.sleep(Duration::from_secs(1));
            }
            Some(i64::from(answer.contains(&FAILS)))
        });
    });
    Drained {
        took_ms: host.now_ms() - begun_ms,
        asked: asked.into_inner(),
        said: said.into_inner(),
    }
}

fn suspend() -> Drain {
    Drain::Suspend(Client {
        node: "/usr/bin/node".into(),
        package: "/usr/lib/node_modules/openclaw".into(),
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
fn a_gateway_is_closed_at_an_idle_instant_and_each_line_says_what_is_waited_for() {
    let answers: &[&[&str]] = &[&[BUSY, LATER, READY, "[plugins] a line of OpenClaw's"]];
    let drained = drained(&FakeHost::new(), &suspend(), answers, &|_| {});
    assert_eq!(drained.asked, [false]);
    let said = [
        "draining: 2 turns run, 0 s",
        "draining: the gateway wants to be asked later, 1 s",
    ];
    assert_eq!(drained.said, said);
}

#[test]
fn a_gateway_without_an_idle_instant_is_closed_at_once() {
    let answers: &[&[&str]] = &[&[BUSY], &[BUSY, READY]];
    let drained = drained(&FakeHost::new(), &suspend(), answers, &|_| {});
    assert_eq!(drained.asked, [false, true]);
    assert_eq!(drained.said.len(), 2, "{:?}", drained.said);
}

#[test]
fn a_gateway_whose_turns_never_end_is_stopped_all_the_same() {
    let answers: &[&[&str]] = &[&[BUSY], &[BUSY]];
    let drained = drained(&FakeHost::new(), &suspend(), answers, &|_| {});
    let last = "2 turns run, too long; the gateway is stopped now";
    assert_eq!(drained.said.last().map(String::as_str), Some(last));
}

#[test]
fn a_gateway_that_does_not_know_of_suspension_is_asked_once() {
    let (fails, silent): (&[&str], &[&str]) = (&[FAILS], &[]);
    for answers in [&[fails] as &[&[&str]], &[silent], &[]] {
        let drained = drained(&FakeHost::new(), &suspend(), answers, &|_| {});
        let said = "the gateway does not take a suspension, and is stopped as it is";
        assert_eq!(drained.said, [said]);
        assert!(drained.asked.len() < 2);
    }
}

#[test]
fn a_gateway_whose_client_fails_on_the_way_is_stopped_as_it_is() {
    let answers: &[&[&str]] = &[&[BUSY, FAILS]];
    let drained = drained(&FakeHost::new(), &suspend(), answers, &|_| {});
    let last = "the gateway does not take a suspension, and is stopped as it is";
    assert_eq!((drained.asked.len(), &drained.said[1][..]), (1, last));
}

#[test]
fn a_list_of_steps_that_an_older_version_made_can_still_be_walked() {
    let old = r#"{"Suspend":{"when_idle":["/usr/bin/node","/usr/lib/node_modules/openclaw/openclaw.mjs","gateway"],
        "at_once":["/usr/bin/node","/usr/lib/node_modules/openclaw/openclaw.mjs","gateway"]}}"#;
    let read = |text: &str| serde_json::from_str::<Drain>(text).expect("an old list");
    assert_eq!(read(old), suspend());
    let written = serde_json::to_string(&suspend()).expect("JSON");
    assert_eq!(read(&written), suspend());
    let left = drained(&FakeHost::new(), &read(r#""AtStop""#), &[], &|_| {});
    assert_eq!((left.asked.len(), left.said.len(), left.took_ms), (0, 0, 0));
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
