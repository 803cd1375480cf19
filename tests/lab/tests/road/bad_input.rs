//! Whatever is wrong: one clear line, a hint, the exit code, and nothing changed.

use crate::host_state::host_state;
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
            "chmod 644 {PLAN}; cp {PLAN} /home/joe/p.json; su joe -c 'ocmigrate execute --group {GROUP} --plan /home/joe/p.json --yes'; c=$?; rm /home/joe/p.json; exit $c"
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
            "sed 's/\"bind\": \"loopback\"/\"bind\": \"lan\"/' {PLAN} > /root/p2.json; ! cmp -s {PLAN} /root/p2.json && \
             ocmigrate execute --group {GROUP} --plan /root/p2.json --yes"
        ),
    );
    plan_that_is_edited_while_it_asks(world);
    config_that_does_not_parse(world, &execute);
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
    refused(world, 3, "OM-D002", &format!("{OLD_ENGINE}; {execute}"));
    refused(
        world,
        3,
        "another ocmigrate",
        &format!("mkdir -p -m 700 /var/lib/ocmigrate; flock /var/lib/ocmigrate/lock {execute}"),
    );
    refused(
        world,
        1,
        "/root/file/state",
        &format!(
            "touch /root/file; {execute} --state-dir /root/file/state; c=$?; rm /root/file; exit $c"
        ),
    );
    assert!(world.is_native());
    assert_eq!(host_state(world), before);
    taken_port(world, &execute);
    unreadable_state_directory(world);
    assert!(world.is_native());
}

/// What was shown is what is done, and nothing else.
fn plan_that_is_edited_while_it_asks(world: &World) {
    let (edited, typed) = ("/root/edited.json", "/root/edited.txt");
    let said = world.run_to(
        3,
        &format!(
            "rm -f {typed}; cp {PLAN} {edited}; \
             (until grep -q Proceed {typed}; do sleep 0.2; done; sed -i 's/\"pids\": [0-9]*/\"pids\": 513/' {edited}; \
             printf y; sleep 3) | script -qfec 'ocmigrate execute --group {GROUP} --plan {edited}' {typed}"
        ),
    );
    let told = "the plan was edited since it was shown; nothing was changed";
    assert!(said.contains(told), "{said}");
    world.shell(&format!("! cmp -s {PLAN} {edited}"));
}

/// The finding names the line and the column.
fn config_that_does_not_parse(world: &World, execute: &str) {
    let said = refused(
        world,
        3,
        "OM-C001",
        &format!(
            "cp -p {CONFIG} /root/saved.json; printf '{{\n  gateway: [\n' > {CONFIG}; {execute}; c=$?; \
             cp -p /root/saved.json {CONFIG}; exit $c"
        ),
    );
    let place = said.split(&format!("{CONFIG}:")).nth(1).unwrap();
    let place = place.split_whitespace().next().unwrap();
    let (line, column) = place.split_once(':').unwrap();
    assert_eq!(line, "2", "{said}");
    assert!(column.parse::<u32>().unwrap() > 1, "{said}");
}

/// An engine that speaks an API older than 20.10's, for the commands that follow.
const OLD_ENGINE: &str = "export DOCKER_HOST=unix:///root/old.sock; rm -f /root/old.sock; perl -e '
    use IO::Socket::UNIX;
    # Some only look whether it is there, and hang up.
    $SIG{PIPE} = \"IGNORE\";
    my $server = IO::Socket::UNIX->new(Local => \"/root/old.sock\", Listen => 5) or die $!;
    while (my $client = $server->accept) {
        while (<$client>) { last if /^\\r?$/ }
        my $body = q({\"Version\":\"19.03.15\",\"ApiVersion\":\"1.40\",\"MinAPIVersion\":\"1.12\"});
        print $client \"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nConnection: close\\r\\nContent-Length: \" . length($body) . \"\\r\\n\\r\\n$body\";
        close $client;
    }' & trap \"kill $!\" EXIT; until [ -S /root/old.sock ]; do sleep 0.1; done";

/// The gateway is down, and somebody else listens where it did.
fn taken_port(world: &World, execute: &str) {
    let unit = |verb: &str| {
        let command = format!("systemctl --user {verb} openclaw-gateway.service");
        world.server.shell_as("joe", &command).unwrap();
    };
    unit("stop");
    refused(
        world,
        3,
        "OM-N001",
        &format!(
            "perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => \"127.0.0.1\", LocalPort => 18789, \
             Listen => 1) or die $!; sleep 60' & trap \"kill $!\" EXIT; until ss -ltn | grep -q 127.0.0.1:18789; do sleep 0.1; done; {execute}"
        ),
    );
    unit("start");
    world.fleet.wait_until_ready(&world.server).unwrap();
}

/// Another user sees that there is a gateway, not what it is made of, and says so.
fn unreadable_state_directory(world: &World) {
    world.shell("id eve > /dev/null 2>&1 || useradd --create-home eve");
    let said = world.run_to(0, "su eve -c 'ocmigrate scan'");
    assert!(said.contains("not seen"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let said = world.run_to(3, "su eve -c 'ocmigrate plan --yes -o /tmp/eve.json'");
    assert!(said.contains("hint: "), "{said}");
}

#[track_caller]
fn refused(world: &World, code: i32, said: &str, command: &str) -> String {
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
    text
}
