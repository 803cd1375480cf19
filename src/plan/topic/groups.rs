//! Which agents live together.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    Answer, BaseImage, Form, Group, Grouping, Image, ImageRecipe, Member, Network, Plan, Wishes,
    check, grouping, propose,
};
use crate::display;
use crate::inventory::{AgentName, Gateway, Inventory};

pub(super) fn ask(draft: &Plan) -> (String, String, Form, Answer) {
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

/// Groups the agents anew; a group whose agents stay together keeps everything that was decided about it.
pub(super) fn apply(
    inventory: &Inventory,
    draft: &mut Plan,
    grouping: &Grouping,
) -> Result<(), String> {
    let mut members = members(inventory, draft, grouping)?;
    let mut groups = Vec::new();
    for (name, _) in grouping.iter().filter(|(_, agents)| !agents.is_empty()) {
        check::check_name(name)?;
        let members = members.remove(name).unwrap_or_default();
        groups.push(decided(inventory, draft, name, members));
    }
    // A group keeps its turn; those that are new come last.
    groups.sort_by_key(|group: &Group| {
        let turn = draft.groups.iter().position(|it| it.name == group.name);
        turn.unwrap_or(usize::MAX)
    });
    draft.groups = groups;
    Ok(())
}

/// Returns the members of every group, and refuses what is no grouping of the host's agents.
fn members(
    inventory: &Inventory,
    draft: &Plan,
    grouping: &Grouping,
) -> Result<BTreeMap<String, Vec<Member>>, String> {
    let mut homes: BTreeMap<&str, &String> = BTreeMap::new();
    for (group, agents) in grouping {
        for agent in agents {
            if let Some(other) = homes.insert(agent, group) {
                let agent = display::text(agent);
                return Err(format!("`{agent}` is in `{other}` and in `{group}`"));
            }
        }
    }
    let before = homes_of(draft);
    let mut members: BTreeMap<String, Vec<Member>> = BTreeMap::new();
    for agent in inventory.gateways.iter().flat_map(Gateway::agent_names) {
        let name = agent.to_string();
        let Some(group) = homes.remove(name.as_str()) else {
            return Err(format!("`{}` is in no group", display::text(&name)));
        };
        let stays = before
            .get(&agent)
            .filter(|(home, _)| *home == group.as_str());
        let member = stays.map_or_else(|| moved(agent), |(_, member)| (*member).clone());
        members.entry(group.clone()).or_default().push(member);
    }
    match homes.keys().next() {
        None => Ok(members),
        Some(agent) => Err(format!(
            "there is no agent `{}` on this host",
            display::text(agent)
        )),
    }
}

/// The group of every agent as it was, and the member with its reason, which stays with an agent that stays.
fn homes_of(draft: &Plan) -> BTreeMap<AgentName, (&str, &Member)> {
    let groups = draft.groups.iter();
    groups
        .flat_map(|group| {
            let members = group.members.iter();
            members.map(|member| (member.name(), (group.name.as_str(), member)))
        })
        .collect()
}

fn moved(agent: AgentName) -> Member {
    Member {
        gateway: agent.gateway,
        agent: agent.agent,
        reason: "a person put it here".to_owned(),
    }
}

/// Takes over what the draft decided about these agents, under whatever name, or proposes it.
fn decided(inventory: &Inventory, draft: &Plan, name: &str, members: Vec<Member>) -> Group {
    let names = |members: &[Member]| members.iter().map(Member::name).collect::<BTreeSet<_>>();
    let own = names(&members);
    let same = draft
        .groups
        .iter()
        .find(|group| names(&group.members) == own);
    match same {
        Some(group) if group.name == name => group.clone(),
        Some(group) => Group {
            name: name.to_owned(),
            network: match &group.network {
                Network::Bridge { .. } => Network::Bridge {
                    name: propose::network(name),
                },
                Network::Host => Network::Host,
            },
            ..group.clone()
        },
        None => propose::group(name.to_owned(), members, inventory, &wishes(draft)),
    }
}

/// What the draft was proposed with.
fn wishes(draft: &Plan) -> Wishes {
    let base = draft.groups.iter().find_map(|group| match &group.image {
        Image::FromHost(ImageRecipe {
            base: BaseImage::Given { reference },
            ..
        }) => Some(reference.clone()),
        Image::FromHost(_) | Image::Given { .. } => None,
    });
    Wishes {
        base,
        headroom_percent: Some(draft.headroom_percent),
        ..Wishes::default()
    }
}
