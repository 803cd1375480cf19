//! The machine itself, in the inventory's words.

use std::path::{Path, PathBuf};

use crate::host::reader::Reader;
use crate::inventory::{CgroupVersion, Distribution, Engine, Host};
use crate::secret::Hasher;

/// Where users, Docker and this tool keep their files.
const FILE_SYSTEMS: [&str; 4] = ["/", "/home", "/var/lib", "/var/lib/docker"];

/// Makes the hasher for this machine, keyed by `/etc/machine-id`, or by the host's name where there is none.
#[must_use]
pub fn hasher(reader: &Reader) -> Hasher {
    match reader.file(Path::new("/etc/machine-id")).ok().flatten() {
        Some(id) if !id.trim_ascii().is_empty() => {
            Hasher::for_machine(&String::from_utf8_lossy(&id))
        }
        Some(_) | None => Hasher::for_machine(&reader.machine().name),
    }
}

pub(super) fn host(reader: &Reader, engine: Option<Engine>, hasher: &Hasher) -> Host {
    let machine = reader.machine();
    let release = ["/etc/os-release", "/usr/lib/os-release"];
    let release = release
        .iter()
        .find_map(|path| reader.file(Path::new(path)).ok()?);
    Host {
        name: machine.name,
        machine: hasher.hash(b"this machine"),
        distribution: distribution(&String::from_utf8_lossy(&release.unwrap_or_default())),
        architecture: machine.architecture,
        cores: machine.cores,
        memory_total: machine.memory_total,
        memory_used: machine.memory_used,
        file_systems: crate::host::file_systems(&FILE_SYSTEMS.map(PathBuf::from)),
        timezone: timezone(reader),
        gpus: gpus(reader),
        cgroup: if machine.is_cgroup_unified {
            CgroupVersion::V2
        } else {
            CgroupVersion::V1
        },
        engine: engine.map(|engine| with_compose(reader, engine)),
    }
}

fn with_compose(reader: &Reader, engine: Engine) -> Engine {
    Engine {
        compose_version: engine
            .compose_version
            .clone()
            .or_else(|| reader.compose_version()),
        ..engine
    }
}

/// Where the link `/etc/localtime` leads below the database; localtime(5).
fn timezone(reader: &Reader) -> Option<String> {
    let file = reader.resolve(Path::new("/etc/localtime"));
    let zone = file.strip_prefix("/usr/share/zoneinfo").ok()?;
    Some(crate::display::path(zone))
}

fn gpus(reader: &Reader) -> Vec<String> {
    let nvidia = |name: &str| {
        let number = name.strip_prefix("nvidia");
        number
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut found = devices(reader, "/dev", nvidia);
    found.extend(devices(reader, "/dev/dri", |name| {
        name.starts_with("renderD")
    }));
    found.sort();
    found
}

fn devices(reader: &Reader, directory: &str, is_one: impl Fn(&str) -> bool) -> Vec<String> {
    let names = reader.list(Path::new(directory)).into_iter();
    let names = names.filter_map(|name| name.into_string().ok());
    let names = names.filter(|name| is_one(name));
    names.map(|name| format!("{directory}/{name}")).collect()
}

/// Reads os-release(5).
fn distribution(text: &str) -> Distribution {
    let value = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let value = pairs
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value);
        crate::display::text(value.trim().trim_matches(['"', '\'']))
    };
    Distribution {
        id: value("ID"),
        version: value("VERSION_ID"),
        codename: value("VERSION_CODENAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_missing_values_of_os_release_are_read() {
        let read = distribution("NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n");
        let expected = Distribution {
            id: "debian".into(),
            version: "12".into(),
            codename: String::new(),
        };
        assert_eq!(read, expected);
    }
}
