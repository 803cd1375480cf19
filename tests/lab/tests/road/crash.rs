//! Runs that end in the middle: killed, cut off from power, or with a container that cannot serve.

use crate::host_state::host_state;
use crate::world::{GROUP, PLAN, World, now_ms};

/// What is proven before the silence and watched after it has tests of its own; these look at what lies between.
const BARE: &str = "--no-rehearsal --soak 2";
/// The time between two messages to one bot, in milliseconds. Messages arrive all the time, and not so many that answering
/// what waited takes longer than everything else: these runs are about who polls, not about how fast the gateway is.
const EVERY_MS: u64 = 10_000;

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
    world.start_traffic(EVERY_MS);
    let command = format!("ocmigrate-fault execute --group {GROUP} --plan {PLAN} {BARE} --yes");
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
        "ocmigrate execute --group {GROUP} --plan {PLAN} {BARE} --dry-run --json"
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
    world.start_traffic(EVERY_MS);
    signalled_at(world, "stop-gateway", "KILL", 137);
    bring_to_an_end(world, End::Resume);
    world.stop_traffic();
    world.check_ledger(since, "the release binary killed");
    back_to_native(world);
}

/// What asks the container's gateway to come to rest outlives a way back that is killed, for a while: the next one gets there
/// all the same.
pub(crate) fn a_way_back_is_killed_while_the_container_drains(world: &World) {
    world.plan();
    let before = host_state(world);
    let command = format!("ocmigrate execute --group {GROUP} --plan {PLAN} {BARE} --yes");
    world.run_to(0, &command);
    let since = now_ms();
    world.start_traffic(EVERY_MS);
    let said = "/root/way-back.txt";
    world.run_to(
        137,
        &format!(
            "ocmigrate rollback --group {GROUP} --yes > {said} 2>&1 & pid=$!; \
             for i in $(seq 6000); do grep -q 'undo  start-container' {said} && break; sleep 0.02; done; \
             sleep 1; kill -KILL $pid; wait $pid"
        ),
    );
    let said = world.shell(&format!("cat {said}"));
    assert!(!said.contains("the container stops"), "too late: {said}");
    back_to_native(world);
    world.stop_traffic();
    world.check_ledger(since, "a way back killed while the container drains");
    assert_eq!(host_state(world), before);
}

/// Runs the release binary, sends it a signal as soon as a step has started, and returns what it printed.
fn signalled_at(world: &World, step: &str, signal: &str, code: i32) -> String {
    let index = steps(world).iter().position(|id| id == step).unwrap();
    let journal = format!("/var/lib/ocmigrate/groups/{GROUP}/journal.jsonl");
    let started = format!("\"record\":\"started\",\"step\":{index},");
    world.run_to(
        code,
        &format!(
            "rm -f {journal}; ocmigrate execute --group {GROUP} --plan {PLAN} {BARE} --yes & pid=$!; \
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

    world.start_traffic(EVERY_MS);
    let since = now_ms();
    let said = signalled_at(world, "stop-gateway", "INT", 130);
    assert!(said.contains("interrupted"), "{said}");
    assert!(world.is_native());
    world.stop_traffic();
    world.check_ledger(since, "interrupted");
    assert_eq!(host_state(world), before);
}

/// The power goes between two turns, right after the unit was disarmed.
pub(crate) fn power_cut_in_the_silence(world: &World) {
    power_cut_after(world, "disarm-starter");
}

/// The power goes at other places of the silence, and right after it.
pub(crate) fn power_cut_elsewhere(world: &World) {
    for step in [
        "stop-gateway",
        "rewrite-config",
        "start-container",
        "confirm-container",
    ] {
        power_cut_after(world, step);
    }
}

/// After the boot a unit brings the group back to native; one process polls, and what was sent in the dark is answered.
fn power_cut_after(world: &World, step: &str) {
    world.plan();
    let before = host_state(world);
    let since = now_ms();
    let number = record_of(world, step);
    let command = format!("ocmigrate-fault execute --group {GROUP} --plan {PLAN} {BARE} --yes");
    world.wait_until_answered();
    world.run_to(137, &format!("OCMIGRATE_FAULT=after:{number} {command}"));
    world.server.power_cut().unwrap();
    let send = |token: &&str| {
        world
            .client
            .send(token, 4712, "sent in the dark")
            .unwrap()
            .mark
    };
    let marks: Vec<_> = world.fleet.bot_tokens().iter().map(send).collect();
    world.server.power_on().unwrap();
    assert!(
        World::wait_until(|| world.is_native()),
        "after {step}: not native"
    );
    world.wait_until_these_are_answered(&marks);
    world.check_ledger(since, &format!("power cut after {step}"));
    let ended = || world.run_to(0, "ocmigrate status").contains("native");
    assert!(World::wait_until(ended), "after {step}: the run is open");
    assert_eq!(host_state(world), before, "power cut after {step}");
}

/// The disk that holds the journal fills up in the silence; the run ends all the same, and so does its rollback.
pub(crate) fn the_disk_of_the_journal_is_full(world: &World) {
    world.plan();
    let before = host_state(world);
    let since = now_ms();
    world.shell("mkdir -p /root/small && mount -t tmpfs -o size=24m tmpfs /root/small");
    world.start_traffic(5000);
    let journal = format!("/root/small/groups/{GROUP}/journal.jsonl");
    let said = world.run_to(
        0,
        &format!(
            "(for i in $(seq 6000); do grep -q disarmed /dev/null; ls /etc/ocmigrate/disarmed/{GROUP} > /dev/null 2>&1 \
             && break; sleep 0.02; done; while [ -e /root/small ]; do cat /dev/zero >> /root/small/fill; sleep 0.2; done) \
             2>/dev/null & filler=$!; \
             ocmigrate --state-dir /root/small execute --group {GROUP} --plan {PLAN} {BARE} --yes; code=$?; \
             kill $filler; df /root/small; ls -la /root/small/groups/{GROUP}; tail -c 100 {journal}; exit $code"
        ),
    );
    eprintln!("{said}");
    assert!(said.contains("100%"), "the disk was not full:\n{said}");
    assert!(world.is_in_container());
    world.run_to(
        0,
        &format!("ocmigrate --state-dir /root/small rollback --group {GROUP} --yes"),
    );
    assert!(world.is_native());
    world.stop_traffic();
    world.check_ledger(since, "full disk");
    world.shell("umount /root/small && rmdir /root/small");
    assert_eq!(host_state(world), before);
}

/// A memory limit under which OpenClaw can check its configuration, and no gateway can start, without a rehearsal: native again by itself, exit code 4.
pub(crate) fn an_unhealthy_container_is_rolled_back(world: &World) {
    world.plan();
    let before = host_state(world);
    let since = now_ms();
    world.limit_memory(471_859_200);
    world.start_traffic(EVERY_MS);
    let said = world.run_to(
        4,
        &format!(
            "ocmigrate execute --group {GROUP} --plan {PLAN} {BARE} --accept OM-P002:{GROUP} --yes"
        ),
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
