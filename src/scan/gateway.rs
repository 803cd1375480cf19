//! One gateway of the inventory, put together from what its sighting, its files and its processes say.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::config::{self, Reading};
use super::credentials::Ledger;
use super::edges::Bonds;
use super::sighting::Sighting;
use super::{
    Options, bindings, credentials, exposure, findings, ground, host_files, load, needs, own_files,
    release,
};
use crate::display;
use crate::host::Ground;
use crate::host::reader::{Listener, Reader};
use crate::inventory::{
    Agent, Census, EnvironmentVariable, Finding, Gateway, LoopbackUse, Memory, Process, ProcessId,
};
use crate::openclaw::environment::is_carried;
use crate::openclaw::{Facts, MAX_ENTRIES, MOST_RELATIONS, layout};
use crate::secret::Hasher;
use crate::units::Bytes;

/// A gateway with its findings, and what could not be seen of it.
pub(super) struct Seen {
    pub(super) gateway: Gateway,
    /// The ports of loopback that its configuration names.
    pub(super) named_ports: BTreeSet<u16>,
    /// What its agents have to do with others.
    pub(super) bonds: Bonds,
    pub(super) findings: Vec<Finding>,
    pub(super) unseen: Vec<String>,
}

/// Reads everything about one gateway.
pub(super) fn read(
    reader: &Reader,
    sighting: &Sighting,
    listeners: &[Listener],
    hasher: &Hasher,
    options: &Options<'_>,
) -> Seen {
    let mut reading = config::read(reader, sighting, hasher);
    let addresses = addresses(sighting, listeners);
    let port = port(sighting, &reading, &addresses);
    let ledger = reading
        .facts
        .as_ref()
        .map_or_else(Ledger::default, |facts| {
            credentials::ledger(reader, sighting, facts, hasher)
        });
    let mut unseen = unseen(sighting, reading.facts.as_ref(), &ledger);
    let mut findings = std::mem::take(&mut reading.findings);
    findings.extend(credentials::findings(sighting, &ledger.unresolved));
    let mut gateway = gateway(reader, sighting, &reading, ledger, hasher);
    gateway.census = census(&gateway, options, &mut unseen);
    gateway.port = port;
    gateway.listeners = addresses;
    let own = own_files::read(reader, &gateway);
    unseen.extend(own.cut.iter().map(|agent| {
        let agent = display::text(agent);
        format!(
            "{}: some files of {agent}, or what they reach of the host",
            gateway.name
        )
    }));
    let browser = reading
        .facts
        .as_ref()
        .and_then(|facts| facts.browser.as_ref());
    gateway.needs = needs::needs(reader, sighting, &gateway, &own, browser);
    let version = gateway
        .release
        .as_ref()
        .map(|release| release.version.as_str());
    findings.extend(config::uneditable(
        &gateway.name,
        &reading,
        port,
        version,
        hasher,
    ));
    findings.extend(bindings::findings(&gateway.name, reading.facts.as_ref()));
    findings.extend(exposure::findings(reader, sighting));
    findings.extend(ground::findings(reader, &gateway));
    findings.extend(findings::of(
        &gateway,
        reading.facts.as_ref(),
        &foreign(sighting, listeners, port),
    ));
    gateway.references = own.references;
    let urls = reading.facts.iter().flat_map(|facts| &facts.loopback_urls);
    Seen {
        bonds: Bonds::of(&gateway.name, &gateway.agents, reading.facts.as_ref())
            .naming(&gateway.name, own.named),
        gateway,
        named_ports: urls.filter_map(|url| url.port).collect(),
        findings,
        unseen,
    }
}

fn gateway(
    reader: &Reader,
    sighting: &Sighting,
    reading: &Reading,
    ledger: Ledger,
    hasher: &Hasher,
) -> Gateway {
    let facts = reading.facts.as_ref();
    let environment = environment(sighting, hasher);
    let secret_files =
        host_files::of_secrets(&ledger.credentials, &environment, &sighting.state_directory);
    Gateway {
        name: sighting.name.clone(),
        user: sighting.user.clone(),
        supplementary_groups: supplementary_groups(reader, sighting),
        process: process(reader, sighting),
        release: release::release(reader, sighting),
        state_directory: sighting.state_directory.clone(),
        config: reading.config.clone(),
        port: 0,
        listeners: Vec::new(),
        agents: facts.map_or_else(Vec::new, |facts| agents(reader, facts)),
        accounts: facts.map_or_else(Vec::new, |facts| facts.accounts.clone()),
        credentials: ledger.credentials,
        starter: sighting.starter.clone(),
        script: sighting.launch.as_ref().and_then(|it| it.script.clone()),
        arming: sighting.starter.arming(&sighting.user.name),
        revivers: sighting.revivers.clone(),
        environment,
        host_files: host_files::find(
            reader,
            &sighting.user,
            &sighting.started_with,
            &secret_files,
        ),
        loopback: facts.map_or_else(Vec::new, loopback),
        facilities: facts
            .map(|facts| facts.facilities.clone())
            .unwrap_or_default(),
        memory: memory(reader, sighting),
        load: process(reader, sighting).map(|process| load::load(reader, &process)),
        last_boot_ms: last_boot_ms(reader, sighting),
        census: None,
        needs: Vec::new(),
        references: Vec::new(),
    }
}

