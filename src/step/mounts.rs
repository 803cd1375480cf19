//! What a group's container sees of its host: pure.

use std::path::{Path, PathBuf};

use super::Paths;
use super::create_container::GROUP_FILES;
use crate::docker::Mount;
use crate::inventory::Release;
use crate::plan::{GatewayFacts, Plan, Sight};

/// HOME and the workspaces outside it at their own paths, other gateways' directories covered by empty ones. In the narrow
/// sight HOME is an empty directory of the user's own, in memory, and only the state directory, that of the configuration
/// and the workspaces stand in it, with what of the runtime, of certificates and of files of secrets lies there.
pub(super) fn mounts(
    plan: &Plan,
    group: &str,
    sight: Sight,
    facts: &GatewayFacts,
    paths: &Paths,
) -> Vec<Mount> {
    let home = &facts.user.home;
    let shared = outermost(
        roots(facts)
            .into_iter()
            .chain(facts.config.parent().map(Path::to_owned))
            .chain((sight == Sight::Home).then(|| home.clone()))
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
    if is_outside(&home) {
        mounts.push(Mount::Empty {
            target: home.clone(),
            mode: 0o700,
        });
    }
    let runtime = facts
        .release
        .as_ref()
        .map(|it| runtime_in_home(it, home))
        .unwrap_or_default();
    mounts.extend(
        runtime
            .iter()
            .filter(is_outside)
            .map(|path| bind(path, path, true)),
    );
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

/// What of node and OpenClaw lies below HOME, which covers that of the image.
pub(super) fn runtime_in_home(release: &Release, home: &Path) -> Vec<PathBuf> {
    let runtime = vec![release.node.clone(), release.tree().to_owned()];
    let mut below = outermost(runtime);
    below.retain(|path| path.starts_with(home));
    below
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies below HOME of a runtime with its node and its OpenClaw there.
    fn in_home(node: &str, package: &str) -> Vec<PathBuf> {
        let release = Release {
            version: "2026.9.6".to_owned(),
            package: package.into(),
            node: node.into(),
            modules: None,
        };
        runtime_in_home(&release, Path::new("/home/joe"))
    }

    #[test]
    fn of_a_runtime_only_what_lies_below_home_is_covered_by_it() {
        let nvm = "/home/joe/.nvm/versions/node/v22";
        let (node, package) = (
            format!("{nvm}/bin/node"),
            format!("{nvm}/lib/node_modules/openclaw"),
        );
        let both = [PathBuf::from(&node), PathBuf::from(&package)];
        assert_eq!(in_home(&node, &package), both);
        assert_eq!(
            in_home("/usr/bin/node", &package),
            [PathBuf::from(&package)]
        );
        assert!(in_home("/usr/bin/node", "/home/joeline/openclaw").is_empty());
    }
}
