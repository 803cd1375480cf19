//! Processes as proc(5) shows them: a glance at all of them, and the details of a few.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

use procfs::FromRead as _;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::Reader;
use crate::inventory::ProcessId;
use crate::units::{Bytes, KIB};

/// The most open files of one process that are looked at.
const FILES_LIMIT: usize = 65_536;

/// What one line of `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Its identity.
    pub id: ProcessId,
    /// The id of its parent.
    pub parent: i32,
    /// Its name, at most 15 bytes, any bytes; field 2 of `proc_pid_stat(5)`.
    pub name: Vec<u8>,
}

/// What is read of the few processes that could be gateways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessDetails {
    /// Its identity.
    pub id: ProcessId,
    /// The id of its parent.
    pub parent: i32,
    /// Its name, any bytes.
    pub name: Vec<u8>,
    /// The user id that it runs as.
    pub uid: u32,
    /// The group id that it runs as.
    pub gid: u32,
    /// Its arguments, unless a title was written over them.
    pub arguments: Vec<OsString>,
    /// The environment that it was started with. The kernel bounds it together with the arguments: 6 MiB; execve(2).
    pub environment: Vec<(OsString, OsString)>,
    /// Its binary.
    pub executable: Option<PathBuf>,
    /// The paths of its open files.
    pub files: Vec<PathBuf>,
    /// The inode numbers of its sockets.
    pub sockets: Vec<u64>,
    /// Its control groups; cgroups(7).
    pub cgroup: String,
}

impl ProcessDetails {
    /// Returns the value of a variable that it was started with; the last one counts.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut from_last = self.environment.iter().rev();
        from_last
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_os_str())
    }
}

