//! The servers of the lab, asked from the outside by real processes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ocmigrate_lab::bot_api::client::{Client, ClientError};
use ocmigrate_lab::bot_api::ledger::BotSummary;
use ocmigrate_lab::bot_api::records::{BotLedger, PollEnd};
use ocmigrate_lab::bot_api::wire::{SummaryQuery, Traffic};
use ocmigrate_lab::services::{Options, Services};
use serde_json::Value;

const TOKEN: &str = "961:AAA";
const CHAT: i64 = 5;

/// Servers of this test's own, with one bot.
struct Lab {
    services: Services,
    client: Client,
}

impl Lab {
    fn start() -> Self {
        let services = Services::start(&Options::EPHEMERAL).unwrap();
        let client = services.client();
        client.register(TOKEN, "alpha_bot").unwrap();
        Self { services, client }
    }

    fn url(&self, call: &str) -> String {
        format!("http://{}/bot{TOKEN}/{call}", self.services.bot_address())
    }

    fn curl(&self, call: &str) -> Child {
        let curl = ["-s", "-w", "\n%{http_code}"];
        let mut command = Command::new("curl");
        command.args(curl).arg(self.url(call));
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a poll in a process of its own and returns once the server knows the process.
    fn long_poll(&self) -> Child {
        let child = self.curl("getUpdates?timeout=30");
        let pid = i32::try_from(child.id()).unwrap();
        self.wait_for("the poll of a known process", |bot| {
            bot.polls
                .iter()
                .any(|poll| poll.origin.poller.is_some_and(|poller| poller.pid == pid))
        });
        child
    }

    /// Polls without waiting and returns the ids of the updates.
    fn poll(&self, offset: i64) -> Vec<i64> {
        let (_, answer) = finish(self.curl(&format!("getUpdates?timeout=0&offset={offset}")));
        let updates = answer["result"].as_array().unwrap();
        updates
            .iter()
            .map(|update| update["update_id"].as_i64().unwrap())
            .collect()
    }

    fn reply(&self, text: &str) {
        let (status, _) = finish(self.curl(&format!("sendMessage?chat_id={CHAT}&text={text}")));
        assert_eq!(status, 200);
    }

    fn ledger(&self) -> BotLedger {
        self.client.ledger().unwrap().bots.remove(0)
    }

    fn summary(&self, patience_ms: u64) -> BotSummary {
        let query = SummaryQuery {
            patience_ms: Some(patience_ms),
            ..SummaryQuery::default()
        };
        self.client.bot_summary(TOKEN, query).unwrap()
    }

    #[track_caller]
    fn wait_for(&self, what: &str, holds: impl Fn(&BotLedger) -> bool) -> BotLedger {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let bot = self.ledger();
            if holds(&bot) {
                return bot;
            }
            assert!(Instant::now() < deadline, "{what} did not come: {bot:#?}");
            sleep(Duration::from_millis(20));
        }
    }
}

