//! The scripts that ask a gateway by OpenClaw's own client, run by a real node against a client that answers what a test says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, writes files of its own and runs a program"
)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ocmigrate::inventory::Release;
use ocmigrate::openclaw::output::parse_channels_status;
use ocmigrate::openclaw::release::{Suspend, channels_status_argv, suspend_argv};

/// What all clients begin with: `busy(n)`, `begun(n)` and `idle` are answers to a look, `draining(n, q)` is one to closing;
/// every call is printed to standard error.
const CLIENT: &str = r#"
const counts = (turns, queueSize) => ({ counts: { totalActive: turns + queueSize, embeddedRuns: turns, queueSize } });
const busy = (turns) => counts(turns, 2 * turns);
const begun = (turns) => counts(turns, 2 * turns - 1);
const idle = busy(0);
const blockers = (turns, queue) => [{ kind: "queue", count: queue }, { kind: "embedded-run", count: turns }];
const draining = (turns, queue) => ({ status: "draining", suspensionId: "it", blockers: blockers(turns, queue) });
let [looks, closings, holds] = [0, 0, 0];
const refused = (more) => { throw Object.assign(new Error("closed"), { retryable: true, ...more }); };
export async function callGatewayFromCli(method, options, parameters) {
  console.error(method, JSON.stringify(parameters));
  if (method === "gateway.restart.preflight") return look(looks++);
  if (method === "gateway.suspend.prepare") return close(closings++, parameters);
  if (method === "gateway.suspend.status") return hold(holds++, parameters);
  if (method === "gateway.suspend.resume") return {};
  throw new Error("no such method");
}
"#;

/// Runs what `argv` returns for a package with this client.
fn run(client: &str, argv: impl Fn(&Path, &Path) -> Vec<OsString>) -> Output {
    let directory = tempfile::tempdir().unwrap();
    // What a URL would take for something else.
    let package = directory.path().join("100%41 #1?");
    let module = package.join("dist/plugin-sdk");
    fs::create_dir_all(&module).unwrap();
    fs::write(package.join("package.json"), r#"{"type":"module"}"#).unwrap();
    fs::write(module.join("gateway-runtime.js"), client).unwrap();
    let argv = argv(Path::new("/usr/bin/env"), &package);
    let mut node = Command::new(&argv[0]);
    node.arg("node").args(&argv[1..]).output().unwrap()
}

/// Closes with a client; returns the exit code, what was printed, and how often it was asked to be closed.
fn suspend(client: &str, how: Suspend, patience: Duration) -> (Option<i32>, String, usize) {
    let output = run(&format!("{CLIENT}{client}"), |node, package| {
        suspend_argv(node, package, how, patience)
    });
    let asked = String::from_utf8(output.stderr).unwrap();
    let closings = asked.matches("gateway.suspend.prepare").count();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said, closings)
}

fn ask_channels(client: &str) -> Output {
    run(client, |node, package| {
        let release = Release {
            version: "2026.9.6".to_owned(),
            package: package.to_owned(),
            node: node.to_owned(),
            modules: None,
        };
        channels_status_argv(&release, &"2026.9.6".parse().unwrap())
    })
}

#[test]
fn the_state_of_the_channels_is_asked_of_the_gateway_and_told_whole() {
    let client = r#"
        setInterval(() => {}, 1000); // A connection that is kept.
        const account = { accountId: "default", running: true, connected: true, note: "x".repeat(1 << 20) };
        export const callGatewayFromCli = async (method, options, parameters) =>
          ({ asked: [method, options.json, parameters], channelAccounts: { telegram: [account] } });
    "#;
    let output = ask_channels(client);
    assert_eq!(output.status.code(), Some(0));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        told["asked"],
        serde_json::json!(["channels.status", true, {}])
    );
    let accounts = parse_channels_status(&output.stdout).unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].account, "default");
}

#[test]
fn a_gateway_that_does_not_answer_tells_nothing_of_its_channels() {
    let output =
        ask_channels("export async function callGatewayFromCli() { throw new Error('gone'); }");
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(parse_channels_status(&output.stdout), None);
}

const LONG: Duration = Duration::from_secs(30);
const READY: &str = "{\"status\":\"ready\"}\n";

#[test]
fn an_idle_instant_is_looked_for_and_nothing_is_closed_before_it() {
    let client = r#"
        const look = (number) => (number < 3 ? busy(2) : idle);
        const close = (_, { drain }) => ({ status: drain ? "draining" : "ready" });
    "#;
    let (code, said, closings) = suspend(client, Suspend::WhenIdle, LONG);
    assert_eq!((code, closings), (Some(0), 1));
    assert_eq!(
        said,
        format!("{{\"status\":\"busy\",\"turns\":2}}\n{READY}")
    );
}

#[test]
fn an_instant_that_is_over_when_the_gateway_is_asked_is_not_the_last() {
    let client = r#"
        const look = () => idle;
        const close = (number) => ({ status: number < 3 ? "busy" : "ready" });
    "#;
    let (code, said, closings) = suspend(client, Suspend::WhenIdle, LONG);
    assert_eq!((code, closings), (Some(0), 4));
    assert!(said.ends_with(READY), "{said}");
}