impl Reader {
    /// Looks at every process once, in the order of the ids. One that vanishes meanwhile is left out.
    #[must_use]
    pub fn glance(&self) -> Vec<Glance> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let ids = names.filter_map(|name| name.to_str()?.parse::<i32>().ok());
        let mut glances: Vec<_> = ids.filter_map(glance_at).collect();
        glances.sort_by_key(|glance| glance.id);
        glances
    }

    /// Returns whether a process lives in this process's pid namespace, that is outside containers; `None` where that
    /// may not be seen.
    #[must_use]
    pub fn is_native(&self, process: ProcessId) -> Option<bool> {
        let theirs = fs::read_link(format!("/proc/{}/ns/pid", process.pid)).ok()?;
        let ours = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(theirs == ours)
    }

    /// Reads the details of some processes. Those that vanish or change meanwhile, or may not be seen, are left out.
    #[must_use]
    pub fn details(&self, glances: &[Glance]) -> Vec<ProcessDetails> {
        sysinfo::set_open_files_limit(0);
        let ids: Vec<_> = glances.iter().filter_map(|glance| pid(glance.id)).collect();
        let kind = ProcessRefreshKind::nothing()
            .with_cmd(UpdateKind::Always)
            .with_environ(UpdateKind::Always)
            .with_exe(UpdateKind::Always)
            .with_user(UpdateKind::Always)
            .without_tasks();
        let mut system = System::new();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&ids), false, kind);
        let known = glances.iter().filter_map(|glance| {
            let process = system.process(pid(glance.id)?)?;
            details_of(glance, process)
        });
        known.collect()
    }

    /// Returns the inodes of the sockets that a process holds; none where they may not be seen.
    #[must_use]
    pub fn sockets(&self, process: ProcessId) -> Vec<u64> {
        open_files(process).map_or_else(Vec::new, |(_, sockets)| sockets)
    }

    /// Returns the control groups of a process; cgroups(7).
    #[must_use]
    pub fn cgroup(&self, process: ProcessId) -> Option<String> {
        let text = fs::read(format!("/proc/{}/cgroup", process.pid)).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// Returns the working directory of a process.
    #[must_use]
    pub fn directory(&self, process: ProcessId) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/cwd", process.pid)).ok()
    }

    /// Returns the user id that a process runs as: the owner of its directory in `/proc`; proc(5).
    #[must_use]
    pub fn user_of(&self, process: ProcessId) -> Option<u32> {
        let path = PathBuf::from(format!("/proc/{}", process.pid));
        self.owner(&path).map(|(uid, _)| uid)
    }

    /// Returns the proportional set size of a process; `Pss` of `proc_pid_smaps_rollup(5)`.
    #[must_use]
    pub fn pss(&self, process: ProcessId) -> Option<Bytes> {
        kib_field(process, "smaps_rollup", "Pss:")
    }

    /// Returns the peak resident size of a process; `VmHWM` of `proc_pid_status(5)`.
    #[must_use]
    pub fn peak(&self, process: ProcessId) -> Option<Bytes> {
        kib_field(process, "status", "VmHWM:")
    }

    /// Returns how many threads a process has; `Threads` of `proc_pid_status(5)`.
    #[must_use]
    pub fn threads(&self, process: ProcessId) -> Option<u64> {
        field(process, "status", "Threads:")?.parse().ok()
    }

    /// Returns the supplementary group ids of a process, sorted; `Groups` of `proc_pid_status(5)`.
    #[must_use]
    pub fn supplementary_groups(&self, process: ProcessId) -> Vec<u32> {
        let listed = field(process, "status", "Groups:").unwrap_or_default();
        let ids = listed.split_ascii_whitespace().flat_map(str::parse);
        let ids: BTreeSet<u32> = ids.collect();
        ids.into_iter().collect()
    }

    /// Returns how many files a process has open.
    #[must_use]
    pub fn open_files(&self, process: ProcessId) -> Option<u64> {
        let entries = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
        Some(entries.take(FILES_LIMIT).count() as u64)
    }

    /// Returns the time that a process ran on processors; fields 14 and 15 of `proc_pid_stat(5)`.
    #[must_use]
    pub fn processor_time(&self, process: ProcessId) -> Option<Duration> {
        let line = fs::read(format!("/proc/{}/stat", process.pid)).ok()?;
        if parse_stat(&line)?.id != process {
            return None;
        }
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let rest = str::from_utf8(line.get(close + 1..)?).ok()?;
        let ticks = rest.split_ascii_whitespace().skip(14 - 3).take(2);
        let ticks = ticks
            .map(|it| it.parse::<u64>().ok())
            .sum::<Option<u64>>()?;
        let tick_ms = 1000 / procfs::ticks_per_second().clamp(1, 1000);
        Some(Duration::from_millis(ticks.saturating_mul(tick_ms)))
    }

    /// Lets time pass.
    pub fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Returns the binary that a process runs, as the kernel names it.
    #[must_use]
    pub fn executable(&self, process: ProcessId) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", process.pid)).ok()
    }

    /// Returns how long a process has been running.
    #[must_use]
    pub fn uptime(&self, process: ProcessId) -> Duration {
        let file = fs::File::open("/proc/uptime").ok();
        let uptime = file.and_then(|file| procfs::Uptime::from_read(file).ok());
        let tick_ms = 1000 / procfs::ticks_per_second().clamp(1, 1000);
        let started = Duration::from_millis(process.start_ticks.saturating_mul(tick_ms));
        uptime.map_or(Duration::ZERO, |it| {
            it.uptime_duration().saturating_sub(started)
        })
    }
}

fn pid(process: ProcessId) -> Option<Pid> {
    u32::try_from(process.pid).ok().map(Pid::from_u32)
}

/// Reads the line at once: it is far shorter than a page, and `/proc` gives it whole.
fn glance_at(pid: i32) -> Option<Glance> {
    let mut line = [0; 4096];
    let mut file = fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let length = file.read(&mut line).ok()?;
    parse_stat(line.get(..length)?)
}

/// Parses `proc_pid_stat(5)`. The name may hold blanks, brackets and line ends: it ends at the last bracket.
fn parse_stat(line: &[u8]) -> Option<Glance> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let pid = str::from_utf8(line.get(..open)?)
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let rest = str::from_utf8(line.get(close + 1..)?).ok()?;
    // The first field after the name is number 3, the state.
    let field = |number: usize| rest.split_ascii_whitespace().nth(number - 3);
    Some(Glance {
        id: ProcessId {
            pid,
            start_ticks: field(22)?.parse().ok()?,
        },
        parent: field(4)?.parse().ok()?,
        name: line.get(open + 1..close)?.to_vec(),
    })
}

