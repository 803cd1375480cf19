//! Native processes of a gateway are found among others.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// A process that is killed when the test ends.
struct Running(Child);

/// A command whose `read` waits until the test ends.
fn waiting(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped());
    command
}

impl Running {
    fn id(&self) -> ProcessId {
        let pid = i32::try_from(self.0.id()).unwrap();
        read_stat(pid).unwrap().unwrap().id
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts bash under another program name, as nobody; it runs the script and waits.
fn start(room: &Path, name: &str, script: &str, variables: &[(&str, &Path)]) -> Running {
    let program = room.join(name);
    fs::copy("/bin/bash", &program).unwrap();
    let mut command = waiting(&program);
    command.args([
        "-c",
        &format!("{script}; echo > {}/up.{name}; read", room.display()),
    ]);
    command
        .envs(variables.iter().copied())
        .uid(65534)
        .gid(65534);
    let deadline = Instant::now() + Duration::from_secs(10);
    let running = loop {
        match command.spawn() {
            Ok(child) => break Running(child),
            // Another test forked while the copy was being written; its child closes the file with its own exec(2).
            Err(busy) if busy.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                assert!(Instant::now() < deadline, "{name} stays busy");
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{name}: {error}"),
        }
    };
    while !room.join(format!("up.{name}")).exists() {
        assert!(Instant::now() < deadline, "{name} did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    running
}

fn room() -> (tempfile::TempDir, GatewayTrace) {
    let room = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(room.path(), Some(65534), Some(65534)).unwrap();
    let state_directory = room.path().join("state");
    fs::create_dir(&state_directory).unwrap();
    fs::write(state_directory.join("db"), "").unwrap();
    let config = room.path().join("openclaw.json");
    let trace = GatewayTrace {
        state_directory,
        config,
        uid: 65534,
        port: 1,
    };
    (room, trace)
}

#[test]
fn a_gateway_is_found_by_open_files_and_an_editor_is_not() {
    let (room, trace) = room();
    let open = format!("exec 7< {}/state/db", room.path().display());
    let gateway = start(room.path(), "openclaw", &open, &[]);
    let _editor = start(room.path(), "vim", &open, &[]);
    assert_eq!(find_gateway(&trace).unwrap(), [gateway.id()]);
    let other = GatewayTrace {
        uid: 1,
        ..trace.clone()
    };
    assert_eq!(find_gateway(&other).unwrap(), []);
    let near = GatewayTrace {
        state_directory: room.path().join("sta"),
        ..trace
    };
    assert_eq!(find_gateway(&near).unwrap(), []);
}

#[test]
fn a_gateway_is_found_by_a_state_directory_that_begins_in_its_home_or_where_it_started() {
    let (room, trace) = room();
    let in_room = format!("cd {}", room.path().display());
    let relative = start(
        room.path(),
        "node",
        &in_room,
        &[("OPENCLAW_STATE_DIR", Path::new("state"))],
    );
    let in_home = start(
        room.path(),
        "bun",
        ":",
        &[
            ("HOME", room.path()),
            ("OPENCLAW_STATE_DIR", Path::new("~/state")),
        ],
    );
    let _other = start(
        room.path(),
        "openclaw",
        &in_room,
        &[
            ("HOME", room.path()),
            ("OPENCLAW_STATE_DIR", Path::new("~/statue")),
        ],
    );
    let mut expected = [relative.id(), in_home.id()];
    expected.sort_unstable();
    assert_eq!(find_gateway(&trace).unwrap(), expected);
}

#[test]
fn a_gateway_is_found_by_its_environment_and_by_its_lock() {
    let (room, trace) = room();
    let by_environment = start(
        room.path(),
        "node",
        ":",
        &[("OPENCLAW_STATE_DIR", &trace.state_directory)],
    );
    let lock = room.path().join("gateway.0a1b2c3d.lock");
    fs::write(
        &lock,
        format!(
            "{{\"pid\":1,\"configPath\":\"{}\"}}\n \t \t",
            trace.config.display()
        ),
    )
    .unwrap();
    let by_lock = start(
        room.path(),
        "openclaw-gatewa",
        &format!("exec 7< {}", lock.display()),
        &[],
    );
    let mut expected = [by_environment.id(), by_lock.id()];
    expected.sort_unstable();
    assert_eq!(find_gateway(&trace).unwrap(), expected);
}

#[test]
fn a_gateway_that_is_only_just_started_is_found_by_its_arguments() {
    let (room, trace) = room();
    let start = |arguments: &[&str]| {
        let program = room.path().join("node");
        if !program.exists() {
            fs::copy("/bin/bash", &program).unwrap();
        }
        let mut command = waiting(&program);
        command.args(["-c", "read", "node"]).args(arguments);
        command.env("HOME", room.path()).uid(65534).gid(65534);
        let running = Running(command.spawn().unwrap());
        std::thread::sleep(Duration::from_millis(300));
        running
    };
    let trace = GatewayTrace {
        state_directory: room.path().join(".openclaw"),
        ..trace
    };
    let _asks = start(&["/x/openclaw.mjs", "gateway", "status"]);
    assert_eq!(find_gateway(&trace).unwrap(), []);
    let serves = start(&["/x/openclaw.mjs", "gateway", "run"]);
    assert_eq!(find_gateway(&trace).unwrap(), [serves.id()]);
    let other = GatewayTrace {
        state_directory: room.path().join(".openclaw-work"),
        ..trace
    };
    assert_eq!(find_gateway(&other).unwrap(), []);
}

#[test]
fn whoever_listens_on_the_port_belongs() {
    let (_room, trace) = room();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let trace = GatewayTrace {
        uid: 0,
        port,
        ..trace
    };
    let own = read_stat(i32::try_from(std::process::id()).unwrap())
        .unwrap()
        .unwrap()
        .id;
    assert_eq!(find_gateway(&trace).unwrap(), [own]);
}

#[test]
fn a_process_in_another_pid_namespace_is_not_native() {
    let (room, trace) = room();
    let open = format!("exec 7< {}/state/db", room.path().display());
    let program = room.path().join("node");
    fs::copy("/bin/bash", &program).unwrap();
    let up = room.path().join("up");
    let script = format!("{open}; echo > {}; read", up.display());
    let mut command = waiting("unshare");
    command
        .args(["--pid", "--fork", "--kill-child"])
        .arg(&program)
        .args(["-c", &script]);
    let _contained = Running(command.spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !up.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(up.exists());
    let trace = GatewayTrace { uid: 0, ..trace };
    assert_eq!(find_gateway(&trace).unwrap(), []);
}

#[test]
fn a_process_lives_until_it_is_dead_even_as_a_zombie() {
    let mut running = Running(
        Command::new("sleep")
            .arg("60")
            .env("A", "b=c")
            .spawn()
            .unwrap(),
    );
    let id = running.id();
    assert!(is_alive(id).unwrap());
    assert!(
        !is_alive(ProcessId {
            start_ticks: id.start_ticks + 1,
            ..id
        })
        .unwrap()
    );
    running.0.kill().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_alive(id).unwrap() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(
        Path::new(&format!("/proc/{}", id.pid)).exists(),
        "not yet reaped"
    );
    assert!(!is_alive(id).unwrap());
    assert!(environment(id).is_err());
}

#[test]
fn a_name_with_parentheses_does_not_shift_the_fields() {
    let fields = "S 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4242 0";
    let stat = parse_stat(9, &format!("9 (a) (b) {fields}")).unwrap();
    assert_eq!(
        (stat.parent, stat.id.start_ticks, stat.is_dead),
        (7, 4242, false)
    );
    assert_eq!(stat.name, "a) (b");
}

#[test]
fn an_environment_keeps_its_order_and_its_equals_signs() {
    let parsed = parse_environment(b"B=1=2\0A=\0junk\0");
    assert_eq!(
        parsed,
        [("B".into(), "1=2".into()), ("A".into(), "".into())]
    );
}
