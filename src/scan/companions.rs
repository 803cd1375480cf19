//! Which processes speak to gateways over loopback: told by the kernel's tables of sockets, and by nothing that is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::starter;
use crate::display;
use crate::host::reader::{Connection, Glance, Listener, Reader};
use crate::inventory::{Companion, Finding, Gateway, GatewayName, Part, ReferenceKind, catalogued};

/// A process that a person names: `pid:N`, `port:N`, or a unit's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A process id.
    Pid(i32),
    /// A TCP port that it listens on.
    Port(u16),
    /// The full name of its unit, for example `redis.service`.
    Unit(String),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "pid:{pid}"),
            Self::Port(port) => write!(f, "port:{port}"),
            Self::Unit(unit) => f.write_str(unit),
        }
    }
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| format!("`{}` is no number", display::text(digits));
        match text.split_once(':') {
            Some(("pid", digits)) => digits.parse().map(Self::Pid).map_err(|_| number(digits)),
            Some(("port", digits)) => digits.parse().map(Self::Port).map_err(|_| number(digits)),
            _ if text.ends_with(".service") => Ok(Self::Unit(text.to_owned())),
            _ => Err("say pid:N, port:N or NAME.service".to_owned()),
        }
    }
}

/// The sockets of this host and who holds them.
#[derive(Default)]
pub(super) struct Web {
    glances: Vec<Glance>,
    listeners: Vec<Listener>,
    connections: Vec<Connection>,
    /// The processes that hold a socket, by its inode.
    holders: BTreeMap<u64, Vec<i32>>,
}

impl Web {
    /// Reads the tables once.
    ///
    /// Who holds a socket is asked of every process, which is most of a scan's work on a host without gateways: it is left out
    /// where nobody `is_asking`.
    pub(super) fn read(reader: &Reader, listeners: &[Listener], is_asking: bool) -> Self {
        let is_local = |it: &Connection| is_loopback(it.local.ip()) && is_loopback(it.remote.ip());
        if !is_asking {
            return Self::default();
        }
        let connections: Vec<_> = reader.connections().into_iter().filter(is_local).collect();
        let glances = reader.glance();
        let inodes = connections.iter().map(|it| it.inode);
        let inodes: BTreeSet<_> = inodes.chain(listeners.iter().map(|it| it.inode)).collect();
        let mut holders: BTreeMap<u64, Vec<i32>> = BTreeMap::new();
        for glance in &glances {
            for inode in reader.sockets(glance.id) {
                if inodes.contains(&inode) {
                    holders.entry(inode).or_default().push(glance.id.pid);
                }
            }
        }
        leave_out_forks(&mut holders, &glances);
        Self {
            glances,
            listeners: listeners.to_vec(),
            connections,
            holders,
        }
    }

    fn holders(&self, inode: u64) -> impl Iterator<Item = i32> {
        self.holders.get(&inode).into_iter().flatten().copied()
    }

    /// Returns who accepts connections to a port on loopback.
    fn servers(&self, port: u16) -> impl Iterator<Item = i32> {
        let on = self.listeners.iter().filter(move |it| {
            let ip = it.address.ip();
            it.address.port() == port && (is_loopback(ip) || ip.is_unspecified())
        });
        on.flat_map(|it| self.holders(it.inode))
    }

    /// Returns the processes beside a gateway's own: part, port and process id, each once.
    fn around(&self, gateway: &Gateway, asked: &BTreeSet<u16>) -> BTreeSet<(Part, u16, i32)> {
        let main = gateway.process.iter().map(|it| it.id.pid);
        let others = gateway.process.iter().flat_map(|it| &it.others);
        let own: BTreeSet<_> = main.chain(others.map(|id| id.pid)).collect();
        let mut found = BTreeSet::new();
        let listening: BTreeSet<_> = gateway.listeners.iter().map(SocketAddr::port).collect();
        for it in &self.connections {
            let (local, remote) = (it.local.port(), it.remote.port());
            for pid in self.holders(it.inode) {
                if own.contains(&pid) && !listening.contains(&local) && !listening.contains(&remote)
                {
                    found.extend(self.servers(remote).map(|pid| (Part::Service, remote, pid)));
                } else if listening.contains(&remote) {
                    found.insert((Part::Client, remote, pid));
                }
            }
        }
        for port in asked.difference(&listening) {
            found.extend(self.servers(*port).map(|pid| (Part::Service, *port, pid)));
        }
        found.retain(|(_, _, pid)| !own.contains(pid));
        found
    }

