//! One process at a time: how it was started, and signals to it. A process id is used again, so every signal goes through
//! a descriptor of the very process; `pidfd_open(2)`.

#![expect(
    clippy::disallowed_methods,
    reason = "reads proc(5), where no user can put a link"
)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use super::context::Context;
use super::processes::{is_alive, read_stat};
use super::{Result, RunningProcess, Signal};
use crate::inventory::ProcessId;

/// What a process has whose own is not told: `Umask:` stands in `proc_pid_status(5)` since Linux 4.7.
const USUAL_UMASK: u32 = 0o022;

/// Returns what runs under a process id in our pid namespace; `None` where nothing does.
pub(super) fn process(pid: i32) -> Result<Option<RunningProcess>> {
    let place = PathBuf::from(format!("/proc/{pid}"));
    let Some(stat) = read_stat(pid)?.filter(|stat| !stat.is_dead) else {
        return Ok(None);
    };
    let read = |name: &str| fs::read(place.join(name)).on("read", &place);
    let directory = fs::read_link(place.join("cwd")).on("read the directory of", &place)?;
    let found = RunningProcess {
        id: stat.id,
        parent: stat.parent,
        arguments: parse_arguments(&read("cmdline")?),
        directory,
        output: fs::read_link(place.join("fd/1"))
            .ok()
            .filter(|path| is_file(path)),
        is_frozen: stat.is_frozen,
        umask: parse_umask(&read("status")?).unwrap_or(USUAL_UMASK),
    };
    // Asked afterwards: what was read is of this process only if it is still the same.
    Ok(is_alive(stat.id)?.then_some(found))
}

/// Signals this very process; one that has ended is fine.
pub(super) fn signal(process: ProcessId, signal: Signal) -> Result<()> {
    let place = PathBuf::from(format!("/proc/{}", process.pid));
    let Some(pid) = Pid::from_raw(process.pid) else {
        return Ok(());
    };
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(()),
        other => other.on("open", &place)?,
    };
    // Asked with the descriptor held: from here on it means this process and no other of its id.
    if !is_alive(process)? {
        return Ok(());
    }
    match pidfd_send_signal(&descriptor, kernels(signal)) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error).on("signal", &place),
    }
}

const fn kernels(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::End => rustix::process::Signal::TERM,
        Signal::Freeze => rustix::process::Signal::STOP,
        Signal::GoOn => rustix::process::Signal::CONT,
        Signal::Kill => rustix::process::Signal::KILL,
    }
}

fn parse_arguments(bytes: &[u8]) -> Vec<OsString> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let words = bytes.split(|byte| *byte == 0);
    words
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect()
}

fn parse_umask(status: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(status);
    let octal = text.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(octal.trim(), 8).ok()
}

fn is_file(path: &Path) -> bool {
    path.is_absolute() && fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    struct Running(Child);

    impl Running {
        fn start() -> Self {
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", "umask 0027; read it", "two words"])
                .current_dir("/usr");
            Self(command.stdin(Stdio::piped()).spawn().unwrap())
        }

        fn look(&self) -> Option<RunningProcess> {
            process(i32::try_from(self.0.id()).unwrap()).unwrap()
        }

        fn wait_until(&self, is_so: impl Fn(Option<&RunningProcess>) -> bool) {
            let deadline = Instant::now() + Duration::from_secs(5);
            while !is_so(self.look().as_ref()) {
                assert!(Instant::now() < deadline);
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_process_is_frozen_goes_on_and_ends() {
        let running = Running::start();
        running.wait_until(|it| it.is_some_and(|it| it.umask == 0o027));
        let found = running.look().unwrap();
        assert_eq!(
            found.arguments,
            ["/bin/sh", "-c", "umask 0027; read it", "two words"]
        );
        assert_eq!(found.directory, Path::new("/usr"));
        assert_eq!(found.parent, i32::try_from(std::process::id()).unwrap());
        signal(found.id, Signal::Freeze).unwrap();
        running.wait_until(|it| it.is_some_and(|it| it.is_frozen));
        signal(found.id, Signal::GoOn).unwrap();
        running.wait_until(|it| it.is_some_and(|it| !it.is_frozen));
        let other = ProcessId {
            start_ticks: found.id.start_ticks + 1,
            ..found.id
        };
        signal(other, Signal::Kill).unwrap();
        assert!(
            running.look().is_some(),
            "another process of that id was meant"
        );
        signal(found.id, Signal::End).unwrap();
        running.wait_until(|it| it.is_none());
        signal(found.id, Signal::End).unwrap();
    }
}
