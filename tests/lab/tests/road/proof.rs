//! What is proven before the silence, and what is watched after it.

use ocmigrate_lab::server::BASE_IMAGE;

use crate::host_state::host_state;
use crate::moment::{Record, once};
use crate::world::{GROUP, PLAN, World, now_ms};

/// Runs execute to an exit code while messages flow. Nothing of it stays, and every message is answered.
#[track_caller]
pub(crate) fn refused(world: &World, code: i32, words: &[&str], command: &str) -> String {
    let before = host_state(world);
    let since = now_ms();
    world.start_traffic(5000);
    let said = world.run_to(code, command);
    eprintln!("{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
    world.stop_traffic();
    assert!(world.is_native());
    world.check_ledger(since, words.first().unwrap_or(&"refused"));
    assert_eq!(host_state(world), before);
    nothing_is_left(world);
    said
}

#[track_caller]
fn nothing_is_left(world: &World) {
    let left = "ls -d /var/lib/ocmigrate/groups/*/rehears* /var/lib/ocmigrate/groups/*/candidate* \
         /home/joe/.ocmigrate* /home/joe/.openclaw/.ocmigrate* 2>/dev/null || true; docker ps -aq";
    assert_eq!(world.shell(left), "");
}

pub(crate) fn main_pid(world: &World) -> String {
    let command = "systemctl --user show -p MainPID openclaw-gateway.service";
    world.server.shell_as("joe", command).unwrap()
}

pub(crate) fn execute() -> String {
    format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes")
}

/// The gateway is never stopped for what the rehearsal and the look at the image find.
pub(crate) fn an_image_or_a_budget_that_will_not_do_is_refused_before_anything_stops(
    world: &World,
) {
    let process = main_pid(world);
    world.plan();
    world.limit_memory(314_572_800);
    let peak = "below the measured peak";
    refused(world, 3, &[peak, "--accept OM-P002:"], &execute());
    let insisting = format!("{} --accept OM-P002:{GROUP}", execute());
    refused(world, 4, &["the rehearsal of oc-joe"], &insisting);

    world.shell(&format!(
        "docker run --name lame {BASE_IMAGE} sh -c 'rm /usr/lib/x86_64-linux-gnu/libatomic.so.1*' \
         && docker commit lame lame && docker rm lame"
    ));
    world.run_to(0, &format!("ocmigrate plan --yes --base lame -o {PLAN}"));
    refused(world, 4, &["lacks libatomic.so.1"], &execute());
    world.shell("docker rmi lame");
    assert_eq!(main_pid(world), process, "the gateway was stopped");
}

/// Whatever is killed in the middle of a rehearsal, its copy goes.
pub(crate) fn a_rehearsal_that_is_killed_leaves_nothing(world: &World) {
    world.plan();
    let before = host_state(world);
    world.run_to(
        137,
        &format!(
            "{} & pid=$!; for i in $(seq 3000); do docker inspect {GROUP}-rehearsal > /dev/null 2>&1 && break; \
             sleep 0.1; done; sleep 4; ls /var/lib/ocmigrate/groups/{GROUP}/rehearsal/0; kill -KILL $pid; wait $pid",
            execute()
        ),
    );
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    nothing_is_left(world);
    assert_eq!(host_state(world), before);
}

/// A gateway that dies while it is watched is native again, and the end of its log is told.
pub(crate) fn a_container_that_falls_while_it_is_watched_is_rolled_back(world: &World) {
    world.plan();
    let kill = format!("sleep 3; kill -KILL $(docker inspect -f '{{{{.State.Pid}}}}' {GROUP})");
    let kill = once(Record::Started, "soak", &kill);
    refused(
        world,
        4,
        &["the engine started it again", "    | "],
        &format!("{kill} {} --no-rehearsal --soak 40", execute()),
    );
}