    fn companion(
        &self,
        reader: &Reader,
        gateway: Option<&GatewayName>,
        (part, over, pid): (Part, Option<u16>, i32),
    ) -> Option<Companion> {
        let glance = self.glances.iter().find(|it| it.id.pid == pid)?;
        let cgroup = reader.cgroup(glance.id).unwrap_or_default();
        Some(Companion {
            gateway: gateway.cloned(),
            part,
            process: glance.id,
            name: display::bytes(&glance.name),
            uid: reader.user_of(glance.id),
            starter: starter::place_in(&cgroup),
            directory: reader.directory(glance.id),
            port: over,
        })
    }
}

/// Finds the companions of a gateway. `named_ports` are those of loopback that its configuration names.
pub(super) fn of(
    reader: &Reader,
    web: &Web,
    gateway: &Gateway,
    named_ports: &BTreeSet<u16>,
) -> Vec<Companion> {
    let around = web.around(gateway, named_ports).into_iter();
    let companions = around.filter_map(|(part, port, pid)| {
        web.companion(reader, Some(&gateway.name), (part, Some(port), pid))
    });
    companions.collect()
}

/// Leaves out who holds a socket only because its parent does, and still has its name: a program that is just being started,
/// between fork(2) and execve(2), or a worker of the one that serves. A service that systemd handed its socket has a name
/// of its own.
fn leave_out_forks(holders: &mut BTreeMap<u64, Vec<i32>>, glances: &[Glance]) {
    let by_pid: BTreeMap<_, _> = glances.iter().map(|it| (it.id.pid, it)).collect();
    for pids in holders.values_mut() {
        let all = pids.clone();
        let is_fork = |pid: i32| {
            let process = by_pid.get(&pid)?;
            let parent = by_pid.get(&process.parent)?;
            Some(all.contains(&parent.id.pid) && parent.name == process.name)
        };
        pids.retain(|pid| is_fork(*pid) != Some(true));
    }
}

/// Finds the companions that the files of a gateway's agents name by a URL of loopback, and that are not known yet. That an
/// agent's notes name a service does not say that anybody speaks to it.
pub(super) fn noted(
    reader: &Reader,
    web: &Web,
    gateway: &Gateway,
    known: &[Companion],
) -> Vec<Companion> {
    let urls = gateway.references.iter();
    let urls = urls.filter(|it| it.kind == ReferenceKind::Loopback);
    let ports = urls.filter_map(|it| it.what.rsplit_once(':')?.1.parse().ok());
    let found = of(reader, web, gateway, &ports.collect()).into_iter();
    found.filter(|it| !known.contains(it)).collect()
}

/// Finds the processes that a person named; what names nothing goes to `unseen`.
pub(super) fn named(
    reader: &Reader,
    web: &Web,
    wanted: &[Named],
    unseen: &mut Vec<String>,
) -> Vec<Companion> {
    let mut companions = Vec::new();
    for name in wanted {
        let (pids, port): (BTreeSet<i32>, _) = match name {
            Named::Pid(pid) => ([*pid].into(), None),
            Named::Port(port) => (web.servers(*port).collect(), Some(*port)),
            Named::Unit(unit) => {
                let is_in = |it: &&Glance| {
                    let cgroup = reader.cgroup(it.id).unwrap_or_default();
                    starter::place_in(&cgroup) == *unit
                };
                let inside = web.glances.iter().filter(is_in);
                (inside.map(|it| it.id.pid).collect(), None)
            }
        };
        let known = companions.len();
        let found = pids
            .into_iter()
            .filter_map(|pid| web.companion(reader, None, (Part::Named, port, pid)));
        companions.extend(found);
        if companions.len() == known {
            unseen.push(format!("companion {name}: no such process was seen"));
        }
    }
    companions
}

