//! What a group's container sees of its host.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::{Answer, Choice, Form, Plan, Sight};
use super::{find_mut, owner, unknown_choice};
use crate::display;
use crate::inventory::{Gateway, Inventory};

const HOME: &str = "home";
const NARROW: &str = "narrow";
/// The most programs that are named.
const NAMED: usize = 6;

pub(super) fn ask(
    inventory: &Inventory,
    draft: &Plan,
    group: &str,
) -> (String, String, Form, Answer) {
    let lost = lost(&owner::gateways(inventory, draft, group));
    let key = match draft.find_group(group).map(|group| group.sight) {
        Some(Sight::Narrow) => NARROW,
        Some(Sight::Home) | None => HOME,
    };
    let choice = |key: &str, text: &str| Choice {
        key: key.to_owned(),
        text: text.to_owned(),
    };
    (
        format!("What {group} sees of its home directory"),
        format!(
            "By default the whole home directory at its own path, and nothing of other groups: their directories are covered. \
             Narrow is the state directory and the workspaces only; the rest of the home directory is empty then, in memory, and \
             gone with the container. What agents use from elsewhere in it is lost: ~/.gitconfig, ~/.ssh, caches, and scripts and programs of their own. {lost}"
        ),
        Form::One(vec![
            choice(HOME, "all of it, less what belongs to other groups"),
            choice(NARROW, "the state directory and the workspaces only"),
        ]),
        Answer::Text(key.to_owned()),
    )
}

/// Names the programs that the narrow sight would lose.
fn lost(gateways: &[&Gateway]) -> String {
    let lost: BTreeSet<String> = gateways.iter().flat_map(|it| programs(it)).collect();
    if lost.is_empty() {
        return "No program that the scan found in use lies there.".to_owned();
    }
    let mut named: Vec<_> = lost.iter().take(NAMED).cloned().collect();
    if lost.len() > NAMED {
        named.push(format!("{} more", lost.len() - NAMED));
    }
    format!("Of what the scan found in use: {}.", named.join(", "))
}

/// The programs in use that lie in the home directory and outside of what the narrow sight has.
fn programs(gateway: &Gateway) -> impl Iterator<Item = String> {
    let kept = |path: &Path| {
        let workspaces = gateway.agents.iter().map(|it| it.workspace.as_path());
        let runtime = gateway.release.iter();
        let runtime = runtime.flat_map(|it| [it.node.as_path(), it.tree()]);
        let mut roots = workspaces
            .chain(runtime)
            .chain([gateway.state_directory.as_path()]);
        roots.any(|root| path.starts_with(root))
    };
    let paths = gateway.needs.iter().filter_map(|need| need.path.as_deref());
    let lost = paths.filter(move |path| path.starts_with(&gateway.user.home) && !kept(path));
    lost.map(display::path)
}

pub(super) fn apply(draft: &mut Plan, group: &str, key: &str) -> Result<(), String> {
    find_mut(draft, group)?.sight = match key {
        HOME => Sight::Home,
        NARROW => Sight::Narrow,
        _ => return Err(unknown_choice(key)),
    };
    Ok(())
}
