//! In which order the groups are moved, and why each has its place.

use std::collections::BTreeSet;

use super::{Group, Plan, concerns};
use crate::display;
use crate::inventory::catalogued;

/// A group's place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The group's name.
    pub group: String,
    /// Why it has this place.
    pub reason: String,
    /// The groups that it should be moved together with, each with what connects the two.
    pub together: Vec<(String, String)>,
}

/// The group that is moved last begins so.
const CORE: &str = "oc-core";

/// Sorts proposed groups: a canary first, the smallest group; core last, because the others lean on it.
pub(super) fn key(group: &Group) -> (bool, usize, String) {
    let is_core = group.name.starts_with(CORE);
    (is_core, group.members.len(), group.name.clone())
}

/// Returns the groups in the plan's order, each with its reason.
#[must_use]
pub fn turns(plan: &Plan) -> Vec<Turn> {
    let groups = plan.groups.iter().enumerate();
    let connections = connections(plan);
    groups
        .map(|(index, group)| {
            let together = connections.iter().filter_map(|(one, other, what)| {
                let other = match () {
                    () if *one == group.name => other,
                    () if *other == group.name => one,
                    () => return None,
                };
                Some((other.clone(), what.clone()))
            });
            Turn {
                group: group.name.clone(),
                reason: reason(plan, index, group),
                together: together.collect(),
            }
        })
        .collect()
}

fn reason(plan: &Plan, index: usize, group: &Group) -> String {
    let agents = display::count(group.members.len() as u64, "agent", "agents");
    let smallest = plan.groups.iter().map(|it| it.members.len()).min();
    let is_last = index + 1 == plan.groups.len();
    match () {
        () if plan.groups.len() == 1 => format!("the only one, {agents}"),
        () if index == 0 && smallest == Some(group.members.len()) => {
            format!("canary: no group has fewer agents, {agents}")
        }
        () if index == 0 => format!("canary, {agents}"),
        () if is_last && group.name.starts_with(CORE) => {
            format!("last: core is what the others lean on, {agents}")
        }
        () => agents,
    }
}

/// The pairs of groups that lose something until both are moved: edges between their agents, and companions that move.
fn connections(plan: &Plan) -> BTreeSet<(String, String, String)> {
    let edges = concerns(plan).into_iter();
    let edges = edges.filter(|it| it.finding.id == catalogued::CUT_EDGE.id);
    let edges = edges.filter_map(|it| {
        let mut groups = it.groups.into_iter();
        Some((
            groups.next()?,
            groups.next()?,
            display::text(&it.finding.about),
        ))
    });
    let mut all: BTreeSet<_> = edges.collect();
    for home in &plan.groups {
        for companion in &home.companions {
            let users = plan.groups.iter().filter(|it| it.name != home.name);
            let users = users.filter(|it| uses(plan, it, companion));
            all.extend(
                users.map(|it| (home.name.clone(), it.name.clone(), display::text(companion))),
            );
        }
    }
    all
}

fn uses(plan: &Plan, group: &Group, companion: &str) -> bool {
    let own = group.gateways();
    let mut services = plan.facts.services.iter();
    services.any(|it| it.name == companion && own.contains(&it.gateway))
}
