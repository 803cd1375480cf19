//! Somebody whom no scan knows starts the gateway again in the silence.

use crate::moment::{Record, once};
use crate::world::{GROUP, PLAN, World, now_ms};

/// The time between two messages to one bot, in milliseconds.
const EVERY_MS: u64 = 10_000;
/// A script of root's with no word of OpenClaw in its name, that a scan would not open: nothing runs it yet.
const STRANGER: &str = "/opt/odd/keeper";

/// Once the native gateway is told to stop it is started again, and again until the run has ended. Either the run sees it and
/// ends native; or the stranger comes so late that its gateway finds the container at work, and ends before it polls. No two
/// processes ever poll.
pub(crate) fn a_stranger_that_starts_it_in_the_silence_is_seen(world: &World) {
    world.plan();
    write_stranger(world);
    let since = now_ms();
    world.start_traffic(EVERY_MS);
    let act = format!("systemd-run --unit=odd --uid=joe --setenv=HOME=/home/joe {STRANGER}");
    let execute = format!(
        "ocmigrate execute --group {GROUP} --plan {PLAN} --no-rehearsal --soak 2 --accept OM-R001 --accept OM-R002 --yes"
    );
    let command = format!("{} {execute}", once(Record::Started, "stop-gateway", &act));
    let (code, said) = world.run(&command);
    eprintln!("exit code {code}\n{said}");
    world.stop_traffic();
    // Before the stranger's gateway is stopped in the middle of a turn, which not every release finishes.
    world.check_ledger(since, "resurrected");
    let gone = "systemctl stop odd || true; systemctl reset-failed odd || true; rm -r /opt/odd";
    if code == 0 {
        let tried = world.shell("journalctl -u odd");
        assert!(tried.contains("keeper["), "nobody came:\n{tried}");
        world.shell(gone);
        assert!(world.is_in_container());
        world.run_to(0, "ocmigrate verify");
        world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    } else {
        assert_eq!(code, 4);
        let is_told = said.contains("serves it again") || said.contains("natively again");
        assert!(is_told, "{said}");
        assert!(said.contains("native as before"), "{said}");
        assert!(!world.container_runs());
        // What the stranger started goes with it; the gateway's own starter has its turn again.
        world.shell(gone);
        world.restart_natively();
    }
    assert!(world.is_native());
    // Nothing polled beside another one on the way back either.
    world.check_ledger(since, "resurrected, and native");
}

/// It looks each 50 ms whether the port is free, and starts the gateway by the command that its own starter has.
fn write_stranger(world: &World) {
    let port = world.gateway().port;
    let line = world.gateway().shell_line(&world.fleet.users[0]);
    let script = format!(
        "#!/bin/sh\\ncd /home/joe\\nwhile true; do\\n  ss -Hltn 'sport = :{port}' | grep -q . || {line}\\n  sleep 0.05\\ndone\\n"
    );
    world.shell("mkdir -p /opt/odd");
    let script = script.replace("\\n", "\n");
    world
        .server
        .write_file(STRANGER, script.as_bytes(), "root", "755")
        .unwrap();
}