#[test]
fn a_gateway_is_closed_at_once_and_its_turns_are_waited_for() {
    let client = r#"
        const look = (number) => (number < 1 ? busy(1) : refused());
        const close = (_, { drain }) => (drain ? draining(1, 2) : { status: "busy" });
        const hold = (number, { suspensionId }) =>
          number < 3 ? { status: "draining", blockers: blockers(2, 4) } : { status: suspensionId === "it" && "ready" };
    "#;
    let (code, said, closings) = suspend(client, Suspend::AtOnce, LONG);
    assert_eq!((code, closings), (Some(0), 1));
    assert!(said.ends_with(READY), "{said}");
}

#[test]
fn a_gateway_is_not_closed_at_once_while_a_turn_of_it_has_just_begun() {
    let client = r#"
        const look = (number) => (number < 3 ? begun(2) : busy(2));
        const close = () => { console.log(JSON.stringify({ looks })); return draining(2, 4); };
        const hold = () => ({ status: "ready" });
    "#;
    let (code, said, closings) = suspend(client, Suspend::AtOnce, LONG);
    assert_eq!((code, closings), (Some(0), 1));
    assert!(
        said.contains("{\"looks\":4}") && said.ends_with(READY),
        "{said}"
    );
}

#[test]
fn a_gateway_that_was_closed_while_a_turn_began_is_opened_again() {
    let client = r#"
        const look = () => busy(2);
        const close = (number) => (number < 1 ? draining(3, 5) : { status: "ready" });
        const hold = () => { throw new Error("held"); };
    "#;
    let (code, said, closings) = suspend(client, Suspend::AtOnce, LONG);
    assert_eq!((code, closings), (Some(0), 2));
    assert!(said.ends_with(READY), "{said}");
}

#[test]
fn a_gateway_in_which_turns_always_begin_is_closed_after_half_of_the_patience() {
    let client = r#"
        const begin = Date.now();
        const look = () => begun(2);
        const close = () => { console.log(JSON.stringify({ ms: Date.now() - begin })); return draining(2, 3); };
        const hold = () => ({ status: "ready" });
    "#;
    let patience = Duration::from_secs(4);
    let (code, said, closings) = suspend(client, Suspend::AtOnce, patience);
    assert_eq!((code, closings), (Some(0), 1));
    let closed = said.lines().find_map(|line| line.strip_prefix("{\"ms\":"));
    let closed: u64 = closed.unwrap().trim_end_matches('}').parse().unwrap();
    assert!((1_900..3_000).contains(&closed), "{said}");
    assert!(said.ends_with(READY), "{said}");
}

#[test]
fn a_suspension_that_ran_out_is_asked_for_again() {
    let client = r#"
        const look = () => busy(1);
        const close = (number) => (number < 1 ? draining(1, 2) : { status: "ready" });
        const hold = () => ({ status: "running" });
    "#;
    let (code, said, closings) = suspend(client, Suspend::AtOnce, LONG);
    assert_eq!((code, closings), (Some(0), 2));
    assert!(said.ends_with(READY), "{said}");
}

#[test]
fn a_gateway_that_is_closed_already_is_asked_to_be_so_again() {
    let client = "const look = () => refused(); const close = () => ({ status: 'ready' });";
    let (code, said, closings) = suspend(client, Suspend::WhenIdle, LONG);
    assert_eq!((code, closings, &said[..]), (Some(0), 1, READY));
}

#[test]
fn a_gateway_that_stays_busy_is_told_of_each_second_until_the_patience_is_over() {
    let client = "const look = () => busy(3); const close = () => ({ status: 'ready' });";
    let begun = Instant::now();
    let patience = Duration::from_millis(2900);
    let (code, said, closings) = suspend(client, Suspend::WhenIdle, patience);
    assert_eq!((code, closings), (Some(0), 0));
    // A line at once, about one each second, and the last.
    let lines: Vec<&str> = said.lines().collect();
    assert!((3..=4).contains(&lines.len()), "{said}");
    assert!(
        lines
            .iter()
            .all(|line| *line == r#"{"status":"busy","turns":3}"#)
    );
    assert!(begun.elapsed() >= patience);
}

#[test]
fn a_gateway_that_says_when_to_ask_again_is_asked_then() {
    let client = r#"
        const look = () => idle;
        const close = (number) => {
          if (number > 0) return { status: "ready" };
          refused({ retryAfterMs: 1500 });
        };
    "#;
    let begun = Instant::now();
    let (code, said, closings) = suspend(client, Suspend::WhenIdle, LONG);
    assert_eq!((code, closings), (Some(0), 2));
    assert_eq!(
        said,
        format!("{}{READY}", "{\"status\":\"later\"}\n".repeat(2))
    );
    assert!(begun.elapsed() >= Duration::from_millis(1500));
}

#[test]
fn no_more_is_asked_for_in_a_minute_than_a_gateway_takes() {
    let client = "const look = () => idle; const close = () => ({ status: 'busy' });";
    let (code, _, closings) = suspend(client, Suspend::WhenIdle, Duration::from_secs(12));
    assert_eq!((code, closings), (Some(0), 28));
}

#[test]
fn a_gateway_that_is_gone_is_given_up_and_so_is_a_release_without_such_a_client() {
    let client = "const look = () => { throw new Error('closed'); }; const close = look;";
    let (code, said, _) = suspend(client, Suspend::WhenIdle, LONG);
    assert_ne!(code, Some(0));
    assert!(!said.contains("ready"), "{said}");
    let (code, said, _) = suspend("export {", Suspend::WhenIdle, LONG);
    assert_ne!(code, Some(0));
    assert_eq!(said, "");
}
