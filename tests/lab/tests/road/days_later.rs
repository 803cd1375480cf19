//! What a container wrote is there natively whenever the group goes back, and what becomes of it once it is final.

use std::time::Duration;

use serde_json::Value;

use crate::host_state::host_state;
use crate::ways::boots_after_a_power_cut;
use crate::world::{GROUP, PLAN, World};

/// A chat that nobody wrote in before the move.
const NEW_CHAT: i64 = 7_770_001;
/// What an agent remembers, in a file that no other test writes.
const MEMORY: &str = "/home/joe/work/nobdata-pj/memory/after-the-move.md";

/// After three unclean boots in five minutes OpenClaw takes itself for crashing and starts no channel, natively as well; its
/// `GATEWAY_BOOT_LOOP_WINDOW_MS`, 2026.9.6.
const CRASH_LOOP: Duration = Duration::from_mins(5);

fn execute(world: &World) {
    world.run_to(
        0,
        &format!(
            "ocmigrate execute --group {GROUP} --plan {PLAN} --no-rehearsal --soak 2 --accept OM-R002 --yes"
        ),
    );
    assert!(world.is_in_container());
}

/// Days pass in the container: a conversation begins, something is remembered, a job for the clock is added by a command on
/// the host, the power fails twice. All of it is native after the rollback.
pub(crate) fn what_the_container_wrote_is_native(world: &World) {
    world.wait_until_answered();
    world.plan();
    let before = host_state(world);
    execute(world);

    let token = world.fleet.bot_tokens()[0];
    let mark = world.client.send(token, NEW_CHAT, "hello").unwrap().mark;
    world.wait_until_these_are_answered(&[mark]);
    world.shell(&format!(
        "docker exec {GROUP} sh -c 'mkdir -p $(dirname {MEMORY}) && echo the owner likes tea > {MEMORY}'"
    ));
    let add = "openclaw cron add --name teatime --cron '0 4 * * *' --agent main --message tea --no-deliver --json";
    world.server.shell_as("joe", add).unwrap();
    let sessions = sessions(world);
    assert!(sessions.contains(&NEW_CHAT.to_string()), "{sessions}");
    for _ in 0..2 {
        boots_after_a_power_cut(world, World::is_in_container);
    }

    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    assert!(world.is_native());
    world.wait_until_answered();
    assert_eq!(
        world.shell(&format!("cat {MEMORY}")),
        "the owner likes tea\n"
    );
    assert_eq!(world.shell(&format!("stat -c %U:%G {MEMORY}")), "joe:joe\n");
    assert!(jobs(world).contains("teatime"), "{}", jobs(world));
    let sessions = self::sessions(world);
    assert!(sessions.contains(&NEW_CHAT.to_string()), "{sessions}");
    world.shell(&format!("rm -r $(dirname {MEMORY})"));
    assert_eq!(host_state(world), before, "rollback left something behind");
}

fn sessions(world: &World) -> String {
    let command = "openclaw sessions --all-agents --json";
    world.server.shell_as("joe", command).unwrap()
}

fn jobs(world: &World) -> String {
    let said = world
        .server
        .shell_as("joe", "openclaw cron list --json")
        .unwrap();
    let answer: Value = serde_json::from_str(&said).unwrap();
    answer["jobs"].to_string()
}

/// Once it is final there is no way back, and nothing that only a way back would need; it runs on, after a boot too.
pub(crate) fn a_final_group_stays_in_its_container(world: &World) {
    world.plan();
    execute(world);
    let start = format!("/etc/ocmigrate/groups/{GROUP}/native");
    let state = format!("/var/lib/ocmigrate/groups/{GROUP}");
    let is_there =
        |path: &str| world.shell(&format!("test -e {path} && echo yes || true")) == "yes\n";
    let is_kept = || is_there(&start) && is_there(&format!("{state}/owners.manifest"));
    assert!(is_kept());

    let finalize = |name: &str| format!("ocmigrate finalize --group {GROUP} --yes-i-mean {name}");
    let said = world.run_to(3, &finalize("oc-jo"));
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(is_kept());
    let said = world.run_to(0, &finalize(GROUP));
    eprintln!("{said}");
    assert!(
        said.contains(&start) && said.contains("owners.manifest"),
        "{said}"
    );
    assert!(!is_there(&start));
    assert_eq!(
        world.shell(&format!("ls {state}")),
        "journal.jsonl\nplan.json\nsteps.json\n"
    );
    world.run_to(0, &finalize(GROUP));
    world.run_to(0, "ocmigrate verify");
    let status = world.run_to(0, "ocmigrate status");
    assert!(status.contains("final"), "{status}");
    let refused = world.run_to(3, &format!("ocmigrate rollback --group {GROUP} --yes"));
    eprintln!("{refused}");
    assert!(world.is_in_container());
    std::thread::sleep(CRASH_LOOP);
    boots_after_a_power_cut(world, World::is_in_container);
    world.run_to(0, "ocmigrate verify");
}
