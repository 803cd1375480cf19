//! Writes what a group's container and a person at a shell need: the launcher, the environment, the compose file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::confirm_native::Nothing;
use super::relay;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::{ContainerSpec, compose};
use crate::host::{FileMeta, GatewayTrace, Ownership};
use crate::inventory::User;
use crate::openclaw::environment;

/// The first line of every compose file that ocmigrate writes.
pub(super) const HEADER: &str =
    "# Written by ocmigrate, which writes it anew with every group. No secrets stand in it.\n";
/// Loads the environment and becomes the program; POSIX sh.
const LAUNCHER: &str = "#!/bin/sh\n# Written by ocmigrate: gives the program the environment of the native gateway.\n\
                        . \"${0%/*}/environment\"\nexec \"$@\"\n";

/// Writes the group's launcher and environment, and adds the group to the compose file.
///
/// The environment is that of the running native gateway, less what names its starter, with the container's options of
/// node; the file is readable by the gateway's user alone. `Before` holds nothing: undo removes the group's files, and the compose file with the last
/// group. Idempotent: files are replaced whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteGroupFiles {
    /// The group.
    pub group: String,
    /// The user who may read the environment.
    pub user: User,
    /// What identifies the gateway whose environment is taken.
    pub trace: GatewayTrace,
    /// The container, as the compose file describes it.
    pub container: ContainerSpec,
    /// The network of its own that it joins; `None` where it is on the host's, and needs no relay.
    #[serde(default)]
    pub network: Option<String>,
    /// The network's labels.
    pub network_labels: BTreeMap<String, String>,
    /// The ports of the host's loopback services that it uses.
    #[serde(default)]
    pub services: Vec<u16>,
}

/// What one group adds to the compose file; kept beside it, so that the file can be written anew.
#[derive(Serialize, Deserialize)]
struct Entry {
    service: Value,
    #[serde(default)]
    network: Option<String>,
    network_labels: BTreeMap<String, String>,
}

impl Kind for WriteGroupFiles {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "write-group-files".to_owned(),
            sign: Sign::Add,
            what: format!("files  /etc/ocmigrate: docker-compose.yml, launcher and environment of {}", self.group),
            why: "the environment goes along in a file that only its user can read; compose knows the container".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Nothing> {
        let path = context.paths.compose_file();
        let foreign = context
            .host
            .read(&path)?
            .is_some_and(|file| !file.bytes.starts_with(HEADER.as_bytes()));
        if foreign {
            let what = format!("`{}`", crate::display::path(&path));
            return Err(StepError::Foreign { what });
        }
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let directory = context.paths.group_etc(&self.group);
        context.host.make_directory(&directory, root_owned(0o755))?;
        for (name, text) in self.programs() {
            let path = directory.join(name);
            context
                .host
                .replace(&path, text.as_bytes(), meta(0, 0, 0o755))?;
        }
        self.write_environment(context)?;
        let service = self.entry();
        context.host.replace(
            &service_path(context, &self.group),
            &service,
            meta(0, 0, 0o644),
        )?;
        write_compose(context)
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let directory = context.paths.group_etc(&self.group);
        for (name, _) in self.programs() {
            context.host.remove(&directory.join(name))?;
        }
        context.host.remove(&directory.join("environment"))?;
        context.host.remove(&service_path(context, &self.group))?;
        write_compose(context)?;
        for left in [
            directory,
            context.paths.etc.join("groups"),
            context.paths.etc.clone(),
        ] {
            if !context.host.remove_empty_directory(&left)? {
                break;
            }
        }
        Ok(())
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let directory = context.paths.group_etc(&self.group);
        let programs = self.programs().into_iter();
        let mut wanted: Vec<_> = programs
            .map(|(name, text)| (directory.join(name), text.into_bytes()))
            .collect();
        wanted.push((service_path(context, &self.group), self.entry()));
        let remedy = "ocmigrate rollback, then execute again";
        let mut drifts = Vec::new();
        for (path, bytes) in wanted {
            if context
                .host
                .read(&path)?
                .is_none_or(|file| file.bytes != bytes)
            {
                let what = format!("`{}` is not as it was written", crate::display::path(&path));
                drifts.push(Drift::new(what, remedy));
            }
        }
        Ok(drifts)
    }
}

