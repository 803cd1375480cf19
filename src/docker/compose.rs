//! The containers as a docker-compose project, so that `docker-compose restart`, `logs` and `ps` work on what was made
//! through the API. Pure: says what the file holds and which labels make docker-compose 1.29 take a container as its own.
//!
//! docker-compose 1.29 keeps a container whose `config-hash` label equals the hash of the service in the file; `up -d` then
//! says "is up-to-date". [`config_hash`] computes that hash. Compose v2 hashes differently and would make the container anew.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

pub use super::compose_hash::config_hash;
use super::{ContainerSpec, HOST_NETWORK, Mount, Published, body, yaml};

const PREFIX: &str = "com.docker.compose.";
/// The newest file format that has `mem_limit`, `cpus` and `init` together.
const FORMAT: &str = "2.4";

/// A project: its name, its file, and the docker-compose that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project<'a> {
    /// The project's name, as given by `-p`.
    pub name: &'a str,
    /// The compose file.
    pub file: &'a Path,
    /// The version of docker-compose, for example `1.29.2`.
    pub version: &'a str,
}

/// Returns the service that describes this container, under the container's own name. Labels of compose itself in the
/// spec are left out of it, so that it does not matter whether they were added before.
#[must_use]
pub fn service(spec: &ContainerSpec) -> Value {
    let mut service = Map::new();
    let mut set = |key: &str, value: Value| {
        let is_empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if !is_empty {
            service.insert(key.to_owned(), value);
        }
    };
    set("container_name", json!(spec.name));
    set("hostname", json!(spec.hostname));
    set("image", json!(spec.image));
    set("user", json!(spec.user));
    set("group_add", json!(body::supplementary_groups(spec)));
    set("working_dir", json!(body::text(&spec.directory)));
    set("entrypoint", json!(spec.argv));
    set("environment", environment(spec));
    set("labels", own_labels(spec));
    set("volumes", spec.mounts.iter().filter_map(bind).collect());
    set("tmpfs", tmpfs(spec));
    set("mem_limit", json!(spec.memory.0));
    set("memswap_limit", json!(spec.memory.0));
    set("cpus", json!(f64::from(spec.cpu_milli) / 1000.0));
    set("pids_limit", json!(spec.pids));
    set("ports", spec.ports.iter().copied().map(port).collect());
    set("extra_hosts", json!(spec.extra_hosts));
    match spec.network.as_deref() {
        Some(HOST_NETWORK) => set("network_mode", json!(HOST_NETWORK)),
        Some(network) => set("networks", json!([network])),
        None => set("network_mode", json!("none")),
    }
    set("init", json!(true));
    set("cap_drop", json!(["ALL"]));
    set("security_opt", json!([body::SECURITY]));
    set("stop_signal", json!("SIGTERM"));
    set(
        "stop_grace_period",
        json!(format!("{}s", spec.stop_timeout.as_secs())),
    );
    let options: BTreeMap<_, _> = body::LOG_OPTIONS.into();
    set(
        "logging",
        json!({ "driver": "json-file", "options": options }),
    );
    set("restart", json!("unless-stopped"));
    Value::Object(service)
}

/// Returns the compose file: the services by name, and the networks that they join with the labels that they carry.
#[must_use]
pub fn file(
    services: &BTreeMap<String, Value>,
    networks: &BTreeMap<String, BTreeMap<String, String>>,
) -> String {
    let network = |(name, labels): (&String, &BTreeMap<String, String>)| {
        let labels = labels.iter().filter(|(key, _)| !key.starts_with(PREFIX));
        let labels: BTreeMap<_, _> = labels.collect();
        (
            name.clone(),
            json!({ "name": name, "driver": "bridge", "labels": labels }),
        )
    };
    let networks: Map<String, Value> = networks.iter().map(network).collect();
    let document = json!({ "version": FORMAT, "services": services, "networks": networks });
    yaml::block(&interpolation_escaped(document))
}

/// Returns the labels that make a container the first one of a service.
#[must_use]
pub fn labels(project: &Project<'_>, service: &str, config_hash: &str) -> BTreeMap<String, String> {
    let directory = project.file.parent().unwrap_or(Path::new("/"));
    let mut labels = shared(project);
    labels.extend(prefixed([
        ("service", service.to_owned()),
        ("config-hash", config_hash.to_owned()),
        ("container-number", "1".to_owned()),
        ("oneoff", "False".to_owned()),
        ("project.working_dir", body::text(directory)),
        ("project.config_files", body::text(project.file)),
    ]));
    labels
}

/// Returns the labels that make a network one of the project.
#[must_use]
pub fn network_labels(project: &Project<'_>, network: &str) -> BTreeMap<String, String> {
    let mut labels = shared(project);
    labels.extend(prefixed([("network", network.to_owned())]));
    labels
}

fn shared(project: &Project<'_>) -> BTreeMap<String, String> {
    let Project {
        name,
        file: _,
        version,
    } = project;
    prefixed([
        ("project", (*name).to_owned()),
        ("version", (*version).to_owned()),
    ])
}

fn prefixed<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    let pair = |(key, value): (&str, String)| (format!("{PREFIX}{key}"), value);
    pairs.into_iter().map(pair).collect()
}

fn environment(spec: &ContainerSpec) -> Value {
    let pairs = spec
        .environment
        .iter()
        .filter_map(|line| line.split_once('='));
    let pairs: BTreeMap<_, _> = pairs.collect();
    json!(pairs)
}

fn own_labels(spec: &ContainerSpec) -> Value {
    let own = spec
        .labels
        .iter()
        .filter(|(key, _)| !key.starts_with(PREFIX));
    let own: BTreeMap<_, _> = own.collect();
    json!(own)
}

fn bind(mount: &Mount) -> Option<Value> {
    match mount {
        Mount::Bind {
            source,
            target,
            read_only,
        } => {
            let (source, target) = (body::text(source), body::text(target));
            Some(if *read_only {
                json!({ "type": "bind", "source": source, "target": target, "read_only": true })
            } else {
                json!({ "type": "bind", "source": source, "target": target })
            })
        }
        Mount::Empty { .. } => None,
    }
}

/// The short form, which alone takes options.
fn tmpfs(spec: &ContainerSpec) -> Value {
    let line = |(target, options): (String, String)| json!(format!("{target}:{options}"));
    body::empties(spec).map(line).collect()
}

fn port(port: Published) -> Value {
    let Published { host, container } = port;
    json!(format!("{}:{host}:{container}", body::LOOPBACK))
}

/// Doubles each `$`, which docker-compose takes for the start of a variable.
fn interpolation_escaped(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(items) => items.into_iter().map(interpolation_escaped).collect(),
        Value::Object(pairs) => {
            let pair = |(key, value)| (key, interpolation_escaped(value));
            Value::Object(pairs.into_iter().map(pair).collect())
        }
        other => other,
    }
}
