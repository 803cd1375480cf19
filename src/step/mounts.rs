//! What a group's container sees of its host: pure.

use std::path::{Path, PathBuf};

use super::Paths;
use super::create_container::GROUP_FILES;
use crate::docker::Mount;
use crate::plan::{GatewayFacts, Plan};

/// HOME and the workspaces outside it at their own paths, other gateways' directories covered by empty ones.
pub(super) fn mounts(plan: &Plan, group: &str, facts: &GatewayFacts, paths: &Paths) -> Vec<Mount> {
    let shared = outermost(
        std::iter::once(facts.user.home.clone())
            .chain(roots(facts))
            .chain(facts.config.parent().map(Path::to_owned))
            .collect(),
    );
    let covered = outermost(
        plan.facts
            .gateways
            .iter()
            .filter(|other| other.name != facts.name)
            .flat_map(roots)
            .filter(|root| shared.iter().any(|home| root.starts_with(home)))
            .filter(|root| roots(facts).iter().all(|own| !own.starts_with(root)))
            .collect(),
    );
    let is_outside = |path: &&PathBuf| !shared.iter().any(|home| path.starts_with(home));
    let mut mounts: Vec<_> = shared.iter().map(|path| bind(path, path, false)).collect();
    mounts.extend(covered.into_iter().map(|target| Mount::Empty {
        target,
        mode: 0o555,
    }));
    mounts.push(bind(&paths.group_etc(group), Path::new(GROUP_FILES), true));
    // The host's clock, and its names of users and groups: git, ssh and many scripts want to know who they are.
    let shown = ["/etc/localtime", "/etc/passwd", "/etc/group"].map(Path::new);
    mounts.extend(shown.map(|path| bind(path, path, true)));
    let looked_up = facts.host_files.iter();
    mounts.extend(
        looked_up
            .filter(is_outside)
            .map(|path| bind(path, path, true)),
    );
    mounts
}

fn bind(source: &Path, target: &Path, read_only: bool) -> Mount {
    Mount::Bind {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only,
    }
}

/// The state directory and the workspaces, each only once.
pub(super) fn roots(facts: &GatewayFacts) -> Vec<PathBuf> {
    let mut all = vec![facts.state_directory.clone()];
    all.extend(facts.agents.iter().map(|agent| agent.workspace.clone()));
    outermost(all)
}

/// Leaves out what lies below another entry; sorted.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| {
        !all.iter()
            .any(|other| path != other && path.starts_with(other))
    });
    paths
}