/// Returns the status and the body of a finished curl.
fn finish(child: Child) -> (u16, Value) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Sends a long poll over a connection of this very process and leaves it open.
fn poll_from_here(lab: &Lab) -> TcpStream {
    let mut stream = TcpStream::connect(lab.services.bot_address()).unwrap();
    let request = format!("GET /bot{TOKEN}/getUpdates?timeout=30 HTTP/1.1\r\nHost: lab\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

#[test]
fn a_second_process_ends_the_older_poll_with_409_and_counts_as_an_overlap() {
    let lab = Lab::start();
    let (older, newer) = (lab.long_poll(), lab.long_poll());
    let pids = [older.id(), newer.id()];
    let (status, answer) = finish(older);
    assert_eq!((status, answer["error_code"].as_i64()), (409, Some(409)));
    let figures = lab.summary(0);
    let overlap = figures.overlaps.first().unwrap();
    let found = [&overlap.older, &overlap.newer]
        .map(|poll| poll.origin.poller.unwrap().pid.cast_unsigned());
    assert_eq!(
        (found, figures.overlaps.len(), figures.conflicts),
        (pids, 1, 1)
    );
    stop(newer);
}

#[test]
fn a_process_that_polls_anew_is_no_overlap() {
    let lab = Lab::start();
    let older = poll_from_here(&lab);
    lab.wait_for("a known poller", |bot| {
        bot.polls.iter().all(|poll| poll.origin.poller.is_some())
    });
    let newer = poll_from_here(&lab);
    let bot = lab.wait_for("two known pollers", |bot| {
        bot.polls.len() == 2 && bot.polls.iter().all(|poll| poll.origin.poller.is_some())
    });
    let pids: Vec<_> = bot
        .polls
        .iter()
        .map(|poll| poll.origin.poller.unwrap().pid.cast_unsigned())
        .collect();
    assert_eq!(pids, [std::process::id(); 2]);
    assert!(lab.summary(0).overlaps.is_empty());
    drop((older, newer));
}

#[test]
fn a_killed_poller_ends_its_poll_and_the_next_one_is_no_overlap() {
    let lab = Lab::start();
    stop(lab.long_poll());
    let bot = lab.wait_for("the end of the poll", |bot| {
        bot.polls.iter().all(|poll| poll.end.is_some())
    });
    assert_eq!(bot.polls.first().unwrap().end, Some(PollEnd::ClientGone));
    stop(lab.long_poll());
    assert!(lab.summary(0).overlaps.is_empty());
}

#[test]
fn an_update_comes_again_until_a_later_offset_acknowledges_it() {
    let lab = Lab::start();
    let sent = lab.client.send(TOKEN, CHAT, "hello").unwrap();
    assert_eq!(lab.poll(0), [sent.update_id]);
    assert_eq!(lab.poll(sent.update_id), [sent.update_id]);
    assert!(lab.poll(sent.update_id + 1).is_empty());
    assert!(lab.poll(0).is_empty());
    let update = lab.ledger().updates.remove(0);
    assert_eq!(update.deliveries.len(), 2);
    assert!(update.acknowledged_ms.is_some());
}

#[test]
fn a_negative_offset_leaves_the_last_updates() {
    let lab = Lab::start();
    let ids = [(); 3].map(|()| lab.client.send(TOKEN, CHAT, "").unwrap().update_id);
    assert_eq!(lab.poll(-2), ids.into_iter().skip(1).collect::<Vec<_>>());
    assert_eq!(lab.summary(0).undelivered.len(), 1);
}

#[test]
fn a_waiting_poll_is_woken_by_a_message() {
    let lab = Lab::start();
    let poller = lab.long_poll();
    let sent = lab.client.send(TOKEN, CHAT, "hello").unwrap();
    let (_, answer) = finish(poller);
    assert_eq!(
        answer["result"][0]["message"]["text"],
        format!("hello {}", sent.mark)
    );
}

#[test]
fn unanswered_messages_are_lost_after_the_deadline_and_doubled_answers_show() {
    let lab = Lab::start();
    let [first, second, third] = [(); 3].map(|()| lab.client.send(TOKEN, CHAT, "").unwrap().mark);
    lab.reply(&first);
    lab.reply(&second);
    lab.reply(&format!("again+{second}"));
    let (patient, strict) = (lab.summary(60_000), lab.summary(0));
    assert_eq!(
        (patient.lost, patient.unanswered),
        (vec![], vec![third.clone()])
    );
    assert_eq!(
        (strict.lost, strict.duplicates),
        (vec![third.clone()], vec![second])
    );
    let waited = lab.client.wait_until_answered(&[TOKEN], Duration::ZERO);
    assert!(matches!(waited, Err(ClientError::Unanswered(marks)) if marks == [third.clone()]));
    let waited = |marks: &[&String]| {
        let marks: Vec<_> = marks.iter().copied().cloned().collect();
        lab.client
            .wait_until_these_are_answered(&marks, Duration::ZERO)
    };
    assert!(waited(&[&first]).is_ok());
    assert!(
        matches!(waited(&[&first, &third]), Err(ClientError::Unanswered(marks)) if marks == [third])
    );
    let strange = lab.client.wait_until_answered(&[&first], Duration::ZERO);
    assert!(
        matches!(strange, Err(ClientError::NoSuchBot(_))),
        "a mark is no token"
    );
}

#[test]
fn a_token_nobody_registered_is_refused() {
    let lab = Lab::start();
    let url = lab.url("getMe").replace(TOKEN, "1:B");
    let output = Command::new("curl").args(["-s", &url]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error_code"], 401);
    assert_eq!(
        finish(lab.curl("getMe")).1["result"]["username"],
        "alpha_bot"
    );
    assert_eq!(finish(lab.curl("setMyFancy")).1["result"], true);
}

#[test]
fn ids_never_repeat_after_a_restart() {
    let before = Lab::start().client.send(TOKEN, CHAT, "").unwrap();
    let after = Lab::start().client.send(TOKEN, CHAT, "").unwrap();
    assert!(
        after.update_id > before.update_id,
        "{after:?} after {before:?}"
    );
}

#[test]
fn traffic_flows_until_it_is_stopped() {
    let lab = Lab::start();
    let (token, text) = (TOKEN.to_owned(), String::new());
    let traffic = Traffic {
        token,
        chat_id: CHAT,
        chats: 2,
        every_ms: 20,
        text,
    };
    lab.client.start_traffic(&traffic).unwrap();
    let bot = lab.wait_for("messages", |bot| bot.updates.len() > 4);
    let chats: Vec<i64> = bot
        .updates
        .iter()
        .take(4)
        .map(|update| update.chat_id)
        .collect();
    assert_eq!(chats, [CHAT, CHAT + 1, CHAT, CHAT + 1]);
    lab.client.stop_traffic(TOKEN).unwrap();
    sleep(Duration::from_millis(60));
    let stopped = lab.ledger().updates.len();
    sleep(Duration::from_millis(120));
    assert_eq!(lab.ledger().updates.len(), stopped);
}

#[test]
fn silence_is_the_time_without_a_poll() {
    let lab = Lab::start();
    let poller = lab.long_poll();
    let since = lab.client.ledger().unwrap().taken_ms;
    sleep(Duration::from_millis(300));
    let query = SummaryQuery {
        since: Some(since),
        ..SummaryQuery::default()
    };
    assert_eq!(lab.client.bot_summary(TOKEN, query).unwrap().silence_ms, 0);
    stop(poller);
    sleep(Duration::from_millis(300));
    let silence = lab.client.bot_summary(TOKEN, query).unwrap().silence_ms;
    assert!((250..2_000).contains(&silence), "{silence} ms");
}

/// Asks the model over a plain connection and returns the whole answer.
fn ask_model(lab: &Lab, key: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(lab.services.model_address()).unwrap();
    let length = body.len();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n{key}Content-Length: {length}"
    );
    stream
        .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_model_echoes_marks_whole_and_streamed_and_wants_a_key() {
    let lab = Lab::start();
    let key = "Authorization: Bearer sk-fake\r\n";
    let whole = r#"{"messages":[{"role":"user","content":"say mark-a-1 and mark-a-2"}]}"#;
    let streamed = whole.replacen('{', r#"{"stream":true,"#, 1);
    assert!(ask_model(&lab, "", whole).starts_with("HTTP/1.1 401"));
    assert!(ask_model(&lab, key, whole).contains(r#""content":"echo mark-a-1 mark-a-2""#));
    let events = ask_model(&lab, key, &streamed);
    assert!(
        events.contains("text/event-stream") && events.ends_with("data: [DONE]\n\n"),
        "{events}"
    );
    assert!(events.contains(r#""content":"echo mark-a-1 mark-a-2""#));
}

#[test]
fn the_model_takes_the_time_a_message_asks_for() {
    let lab = Lab::start();
    let body = r#"{"messages":[{"role":"user","content":"sleep-300 mark-a-1"}]}"#;
    let start = Instant::now();
    ask_model(&lab, "Authorization: Bearer k\r\n", body);
    assert!(start.elapsed() >= Duration::from_millis(300));
}
