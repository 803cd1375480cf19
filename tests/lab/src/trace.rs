//! Watches the system calls of a program in a box: what it opens for writing, what it changes, and where it connects.

use std::collections::BTreeSet;

use crate::server::{Server, ServerError};

/// Where the calls are written down.
const FILE: &str = "/root/strace.txt";
/// Calls that open, change or signal something, or reach for a socket; strace(1) names them so.
const CALLS: &str = "open,openat,openat2,creat,connect,sendto,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,mknod,mknodat,\
    link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,truncate,ftruncate,utimensat,setxattr,lsetxattr,\
    fsetxattr,removexattr,lremovexattr,fremovexattr,mount,umount2,kill,tkill,tgkill,pidfd_send_signal,ioctl";

/// The sockets of Docker and of the service managers; `systemctl` as root asks the system's on a socket of its own.
const KNOWN: [&str; 4] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/systemd/private",
    "/run/dbus/system_bus_socket",
];

/// What a program and its children did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// How many calls were seen.
    pub calls: usize,
    /// The calls that opened something for writing, `/dev/null` excepted, or changed or signalled something.
    pub changes: Vec<String>,
    /// The sockets that it connected to: the path of one of this machine, the whole call of any other.
    pub connections: BTreeSet<String>,
}

impl Trace {
    /// Returns what a program that only looks at a server and asks its Docker and its systemd would not have done.
    #[must_use]
    pub fn misdeeds(&self) -> Vec<String> {
        let foreign = self.connections.iter().filter(|path| !is_known(path));
        self.changes.iter().chain(foreign).cloned().collect()
    }
}

fn is_known(path: &str) -> bool {
    let of_user = path.strip_prefix("/run/user/");
    let of_user = of_user.and_then(|rest| rest.split_once('/'));
    KNOWN.contains(&path) || of_user.is_some_and(|(_, it)| it == "bus" || it == "systemd/private")
}

/// Runs a shell command under strace(1) and returns what it printed, and what it did.
///
/// # Errors
/// Those of [`Server::shell`], where the command fails.
pub fn traced(server: &Server, command: &str) -> Result<(String, Trace), ServerError> {
    let printed = server.shell(&format!(
        "strace --follow-forks --trace={CALLS} --output={FILE} {command}"
    ))?;
    let calls = server.shell(&format!("cat {FILE}"))?;
    Ok((printed, read(&calls)))
}

fn read(text: &str) -> Trace {
    let lines: Vec<_> = text.lines().filter_map(call).collect();
    let done = lines.iter().filter(|call| !call.contains("= -1 "));
    let connects = |call: &&&str| call.starts_with("connect(");
    Trace {
        calls: lines.len(),
        changes: done
            .filter(|call| is_change(call))
            .map(|call| (*call).to_owned())
            .collect(),
        connections: lines
            .iter()
            .filter(connects)
            .map(|call| socket(call).to_owned())
            .collect(),
    }
}

/// Returns the call of a line: what follows the process id. Signals and exits are no calls.
fn call(line: &str) -> Option<&str> {
    let call = line
        .trim_start_matches(|it: char| it.is_ascii_digit())
        .trim_start();
    call.starts_with(|it: char| it.is_ascii_lowercase())
        .then_some(call)
}

fn is_change(call: &str) -> bool {
    let name = call.split('(').next().unwrap_or_default();
    match name {
        "connect" => false,
        "ioctl" => call.contains("FS_IOC_SET"),
        // Only with an address does it reach for a socket that is not connected.
        "sendto" => call.contains("sa_family") && !is_dump(call),
        "open" | "openat" | "openat2" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];
            writes.iter().any(|flag| call.contains(flag)) && !call.contains("\"/dev/null\"")
        }
        _ => true,
    }
}

/// Asks the kernel itself which sockets there are; `sock_diag(7)`. Of other kinds of questions the same flags change something.
fn is_dump(call: &str) -> bool {
    // Without knowing the protocol of a socket strace(1) prints numbers: of `SOCK_DIAG_BY_FAMILY` and `NLM_F_DUMP`.
    let kinds = ["nlmsg_type=SOCK_DIAG_BY_FAMILY,", "nlmsg_type=0x14 "];
    let dumps = [
        "nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP,",
        "nlmsg_flags=NLM_F_REQUEST|0x300,",
    ];
    let says = |words: &[&str]| words.iter().any(|it| call.contains(it));
    call.contains("{sa_family=AF_NETLINK, nl_pid=0,") && says(&kinds) && says(&dumps)
}

fn socket(call: &str) -> &str {
    let path = call.split_once("sun_path=");
    let path = path.and_then(|(_, rest)| rest.split('"').nth(1));
    path.unwrap_or(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_or_reaches_out_is_told_from_what_looks() {
        let text = "\
12 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3
12 openat(AT_FDCWD, \"/dev/null\", O_RDWR) = 3
13 openat(AT_FDCWD, \"/etc/none\", O_WRONLY) = -1 ENOENT (No such file or directory)
13 openat(AT_FDCWD, \"/etc/some\", O_WRONLY|O_CREAT, 0666) = 4
13 fchmod(4, 0600) = 0
13 sendto(5, \"hello\", 5, MSG_NOSIGNAL, NULL, 0) = 5
13 sendto(5, \"hello\", 5, 0, {sa_family=AF_INET, sin_port=htons(53)}, 16) = 5
13 sendto(3, [{nlmsg_len=72, nlmsg_type=0x14 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST|0x300, nlmsg_seq=0, nlmsg_pid=0}, \"\"], 72, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 72
13 sendto(3, [{nlmsg_len=40, nlmsg_type=0x10 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST|0x300, nlmsg_seq=0, nlmsg_pid=0}, \"\"], 40, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 40
12 connect(5, {sa_family=AF_UNIX, sun_path=\"/run/docker.sock\"}, 110) = 0
12 connect(6, {sa_family=AF_INET, sin_port=htons(53)}, 16) = 0
12 --- SIGCHLD {si_signo=SIGCHLD} ---
12 +++ exited with 0 +++
";
        let trace = read(text);
        assert_eq!((trace.calls, trace.changes.len()), (11, 4), "{trace:?}");
        assert_eq!(trace.misdeeds().len(), 5, "{trace:?}");
        let sockets: Vec<_> = trace.connections.into_iter().collect();
        let expected = [
            "/run/docker.sock",
            "connect(6, {sa_family=AF_INET, sin_port=htons(53)}, 16) = 0",
        ];
        assert_eq!(sockets, expected);
    }
}
