//! The machine with joe's gateway on it, and the engine whose containers listen and poll there.

use std::cell::Cell;
use std::path::Path;
use std::rc::{Rc, Weak};

use ocmigrate::docker::fake::FakeDocker;
use ocmigrate::docker::{ContainerSpec, ContainerState, Output};
use ocmigrate::host::fake::FakeHost;
use ocmigrate::host::{self, Ownership};

use crate::fleet::{CONFIG, CONFIG_TEXT, GROUP, NODE, PORT, STATE};
use crate::starters::{GIVEN_IMAGE, Kind};

/// What throwaway containers print.
const VERSIONS: &str = "node v26.10.0\nopenclaw OpenClaw 2026.9.6 (eb377ac)\n";
const LACKING: &str = "library libatomic.so.1 /usr/bin/node\nnode \nopenclaw \n";
/// What OpenClaw says of a configuration with a plugin that is not there.
pub(crate) const MISSING_PLUGIN: &str = r#"{"valid":true,"warnings":[{"path":"plugins.load.paths",
    "message":"Configured plugin load path is unavailable: /srv/plugin."}]}"#;
/// What the script says that looks into an image, of a library that the machine does not have either.
pub(crate) const ABSENT: &str =
    "library libvips.so.42 /usr/lib/node_modules/openclaw/node_modules/sharp/sharp.node\n";
const READ_ONLY: &str = r#"{"probed":1,"failed":[{"directory":"/home/joe","doing":"make","why":"EROFS","owner":1001}]}"#;
const REHEARSED: &str = r#"{"copied":{"files":3,"bytes":4096,"databases":1,"unreadable":1},"ready_ms":9000,
    "peak":700000000,"ended":null,"log":"","oom_kills":0}"#;
const OUT_OF_MEMORY: &str = r#"{"copied":{"files":3,"bytes":4096,"databases":1,"unreadable":0},"ready_ms":null,
    "peak":1600000000,"ended":"SIGKILL","log":"token t\n","oom_kills":1}"#;

/// What is wrong with the image, or with the gateway once it is in its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sickness {
    None,
    EndsAtOnce,
    NeverServes,
    NeverPolls,
    NeverIdle,
    LacksLibrary,
    LacksWhatTheHostLacks,
    MissesPlugin,
    CannotWrite,
    FailsRehearsal,
    RunsOutOfMemory,
    MeetsSecondPoller,
}

const JOES: Ownership = Ownership {
    uid: 1001,
    gid: 1001,
    mode: 0o600,
};
const JOES_DIRECTORY: Ownership = Ownership {
    uid: 1001,
    gid: 1001,
    mode: 0o700,
};
pub(crate) const ROOTS: Ownership = Ownership::of_root(0o644);
const BUSY: &str = "{\"status\":\"busy\",\"turns\":2}\n";
/// What a command of a running gateway prints: how its channels do, and that it is idle.
pub(crate) const ANSWER: &str = concat!(
    r#"{"status":"ready","channelAccounts":{"telegram":[{"accountId":"default","enabled":true,"running":true,"#,
    r#""connected":true,"lifecycle":"ready","lastStartAt":10,"lastTransportActivityAt":20,"lastError":null}]}}"#,
    "\n"
);

/// A machine on which joe's gateway runs, with strays among its files.
pub(crate) fn machine(kind: Kind) -> FakeHost {
    let host = FakeHost::new();
    {
        let mut world = host.world_mut();
        for directory in ["/etc/systemd/user", "/etc/systemd/system", "/var/lib"] {
            world.add_directory(Path::new(directory), ROOTS);
        }
        for directory in ["/home/joe", STATE, "/home/joe/.openclaw/workspace"] {
            world.add_directory(Path::new(directory), JOES_DIRECTORY);
        }
        world.add_file(CONFIG, CONFIG_TEXT.as_bytes(), JOES);
        world.add_file("/home/joe/.openclaw/workspace/MEMORY.md", b"mine", JOES);
        for stray in ["a", "b", "c"] {
            world.add_file(
                Path::new(STATE).join("workspace").join(stray),
                b"stray",
                ROOTS,
            );
        }
        world.now_ms += 86_400_000;
        let said = host::Output {
            code: 0,
            stdout: ANSWER.into(),
            stderr: Vec::new(),
        };
        world.programs.insert(NODE.into(), said);
    }
    kind.furnish(&host);
    host.world_mut().now_ms += 60_000;
    host
}

