//! The groups of a plan as a table, with what they may use and what they lose, against what the host has.

use super::columns;
use crate::display;
use crate::inventory::{AgentName, Severity, catalogued};
use crate::plan::{self, Concern, Group, Plan};
use crate::units::Bytes;

/// The most agents of a group that the table names.
const NAMED: usize = 2;

/// Renders the groups of a plan for a terminal of 80 columns.
#[must_use]
pub fn overview(plan: &Plan) -> String {
    let header = ["group", "agents", "peak", "memory", "cpus", "edges cut"];
    let concerns = plan::concerns(plan);
    let rows = plan.groups.iter().map(|group| row(plan, &concerns, group));
    let mut text = columns(&header, rows.collect(), "  ");
    let sum = Bytes(plan.groups.iter().map(|group| group.budget.memory.0).sum());
    let (reserve, memory) = (plan.reserve, plan.facts.host.memory);
    let left = Bytes(memory.0.saturating_sub(reserve.0));
    text += &format!("  sum {sum} of {left}: the host has {memory} and keeps {reserve}\n");
    for Concern { finding, groups: _ } in &concerns {
        if finding.severity == Severity::Inhibitor && finding.id != catalogued::CUT_EDGE.id {
            text += &format!(
                "  ! {} {}: {}\n",
                finding.id,
                display::text(&finding.about),
                display::text(&finding.summary)
            );
        }
    }
    text
}

fn row(plan: &Plan, concerns: &[Concern], group: &Group) -> Vec<String> {
    let agents = group.agents();
    let own = group.gateways();
    let is_cut =
        |it: &&Concern| it.finding.id == catalogued::CUT_EDGE.id && it.groups.contains(&group.name);
    let shown = |agent: &AgentName| display::text(&agent.agent);
    let mut names: Vec<String> = agents.iter().take(NAMED).map(shown).collect();
    if agents.len() > NAMED {
        names.push(format!("+{}", agents.len() - NAMED));
    }
    let measured = plan.measured.iter().filter(|it| own.contains(&it.gateway));
    let peaks = measured.filter_map(|it| it.memory);
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
        concerns.iter().filter(is_cut).count().to_string(),
    ]
}
