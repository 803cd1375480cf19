//! The container of a group, as it is created and as docker-compose knows it: pure.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::Paths;
use super::built::Built;
use super::create_container::{SPEC_LABEL, served};
use super::image::recipe_hash;
use super::mounts::mounts;
use super::movable::Movable;
use super::relay;
use crate::docker::{ContainerSpec, HOST_NETWORK, Published, compose};
use crate::inventory::GROUP_LABEL;
use crate::openclaw::environment;
use crate::plan::{GatewayFacts, Plan};

/// How long a stop of the container waits: OpenClaw drains for up to 315 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(340);

/// Returns the container that a group is to have.
pub(super) fn container(
    plan: &Plan,
    group: &Built,
    gateway: &Movable,
    paths: &Paths,
) -> ContainerSpec {
    let Movable { facts, .. } = gateway;
    let heap = group.budget.node_heap.map(environment::heap_limit);
    let published = group.bridge.is_some().then(|| Published {
        host: facts.port,
        container: relay::port(facts.port),
    });
    let mut spec = ContainerSpec {
        name: group.name.clone(),
        // OpenClaw keeps a lease in its state directory with the host's name. One of another host is held to be alive for
        // five minutes after a crash, so that neither side could start after the other; seen with 2026.9.6.
        hostname: plan.facts.host.name.clone(),
        image: group.image.reference().to_owned(),
        user: runs_as(facts),
        supplementary_groups: facts.supplementary_groups.clone(),
        directory: facts.user.home.clone(),
        argv: served(&gateway.serve),
        environment: heap.into_iter().collect(),
        labels: BTreeMap::new(),
        mounts: mounts(plan, &group.name, group.sight, facts, paths),
        memory: group.budget.memory,
        cpu_milli: group.budget.cpu_milli,
        pids: group.budget.pids,
        ports: published.into_iter().collect(),
        network: Some(group.bridge.as_deref().unwrap_or(HOST_NETWORK).to_owned()),
        extra_hosts: Vec::new(),
        stop_timeout: STOP_TIMEOUT,
    };
    spec.labels
        .insert(GROUP_LABEL.to_owned(), group.name.clone());
    spec.labels.insert(SPEC_LABEL.to_owned(), spec_hash(&spec));
    spec
}

/// The compose project of all groups; 1.29.2 is the docker-compose of Debian 12.
pub(super) fn project(file: &Path) -> compose::Project<'_> {
    compose::Project {
        name: "ocmigrate",
        file,
        version: "1.29.2",
    }
}

/// The labels by which docker-compose and ocmigrate know the network; none where the group has none of its own.
pub(super) fn network_labels(group: &Built, paths: &Paths) -> BTreeMap<String, String> {
    let Some(network) = &group.bridge else {
        return BTreeMap::new();
    };
    let mut labels = compose::network_labels(&project(&paths.compose_file()), network);
    labels.insert(GROUP_LABEL.to_owned(), group.name.clone());
    labels
}

fn spec_hash(spec: &ContainerSpec) -> String {
    recipe_hash(&compose::service(spec))
}

/// The `uid:gid` that the container runs as.
pub(super) fn runs_as(facts: &GatewayFacts) -> String {
    format!("{}:{}", facts.user.uid, facts.user.gid)
}
