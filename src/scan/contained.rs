//! Containers that run OpenClaw already: seen by the control groups of their processes. Their logins are read, and nothing runs in them.

use std::path::Path;

use serde_json::Value;

use super::inside;
use crate::host::reader::{Glance, Reader};
use crate::inventory::{Contained, ContainerStarter, Finding, catalogued};
use crate::openclaw::{command, layout};
use crate::secret::Hasher;

/// Where Docker keeps what it knows of a container.
const DOCKER: &str = "/var/lib/docker/containers";

/// Takes the containers that run OpenClaw out of the processes outside this process's pid namespace.
///
/// A gateway has its title, or its arguments still name OpenClaw's script; 2026.9.6.
pub(super) fn find(
    reader: &Reader,
    contained: &[Glance],
    hasher: &Hasher,
    unseen: &mut Vec<String>,
) -> Vec<Contained> {
    let mut found: Vec<Contained> = Vec::new();
    let (known, others): (Vec<&Glance>, Vec<_>) = contained
        .iter()
        .partition(|it| layout::is_openclaws(&it.name) || serves(reader, it));
    let container_of = |glance: &Glance| container_id(reader.cgroup(glance.id)?.as_str());
    for glance in known {
        let Some(id) = container_of(glance) else {
            continue;
        };
        if found.iter().any(|it| it.container.id == id) {
            continue;
        }
        let file = Path::new(DOCKER).join(&id).join("config.v2.json");
        let text = reader.file(&file).ok().flatten();
        let mut contained = Contained {
            container: ContainerStarter {
                name: text.and_then(|text| name(&text)),
                id,
            },
            process: glance.id,
            uid: reader.user_of(glance.id),
            state_directory: None,
            credentials: Vec::new(),
        };
        let inside = inside::read(reader, glance, &contained.name(), hasher);
        contained.state_directory = inside.state_directory;
        contained.credentials = inside.credentials;
        unseen.extend(inside.unseen);
        found.push(contained);
    }
    let is_helper = |it: &&&Glance| {
        let id = container_of(it);
        found
            .iter()
            .any(|known| Some(&known.container.id) == id.as_ref())
    };
    let strangers = others.len() - others.iter().filter(is_helper).count();
    if strangers > 0 {
        unseen.push(format!(
            "{strangers} other processes that run node in containers: not looked at"
        ));
    }
    found
}

fn serves(reader: &Reader, glance: &Glance) -> bool {
    let details = reader.details(std::slice::from_ref(glance)).pop();
    let arguments = details.map_or_else(Vec::new, |it| it.arguments);
    let words = arguments.iter().map(|it| it.to_string_lossy().into_owned());
    !command::in_words(&words.collect::<Vec<_>>()).is_empty()
}

/// Says which containers run OpenClaw.
pub(super) fn findings(contained: &[Contained]) -> Vec<Finding> {
    let findings = contained.iter().map(|it| {
        let id = it.container.id.get(..12).unwrap_or(&it.container.id);
        let name = it.name();
        let summary = format!("OpenClaw runs in it, pid {}", it.process.pid);
        let finding = Finding::new(
            &catalogued::IN_CONTAINER,
            format!("container {name}"),
            summary,
        );
        finding.remedied_by(format!(
            "look whether it polls the same bots: docker logs {id}"
        ))
    });
    findings.collect()
}

/// Returns the innermost container's id, 64 hexadecimal digits, of a control group: `docker-ID.scope` or `docker/ID`.
pub(super) fn container_id(cgroup: &str) -> Option<String> {
    let mut parts = cgroup.split(['/', '-', '.', ':', '\n']);
    let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.rfind(is_id).map(str::to_owned)
}

/// Reads the name out of Docker's own file, and nothing else of it.
fn name(text: &[u8]) -> Option<String> {
    let config: Value = serde_json::from_slice(text).ok()?;
    let name = config.get("Name")?.as_str()?.trim_start_matches('/');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ProcessId;

    #[test]
    fn a_container_is_told_by_its_control_group_under_every_driver() {
        let id = "ab12".repeat(16);
        for group in [
            format!("0::/system.slice/docker-{id}.scope\n"),
            format!("12:pids:/docker/{id}\n0::/\n"),
            format!("0::/machine.slice/libpod-{id}.scope/container\n"),
            format!("0::/docker/{}/docker/{id}\n", "0".repeat(64)),
        ] {
            assert_eq!(
                container_id(&group).as_deref(),
                Some(id.as_str()),
                "{group}"
            );
        }
        assert_eq!(container_id("0::/system.slice/cron.service\n"), None);
        assert_eq!(container_id(""), None);
    }

    #[test]
    fn a_container_is_named_and_its_secrets_are_not() {
        let text = br#"{"Name":"/claw","Config":{"Env":["TOKEN=geheim"]}}"#;
        assert_eq!(name(text).as_deref(), Some("claw"));
        assert_eq!(name(b"{"), None);
        let contained = Contained {
            container: ContainerStarter {
                id: "ab12".repeat(16),
                name: Some("claw".into()),
            },
            process: ProcessId {
                pid: 7,
                start_ticks: 1,
            },
            uid: None,
            state_directory: None,
            credentials: Vec::new(),
        };
        let findings = findings(&[contained]);
        let first = findings
            .first()
            .map(|it| (it.id.as_str(), it.about.as_str()));
        assert_eq!(first, Some(("OM-S010", "container claw")));
    }
}
