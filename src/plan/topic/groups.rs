//! Which agents live together.

use std::collections::BTreeMap;

use super::super::{Answer, Form, Group, Grouping, Plan, check, grouping, propose};
use crate::display;
use crate::inventory::{Gateway, GatewayName, Inventory};

pub(super) fn ask(_inventory: &Inventory, draft: &Plan) -> (String, String, Form, Answer) {
    (
        "Groups".to_owned(),
        "Every group becomes one container. Its agents share memory, restarts and what they see of the host. Agents of \
         different groups cannot call each other and cannot share a workspace or a login: the proposal keeps together what is \
         connected. Every gateway process costs memory of its own, so fewer groups are cheaper."
            .to_owned(),
        Form::Groups,
        Answer::Groups(grouping::of(draft)),
    )
}

/// Groups the agents anew; a group whose gateways stay together keeps everything that was decided about it.
pub(super) fn apply(
    inventory: &Inventory,
    draft: &mut Plan,
    grouping: &Grouping,
) -> Result<(), String> {
    let homes = homes(inventory, grouping)?;
    let mut groups = Vec::new();
    for (name, _) in grouping.iter().filter(|(_, agents)| !agents.is_empty()) {
        check::check_name(name)?;
        let gateways: Vec<&Gateway> = inventory
            .gateways
            .iter()
            .filter(|gateway| homes.get(&gateway.name) == Some(&name))
            .collect();
        groups.push(decided(inventory, draft, name, &gateways));
    }
    // A group keeps its turn; those that are new come last.
    groups.sort_by_key(|group| {
        let turn = draft
            .groups
            .iter()
            .position(|other| other.name == group.name);
        turn.unwrap_or(usize::MAX)
    });
    draft.groups = groups;
    Ok(())
}

/// Returns the group of every gateway, and refuses what is no grouping of the host's agents.
fn homes<'a>(
    inventory: &Inventory,
    grouping: &'a Grouping,
) -> Result<BTreeMap<GatewayName, &'a String>, String> {
    let mut places: BTreeMap<&str, &String> = BTreeMap::new();
    for (group, agents) in grouping {
        for agent in agents {
            if let Some(other) = places.insert(agent, group) {
                let agent = display::text(agent);
                return Err(format!("`{agent}` is in `{other}` and in `{group}`"));
            }
        }
    }
    let mut homes: BTreeMap<GatewayName, &String> = BTreeMap::new();
    for agent in inventory.gateways.iter().flat_map(Gateway::agent_names) {
        let name = agent.to_string();
        let Some(group) = places.remove(name.as_str()) else {
            return Err(format!("`{}` is in no group", display::text(&name)));
        };
        let other = homes.insert(agent.gateway.clone(), group);
        if let Some(other) = other.filter(|other| *other != group) {
            return Err(format!(
                "{} has agents in `{other}` and in `{group}`, and one gateway cannot be split yet: keep them \
                 together, or give them gateways of their own",
                display::text(&agent.gateway.0)
            ));
        }
    }
    match places.keys().next() {
        None => Ok(homes),
        Some(agent) => Err(format!(
            "there is no agent `{}` on this host",
            display::text(agent)
        )),
    }
}

/// Takes over what the draft decided about these gateways, under whatever name, or proposes it.
fn decided(inventory: &Inventory, draft: &Plan, name: &str, gateways: &[&Gateway]) -> Group {
    let is_same = |group: &&Group| {
        group
            .gateways
            .iter()
            .eq(gateways.iter().map(|gateway| &gateway.name))
    };
    if let Some(group) = draft.groups.iter().find(is_same) {
        return Group {
            name: name.to_owned(),
            network: propose::network(name),
            ..group.clone()
        };
    }
    let base = draft.groups.first().map(|group| group.image.base.clone());
    let base = base.unwrap_or_else(|| propose::base(inventory, None));
    propose::group(name.to_owned(), gateways, &inventory.host, &base)
}
