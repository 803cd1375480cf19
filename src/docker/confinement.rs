//! What confines a container, as it was asked for and as the engine has it, in the same words. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bollard::models::{ContainerConfig, ContainerInspectResponse, HostConfig, MountPoint};

use super::{ContainerSpec, Mount, body};
use crate::units::Bytes;

/// One side of a container's confinement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The user and the groups that its processes run as.
    User,
    /// The argv of its main process.
    Command,
    /// Its variables, those of its image left out.
    Environment,
    /// What it sees of the host, and its empty directories.
    Mounts,
    /// Its memory limit, and swap beyond it.
    Memory,
    /// Its share of the processors.
    Processors,
    /// How many processes and threads it may have.
    Processes,
    /// What leads into it from outside.
    Ports,
    /// The network that it joined.
    Network,
    /// What it may do beyond a plain process.
    Privileges,
}

impl fmt::Display for Aspect {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::User => "user",
            Self::Command => "command",
            Self::Environment => "environment",
            Self::Mounts => "mounts",
            Self::Memory => "memory",
            Self::Processors => "cpus",
            Self::Processes => "pids",
            Self::Ports => "ports",
            Self::Network => "network",
            Self::Privileges => "privileges",
        })
    }
}

/// Stands before the amount of swap that a container may use.
const SWAP: &str = "swap ";

/// Everything that confines one container: the values of each aspect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement(BTreeMap<Aspect, BTreeSet<String>>);

/// An aspect in which a container is not what was asked for. The environment is told by names alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The aspect.
    pub aspect: Aspect,
    /// What was asked for and is not there.
    pub missing: Vec<String>,
    /// What is there and was not asked for.
    pub added: Vec<String>,
}

impl Confinement {
    /// Returns what was asked for.
    #[must_use]
    pub fn planned(spec: &ContainerSpec) -> Self {
        let empties = body::empties(spec).map(|(path, options)| empty(&path, &options));
        let mounts = spec.mounts.iter().filter_map(bind).chain(empties);
        let ports = spec.ports.iter();
        let ports = ports.map(|port| leads(body::LOOPBACK, &port.host.to_string(), port.container));
        Self::from([
            (
                Aspect::User,
                who(&spec.user, &body::supplementary_groups(spec)),
            ),
            (Aspect::Command, one(format!("{:?}", spec.argv))),
            (
                Aspect::Environment,
                spec.environment.iter().cloned().collect(),
            ),
            (Aspect::Mounts, mounts.collect()),
            (Aspect::Memory, one(spec.memory.0.to_string())),
            (Aspect::Processors, one(processors(spec.cpu_milli))),
            (Aspect::Processes, one(spec.pids.to_string())),
            (Aspect::Ports, ports.collect()),
            (Aspect::Network, one(network(spec.network.as_deref()))),
            (
                Aspect::Privileges,
                [without("ALL"), body::SECURITY.to_owned()].into(),
            ),
        ])
    }

    /// Reads what the engine says of a container; `inherited` are the variables of its image.
    pub(super) fn found(container: ContainerInspectResponse, inherited: &[String]) -> Self {
        let config = container.config.unwrap_or_default();
        let host = container.host_config.unwrap_or_default();
        let mounts = container.mounts.unwrap_or_default().into_iter().map(point);
        let empties = host.tmpfs.iter().flatten();
        let mounts = mounts.chain(empties.map(|(path, options)| empty(path, options)));
        let environment = config.env.iter().flatten();
        let environment = environment.filter(|line| !inherited.contains(line));
        let milli = host.nano_cpus.unwrap_or_default() / 1_000_000;
        let pids = host.pids_limit.unwrap_or_default();
        Self::from([
            (
                Aspect::User,
                who(
                    config.user.as_deref().unwrap_or_default(),
                    host.group_add.as_deref().unwrap_or_default(),
                ),
            ),
            (Aspect::Command, one(format!("{:?}", command(&config)))),
            (Aspect::Environment, environment.cloned().collect()),
            (Aspect::Mounts, mounts.collect()),
            (Aspect::Memory, memory(&host)),
            (
                Aspect::Processors,
                one(processors(u32::try_from(milli).unwrap_or_default())),
            ),
            (Aspect::Processes, one(pids.to_string())),
            (Aspect::Ports, ports(&host)),
            (Aspect::Network, one(network(host.network_mode.as_deref()))),
            (Aspect::Privileges, privileges(&host)),
        ])
    }

    /// Lists in what `found` is not what this says.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<Difference> {
        let differences = self.0.iter().filter_map(|(aspect, planned)| {
            let empty = BTreeSet::new();
            let found = found.0.get(aspect).unwrap_or(&empty);
            let shown = |values: &BTreeSet<String>, without: &BTreeSet<String>| -> Vec<_> {
                let values = values.difference(without);
                values.map(|value| said(*aspect, value)).collect()
            };
            let difference = Difference {
                aspect: *aspect,
                missing: shown(planned, found),
                added: shown(found, planned),
            };
            (planned != found).then_some(difference)
        });
        differences.collect()
    }
}

impl<const N: usize> From<[(Aspect, BTreeSet<String>); N]> for Confinement {
    fn from(aspects: [(Aspect, BTreeSet<String>); N]) -> Self {
        Self(aspects.into())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let list = |values: &[String]| match values {
            [] => "nothing".to_owned(),
            values => values.join(", "),
        };
        let (found, planned) = (list(&self.added), list(&self.missing));
        write!(formatter, "{} {found} instead of {planned}", self.aspect)
    }
}

