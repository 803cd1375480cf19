//! The fingerprint of the host that a plan was made for: everything that a plan stands on, and nothing that changes by
//! itself (pids, memory, counts, times).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Surroundings;
use crate::inventory::{
    Agent, Census, ChannelAccount, Credential, Distribution, Edge, EnvironmentVariable, Gateway,
    GatewayName, Host, Inventory, Memory, Part, Release, Reviver, Starter, User,
};
use crate::secret::KeyedHash;
use crate::units::Bytes;

/// What was true of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The machine.
    pub host: HostFacts,
    /// Its gateways, sorted by name.
    pub gateways: Vec<GatewayFacts>,
    /// What holds agents together. Some of it stands in files that agents write, so it is not compared.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// The host's loopback services that gateways use; not compared, as they come and go.
    #[serde(default)]
    pub services: Vec<Service>,
    /// What a container changes and no decision keeps; for information, not compared.
    #[serde(default, skip_serializing_if = "Surroundings::is_empty")]
    pub surroundings: Surroundings,
    /// The names of the processes that live beside the gateways and could move along; not compared.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub companions: BTreeSet<String>,
    /// The ids of the host's users, sorted; not compared.
    #[serde(default)]
    pub uids: BTreeSet<u32>,
}

/// A service of the host that a gateway reaches over loopback.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The gateway.
    pub gateway: GatewayName,
    /// The TCP port.
    pub port: u16,
    /// The name of the process that serves there.
    pub name: String,
}

/// What was measured of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The gateway.
    pub gateway: GatewayName,
    /// What it costs in memory, where it ran.
    pub memory: Option<Memory>,
    /// Its files that belong to another user or group and would be given to its own, where they were counted.
    pub strays: Option<u64>,
}

impl Measured {
    /// Takes what was measured out of an inventory.
    pub(super) fn of(gateway: &Gateway) -> Self {
        Self {
            gateway: gateway.name.clone(),
            memory: gateway.memory,
            strays: gateway.census.as_ref().map(Census::changing_strays),
        }
    }
}

/// What was true of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostFacts {
    /// The host name.
    pub name: String,
    /// The keyed hash of the machine's id.
    pub machine: KeyedHash,
    /// The distribution.
    pub distribution: Distribution,
    /// The processor architecture.
    pub architecture: String,
    /// The number of processors.
    pub cores: u32,
    /// All memory.
    pub memory: Bytes,
}

/// What was true of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayFacts {
    /// Its name.
    pub name: GatewayName,
    /// The user that it runs as.
    pub user: User,
    /// The groups that its process is in beside its user's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplementary_groups: Vec<u32>,
    /// The OpenClaw that it runs.
    pub release: Option<Release>,
    /// Its state directory.
    pub state_directory: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// The keyed hash of what the configuration says.
    pub meaning: KeyedHash,
    /// `gateway.bind`, where it is set.
    pub bind: Option<String>,
    /// The port that it listens on.
    pub port: u16,
    /// What starts it.
    pub starter: Starter,
    /// What else would start it again by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revivers: Vec<Starter>,
    /// Its agents.
    pub agents: Vec<Agent>,
    /// Its channel accounts.
    pub accounts: Vec<ChannelAccount>,
    /// Its credentials, as hashes.
    pub credentials: Vec<Credential>,
    /// Its environment, as hashes.
    pub environment: Vec<EnvironmentVariable>,
    /// The files and directories of the host, beside its own, in which it looks things up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_files: Vec<PathBuf>,
}

/// A fact that is no longer true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which fact, for example `gateways.joe/.openclaw.port`.
    pub fact: String,
    /// What it was.
    pub then: String,
    /// What it is.
    pub now: String,
}

impl Facts {
    /// Takes what a plan stands on out of an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        Self {
            host: HostFacts::of(&inventory.host),
            gateways: inventory.gateways.iter().map(GatewayFacts::of).collect(),
            edges: inventory.edges.clone(),
            services: services(inventory),
            companions: companions(inventory),
            surroundings: Surroundings::of(inventory),
            uids: uids(inventory),
        }
    }

    /// Returns the gateway of this name.
    #[must_use]
    pub fn find_gateway(&self, name: &GatewayName) -> Option<&GatewayFacts> {
        self.gateways.iter().find(|gateway| gateway.name == *name)
    }

    /// Names the facts about the host and these gateways that differ between then (`self`) and `now`.
    #[must_use]
    pub fn differences(&self, now: &Self, about: &[GatewayName]) -> Vec<Difference> {
        let mut found = Vec::new();
        compare("host", &json(&self.host), &json(&now.host), &mut found);
        for name in about {
            compare(
                &format!("gateways.{name}"),
                &json(&self.find_gateway(name)),
                &json(&now.find_gateway(name)),
                &mut found,
            );
        }
        found
    }
}