/// Says who speaks to a gateway.
pub(super) fn findings(companions: &[Companion]) -> Vec<Finding> {
    let findings = companions.iter().map(|it| {
        let port = it
            .port
            .map_or_else(String::new, |port| format!(" on port {port}"));
        let does = match it.part {
            Part::Client => "speaks to it",
            Part::Service => "serves it",
            Part::Named => "was named",
        };
        let summary = format!("{} (pid {}) {does}{port}", it.name, it.process.pid);
        let about = it
            .gateway
            .as_ref()
            .map_or("companion", |name| name.0.as_str());
        Finding::new(&catalogued::COMPANION, about, display::text(&summary))
    });
    findings.collect()
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            let mapped = address.to_ipv4_mapped();
            address.is_loopback() || mapped.is_some_and(|it| it.is_loopback())
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::inventory::{HostReference, Place, ProcessId};

    #[test]
    fn companions_are_named_by_pid_port_or_unit() {
        assert_eq!("pid:7".parse(), Ok(Named::Pid(7)));
        assert_eq!("port:80".parse(), Ok(Named::Port(80)));
        assert_eq!("a.service".parse(), Ok(Named::Unit("a.service".into())));
        for wrong in ["7", "pid:x", "port:70000", "", "a.timer"] {
            assert!(wrong.parse::<Named>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_process_that_serves_or_speaks_on_loopback_is_seen() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let reader = Reader::new();
        let web = Web::read(&reader, &reader.listeners(), true);
        let own = i32::try_from(std::process::id()).unwrap();
        let mut unseen = Vec::new();
        let wanted = [Named::Port(port), Named::Pid(own), Named::Pid(-1)];
        let found = named(&reader, &web, &wanted, &mut unseen);
        let pids: Vec<_> = found.iter().map(|it| it.process.pid).collect();
        assert_eq!(pids, [own, own]);
        assert_eq!(unseen.len(), 1);
        let findings = findings(&found);
        assert!(findings.iter().all(|it| it.id == "OM-S012"));
        let mut gateway = crate::scan::findings::tests::gateway();
        gateway.listeners = vec![([127, 0, 0, 1], port).into()];
        assert!(
            web.around(&gateway, &BTreeSet::new())
                .contains(&(Part::Client, port, own))
        );
        gateway.listeners.clear();
        assert!(
            web.around(&gateway, &[port].into())
                .contains(&(Part::Service, port, own))
        );
        drop(client);
    }

    #[test]
    fn who_holds_a_socket_for_being_forked_is_left_out_and_who_was_handed_one_is_not() {
        let process = |pid, parent, name: &str| Glance {
            id: ProcessId {
                pid,
                start_ticks: 0,
            },
            parent,
            name: name.as_bytes().to_vec(),
        };
        let glances = [
            process(1, 0, "systemd"),
            process(10, 1, "ollama"),
            process(11, 10, "ollama"),
            process(12, 11, "ollama"),
            process(20, 10, "sh"),
        ];
        let mut holders = BTreeMap::from([(7, vec![1, 10, 11, 12, 20]), (8, vec![11, 99])]);
        leave_out_forks(&mut holders, &glances);
        let expected = BTreeMap::from([(7, vec![1, 10, 20]), (8, vec![11, 99])]);
        assert_eq!(holders, expected);
    }

    #[test]
    fn a_service_that_only_an_agents_notes_name_is_seen_once() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let reader = Reader::new();
        let web = Web::read(&reader, &reader.listeners(), true);
        let mut gateway = crate::scan::findings::tests::gateway();
        gateway.references = vec![HostReference {
            agent: "main".into(),
            place: Place {
                path: "/w/TOOLS.md".into(),
                line: Some(1),
            },
            kind: ReferenceKind::Loopback,
            what: format!("127.0.0.1:{port}"),
        }];
        let found = noted(&reader, &web, &gateway, &[]);
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(found.len(), 1);
        let first = found.first().unwrap();
        assert_eq!((first.part, first.process.pid), (Part::Service, own));
        assert_eq!(noted(&reader, &web, &gateway, &found), []);
    }
}