/// Says a value to a person. That of a variable may be a secret, since somebody else may have made the container anew.
fn said(aspect: Aspect, value: &str) -> String {
    let bytes = |text: &str| text.parse().map(|bytes| Bytes(bytes).to_string());
    match aspect {
        Aspect::Environment => value
            .split_once('=')
            .map_or(value, |(name, _)| name)
            .to_owned(),
        Aspect::Memory => match value.strip_prefix(SWAP) {
            Some(swap) => format!("{SWAP}{}", bytes(swap).unwrap_or_default()),
            None => bytes(value).unwrap_or_default(),
        },
        _ => value.to_owned(),
    }
}

fn who(user: &str, groups: &[String]) -> BTreeSet<String> {
    let groups = groups.iter().map(|group| format!("group {group}"));
    groups.chain([user.to_owned()]).collect()
}

fn one(value: String) -> BTreeSet<String> {
    BTreeSet::from([value])
}

fn bind(mount: &Mount) -> Option<String> {
    match mount {
        Mount::Bind {
            source,
            target,
            read_only,
        } => Some(seen(&body::text(source), &body::text(target), *read_only)),
        Mount::Empty { .. } => None,
    }
}

fn seen(source: &str, target: &str, read_only: bool) -> String {
    let access = if read_only { "read-only" } else { "writable" };
    if source == target {
        return format!("{target} {access}");
    }
    format!("{source} at {target} {access}")
}

fn empty(path: &str, options: &str) -> String {
    format!("{path} empty {options}")
}

/// A mount that the engine lists. One of another type than ours is named by it: docker-inspect(1).
fn point(point: MountPoint) -> String {
    let target = point.destination.unwrap_or_default();
    let read_only = !point.rw.unwrap_or(true);
    match point.typ.as_deref().unwrap_or_default() {
        "bind" => seen(&point.source.unwrap_or_default(), &target, read_only),
        other => format!("{other} {} at {target}", point.name.unwrap_or_default()),
    }
}

fn command(config: &ContainerConfig) -> Vec<&String> {
    let entry_point = config.entrypoint.iter().flatten();
    entry_point.chain(config.cmd.iter().flatten()).collect()
}

/// Swap is what the sum of both leaves; an engine without swap accounting says 0 or -1 of that sum.
fn memory(host: &HostConfig) -> BTreeSet<String> {
    let memory = host.memory.unwrap_or_default();
    let swap = host.memory_swap.unwrap_or_default() - memory;
    let swap = (swap > 0).then(|| format!("{SWAP}{swap}"));
    [memory.to_string()].into_iter().chain(swap).collect()
}

fn processors(milli: u32) -> String {
    (f64::from(milli) / 1000.0).to_string()
}

fn ports(host: &HostConfig) -> BTreeSet<String> {
    let ports = host.port_bindings.iter().flatten();
    let lines = ports.flat_map(|(inside, bindings)| {
        bindings.iter().flatten().map(move |binding| {
            let address = binding.host_ip.as_deref().unwrap_or_default();
            let port = binding.host_port.as_deref().unwrap_or_default();
            leads(address, port, inside.trim_end_matches("/tcp"))
        })
    });
    lines.collect()
}

fn leads(address: &str, port: &str, inside: impl fmt::Display) -> String {
    format!("{address}:{port} to {inside}")
}

fn network(name: Option<&str>) -> String {
    name.unwrap_or("none").to_owned()
}

fn without(capability: &str) -> String {
    format!("without capability {capability}")
}

/// What widens or narrows what its processes may do: docker-run(1).
fn privileges(host: &HostConfig) -> BTreeSet<String> {
    let dropped = host.cap_drop.iter().flatten().map(|it| without(it));
    let added = host.cap_add.iter().flatten();
    let added = added.map(|it| format!("with capability {it}"));
    let options = host.security_opt.iter().flatten();
    let options = options.map(|it| it.trim_end_matches(":true").to_owned());
    let devices = host.devices.iter().flatten();
    let devices = devices.filter_map(|it| it.path_on_host.as_ref());
    let devices = devices.map(|path| format!("device {path}"));
    let spaces = [("pid", &host.pid_mode), ("user", &host.userns_mode)];
    let spaces = spaces.into_iter().filter_map(|(kind, mode)| {
        let mode = mode.as_deref().filter(|mode| !mode.is_empty())?;
        Some(format!("{kind} namespace {mode}"))
    });
    let privileged = host
        .privileged
        .filter(|it| *it)
        .map(|_| "privileged".to_owned());
    let all = dropped.chain(added).chain(options).chain(devices);
    all.chain(spaces).chain(privileged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confinement(aspect: Aspect, values: &[&str]) -> Confinement {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Confinement::from([(aspect, values)])
    }

    fn told(aspect: Aspect, planned: &[&str], found: &[&str]) -> Vec<String> {
        let differences = confinement(aspect, planned).differences(&confinement(aspect, found));
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_difference_tells_what_is_there_and_what_was_asked_for() {
        let gib = ["2147483648"];
        assert_eq!(told(Aspect::Memory, &gib, &gib), [""; 0]);
        assert_eq!(
            told(Aspect::Memory, &gib, &["1073741824", "swap 1073741824"]),
            ["memory 1 G, swap 1 G instead of 2 G"]
        );
        assert_eq!(
            told(
                Aspect::Mounts,
                &["/a writable"],
                &["/a writable", "/ writable"]
            ),
            ["mounts / writable instead of nothing"]
        );
        assert_eq!(
            told(Aspect::Privileges, &["no-new-privileges"], &[]),
            ["privileges nothing instead of no-new-privileges"]
        );
    }

    #[test]
    fn no_value_of_a_variable_is_told() {
        assert_eq!(
            told(
                Aspect::Environment,
                &["TOKEN=s3cret"],
                &["TOKEN=0ther", "MORE=s3cret"]
            ),
            ["environment MORE, TOKEN instead of TOKEN"]
        );
    }
}