/// Those that processes serve, by the processes' names, and those that configurations name and nobody serves just now, by
/// the keys that name them.
pub(super) fn services(inventory: &Inventory) -> Vec<Service> {
    let mut services: BTreeMap<(&GatewayName, u16), &str> = BTreeMap::new();
    for companion in inventory
        .companions
        .iter()
        .filter(|it| it.part == Part::Service)
    {
        if let (Some(gateway), Some(port)) = (&companion.gateway, companion.port) {
            services.entry((gateway, port)).or_insert(&companion.name);
        }
    }
    for gateway in &inventory.gateways {
        let named = gateway.loopback.iter();
        for (port, named) in named.filter_map(|it| Some((it.port?, it))) {
            services.entry((&gateway.name, port)).or_insert(&named.key);
        }
    }
    let services = services.into_iter();
    let services = services.map(|((gateway, port), name)| Service {
        gateway: gateway.clone(),
        port,
        name: name.to_owned(),
    });
    services.collect()
}

/// Services and what a person named; who only speaks to a gateway is reached in any case.
fn companions(inventory: &Inventory) -> BTreeSet<String> {
    let companions = inventory.companions.iter();
    let companions = companions.filter(|it| matches!(it.part, Part::Service | Part::Named));
    companions.map(|it| it.name.clone()).collect()
}

fn uids(inventory: &Inventory) -> BTreeSet<u32> {
    let owners = inventory.gateways.iter().map(|gateway| gateway.user.uid);
    inventory.uids.iter().copied().chain(owners).collect()
}

impl HostFacts {
    fn of(host: &Host) -> Self {
        let Host {
            name,
            machine,
            distribution,
            architecture,
            cores,
            memory_total,
            memory_used: _,
            file_systems: _,
            timezone: _,
            gpus: _,
            cgroup: _,
            engine: _,
        } = host.clone();
        Self {
            name,
            machine,
            distribution,
            architecture,
            cores,
            memory: memory_total,
        }
    }
}

impl GatewayFacts {
    fn of(gateway: &Gateway) -> Self {
        let gateway = gateway.clone();
        Self {
            name: gateway.name,
            user: gateway.user,
            release: gateway.release,
            state_directory: gateway.state_directory,
            config: gateway.config.path,
            meaning: gateway.config.meaning,
            bind: gateway.config.bind,
            port: gateway.port,
            starter: gateway.starter,
            revivers: gateway
                .revivers
                .into_iter()
                .filter(Reviver::is_dangerous)
                .map(|reviver| reviver.starter)
                .collect(),
            agents: gateway.agents,
            accounts: gateway.accounts,
            credentials: gateway
                .credentials
                .into_iter()
                .map(without_places)
                .collect(),
            environment: gateway.environment,
            supplementary_groups: gateway.supplementary_groups,
            host_files: gateway.host_files,
        }
    }
}

/// A place may name a process or a line, which change by themselves.
fn without_places(credential: Credential) -> Credential {
    Credential {
        places: Vec::new(),
        ..credential
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn compare(path: &str, then: &Value, now: &Value, found: &mut Vec<Difference>) {
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let other = b.get(key).unwrap_or(&Value::Null);
                compare(&format!("{path}.{key}"), value, other, found);
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                compare(&format!("{path}.{key}"), &Value::Null, value, found);
            }
        }
        _ if then == now => {}
        (Value::Array(a), Value::Array(b)) => compare_lists(path, a, b, found),
        // A hash says nothing to a person, and that of a short value would give it away.
        (Value::String(_), Value::String(_))
            if matches!(path.rsplit('.').next(), Some("hash" | "meaning")) =>
        {
            push(path, "one value", "another", found);
        }
        _ => push(path, &shown(then), &shown(now), found),
    }
}

/// Compares lists entry by entry where the entries have names.
fn compare_lists(path: &str, then: &[Value], now: &[Value], found: &mut Vec<Difference>) {
    let before = found.len();
    if let (Some(a), Some(b)) = (named(then), named(now)) {
        compare(path, &Value::Object(a), &Value::Object(b), found);
    } else {
        let (then, now) = (entries(then), entries(now));
        push(path, &then, &format!("{now}, not the same"), found);
    }
    if found.len() == before {
        push(path, "in one order", "in another", found);
    }
}

fn push(path: &str, then: &str, now: &str, found: &mut Vec<Difference>) {
    found.push(Difference {
        fact: path.to_owned(),
        then: then.to_owned(),
        now: now.to_owned(),
    });
}

fn entries(list: &[Value]) -> String {
    crate::display::count(list.len() as u64, "entry", "entries")
}

/// Returns the entries of a list by name; `None` where two have the same one, or an entry has none.
fn named(list: &[Value]) -> Option<Map<String, Value>> {
    let pair = |entry: &Value| Some((name(entry)?, entry.clone()));
    let named: Map<String, Value> = list.iter().map(pair).collect::<Option<_>>()?;
    (named.len() == list.len()).then_some(named)
}

fn name(entry: &Value) -> Option<String> {
    const NAMING: [&str; 7] = [
        "channel",
        "kind",
        "name",
        "id",
        "public_id",
        "account",
        "file",
    ];
    let words: Vec<&str> = if let Value::String(text) = entry {
        vec![text]
    } else {
        let words = NAMING.iter().filter_map(|key| entry.get(key)?.as_str());
        words.filter(|word| !word.is_empty()).collect()
    };
    (!words.is_empty()).then(|| crate::display::text(&words.join(" ")))
}

/// Shows a value on one short line.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => crate::display::text(text),
        Value::Array(items) => entries(items),
        Value::Object(_) => "present".to_owned(),
        other => other.to_string(),
    }
}