impl WriteGroupFiles {
    /// The scripts and programs that the container runs, by their names.
    fn programs(&self) -> Vec<(&'static str, String)> {
        let launch = ("launch", LAUNCHER.to_owned());
        if self.network.is_none() {
            return vec![launch, ("serve", LAUNCHER.to_owned())];
        }
        vec![
            launch,
            ("serve", relay::main_script(self.trace.port, &self.services)),
            ("relay.mjs", relay::PROGRAM.to_owned()),
        ]
    }

    /// The group's part of the compose file, as JSON.
    fn entry(&self) -> Vec<u8> {
        let entry = Entry {
            service: compose::service(&self.container),
            network: self.network.clone(),
            network_labels: self.network_labels.clone(),
        };
        serde_json::to_vec_pretty(&entry).unwrap_or_default()
    }

    /// Writes the environment of the running gateway; after a crash past the stop, the file of the first try stays.
    fn write_environment(&self, context: &Context) -> Result<()> {
        let path = context.paths.environment(&self.group);
        let Some(process) = context.host.find_gateway(&self.trace)?.first().copied() else {
            if context.host.read(&path)?.is_some() {
                return Ok(());
            }
            return Err(StepError::unmet(
                "the native gateway does not run, so its environment cannot be read",
            ));
        };
        let mut carried: Vec<_> = context
            .host
            .environment(process)?
            .into_iter()
            .filter(|(name, _)| environment::is_carried(name))
            .collect();
        environment::name_gateway(&mut carried, &self.user.home, &self.trace);
        environment::add_node_options(&mut carried, &self.container.environment);
        let file = environment::to_shell(&carried);
        let User { uid, gid, .. } = self.user;
        context
            .host
            .replace(&path, &file.text, meta(uid, gid, 0o400))?;
        Ok(())
    }
}

fn service_path(context: &Context, group: &str) -> PathBuf {
    context
        .paths
        .etc
        .join("groups")
        .join(format!("{group}.json"))
}

/// Writes the compose file from the groups' services, or removes it with the last of them.
fn write_compose(context: &Context) -> Result<()> {
    let entries = read_entries(context)?;
    let path = context.paths.compose_file();
    if entries.is_empty() {
        context.host.remove(&path)?;
        return Ok(());
    }
    let networks = entries
        .values()
        .filter_map(|entry| Some((entry.network.clone()?, entry.network_labels.clone())));
    let networks = networks.collect();
    let services = entries
        .into_iter()
        .map(|(name, entry)| (name, entry.service))
        .collect();
    let text = format!("{HEADER}{}", compose::file(&services, &networks));
    Ok(context
        .host
        .replace(&path, text.as_bytes(), meta(0, 0, 0o644))?)
}

fn read_entries(context: &Context) -> Result<BTreeMap<String, Entry>> {
    let directory = context.paths.etc.join("groups");
    let mut entries = BTreeMap::new();
    for name in context.host.list(&directory)? {
        let Some(group) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let Some(file) = context.host.read(&directory.join(&name))? else {
            continue;
        };
        let entry = serde_json::from_slice(&file.bytes).map_err(|_| StepError::Foreign {
            what: format!("`{}`", crate::display::path(&directory.join(&name))),
        })?;
        entries.insert(group.to_owned(), entry);
    }
    Ok(entries)
}

const fn root_owned(mode: u32) -> Ownership {
    Ownership {
        uid: 0,
        gid: 0,
        mode,
    }
}

const fn meta(uid: u32, gid: u32, mode: u32) -> FileMeta {
    FileMeta {
        uid,
        gid,
        mode,
        mtime_ns: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_group_that_an_older_version_wrote_names_its_network() {
        let text = r#"{"service":{},"network":"oc","network_labels":{}}"#;
        let entry: Entry = serde_json::from_str(text).expect("a group's part");
        assert_eq!(entry.network.as_deref(), Some("oc"));
        let text = r#"{"service":{},"network_labels":{}}"#;
        let entry: Entry = serde_json::from_str(text).expect("a group's part");
        assert_eq!(entry.network, None);
    }
}