fn agents(reader: &Reader, facts: &Facts) -> Vec<Agent> {
    let agents = facts.agents.iter().map(|agent| Agent {
        workspace: reader.resolve(&agent.workspace),
        ..agent.clone()
    });
    agents.collect()
}

fn loopback(facts: &Facts) -> Vec<LoopbackUse> {
    let urls = facts.loopback_urls.iter().map(|url| LoopbackUse {
        key: crate::display::text(&url.key),
        port: url.port,
        place: url.place.clone(),
    });
    urls.collect()
}

fn process(reader: &Reader, sighting: &Sighting) -> Option<Process> {
    let family = sighting.family.as_ref()?;
    Some(Process {
        id: family.main.id,
        others: family.others.clone(),
        uptime_secs: reader.uptime(family.main.id).as_secs(),
    })
}

fn supplementary_groups(reader: &Reader, sighting: &Sighting) -> Vec<u32> {
    let Some(family) = &sighting.family else {
        return Vec::new();
    };
    let mut groups = reader.supplementary_groups(family.main.id);
    groups.retain(|group| *group != sighting.user.gid);
    groups
}

pub(super) fn members(sighting: &Sighting) -> Vec<ProcessId> {
    let families = sighting.family.iter();
    families
        .flat_map(|family| {
            [family.main.id]
                .into_iter()
                .chain(family.others.iter().copied())
        })
        .collect()
}

fn memory(reader: &Reader, sighting: &Sighting) -> Option<Memory> {
    let main = sighting.family.as_ref()?.main.id;
    let members = members(sighting);
    let sum = |of: &dyn Fn(ProcessId) -> Option<Bytes>| {
        Bytes(
            members
                .iter()
                .filter_map(|id| of(*id))
                .map(|bytes| bytes.0)
                .sum(),
        )
    };
    reader.pss(main)?;
    Some(Memory {
        pss: sum(&|id| reader.pss(id)),
        peak: sum(&|id| reader.peak(id)),
    })
}

/// Returns the inodes of the sockets that a gateway's processes hold.
fn sockets(sighting: &Sighting) -> BTreeSet<u64> {
    let processes = sighting
        .family
        .iter()
        .flat_map(|family| [&family.main].into_iter().chain(&family.helpers));
    processes
        .flat_map(|process| process.sockets.iter().copied())
        .collect()
}

fn addresses(sighting: &Sighting, listeners: &[Listener]) -> Vec<SocketAddr> {
    let sockets = sockets(sighting);
    let own = listeners
        .iter()
        .filter(|listener| sockets.contains(&listener.inode));
    let addresses: BTreeSet<_> = own.map(|listener| listener.address).collect();
    addresses.into_iter().collect()
}

/// Returns the port that it listens on: of its sockets the one that its lock names, or that it was told, or the lowest.
fn port(sighting: &Sighting, reading: &Reading, addresses: &[SocketAddr]) -> u16 {
    let lock = sighting
        .family
        .as_ref()
        .and_then(|family| family.lock.as_ref()?.port);
    let argument = sighting
        .launch
        .as_ref()
        .and_then(|launch| launch.command.port());
    let told = argument.unwrap_or_else(|| layout::port(&sighting.variables, reading.config.port));
    let expected = lock.unwrap_or(told);
    let ports: Vec<_> = addresses.iter().map(SocketAddr::port).collect();
    if ports.contains(&expected) {
        return expected;
    }
    ports.into_iter().min().unwrap_or(expected)
}

/// Returns the listeners of others on this port that a container's published port would meet.
fn foreign(sighting: &Sighting, listeners: &[Listener], port: u16) -> Vec<SocketAddr> {
    let sockets = sockets(sighting);
    let others = listeners
        .iter()
        .filter(|listener| !sockets.contains(&listener.inode));
    let addresses = others
        .map(|listener| listener.address)
        .filter(|address| address.port() == port);
    addresses
        .filter(|address| address.ip().is_loopback() || address.ip().is_unspecified())
        .collect()
}