fn details_of(glance: &Glance, process: &sysinfo::Process) -> Option<ProcessDetails> {
    let (files, sockets) = open_files(glance.id)?;
    let cgroup = fs::read(format!("/proc/{}/cgroup", glance.id.pid)).ok()?;
    let uid = **process.effective_user_id()?;
    // Read last: if it is still the same process now, then all the above is about it.
    if glance_at(glance.id.pid)?.id != glance.id {
        return None;
    }
    Some(ProcessDetails {
        id: glance.id,
        parent: glance.parent,
        name: glance.name.clone(),
        uid,
        gid: process.effective_group_id().map_or(uid, |gid| *gid),
        arguments: process.cmd().to_vec(),
        environment: process.environ().iter().filter_map(pair).collect(),
        executable: process.exe().map(PathBuf::from),
        files,
        sockets,
        cgroup: String::from_utf8_lossy(&cgroup).into_owned(),
    })
}

fn pair(variable: &OsString) -> Option<(OsString, OsString)> {
    let bytes = variable.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (bytes.get(..equals)?, bytes.get(equals + 1..)?);
    Some((
        OsString::from_vec(name.to_vec()),
        OsString::from_vec(value.to_vec()),
    ))
}

/// Returns the paths and the socket inodes of a process's descriptors; `None` where they may not be seen.
fn open_files(process: ProcessId) -> Option<(Vec<PathBuf>, Vec<u64>)> {
    let (mut files, mut sockets) = (Vec::new(), Vec::new());
    let entries = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
    for entry in entries.take(FILES_LIMIT).flatten() {
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        if let Some(inode) = socket_inode(target.as_os_str().as_bytes()) {
            sockets.push(inode);
        } else if target.is_absolute() {
            files.push(target);
        }
    }
    Some((files, sockets))
}

fn socket_inode(target: &[u8]) -> Option<u64> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

fn kib_field(process: ProcessId, file: &str, name: &str) -> Option<Bytes> {
    let value = field(process, file, name)?;
    let kib: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib * KIB))
}

fn field(process: ProcessId, file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{}/{file}", process.pid)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_line_ends_does_not_shift_the_fields() {
        let line = b"77 (a) S 1\n) R 42 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n";
        let glance = parse_stat(line).unwrap();
        assert_eq!(glance.name, b"a) S 1\n");
        assert_eq!((glance.parent, glance.id.start_ticks), (42, 4711));
    }

    #[test]
    fn a_broken_stat_line_is_no_process() {
        for line in [
            &b""[..],
            b"77",
            b"77 (a",
            b"77 (a)",
            b"77 )a(",
            b"x (a) S 1 2 3",
        ] {
            assert_eq!(parse_stat(line), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_process_or_none(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = parse_stat(&line);
        }
    }

    #[test]
    fn this_process_sees_itself_with_its_environment_and_files() {
        let reader = Reader::new();
        let own = i32::try_from(std::process::id()).unwrap();
        let glances: Vec<_> = reader
            .glance()
            .into_iter()
            .filter(|it| it.id.pid == own)
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        let details = reader.details(&glances).remove(0);
        assert!(details.files.contains(&file.path().to_path_buf()));
        assert_eq!(
            details.variable("PATH"),
            std::env::var_os("PATH").as_deref()
        );
        assert_eq!(details.executable, std::env::current_exe().ok());
        assert_eq!(reader.is_native(details.id), Some(true));
        assert_eq!(reader.directory(details.id), std::env::current_dir().ok());
        assert_eq!(reader.user_of(details.id), Some(details.uid));
        assert_eq!(reader.cgroup(details.id), Some(details.cgroup));
        assert!(reader.pss(details.id) > Some(Bytes(0)));
        assert!(reader.threads(details.id) > Some(0));
        let groups = nix::unistd::getgroups().unwrap();
        let mut groups: Vec<u32> = groups.into_iter().map(nix::unistd::Gid::as_raw).collect();
        groups.sort_unstable();
        assert_eq!(reader.supplementary_groups(details.id), groups);
        assert!(reader.open_files(details.id) > Some(2));
        assert!(reader.processor_time(details.id).is_some());
        assert_eq!(reader.executable(details.id), details.executable);
    }

    #[test]
    fn a_process_that_is_another_one_by_now_is_left_out() {
        let reader = Reader::new();
        let own = i32::try_from(std::process::id()).unwrap();
        let mut glances = reader.glance();
        glances.retain(|it| it.id.pid == own);
        for it in &mut glances {
            it.id.start_ticks += 1;
        }
        assert_eq!(reader.details(&glances), []);
    }
}
