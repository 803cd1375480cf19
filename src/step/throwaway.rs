//! Containers that run one program before the silence and are gone: the final image, user and limits, no network.

use std::path::Path;

use serde::Serialize;

use super::create_container::launched;
use super::{Context, Result};
use crate::docker::{ContainerSpec, Mount};

/// Returns the container to be with another program and other mounts, without network and ports. It carries the group's
/// own labels, by which a leftover is known.
pub(super) fn throwaway(
    container: &ContainerSpec,
    purpose: &str,
    argv: Vec<String>,
    mounts: Vec<Mount>,
) -> ContainerSpec {
    ContainerSpec {
        name: format!("{}-{purpose}", container.name),
        argv,
        mounts,
        ports: Vec::new(),
        network: None,
        labels: container
            .labels
            .iter()
            .filter(|(name, _)| name.starts_with("ocmigrate."))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        ..container.clone()
    }
}

/// Removes such a container that a crash left; one with other labels of ours, or none, is not it.
pub(super) fn remove_leftover(context: &Context, wanted: &ContainerSpec) -> Result<()> {
    let found = context.docker.find_container(&wanted.name)?;
    let is_ours = found.is_some_and(|found| {
        wanted
            .labels
            .iter()
            .all(|(name, value)| found.labels.get(name) == Some(value))
    });
    if is_ours {
        context.docker.stop(&wanted.name)?;
        context.docker.remove_container(&wanted.name)?;
    }
    Ok(())
}

/// Returns the argv that runs a module of this tool under the gateway's node, in the gateway's environment, with one
/// argument of JSON.
pub(super) fn module_argv(node: &str, module: &str, argument: &impl Serialize) -> Vec<String> {
    let argument = serde_json::to_string(argument).unwrap_or_default();
    launched(&[
        node.to_owned(),
        "--no-warnings".to_owned(),
        "--input-type=module".to_owned(),
        "-e".to_owned(),
        module.to_owned(),
        argument,
    ])
}

/// Returns an empty directory in memory in the place of one of the host.
pub(super) fn empty(target: &Path) -> Mount {
    Mount::Empty {
        target: target.to_owned(),
        mode: 0o1777,
    }
}

/// Returns a bind that the container may only read.
pub(super) fn shown(source: &Path, target: &Path) -> Mount {
    Mount::Bind {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: true,
    }
}

/// Returns the mounts, all of them to be read only.
pub(super) fn shown_all(mounts: &[Mount]) -> Vec<Mount> {
    let shown = mounts.iter().map(|mount| match mount {
        Mount::Bind { source, target, .. } => shown(source, target),
        empty @ Mount::Empty { .. } => empty.clone(),
    });
    shown.collect()
}
