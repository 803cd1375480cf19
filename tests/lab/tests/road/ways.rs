//! The other ways in which a gateway is started, each there and back, with the power cut on the way.

use std::time::Duration;

use crate::host_state::{host_state, how_it_runs};
use crate::world::{GROUP, PLAN, World, now_ms};

/// The time between two messages to one bot, in milliseconds.
const EVERY_MS: u64 = 30_000;
/// These tests are what tries a starter and a release.
const ACCEPTED: &str = "--accept OM-R001 --accept OM-R002";

/// A line that people add beside `@reboot`: once a minute it starts the gateway where it does not run.
pub(crate) fn add_watchdog(world: &World) {
    let line = "* * * * * pgrep -x openclaw-gatewa > /dev/null || \
                nohup /usr/local/bin/openclaw gateway run >> /home/joe/gateway-18789.log 2>&1 &";
    world.shell(&format!(
        "(echo PATH=/usr/local/bin:/usr/bin:/bin; crontab -u joe -l; echo '{line}') | crontab -u joe -"
    ));
}

/// Plans, moves, boots, and brings back under messages; whatever started the gateway starts it again.
pub(crate) fn there_and_back_with_reboots(world: &World) {
    there_and_back(world, "--no-rehearsal --soak 10");
    boots_natively(world);
}

/// The same where nothing starts the gateway natively at a boot.
pub(crate) fn there_and_back_where_no_boot_starts_it(world: &World) {
    there_and_back(world, "--no-rehearsal --soak 10");
}

/// The same for a release that checks no configuration: its rehearsal is the proof.
pub(crate) fn rehearsed_there_and_back_with_reboots(world: &World) {
    there_and_back(world, "--soak 10");
    boots_natively(world);
}

fn there_and_back(world: &World, options: &str) {
    eprintln!("{}", world.run_to(0, "ocmigrate scan"));
    // What a release writes beside its workspaces at the first message is there then.
    world.wait_until_answered();
    world.plan();
    let (before, runs) = (host_state(world), how_it_runs(world));

    let execute =
        format!("ocmigrate execute --group {GROUP} --plan {PLAN} {options} {ACCEPTED} --yes");
    under_messages(world, "execute", &execute);
    assert!(world.is_in_container());
    world.run_to(0, "ocmigrate verify");

    boots_after_a_power_cut(world, World::is_in_container);
    world.run_to(0, "ocmigrate verify");

    let rollback = format!("ocmigrate rollback --group {GROUP} --yes");
    under_messages(world, "rollback", &rollback);
    assert!(world.is_native());
    assert_eq!(host_state(world), before, "rollback left something behind");
    assert_eq!(how_it_runs(world), runs, "it is started in another way");
}

/// After a rollback the next boot brings the gateway up natively, and changes nothing else.
fn boots_natively(world: &World) {
    let before = host_state(world);
    boots_after_a_power_cut(world, World::is_native);
    assert_eq!(host_state(world), before);
}

/// Runs a command under messages; all of them are answered, and no two processes poll.
#[track_caller]
pub(crate) fn under_messages(world: &World, what: &str, command: &str) {
    let since = now_ms();
    world.start_traffic(EVERY_MS);
    eprintln!("{}", world.run_to(0, command));
    std::thread::sleep(Duration::from_secs(3));
    world.stop_traffic();
    world.check_ledger(since, what);
}

/// Cuts the power; what was sent in the dark is answered after the boot, by the one side that comes up.
#[track_caller]
pub(crate) fn boots_after_a_power_cut(world: &World, is_up: impl Fn(&World) -> bool) {
    let since = now_ms();
    world.server.power_cut().unwrap();
    let send = |token: &&str| world.client.send(token, 4712, "in the dark").unwrap().mark;
    let marks: Vec<_> = world.fleet.bot_tokens().iter().map(send).collect();
    world.server.power_on().unwrap();
    assert!(World::wait_until(|| is_up(world)), "the other side came up");
    world.wait_until_these_are_answered(&marks);
    // A watchdog looks once a minute.
    std::thread::sleep(Duration::from_secs(65));
    assert!(is_up(world), "the other side came up beside it");
    world.check_ledger(since, "power cut");
}