/// An engine whose containers listen and poll on the machine; a foreign container is there already.
pub(crate) fn engine(
    host: &FakeHost,
    sickness: &Rc<Cell<Sickness>>,
    version: &'static str,
) -> Rc<FakeDocker> {
    let (on_change, on_port, on_clock) = (host.clone(), host.clone(), host.clone());
    let (ill, mute, on_program) = (Rc::clone(sickness), Rc::clone(sickness), host.clone());
    let docker = Rc::new_cyclic(|itself: &Weak<FakeDocker>| {
        let itself = Weak::clone(itself);
        FakeDocker::new()
            .on_change(move |name, started| {
                if name == GROUP {
                    turn(&on_change, started, ill.get());
                    if started && ill.get() == Sickness::MeetsSecondPoller {
                        let log = "[telegram] getUpdates conflict: 409: Conflict, token 7214000031:AAH-abcdefghij";
                        itself.upgrade().unwrap().say(name, log);
                    }
                    if started && ill.get() == Sickness::EndsAtOnce {
                        ill.set(Sickness::None);
                        itself.upgrade().unwrap().end_main_process(name, 78);
                    }
                }
            })
            .on_port(move |port| on_port.world().listener(port).is_some())
            .on_clock(move || on_clock.world().now_ms)
            .on_program(move |name, argv| {
                on_program.world_mut().now_ms += patience_ms(argv, mute.get());
                answer(name, argv, mute.get(), version)
            })
    });
    docker.add_image(GIVEN_IMAGE, &std::collections::BTreeMap::new());
    docker.add_container(&foreign_container("postgres"), ContainerState::Exited(0));
    docker
}

/// The gateway in the container begins or ends.
fn turn(host: &FakeHost, started: bool, sickness: Sickness) {
    let mut world = host.world_mut();
    let (bots, owner) = (Path::new(STATE), "container oc-joe");
    if !started {
        world.unlisten(PORT, owner);
        world.end_polling(bots, owner);
        return;
    }
    world.begin_polling(bots, owner);
    if sickness != Sickness::NeverServes {
        let ready_at_ms = world.now_ms + 7_000;
        world.listen(PORT, owner.to_owned(), ready_at_ms);
    }
}

/// How long a program waits, as it is told to, for a gateway that never comes to rest.
fn patience_ms(argv: &[String], sickness: Sickness) -> i64 {
    let told = argv
        .last()
        .and_then(|wish| wish.split("\"patience_ms\":").nth(1));
    let told = told.and_then(|rest| rest.trim_end_matches('}').parse().ok());
    told.filter(|_| sickness == Sickness::NeverIdle)
        .unwrap_or_default()
}

fn answer(name: &str, argv: &[String], sickness: Sickness, version: &str) -> Output {
    let versions = VERSIONS.replace("2026.9.6", version);
    let asks = |wanted: &str| argv.iter().any(|word| word.contains(wanted));
    let purpose = name.strip_prefix(GROUP).unwrap_or_default();
    let said = match sickness {
        Sickness::LacksLibrary if purpose == "-check" => LACKING,
        Sickness::LacksWhatTheHostLacks if purpose == "-check" => &(ABSENT.to_owned() + &versions),
        Sickness::CannotWrite if purpose == "-probe" => READ_ONLY,
        Sickness::FailsRehearsal if purpose == "-rehearsal" => OUT_OF_MEMORY,
        _ if purpose == "-check" => &versions,
        _ if purpose == "-probe" => r#"{"probed":2,"failed":[]}"#,
        _ if purpose == "-rehearsal" => REHEARSED,
        Sickness::MissesPlugin if asks("validate") => MISSING_PLUGIN,
        Sickness::RunsOutOfMemory if asks("oom_control") => "oom_kill 1\n",
        _ if asks("validate") => r#"{"valid":true,"warnings":[]}"#,
        Sickness::NeverIdle if asks("suspend") => BUSY,
        Sickness::NeverPolls => r#"{"gatewayReachable":false}"#,
        _ => ANSWER,
    };
    Output {
        code: 0,
        stdout: said.into(),
        stderr: Vec::new(),
    }
}

/// A container that ocmigrate did not make.
pub(crate) fn foreign_container(name: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        hostname: name.to_owned(),
        image: "postgres:17".to_owned(),
        user: "999:999".to_owned(),
        directory: "/".into(),
        argv: vec!["postgres".to_owned()],
        environment: Vec::new(),
        labels: std::collections::BTreeMap::new(),
        mounts: Vec::new(),
        memory: ocmigrate::units::Bytes::mib(512),
        cpu_milli: 1000,
        pids: 100,
        ports: Vec::new(),
        network: None,
        supplementary_groups: Vec::new(),
        extra_hosts: Vec::new(),
        stop_timeout: std::time::Duration::from_secs(10),
    }
}
