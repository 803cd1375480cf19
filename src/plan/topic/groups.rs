//! Which agents live together.

use super::super::{Answer, Form, Grouping, Plan, check, grouping};
use crate::inventory::{GatewayName, Inventory};

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

/// Groups the agents anew; a group whose agents stay keeps everything that was decided about it.
pub(super) fn apply(
    inventory: &Inventory,
    draft: &mut Plan,
    grouping: &Grouping,
) -> Result<(), String> {
    let singles = super::super::propose(inventory, None);
    let mut groups = Vec::new();
    for (name, agents) in grouping.iter().filter(|(_, agents)| !agents.is_empty()) {
        check::check_name(name)?;
        let gateways: Vec<GatewayName> = inventory
            .gateways
            .iter()
            .filter(|g| {
                agents
                    .iter()
                    .any(|a| a.starts_with(&format!("{}:", g.name)))
            })
            .map(|g| g.name.clone())
            .collect();
        let mut parts = singles
            .groups
            .iter()
            .filter(|s| s.gateways.iter().any(|g| gateways.contains(g)));
        let Some(first) = parts.next() else {
            return Err(format!("`{name}` has no agent that there is"));
        };
        let mut group = first.clone();
        for part in parts {
            group.budget.memory.0 += part.budget.memory.0;
        }
        group.name = name.clone();
        group.gateways = gateways;
        groups.push(group);
    }
    draft.groups = groups;
    Ok(())
}
