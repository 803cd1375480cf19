//! The groups of a plan as a table, with what they may use and what they lose, against what the host has.

use super::columns;
use crate::display;
use crate::inventory::{Edge, Inventory};
use crate::plan::{Group, Plan};
use crate::units::Bytes;

/// The most agents of a group that the table names.
const NAMED: usize = 2;

/// Renders the groups of a plan for a terminal of 80 columns.
#[must_use]
pub fn overview(inventory: &Inventory, plan: &Plan) -> String {
    let header = ["group", "agents", "peak", "memory", "cpus", "edges cut"];
    let rows = plan.groups.iter().map(|group| row(inventory, plan, group));
    let mut text = columns(&header, rows.collect(), "  ");
    let sum = Bytes(plan.groups.iter().map(|group| group.budget.memory.0).sum());
    text += &format!("  sum {sum} of {}\n", plan.facts.host.memory);
    text
}

fn row(inventory: &Inventory, plan: &Plan, group: &Group) -> Vec<String> {
    let members = plan.members(group);
    let is_cut = |edge: &&Edge| members.contains(&edge.from) != members.contains(&edge.to);
    let mut names: Vec<_> = members
        .iter()
        .take(NAMED)
        .map(|member| display::text(&member.agent))
        .collect();
    if members.len() > NAMED {
        names.push(format!("+{}", members.len() - NAMED));
    }
    let peaks = inventory
        .gateways
        .iter()
        .filter(|gateway| group.gateways.contains(&gateway.name))
        .filter_map(|gateway| gateway.memory);
    let peak = Bytes(peaks.map(|memory| memory.peak.0).sum());
    vec![
        group.name.clone(),
        names.join(" "),
        if peak.0 == 0 {
            "-".to_owned()
        } else {
            peak.to_string()
        },
        group.budget.memory.to_string(),
        (f64::from(group.budget.cpu_milli) / 1000.0).to_string(),
        inventory.edges.iter().filter(is_cut).count().to_string(),
    ]
}
