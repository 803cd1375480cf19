//! Runs programs: with exactly one environment, without input, in a process group that ends with the deadline.

#![expect(
    clippy::disallowed_methods,
    reason = "this room runs the host's programs"
)]

use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Pid, getgrouplist};

use super::{HostError, Output, Result};
use crate::inventory::User;
use crate::lines::Lines;

/// The most that is kept of each stream of a program: 1 MiB. What follows is read and dropped.
const KEPT_BYTES: usize = 1024 * 1024;

/// How long a finished program's streams are waited for, where something that it left behind holds them open.
const STREAM_PATIENCE: Duration = Duration::from_secs(1);

/// How long a program that was started detached is watched: one that cannot even start ends within it.
const START_WATCH: Duration = Duration::from_millis(300);

/// Returns a program of the host to be run by root.
///
/// Without a user named, Rust's standard library takes `posix_spawn(3)`, and glibc's leaves the two signals that it keeps for
/// itself (32 and 33) ignored for the program and for whatever that starts: glibc 2.36, `sysdeps/unix/sysv/linux/spawni.c`.
fn as_root(program: &str) -> Command {
    let mut command = Command::new(program);
    command.uid(0);
    command
}

/// Runs a program as a user, with the groups that the user database gives it, and hands over each line that it prints.
pub(super) fn run_as(
    user: &User,
    argv: &[OsString],
    environment: &[(OsString, OsString)],
    deadline: Duration,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<Output> {
    let mut command = as_root("/usr/bin/setpriv");
    command
        .args(as_user(user))
        .args(argv)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/");
    run(command, &shown(argv), deadline, on_line)
}

/// Starts a program as a user in a session of its own, with an empty environment, and leaves it.
///
/// Where systemd runs (`sd_booted(3)`) it gets a scope of its own too: a session or a unit that ends would take it along.
pub(super) fn start_detached(user: &User, argv: &[OsString]) -> Result<()> {
    let mut command = as_root("/usr/bin/setsid");
    let mut cleared: &[&str] = &[];
    if Path::new("/run/systemd/system").is_dir() {
        command.args([
            "/usr/bin/systemd-run",
            "--scope",
            "--quiet",
            "--collect",
            "--",
        ]);
        // systemd-run sets variables of its own.
        cleared = &["/usr/bin/env", "-i"];
    }
    command
        .arg("/usr/bin/setpriv")
        .args(as_user(user))
        .args(cleared)
        .args(argv)
        .env_clear()
        .current_dir("/");
    let failed = |said: String| HostError::Program {
        program: shown(argv),
        said,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let until = Instant::now() + START_WATCH;
    while Instant::now() < until {
        match child
            .try_wait()
            .map_err(|error| failed(error.to_string()))?
        {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(failed(format!("exit code {}", code(status)))),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Ok(())
}

/// The options of setpriv(1) that make it the user.
fn as_user(user: &User) -> [String; 4] {
    [
        format!("--reuid={}", user.uid),
        format!("--regid={}", user.gid),
        groups_option(user),
        "--".to_owned(),
    ]
}

/// Runs a program of the host as root and takes anything but success for an error.
pub(super) fn succeed(command: Command, deadline: Duration) -> Result<Output> {
    let mut argv = vec![command.get_program().to_owned()];
    argv.extend(command.get_args().map(OsStr::to_owned));
    let program = shown(&argv);
    let output = run(command, &program, deadline, &mut |_| ())?;
    if output.code == 0 {
        return Ok(output);
    }
    let said = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    Err(HostError::Program {
        program,
        said: format!("exit code {}: {}", output.code, last_words(said)),
    })
}

/// Runs a prepared command to its end or to the deadline, at which its whole process group is killed.
fn run(
    mut command: Command,
    program: &str,
    deadline: Duration,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<Output> {
    let started = Instant::now();
    let failed = |error: io::Error| HostError::Program {
        program: program.to_owned(),
        said: error.to_string(),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let stdout = Capture::start(child.stdout.take());
    let stderr = Capture::start(child.stderr.take());
    let mut lines = Lines::new(on_line);
    let mut look = || lines.hand_over(&stdout.kept());
    let Some(status) = wait_until(&mut child, started + deadline, &mut look).map_err(failed)?
    else {
        return Err(HostError::TimedOut {
            what: format!("`{program}`"),
            deadline,
        });
    };
    let (stdout, stderr) = (stdout.take(), stderr.take());
    lines.hand_over(&stdout);
    Ok(Output {
        code: code(status),
        stdout,
        stderr,
    })
}

/// Waits for the end, and looks meanwhile; `None` after the deadline, when the group has been killed and the child reaped.
fn wait_until(
    child: &mut Child,
    deadline: Instant,
    look: &mut dyn FnMut(),
) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            let group = i32::try_from(child.id()).map(Pid::from_raw);
            let _ = group.map(|group| killpg(group, Signal::SIGKILL));
            child.wait()?;
            return Ok(None);
        }
        look();
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// A stream that a thread reads to its end, so that a full pipe cannot hold the program up.
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Capture {
    fn start(stream: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (at_end, end) = channel();
        let kept = Arc::clone(&bytes);
        std::thread::spawn(move || {
            if let Some(stream) = stream {
                keep(stream, &kept);
            }
            let _ = at_end.send(());
        });
        Self { bytes, end }
    }

    /// What was read so far.
    fn kept(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self) -> Vec<u8> {
        let _ = self.end.recv_timeout(STREAM_PATIENCE);
        std::mem::take(&mut *self.kept())
    }
}

fn keep(mut stream: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 8192];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_BYTES.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
    }
}

fn groups_option(user: &User) -> String {
    let name = CString::new(user.name.as_str()).unwrap_or_default();
    let groups = getgrouplist(&name, Gid::from_raw(user.gid)).unwrap_or_default();
    let listed: Vec<String> = groups.iter().map(ToString::to_string).collect();
    if listed.is_empty() {
        "--clear-groups".to_owned()
    } else {
        format!("--groups={}", listed.join(","))
    }
}

fn code(status: ExitStatus) -> i32 {
    let by_signal = status.signal().map(|signal| 128 + signal);
    status.code().or(by_signal).unwrap_or(-1)
}

/// The program and its first argument: later ones may be long, and none of them is for a message.
fn shown(argv: &[OsString]) -> String {
    let words: Vec<String> = argv
        .iter()
        .take(2)
        .map(|word| crate::display::path(Path::new(word)))
        .collect();
    words.join(" ")
}

/// The end of what a program said, on one line.
fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let last = lines
        .get(lines.len().saturating_sub(3)..)
        .unwrap_or_default();
    crate::display::text(&last.join("; "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn nobody() -> User {
        User {
            name: "nobody".to_owned(),
            uid: 65534,
            gid: 65534,
            home: "/nonexistent".into(),
        }
    }

    fn shell(script: &str, deadline: Duration) -> Result<Output> {
        let argv = ["/bin/sh", "-c", script].map(OsString::from);
        let environment = [("A".into(), "b c".into())];
        run_as(&nobody(), &argv, &environment, deadline, &mut |_| ())
    }

    #[test]
    fn a_line_is_handed_over_while_the_program_runs_on() {
        let script = "printf 'one\\ntw'; sleep 1; printf 'o\\nthree'; sleep 1; echo";
        let argv = ["/bin/sh", "-c", script].map(OsString::from);
        let begun = Instant::now();
        let mut lines = Vec::new();
        let mut keep = |line: &[u8]| {
            let line = String::from_utf8(line.to_vec()).unwrap();
            lines.push((line, begun.elapsed().as_secs()));
        };
        run_as(&nobody(), &argv, &[], LONG, &mut keep).unwrap();
        assert_eq!(
            lines,
            [("one", 0), ("two", 1), ("three", 2)].map(|(line, at)| (line.to_owned(), at))
        );
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_program_runs_as_the_user_with_exactly_this_environment() {
        let output = shell(
            "id -u; id -G; /usr/bin/env | grep -v ^PWD= | grep -v ^_=; cat",
            LONG,
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "65534\n65534\nA=b c\n"
        );
    }

    #[test]
    fn exit_codes_and_signals_are_told() {
        assert_eq!(shell("echo no >&2; exit 7", LONG).unwrap().code, 7);
        assert_eq!(shell("kill -9 $$", LONG).unwrap().code, 137);
    }

    #[test]
    fn the_deadline_ends_the_whole_group() {
        let marker = format!("7341.{}", std::process::id());
        let begun = Instant::now();
        let error = shell(
            &format!("/bin/sleep {marker} & /bin/sleep {marker}"),
            Duration::from_millis(300),
        );
        assert!(matches!(error, Err(HostError::TimedOut { .. })));
        assert!(begun.elapsed() < Duration::from_secs(5));
        let left = Command::new("pgrep")
            .args(["-f", &marker])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    }

    #[test]
    fn a_talkative_program_is_cut_and_not_held_up() {
        let output = shell("head -c 3000000 /dev/zero", LONG).unwrap();
        assert_eq!((output.code, output.stdout.len()), (0, KEPT_BYTES));
    }

    #[test]
    fn a_detached_program_lives_on_as_the_user_and_one_that_cannot_start_is_told() {
        let room = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(room.path(), Some(65534), Some(65534)).unwrap();
        let said = room.path().join("said");
        let script = format!("(id -u; ps -o sid= -p $$; echo $$) > {}", said.display());
        let argv = ["/bin/sh", "-c", &script].map(OsString::from);
        start_detached(&nobody(), &argv).unwrap();
        let deadline = Instant::now() + LONG;
        let told = loop {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            if text.lines().count() == 3 || Instant::now() > deadline {
                break text;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let lines: Vec<&str> = told.lines().map(str::trim).collect();
        assert_eq!(lines.first(), Some(&"65534"), "{told}");
        assert_eq!(lines.get(1), lines.get(2), "it leads a session: {told}");
        let missing = ["/nonexistent".into()];
        assert!(start_detached(&nobody(), &missing).is_err());
    }

    #[test]
    fn a_stream_that_a_daemon_keeps_open_is_not_waited_for() {
        let begun = Instant::now();
        let output = shell("echo hello; setsid /bin/sleep 6 &", LONG).unwrap();
        assert_eq!(output.stdout, b"hello\n");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
