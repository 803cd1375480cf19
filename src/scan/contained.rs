//! Containers that run OpenClaw already: seen by the control groups of their processes. Their logins are read, and nothing runs in them.

use std::path::Path;

use serde_json::Value;

use super::inside;
use crate::host::reader::{Glance, Reader};
use crate::inventory::{Contained, ContainerStarter, Finding, GROUP_LABEL, Gateway, catalogued};
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
        let (name, group) = text.map_or((None, None), |text| name_and_group(&text));
        let mut contained = Contained {
            container: ContainerStarter { id, name },
            group,
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

/// Says of each gateway that ocmigrate moved where it runs now, in place of what is so on purpose: that it does not run
/// natively, and that something else listens on its port. Of the other containers that run OpenClaw it says that they do.
pub(super) fn tell(contained: &[Contained], gateways: &[Gateway], findings: &mut Vec<Finding>) {
    for it in contained {
        let moved = gateways.iter().find(|gateway| is_moved_to(gateway, it));
        let Some((gateway, group)) = moved.zip(it.group.as_ref()) else {
            findings.push(runs_openclaw(it));
            continue;
        };
        let for_itself = [&catalogued::NOT_RUNNING, &catalogued::FOREIGN_PORT];
        let about = gateway.name.to_string();
        let is_on_purpose = |finding: &mut Finding| {
            finding.about == about && for_itself.iter().any(|kind| kind.id == finding.id)
        };
        findings.extract_if(.., is_on_purpose).for_each(drop);
        let group = crate::display::text(group);
        let summary = format!("ocmigrate runs it in container {}", it.name());
        let finding = Finding::new(&catalogued::MOVED, about, summary);
        findings.push(finding.remedied_by(format!("ocmigrate rollback --group {group}")));
    }
}

fn is_moved_to(gateway: &Gateway, contained: &Contained) -> bool {
    gateway.process.is_none()
        && contained.state_directory.as_ref() == Some(&gateway.state_directory)
}

fn runs_openclaw(contained: &Contained) -> Finding {
    let id = &contained.container.id;
    let id = id.get(..12).unwrap_or(id);
    let about = format!("container {}", contained.name());
    let summary = format!("OpenClaw runs in it, pid {}", contained.process.pid);
    let finding = Finding::new(&catalogued::IN_CONTAINER, about, summary);
    finding.remedied_by(format!(
        "look whether it polls the same bots: docker logs {id}"
    ))
}

/// Returns the innermost container's id, 64 hexadecimal digits, of a control group: `docker-ID.scope` or `docker/ID`.
pub(super) fn container_id(cgroup: &str) -> Option<String> {
    let mut parts = cgroup.split(['/', '-', '.', ':', '\n']);
    let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.rfind(is_id).map(str::to_owned)
}

/// Reads the name and the label of a group out of Docker's own file, and nothing else of it.
fn name_and_group(text: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(config) = serde_json::from_slice::<Value>(text) else {
        return (None, None);
    };
    let text = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        let text = text.trim_start_matches('/');
        (!text.is_empty()).then(|| text.to_owned())
    };
    let labels = config.pointer("/Config/Labels");
    let group = labels.and_then(|labels| labels.get(GROUP_LABEL));
    (text(config.get("Name")), text(group))
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
        assert_eq!(name_and_group(text), (Some("claw".into()), None));
        let text = br#"{"Name":"/oc-joe","Config":{"Labels":{"ocmigrate.group":"oc-joe"}}}"#;
        let both = (Some("oc-joe".into()), Some("oc-joe".into()));
        assert_eq!(name_and_group(text), both);
        assert_eq!(name_and_group(b"{"), (None, None));
    }

    /// Returns what is found, as `id about`, of a gateway at rest and a container that runs on a state directory.
    fn found(group: Option<&str>, state_directory: &str) -> Vec<String> {
        let mut gateway = crate::scan::findings::tests::gateway();
        gateway.process = None;
        let contained = Contained {
            container: ContainerStarter {
                id: "ab12".repeat(16),
                name: Some("claw".into()),
            },
            group: group.map(str::to_owned),
            process: ProcessId {
                pid: 7,
                start_ticks: 1,
            },
            uid: None,
            state_directory: Some(state_directory.into()),
            credentials: Vec::new(),
        };
        let port = "0.0.0.0:18789".parse().expect("an address");
        let mut findings = crate::scan::findings::of(&gateway, None, &[port]);
        findings.retain(|it| matches!(it.id.as_str(), "OM-S002" | "OM-N001"));
        tell(&[contained], &[gateway], &mut findings);
        findings
            .iter()
            .map(|it| format!("{} {}", it.id, it.about))
            .collect()
    }

    #[test]
    fn a_gateway_that_was_moved_is_told_where_it_is_and_another_container_is_named() {
        let own = crate::scan::findings::tests::gateway();
        let (name, own) = (own.name, own.state_directory);
        let own = own.to_str().expect("a path of the test");
        let both = [format!("OM-S002 {name}"), format!("OM-N001 {name}")];
        let and_a_container = [both.as_slice(), &["OM-S010 container claw".to_owned()]].concat();
        assert_eq!(found(Some("oc-joe"), own), [format!("OM-S015 {name}")]);
        assert_eq!(found(None, own), and_a_container);
        assert_eq!(found(Some("oc-joe"), "/elsewhere"), and_a_container);
    }
}
