//! A server that nobody prepared: gateways of three releases, started in nine ways by three users, among the traps of old
//! servers. The whole inventory is compared with `expected.txt`, which was written before the first scan.
//!
//! `scripts/test` runs a gateway of each release with all the traps; `scripts/test --all` runs all gateways.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its figures"
)]

mod object;
mod telling;
mod truth;

use std::collections::BTreeSet;
use std::path::Path;

use ocmigrate_lab::fleet::{Fleet, Starter};
use ocmigrate_lab::server::{RELEASES_IMAGE, Server, base_image_tar};
use ocmigrate_lab::services::{Options, Services};
use ocmigrate_lab::trace::traced;
use serde_json::Value;

/// A gateway of each release: a user's unit, an instance of a template, a line of a crontab.
const PART: [u16; 3] = [18789, 19001, 20001];

#[test]
fn a_gateway_of_each_release_and_every_trap_are_seen_as_written_down() {
    let mut fleet = Fleet::named("nine-ways").unwrap();
    for user in &mut fleet.users {
        user.gateways.retain(|it| PART.contains(&it.port));
    }
    compare("part", &fleet);
}

#[test]
#[ignore = "four minutes and six GiB; scripts/test --all runs it"]
fn gateways_started_in_nine_ways_are_seen_as_written_down() {
    compare("ways", &Fleet::named("nine-ways").unwrap());
}

fn compare(name: &str, fleet: &Fleet) {
    let _services = Services::start(&Options::usual()).unwrap();
    let name = format!("ocmigrate-{name}-{}", std::process::id());
    let server = Server::boot(&name, RELEASES_IMAGE).unwrap();
    if blocks_of(fleet)
        .iter()
        .any(|it| it.starts_with("container "))
    {
        server.load_image(&base_image_tar()).unwrap();
    }
    server.shell(include_str!("before.sh")).unwrap();
    fleet.settle(&server).unwrap();
    server.shell(include_str!("furnish.sh")).unwrap();
    install(&server);

    let scan = "ocmigrate scan --json --companion dashboard.service";
    let (json, trace) = traced(&server, scan).unwrap();
    let inventory: Value = serde_json::from_str(&json).unwrap();
    eprintln!("{}", server.shell("ocmigrate scan").unwrap());

    let seen = telling::tell(&server, inventory);
    let expected = expected(fleet);
    let (missing, invented) = (minus(&expected, &seen), minus(&seen, &expected));
    let lines = |lines: &[String]| lines.join("\n");
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not seen:\n{}\nnot expected:\n{}",
        lines(&missing),
        lines(&invented)
    );
    for canary in fleet.canaries().into_iter().chain(["canary-"]) {
        assert!(!json.contains(canary), "a secret is shown");
    }
    assert_eq!(trace.misdeeds(), Vec::<String>::new());
    assert!(trace.calls > 1000, "{}", trace.calls);
}

/// The lines of `expected.txt` for the gateways of a fleet, each with the name of its block before it.
fn expected(fleet: &Fleet) -> Vec<String> {
    let whole = blocks_of(&Fleet::named("nine-ways").unwrap());
    let left_out: BTreeSet<_> = whole.difference(&blocks_of(fleet)).cloned().collect();
    let mut block = "";
    let mut lines = Vec::new();
    for line in include_str!("expected.txt").lines() {
        match line.strip_prefix("  ") {
            Some(line) if !left_out.contains(block) => lines.push(format!("{block}: {line}")),
            Some(_) => {}
            None => block = line.strip_prefix("gateway ").unwrap(),
        }
    }
    lines.sort();
    lines
}

/// The names of the blocks that speak of a fleet's gateways. 2026.2.9 moves `~/.clawdbot` to `~/.openclaw` when it starts, and
/// leaves a link.
fn blocks_of(fleet: &Fleet) -> BTreeSet<String> {
    let gateways = fleet.users.iter().flat_map(|user| {
        let named = user.gateways.iter().map(|it| {
            if it.starter == Starter::Container {
                return format!("container gateway-{}", it.port);
            }
            let name = it.state_directory.replacen("/home/", "", 1);
            name.replace("/.clawdbot", "/.openclaw")
        });
        named.collect::<Vec<_>>()
    });
    gateways.collect()
}

/// Returns the lines of one sorted list that the other does not have, as often as it does not have them.
fn minus(lines: &[String], others: &[String]) -> Vec<String> {
    let mut others = others.to_vec();
    let is_left = |line: &&String| match others.iter().position(|other| other == *line) {
        Some(at) => {
            others.remove(at);
            false
        }
        None => true,
    };
    lines.iter().filter(is_left).cloned().collect()
}

fn install(server: &Server) {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/ocmigrate");
    assert!(
        binary.exists(),
        "{} is missing: run scripts/test",
        binary.display()
    );
    server.copy_in(&binary, "/usr/local/bin/ocmigrate").unwrap();
}
