//! Plan, dry run, execute, status, verify, rollback, under messages.

use std::time::Duration;

use serde_json::Value;

use crate::host_state::host_state;
use crate::world::{GROUP, PLAN, World, now_ms};
use crate::{canaries, compose, moved, rate, two_at_once};

pub(crate) fn messages_flow_all_the_way(world: &World) {
    let every_ms = rate::fastest_answered_in_full(world);
    let native = rate::silence_of_a_native_restart(world, every_ms);
    moved::share_a_directory(world);
    world.plan();
    let before = host_state(world);
    let planned = dry_run(world);
    assert_eq!(host_state(world), before, "a dry run changed something");

    two_at_once::start_one_that_waits(world);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes");
    let forth = under_messages(world, every_ms, "execute", || {
        let said = world.run_to(0, &execute);
        eprintln!("{said}");
        assert_eq!(told_steps(&said), planned.1, "the dry run told other steps");
        told_silence(&said)
    });
    assert_eq!(
        journal_steps(world),
        planned.0,
        "the journal has other steps"
    );
    forth.assert_told();
    assert!(world.is_in_container());
    two_at_once::the_one_that_waited_changes_nothing(world);
    its_state_is_told(world);
    moved::is_served_as_before(world);
    moved::may_what_its_groups_may(world);
    moved::is_told_by_a_scan(world);
    canaries::are_nowhere(world);
    compose::works(world);
    world.run_to(0, "ocmigrate verify");

    let rollback = format!("ocmigrate rollback --group {GROUP} --yes");
    let back = under_messages(world, every_ms, "rollback", || {
        eprintln!("{}", world.run_to(0, &rollback));
    });
    assert!(world.is_native());
    assert_eq!(host_state(world), before, "rollback left something behind");
    eprintln!(
        "silence per bot in ms: native restart {:?}, execute {:?} (told: {:?}), rollback {:?}",
        native, forth.silences_ms, forth.value, back.silences_ms
    );
}

/// What came of something that was done while messages arrived.
pub(crate) struct Measured<T> {
    pub(crate) value: T,
    /// By the ledger, of each bot.
    silences_ms: Vec<u64>,
}

/// Does something while messages arrive, then waits until all of them are answered and checks the promises.
#[track_caller]
pub(crate) fn under_messages<T>(
    world: &World,
    every_ms: u64,
    what: &str,
    act: impl FnOnce() -> T,
) -> Measured<T> {
    let since = now_ms();
    world.start_traffic(every_ms);
    std::thread::sleep(Duration::from_secs(3));
    let value = act();
    std::thread::sleep(Duration::from_secs(3));
    world.stop_traffic();
    Measured {
        value,
        silences_ms: world.check_ledger(since, what),
    }
}

/// The silence that execute tells in its last lines, in seconds.
#[derive(Debug)]
pub(crate) struct Told {
    at_most: f64,
    pub(crate) own: f64,
}

/// Reads `no bot was silent for longer than 21.3 s; ...` and `    0.9 s  of it are ocmigrate's own, ...`.
pub(crate) fn told_silence(said: &str) -> Told {
    let number = |before: &str, after: &str| {
        let line = said.lines().find(|line| line.contains(after)).unwrap();
        let line = line.trim().strip_prefix(before).unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    Told {
        at_most: number("no bot was silent for longer than ", "it is polled while"),
        own: number("", "of it are ocmigrate's own"),
    }
}

impl Measured<Told> {
    /// What execute told is what the ledger saw: no bot was silent for longer, and nothing slow is ocmigrate's own.
    fn assert_told(&self) {
        let longest = *self.silences_ms.iter().max().unwrap();
        let Told { at_most, own } = self.value;
        let longest = Duration::from_millis(longest).as_secs_f64();
        assert!(
            longest <= at_most + 0.1,
            "told {at_most} s, was {longest} s"
        );
        assert!(own < 5.0, "{own} s are ocmigrate's own");
    }
}

fn its_state_is_told(world: &World) {
    let status = world.run_to(0, "ocmigrate status");
    assert!(
        status.contains("in container") && status.contains("ready"),
        "{status}"
    );
    eprintln!("{status}{}", world.run_to(0, "ocmigrate verify"));
}

/// More than the gateway can answer meanwhile: still every message is taken in, there and back.
pub(crate) fn a_message_a_second_is_delivered(world: &World) {
    world.plan();
    let since = now_ms();
    world.start_traffic(1000);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes");
    world.run_to(0, &execute);
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    world.stop_traffic();
    world.check_delivered(since, "a message a second");
}

/// No base is named and none is there: debootstrap makes one before anything stops.
pub(crate) fn on_a_base_of_its_own(world: &World) {
    world.shell("docker image rm ocmigrate-lab/base");
    world.run_to(0, &format!("ocmigrate plan --yes -o {PLAN}"));
    let before = host_state(world);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes");
    let said = world.run_to(0, &execute);
    assert!(said.contains("with debootstrap"), "{said}");
    assert!(world.is_in_container());
    world.run_to(0, "ocmigrate verify");
    world.wait_until_answered();
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    assert!(world.is_native());
    assert_eq!(host_state(world), before);
}

/// Runs the dry run in all its forms; returns the ids of its steps, and what it says that they do.
fn dry_run(world: &World) -> (Vec<String>, Vec<String>) {
    let command = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --dry-run");
    let text = world.run_to(0, &command);
    assert!(
        text.contains("silence, estimated from the last boot"),
        "{text}"
    );
    assert!(text.contains("\"lan\""), "{text}");
    eprintln!("{text}");
    let markdown = world.run_to(
        0,
        &format!("{command} --md /root/dry-run.md && cat /root/dry-run.md"),
    );
    assert!(markdown.contains("```diff"), "{markdown}");
    let report: Value = serde_json::from_str(&world.shell(&format!("{command} --json"))).unwrap();
    let steps = report["steps"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    steps
        .map(|step| (text(&step["id"]), text(&step["what"])))
        .unzip()
}

/// What execute said that it does: the lines ` 3/15 image ...`.
fn told_steps(said: &str) -> Vec<String> {
    let told = said.lines().filter_map(|line| {
        let (number, what) = line.trim_start().split_once(' ')?;
        let (number, of) = number.split_once('/')?;
        (number.parse::<u32>().is_ok() && of.parse::<u32>().is_ok()).then(|| what.to_owned())
    });
    told.collect()
}

fn journal_steps(world: &World) -> Vec<String> {
    let line = world.shell(&format!(
        "head -n 1 /var/lib/ocmigrate/groups/{GROUP}/journal.jsonl"
    ));
    let record: Value = serde_json::from_str(&line).unwrap();
    serde_json::from_value(record["entry"]["steps"].clone()).unwrap()
}
