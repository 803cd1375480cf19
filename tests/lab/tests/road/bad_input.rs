//! Whatever is wrong: one clear line, a hint, the exit code, and nothing changed.

use crate::there_and_back::host_state;
use crate::world::{CONFIG, GROUP, PLAN, World};

pub(crate) fn every_refusal_is_one_line_and_changes_nothing(world: &World) {
    world.plan();
    let before = host_state(world);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes");
    refused(
        world,
        3,
        "needs root",
        &format!(
            "chmod 644 {PLAN}; cp {PLAN} /home/joe/p.json; su joe -c 'ocmigrate execute --group {GROUP} --plan p.json --yes'; c=$?; rm /home/joe/p.json; exit $c"
        ),
    );
    refused(
        world,
        2,
        "no group `oc-none`",
        &format!("ocmigrate execute --group oc-none --plan {PLAN} --yes"),
    );
    refused(
        world,
        2,
        "read",
        &format!("ocmigrate execute --group {GROUP} --plan /root/none.json --yes"),
    );
    refused(
        world,
        3,
        "another host",
        &format!(
            "sed 's/\"machine\": \".*\"/\"machine\": \"0123456789abcdef\"/' {PLAN} > /root/p2.json; ocmigrate execute --group {GROUP} --plan /root/p2.json --yes"
        ),
    );
    refused(
        world,
        2,
        "unknown field",
        &format!(
            "sed 's/\"groups\":/\"grupps\":/' {PLAN} > /root/p2.json; ocmigrate execute --group {GROUP} --plan /root/p2.json --yes"
        ),
    );
    refused(
        world,
        3,
        "container `oc-joe`",
        &format!(
            "docker create --name {GROUP} ocmigrate-lab/base true > /dev/null; {execute}; c=$?; docker rm {GROUP} > /dev/null; exit $c"
        ),
    );
    refused(
        world,
        3,
        "stale",
        &format!(
            "cp -p {CONFIG} /root/saved.json; sed -i 's/loopback/lan/' {CONFIG}; {execute}; c=$?; cp -p /root/saved.json {CONFIG}; exit $c"
        ),
    );
    refused(
        world,
        3,
        "OM-C001",
        &format!(
            "cp -p {CONFIG} /root/saved.json; echo '{{ gateway: [' > {CONFIG}; {execute}; c=$?; cp -p /root/saved.json {CONFIG}; exit $c"
        ),
    );
    refused(
        world,
        3,
        "OM-D001",
        &format!(
            "DOCKER_HOST=unix:///none.sock ocmigrate scan; DOCKER_HOST=unix:///none.sock {execute}"
        ),
    );
    refused(
        world,
        2,
        "--yes",
        &format!("ocmigrate execute --group {GROUP} --plan {PLAN} < /dev/null"),
    );
    assert!(world.is_native());
    assert_eq!(host_state(world), before);
}

#[track_caller]
fn refused(world: &World, code: i32, said: &str, command: &str) {
    let text = world.run_to(code, command);
    assert!(text.contains(said), "{command}:\n{text}");
    let errors = text
        .lines()
        .filter(|line| line.starts_with("error:"))
        .count();
    assert_eq!(errors, 1, "{command}:\n{text}");
    assert!(
        text.contains("hint:") || text.contains("fix:"),
        "{command}:\n{text}"
    );
    assert!(!text.contains("panicked"), "{text}");
}