fn environment(sighting: &Sighting, hasher: &Hasher) -> Vec<EnvironmentVariable> {
    use std::os::unix::ffi::OsStrExt as _;
    let carried = sighting
        .started_with
        .iter()
        .filter(|(name, _)| is_carried(name));
    let mut variables: Vec<_> = carried
        .map(|(name, value)| EnvironmentVariable {
            name: display::bytes(name.as_bytes()),
            hash: hasher.hash(value.as_bytes()),
        })
        .collect();
    variables.sort_by(|one, other| (&one.name, &one.hash).cmp(&(&other.name, &other.hash)));
    variables
}

/// Returns how long the last start took, from the log of the day of the start.
fn last_boot_ms(reader: &Reader, sighting: &Sighting) -> Option<u64> {
    let main = sighting.family.as_ref()?.main.id;
    let uptime = jiff::SignedDuration::try_from(reader.uptime(main)).ok()?;
    let started = jiff::Timestamp::now().checked_sub(uptime).ok()?;
    let days = [jiff::tz::TimeZone::UTC, jiff::tz::TimeZone::system()];
    let days = days.map(|zone| format!("{}.log", started.to_zoned(zone).date()));
    let is_of_the_day = |path: &PathBuf| {
        days.iter()
            .any(|day| path.to_string_lossy().ends_with(day.as_str()))
    };
    let directories = layout::log_directories(sighting.user.uid);
    let logs = directories.iter().flat_map(|directory| {
        reader
            .list(directory)
            .into_iter()
            .map(move |name| directory.join(name))
    });
    // /tmp is everybody's: only a log of the gateway's own user is believed.
    let own = logs.filter(|path| {
        reader
            .owner(path)
            .is_some_and(|(uid, _)| uid == sighting.user.uid)
    });
    let boots = own.filter(is_of_the_day).filter_map(|log| {
        let text = reader.file(&log).ok()??;
        layout::boot_time(&text, started.as_millisecond())
    });
    boots
        .min()
        .and_then(|boot| u64::try_from(boot.as_millis()).ok())
}

fn census(gateway: &Gateway, options: &Options<'_>, unseen: &mut Vec<String>) -> Option<Census> {
    let workspaces = gateway.agents.iter().map(|agent| agent.workspace.clone());
    let roots: Vec<PathBuf> = [gateway.state_directory.clone()]
        .into_iter()
        .chain(workspaces)
        .collect();
    let ground = Ground {
        roots: &roots,
        // Links of a state directory lead into the package, which lies at the same path in the image.
        inside: gateway
            .release
            .iter()
            .map(crate::inventory::Release::tree)
            .collect(),
        owner: (gateway.user.uid, gateway.user.gid),
    };
    match crate::host::census(&ground, &|counted| {
        (options.progress)(&gateway.name, counted);
    }) {
        Ok(census) => {
            if census.undecided > 0 {
                unseen.push(format!(
                    "{}: whether {} names of hard-linked files have others outside",
                    gateway.name, census.undecided
                ));
            }
            Some(census)
        }
        Err(error) => {
            unseen.push(format!("{}: files not counted: {error}", gateway.name));
            None
        }
    }
}

/// What could not be seen and is no finding: secrets that any number may hold, and what a login shell would set.
pub(super) fn unseen(sighting: &Sighting, facts: Option<&Facts>, ledger: &Ledger) -> Vec<String> {
    let values = ledger.unresolved.iter();
    let values = values.filter(|it| !it.exclusivity.is_exclusive());
    let values = values.map(|it| format!("{}: {}", it.key, it.why));
    let shell = facts.filter(|facts| facts.imports_shell).map(|_| {
        "variables of the login shell, which env.shellEnv asks for: a scan does not run it"
            .to_owned()
    });
    let is_cut = |facts: &&Facts| facts.relations.len() >= MOST_RELATIONS;
    let edges = facts
        .filter(is_cut)
        .map(|_| format!("edges between its agents beyond the first {MOST_RELATIONS}"));
    let cut = facts.into_iter().flat_map(|facts| &facts.cut);
    let cut = cut.map(|key| format!("{key}: more than the first {MAX_ENTRIES}"));
    let nameless = facts.into_iter().flat_map(|facts| &facts.nameless);
    let nameless = nameless.map(|key| format!("{key}: it is passed over, it names no agent"));
    values
        .chain(shell)
        .chain(nameless)
        .chain(edges)
        .chain(cut)
        .map(|text| format!("{}: {}", sighting.name, display::text(&text)))
        .collect()
}
