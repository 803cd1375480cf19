//! A box boots, carries real gateways, and survives what servers survive. One boot for all; it needs `scripts/lab-image`.

#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;
use std::time::Duration;

use ocmigrate_lab::bot_api::client::ClientError;
use ocmigrate_lab::fleet::Fleet;
use ocmigrate_lab::server::{BASE_IMAGE, SERVER_IMAGE, Server, base_image_tar};
use ocmigrate_lab::services::{Options, Services};

#[test]
fn a_box_is_a_server_with_gateways_that_come_back_after_a_power_cut() {
    let services = Services::start(&Options::usual()).unwrap();
    let server = Server::boot(
        &format!("ocmigrate-lab-test-{}", std::process::id()),
        SERVER_IMAGE,
    )
    .unwrap();
    let fleet = Fleet::named("first-light").unwrap();
    nested_engine_limits_memory(&server);
    a_host_without_gateways_is_told(&server);
    fleet.settle(&server).unwrap();
    gateway_runs_under_the_users_systemd(&server);
    fleet_is_as_described(&server);
    every_bot_answers(&services, &fleet, &server);
    let config = config(&server);

    server.power_cut().unwrap();
    server.power_on().unwrap();
    fleet.wait_until_ready(&server).unwrap();

    gateway_runs_under_the_users_systemd(&server);
    every_bot_answers(&services, &fleet, &server);
    assert_eq!(self::config(&server), config);
    assert!(
        server
            .nested_docker(&["images", "--quiet", BASE_IMAGE])
            .unwrap()
            .len()
            > 1
    );
}

#[test]
fn a_missing_image_says_how_to_get_it() {
    let error = Server::boot("ocmigrate-lab-none", "ocmigrate-lab/none").unwrap_err();
    assert!(error.to_string().contains("scripts/lab-image"), "{error}");
}

/// Nothing to move: scan says so, and plan refuses in one line.
fn a_host_without_gateways_is_told(server: &Server) {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/ocmigrate");
    server.copy_in(&binary, "/usr/local/bin/ocmigrate").unwrap();
    assert!(
        server
            .shell("ocmigrate scan")
            .unwrap()
            .contains("none found")
    );
    let refused = server
        .exec(&["ocmigrate", "plan", "--yes", "-o", "/root/plan.json"])
        .unwrap();
    assert_eq!(refused.status, 3);
    let said = "error: no OpenClaw gateway was found on this host\nhint: ";
    assert!(refused.stderr.starts_with(said), "{}", refused.stderr);
    server.shell("! test -e /root/plan.json").unwrap();
}

/// A message that OpenClaw itself dropped is sent once more, and has to be answered then.
#[track_caller]
fn every_bot_answers(services: &Services, fleet: &Fleet, server: &Server) {
    let (client, tokens) = (services.client(), fleet.bot_tokens());
    let ask = || {
        let send = |token: &&str| client.send(token, 1000, "hello").unwrap().mark;
        let marks: Vec<_> = tokens.iter().map(send).collect();
        client.wait_until_these_are_answered(&marks, Duration::from_mins(3))
    };
    match ask() {
        Err(ClientError::Unanswered(marks)) => {
            assert_eq!(
                server.own_losses(&marks).unwrap(),
                marks,
                "lost, and not by itself"
            );
            ask().unwrap();
        }
        asked => asked.unwrap(),
    }
}

#[track_caller]
fn nested_engine_limits_memory(server: &Server) {
    server.load_image(&base_image_tar()).unwrap();
    let script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true";
    let limit = server
        .nested_docker(&[
            "run",
            "--rm",
            "--memory=64m",
            BASE_IMAGE,
            "sh",
            "-c",
            script,
        ])
        .unwrap();
    assert_eq!(limit.trim(), "67108864");
}

#[track_caller]
fn gateway_runs_under_the_users_systemd(server: &Server) {
    let unit = [
        "systemctl",
        "--user",
        "show",
        "--property=ActiveState,UnitFileState",
        "openclaw-gateway.service",
    ];
    let state = server.exec_as("joe", &unit).unwrap().checked().unwrap();
    assert_eq!(state, "ActiveState=active\nUnitFileState=enabled\n");
    let main_pid = "systemctl --user show --property=MainPID --value openclaw-gateway";
    let owner = server
        .shell_as("joe", &format!("stat -c %U /proc/$({main_pid})"))
        .unwrap();
    assert_eq!(owner, "joe\n");
}

#[track_caller]
fn fleet_is_as_described(server: &Server) {
    // OpenClaw keeps a copy of the configuration with which it came up, sooner or later.
    let listing = server.shell(
        "cd /home/joe; stat -c '%U %a %n' .openclaw .openclaw/* docomo-pj/* | grep -E 'json|back|notes' \
         | grep -v '^joe 600 .openclaw/openclaw.json.last-good$'",
    );
    assert_eq!(
        listing.unwrap(),
        "root 644 .openclaw/backup-before-upgrade.txt\njoe 600 .openclaw/openclaw.json\njoe 644 docomo-pj/notes.md\n"
    );
}

#[track_caller]
fn config(server: &Server) -> String {
    let text = server
        .shell("cat /home/joe/.openclaw/openclaw.json")
        .unwrap();
    assert!(text.starts_with("// joe's gateway."));
    text
}
