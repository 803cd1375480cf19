//! Runs that end in the middle: killed, cut off from power, or with a container that cannot serve.

use std::time::Duration;

use crate::host_state::host_state;
use crate::world::{GROUP, PLAN, World, now_ms};

/// How a killed run is brought to an end.
#[derive(Debug, Clone, Copy)]
enum End {
    Resume,
    Rollback,
}

pub(crate) fn killed_after_the_disarming_and_rolled_back(world: &World) {
    kill_after(world, "disarm-starter", End::Rollback);
}

pub(crate) fn killed_after_the_start_and_rolled_back(world: &World) {
    kill_after(world, "start-container", End::Rollback);
}

pub(crate) fn killed_after_the_start_and_resumed(world: &World) {
    kill_after(world, "start-container", End::Resume);
}

fn kill_after(world: &World, step: &str, end: End) {
    kill_and_end(world, "after", record_of(world, step), end);
}

pub(crate) fn killed_at_every_record_and_resumed(world: &World) {
    killed_at_every_record(world, End::Resume);
}

pub(crate) fn killed_at_every_record_and_rolled_back(world: &World) {
    killed_at_every_record(world, End::Rollback);
}

/// The first record opens the run; two belong to each step, and one settles it.
fn killed_at_every_record(world: &World, end: End) {
    let records = 2 + 2 * steps(world).len();
    for number in 0..records {
        let name = format!("killed after record {number} of {records}, {end:?}");
        world.step(&name, |world| kill_and_end(world, "after", number, end));
    }
}

/// Kills a run at a record, ends it, and checks the promises; the box is native before and after.
fn kill_and_end(world: &World, side: &str, number: usize, end: End) {
    world.plan();
    let before = host_state(world);
    let since = now_ms();
    world.start_traffic(5000);
    let command = format!("ocmigrate-fault execute --group {GROUP} --plan {PLAN} --yes");
    world.run_to(137, &format!("OCMIGRATE_FAULT={side}:{number} {command}"));
    bring_to_an_end(world, end);
    world.stop_traffic();
    world.check_ledger(
        since,
        &format!("killed {side} record {number}, then {end:?}"),
    );
    back_to_native(world);
    assert_eq!(
        host_state(world),
        before,
        "killed {side} record {number}, then {end:?}"
    );
}

fn bring_to_an_end(world: &World, end: End) {
    match end {
        End::Resume => {
            world.run_to(0, &format!("ocmigrate execute --group {GROUP} --resume"));
            assert!(world.is_in_container());
            world.run_to(0, "ocmigrate verify");
        }
        End::Rollback => {
            world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
            assert!(world.is_native());
        }
    }
}

fn back_to_native(world: &World) {
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    assert!(world.is_native());
}

/// The record that says that a step is done: one opens the run, two belong to each step.
fn record_of(world: &World, id: &str) -> usize {
    let index = steps(world).iter().position(|step| step == id).unwrap();
    2 + 2 * index
}

fn steps(world: &World) -> Vec<String> {
    world.plan();
    let report = world.shell(&format!(
        "ocmigrate execute --group {GROUP} --plan {PLAN} --dry-run --json"
    ));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let steps = report["steps"].as_array().unwrap().iter();
    steps
        .map(|step| step["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The binary that users run has no faults built in: it is killed from outside, once the journal shows the stop.
pub(crate) fn the_release_binary_is_killed(world: &World) {
    world.plan();
    let since = now_ms();
    world.start_traffic(5000);
    signalled_at(world, "stop-gateway", "KILL", 137);
    bring_to_an_end(world, End::Resume);
    world.stop_traffic();
    world.check_ledger(since, "the release binary killed");
    back_to_native(world);
}

/// Runs the release binary, sends it a signal as soon as a step has started, and returns what it printed.
fn signalled_at(world: &World, step: &str, signal: &str, code: i32) -> String {
    let index = steps(world).iter().position(|id| id == step).unwrap();
    let journal = format!("/var/lib/ocmigrate/groups/{GROUP}/journal.jsonl");
    let started = format!("\"record\":\"started\",\"step\":{index},");
    world.run_to(
        code,
        &format!(
            "rm -f {journal}; ocmigrate execute --group {GROUP} --plan {PLAN} --yes & pid=$!; \
             for i in $(seq 6000); do grep -q '{started}' {journal} 2>/dev/null && break; sleep 0.02; done; \
             kill -{signal} $pid; wait $pid"
        ),
    )
}

/// Ctrl-C at the question changes nothing; later it is a rollback.
pub(crate) fn an_interrupted_run_is_rolled_back(world: &World) {
    world.plan();
    let before = host_state(world);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN}");
    let said = world.run_to(
        130,
        &format!("(sleep 25; printf '\\003'; sleep 1) | script -qec '{execute}' /root/typescript"),
    );
    assert!(said.contains("Proceed?"), "{said}");
    assert!(said.contains("interrupted; nothing was changed"), "{said}");
    assert_eq!(host_state(world), before);

    world.start_traffic(5000);
    let since = now_ms();
    let said = signalled_at(world, "stop-gateway", "INT", 130);
    assert!(said.contains("interrupted"), "{said}");
    assert!(world.is_native());
    world.stop_traffic();
    world.check_ledger(since, "interrupted");
    assert_eq!(host_state(world), before);
}

/// The power goes between two turns, right after the unit was disarmed; after the boot nothing polls until resume.
pub(crate) fn power_cut_in_the_silence(world: &World) {
    world.plan();
    let since = now_ms();
    let number = record_of(world, "disarm-starter");
    let command = format!("ocmigrate-fault execute --group {GROUP} --plan {PLAN} --yes");
    world.wait_until_answered();
    world.run_to(137, &format!("OCMIGRATE_FAULT=after:{number} {command}"));
    world.server.power_cut().unwrap();
    let marks: Vec<_> = world
        .fleet
        .bot_tokens()
        .iter()
        .map(|token| {
            world
                .client
                .send(token, 4712, "sent in the dark")
                .unwrap()
                .mark
        })
        .collect();
    world.server.power_on().unwrap();
    std::thread::sleep(Duration::from_secs(10));
    assert!(!world.is_native(), "the disarmed unit started at boot");
    bring_to_an_end(world, End::Resume);
    let marks: Vec<_> = marks.iter().map(String::as_str).collect();
    world
        .client
        .wait_until_answered(&marks, crate::world::PATIENCE)
        .unwrap();
    world.check_ledger(since, "power cut");
    back_to_native(world);
}

/// A memory limit under which OpenClaw can check its configuration, and no gateway can start: native again by itself, exit code 4.
pub(crate) fn an_unhealthy_container_is_rolled_back(world: &World) {
    world.plan();
    let before = host_state(world);
    let since = now_ms();
    world.shell(&format!(
        "sed -i 's/\"memory\": 1[0-9]*,/\"memory\": 471859200,/' {PLAN} && grep -q 471859200 {PLAN}"
    ));
    world.start_traffic(5000);
    let said = world.run_to(
        4,
        &format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes"),
    );
    eprintln!("{said}");
    assert!(said.contains("rolled back"), "{said}");
    assert!(
        said.contains("undo  start-container"),
        "it never came to the start:\n{said}"
    );
    assert!(world.is_native());
    world.stop_traffic();
    world.check_ledger(since, "an unhealthy container");
    assert_eq!(host_state(world), before);
}
