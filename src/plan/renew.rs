//! An older plan and the host as it is now: what was decided stays, what is new is placed as the proposal would.

use std::collections::{BTreeMap, BTreeSet};

use super::topic::{self, Topic};
use super::{Answer, Difference, Grouping, Plan};
use crate::inventory::{GatewayName, Inventory};

/// What becomes of an older plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The proposal with the older plan's groups, and with what a person accepted without being asked.
    pub draft: Plan,
    /// What the older plan decided, as answers to the questions of the new one.
    pub answers: BTreeMap<String, Answer>,
    /// Agents that are gone, with the groups that they were in.
    pub gone: Vec<(String, String)>,
    /// Agents that are new, with the groups that they are proposed for.
    pub new: Vec<(String, String)>,
    /// The facts that differ from those that the older plan was made for.
    pub differences: Vec<Difference>,
}

/// Carries the decisions of an older plan over to the host that the proposal was made for.
#[must_use]
pub fn renew(inventory: &Inventory, old: &Plan, proposal: &Plan) -> Renewal {
    let mut grouping = super::grouping::of(old);
    let proposed = super::grouping::of(proposal);
    let there: BTreeSet<&String> = proposed.values().flatten().collect();
    let mut gone = Vec::new();
    for (group, agents) in &mut grouping {
        let lost = agents.extract_if(.., |agent| !there.contains(agent));
        gone.extend(lost.map(|agent| (agent, group.clone())));
    }
    let new = place_new(&mut grouping, &proposed);
    let decided = topic::all(old).into_iter();
    let decided = decided.filter(|topic| *topic != Topic::Groups);
    let mut answers: BTreeMap<String, Answer> = decided
        .map(|topic| topic.question(inventory, old))
        .map(|question| (question.id, question.default))
        .collect();
    let grouping = Answer::Groups(grouping);
    let mut draft = proposal.clone();
    // A grouping that does not do any more is asked for.
    let _ = Topic::Groups.apply(inventory, &mut draft, &grouping);
    accept(old, &mut draft);
    answers.insert(Topic::Groups.id(), grouping);
    Renewal {
        draft,
        answers,
        gone,
        new,
        differences: old
            .facts
            .differences(&proposal.facts, &still_there(old, proposal)),
    }
}

/// Takes over what was accepted by hand or by `--accept`; about what a plan itself says the conversation asks.
fn accept(old: &Plan, draft: &mut Plan) {
    let unasked = old.accepted.iter();
    let unasked = unasked.filter(|entry| !super::concerns::is_asked(entry));
    for entry in unasked {
        if !draft.accepted.contains(entry) {
            draft.accepted.push(entry.clone());
        }
    }
    for group in &mut draft.groups {
        if let Some(old) = old.find_group(&group.name) {
            group.accepted.clone_from(&old.accepted);
        }
    }
}

/// Puts agents that are in no group where the agents are that the proposal puts them together with.
fn place_new(grouping: &mut Grouping, proposed: &Grouping) -> Vec<(String, String)> {
    let homes: BTreeMap<String, String> = grouping
        .iter()
        .flat_map(|(group, agents)| agents.iter().map(|agent| (agent.clone(), group.clone())))
        .collect();
    let mut placed = Vec::new();
    for (name, agents) in proposed {
        let new = agents.iter().filter(|agent| !homes.contains_key(*agent));
        let new: Vec<String> = new.cloned().collect();
        if new.is_empty() {
            continue;
        }
        let home = most_frequent(agents.iter().filter_map(|agent| homes.get(agent)))
            .unwrap_or_else(|| unused(grouping, name));
        placed.extend(new.iter().map(|agent| (agent.clone(), home.clone())));
        super::grouping::move_agents(grouping, &new, &home);
    }
    placed
}

fn most_frequent<'a>(names: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(name, _)| name.clone())
}

fn unused(grouping: &Grouping, name: &str) -> String {
    let numbered = (2..=u32::MAX).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|candidate| !grouping.contains_key(candidate))
        .unwrap_or_default()
}

/// The gateways of then that are still there; of the others their agents tell.
fn still_there(old: &Plan, new: &Plan) -> Vec<GatewayName> {
    let names = old
        .facts
        .gateways
        .iter()
        .map(|gateway| gateway.name.clone());
    names
        .filter(|name| new.facts.find_gateway(name).is_some())
        .collect()
}
