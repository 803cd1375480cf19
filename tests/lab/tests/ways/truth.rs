//! What the box itself says of processes and lines that the inventory names.

use std::collections::BTreeMap;

use ocmigrate_lab::server::Server;

/// The processes and listening sockets of a box, as ps(1) and ss(8) tell them, and the lines that were named.
pub(crate) struct Truth<'a> {
    server: &'a Server,
    parents: BTreeMap<i64, i64>,
    /// The process that listens on a port of 127.0.0.1.
    listeners: BTreeMap<u64, i64>,
    named: Vec<(String, u64, &'static str)>,
}

impl<'a> Truth<'a> {
    pub(crate) fn of(server: &'a Server) -> Self {
        let numbers = |line: &str| {
            let mut words = line.split_whitespace().map(str::parse);
            Some((words.next()?.ok()?, words.next()?.ok()?))
        };
        let parents = server.shell("ps -eo pid=,ppid=").unwrap();
        let sockets = server.shell("ss -Hltnp").unwrap();
        let listeners = sockets.lines().filter_map(|line| {
            let port = line.split("127.0.0.1:").nth(1)?.split(' ').next()?;
            let pid = line.split("pid=").nth(1)?.split(',').next()?;
            Some((port.parse().ok()?, pid.parse().ok()?))
        });
        Self {
            server,
            parents: parents.lines().filter_map(numbers).collect(),
            listeners: listeners.collect(),
            named: Vec::new(),
        }
    }

    /// Tells how a gateway's processes stand to each other; those that ended meanwhile are left out.
    pub(crate) fn shape(&self, port: u64, main: i64, others: &[i64]) -> String {
        assert_eq!(self.listeners.get(&port), Some(&main), "port {port}");
        let is_below = |above: i64, below: i64| self.parents.get(&below) == Some(&above);
        let launched = others.iter().any(|other| is_below(*other, main));
        let has_children = others.iter().any(|other| is_below(main, *other));
        match (launched, has_children) {
            (false, false) => "alone".to_owned(),
            (false, true) => "with children".to_owned(),
            (true, false) => "below a launcher".to_owned(),
            (true, true) => "below a launcher, with children".to_owned(),
        }
    }

    /// Fails unless the process started at this tick; field 22 of `proc_pid_stat(5)`.
    pub(crate) fn started_at(&self, pid: i64, ticks: &str) {
        let stat = self.server.shell(&format!("cat /proc/{pid}/stat")).unwrap();
        let after = stat.rsplit(')').next().unwrap();
        assert_eq!(after.split_whitespace().nth(19), Some(ticks), "{pid}");
    }

    /// Remembers a line of a file that must match a pattern; `grep -E`.
    pub(crate) fn names(&mut self, path: &str, line: u64, pattern: &'static str) {
        self.named.push((path.to_owned(), line, pattern));
    }

    /// Fails unless every line that was named matches.
    pub(crate) fn end(self) {
        let checks = self.named.iter().map(|(path, line, pattern)| {
            format!("sed -n {line}p '{path}' | grep -qE '{pattern}' || echo '{path}:{line} is no {pattern}'\n")
        });
        let wrong = self.server.shell(&checks.collect::<String>()).unwrap();
        assert_eq!(wrong, "", "lines that do not say what the scan says");
    }
}
