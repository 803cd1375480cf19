//! A container as docker-compose describes it: the service, the file, and the labels by which compose knows a container
//! that it did not create. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ContainerSpec, Mount};

/// The compose project of all groups.
pub const PROJECT: &str = "ocmigrate";
/// The release of docker-compose whose labels and hashes these are; Debian 12's package.
pub const COMPOSE_VERSION: &str = "1.29.2";
/// The format of the file; 2.4 is the last that knows memory, processor and process limits of a service.
const FILE_VERSION: &str = "2.4";

/// Describes a container as a service of a compose file. No environment stands in it.
#[must_use]
pub fn service(spec: &ContainerSpec) -> Value {
    let mut service = json!({
        "container_name": spec.name,
        "hostname": spec.name,
        "image": spec.image,
        "user": spec.user,
        "working_dir": spec.directory.display().to_string(),
        "entrypoint": spec.argv,
        "init": true,
        "restart": "unless-stopped",
        "mem_limit": spec.memory.0,
        "memswap_limit": spec.memory.0,
        "cpus": f64::from(spec.cpu_milli) / 1000.0,
        "pids_limit": spec.pids,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "stop_grace_period": format!("{}s", spec.stop_timeout.as_secs()),
        "logging": {"driver": "json-file", "options": {"max-size": LOG_SIZE, "max-file": LOG_FILES}},
        "ports": spec.ports.iter().map(|port| format!("127.0.0.1:{port}:{port}")).collect::<Vec<_>>(),
        "volumes": spec.mounts.iter().map(volume).collect::<Vec<_>>(),
    });
    if let (Some(network), Some(map)) = (&spec.network, service.as_object_mut()) {
        map.insert("networks".to_owned(), json!([network]));
    }
    service
}

/// The size at which a container's log is turned over.
pub const LOG_SIZE: &str = "10m";
/// How many of a container's logs are kept.
pub const LOG_FILES: &str = "3";

fn volume(mount: &Mount) -> Value {
    match mount {
        Mount::Bind {
            source,
            target,
            read_only,
        } => json!({
            "type": "bind",
            "source": source.display().to_string(),
            "target": target.display().to_string(),
            "read_only": read_only,
        }),
        Mount::Empty { target, .. } => json!({
            "type": "tmpfs",
            "target": target.display().to_string(),
        }),
    }
}

/// Renders the file of all groups; each pair is a service's name and its description.
#[must_use]
pub fn file(services: &[(String, Value)]) -> String {
    let names = services.iter().filter_map(|(_, service)| service.get("networks")?.as_array());
    let networks: serde_json::Map<_, _> = names
        .flatten()
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), json!({"name": name, "driver": "bridge"})))
        .collect();
    let services: serde_json::Map<_, _> = services.iter().cloned().collect();
    let mut text = String::new();
    let whole = json!({"version": FILE_VERSION, "services": services, "networks": networks});
    write_block(&whole, 0, &mut text);
    text
}

/// Writes block-style YAML: strings as JSON strings, which YAML reads as such (YAML 1.2, section 7.3.1).
fn write_block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                text.push_str(&indent);
                text.push_str(key);
                text.push(':');
                write_value(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&indent);
                text.push('-');
                write_value(item, depth, text);
            }
        }
        scalar => {
            text.push_str(&indent);
            text.push_str(&scalar.to_string());
            text.push('\n');
        }
    }
}

fn write_value(value: &Value, depth: usize, text: &mut String) {
    let is_empty = match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    if is_empty {
        text.push(' ');
        // Compose expands `$` in values; doubled it stands for itself.
        text.push_str(&value.to_string().replace('$', "$$"));
        text.push('\n');
    } else {
        text.push('\n');
        write_block(value, depth + 1, text);
    }
}

/// Returns the labels by which docker-compose knows a container as its own.
#[must_use]
pub fn labels(spec: &ContainerSpec, file: &Path, config_hash: &str) -> BTreeMap<String, String> {
    let directory = file.parent().unwrap_or(file);
    [
        ("project", PROJECT.to_owned()),
        ("service", spec.name.clone()),
        ("container-number", "1".to_owned()),
        ("oneoff", "False".to_owned()),
        ("version", COMPOSE_VERSION.to_owned()),
        ("config-hash", config_hash.to_owned()),
        ("project.working_dir", directory.display().to_string()),
        ("project.config_files", file.display().to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (format!("com.docker.compose.{name}"), value))
    .collect()
}

/// Returns the labels by which docker-compose knows a network as its own.
#[must_use]
pub fn network_labels(network: &str) -> BTreeMap<String, String> {
    [("project", PROJECT), ("network", network), ("version", COMPOSE_VERSION)]
        .into_iter()
        .map(|(name, value)| (format!("com.docker.compose.{name}"), value.to_owned()))
        .collect()
}

/// Returns the hexadecimal SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
