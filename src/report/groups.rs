//! The groups of a plan as a table, with what they may use and what they lose, against what the host has.

use super::columns;
use crate::display;
use crate::inventory::{AgentName, Severity, catalogued};
use crate::plan::{self, Concern, Cost, Group, OwnerPolicy, Plan, Turn};
use crate::step;
use crate::units::Bytes;

/// The most agents of a group that the table names, and the most characters of each.
const NAMED: usize = 2;
const LETTERS: usize = 16;
/// The width of lines that go on on the next one.
const WIDTH: usize = 78;

/// Renders the groups of a plan for a terminal of 80 columns.
#[must_use]
pub fn overview(plan: &Plan) -> String {
    let header = ["group", "agents", "peak", "memory", "cpus", "edges cut"];
    let concerns = plan::concerns(plan);
    let rows = plan.groups.iter().map(|group| row(plan, &concerns, group));
    let mut text = fitted(&columns(&header, rows.collect(), "  "));
    let sum = Bytes(plan.groups.iter().map(|group| group.budget.memory.0).sum());
    let (reserve, memory) = (plan.reserve, plan.facts.host.memory);
    let left = Bytes(memory.0.saturating_sub(reserve.0));
    text += &format!("  sum {sum} of {left}: the host has {memory} and keeps {reserve}\n");
    text += &costs(plan);
    for Concern { finding, groups: _ } in &concerns {
        if finding.severity == Severity::Inhibitor && finding.id != catalogued::CUT_EDGE.id {
            text += &told("!", finding);
        }
    }
    for group in &plan.groups {
        text += &changed_owners(group);
    }
    text + &unbuilt(plan)
}

/// Renders what stands beside the groups once all is decided: their order with its reasons, and what a person should know.
#[must_use]
pub fn remarks(plan: &Plan) -> String {
    let turns = plan::turns(plan);
    let rows = turns.iter().enumerate().map(|(index, turn)| {
        let Turn { group, reason, .. } = turn;
        vec![format!("{}.", index + 1), group.clone(), reason.clone()]
    });
    let mut text = fitted(&columns(
        &["order", "group", "reason"],
        rows.collect(),
        "  ",
    ));
    for Turn {
        group, together, ..
    } in &turns
    {
        for (other, what) in together.iter().filter(|(other, _)| group < other) {
            text += &line(&format!("move {group} and {other} together: {what}"));
        }
    }
    if let Some(zone) = &plan.facts.surroundings.timezone {
        text += &format!(
            "  time zone {}, in the containers too\n",
            display::text(zone)
        );
    }
    for Concern { finding, groups: _ } in plan::concerns(plan) {
        if finding.severity != Severity::Inhibitor {
            text += &told("-", &finding);
        }
    }
    text
}

/// What one more gateway process costs, and what fewer of them would.
fn costs(plan: &Plan) -> String {
    let Cost {
        one_more,
        is_measured,
        gateways,
        now,
        one_a_group,
    } = plan::cost(plan);
    let measured = if is_measured { "measured" } else { "assumed" };
    let mut text = line(&format!(
        "one more gateway costs {one_more} ({measured}); {gateways} cost {now}, as natively"
    ));
    if gateways > plan.groups.len() {
        let groups = plan.groups.len();
        text += &line(&format!(
            "kept together in one gateway a group, {groups} would cost {one_a_group}"
        ));
    }
    text
}

fn changed_owners(group: &Group) -> String {
    let OwnerPolicy::OneIdentity { uid, gid, changes } = group.owner else {
        return String::new();
    };
    let changes = changes.map_or_else(
        || "files that were not counted".to_owned(),
        |changes| display::count(changes, "entry", "entries"),
    );
    let name = &group.name;
    format!("  {name}: chown to {uid}:{gid} changes {changes}, and rollback restores them\n")
}

/// What of the plan is planned only.
fn unbuilt(plan: &Plan) -> String {
    let groups = plan.groups.iter();
    let unbuilt = groups.filter_map(|group| {
        let what = step::unbuilt(plan, group);
        (!what.is_empty()).then(|| format!("{} ({})", group.name, what.join(", ")))
    });
    let unbuilt: Vec<_> = unbuilt.collect();
    if unbuilt.is_empty() {
        return String::new();
    }
    let several = plan.groups.iter().any(|group| group.gateways().len() > 1);
    let so_far = if several {
        "; so far it moves one whole gateway a group"
    } else {
        ""
    };
    line(&format!(
        "planned only, execute refuses it: {}{so_far}",
        unbuilt.join(", ")
    ))
}

fn told(mark: &str, finding: &crate::inventory::Finding) -> String {
    line(&format!(
        "{mark} {} {}: {}",
        finding.id,
        display::text(&finding.about),
        display::text(&finding.summary)
    ))
}

/// Breaks the lines of a table that are too long; only names as long as they may be make one.
fn fitted(table: &str) -> String {
    let lines = table.lines().map(|row| {
        if row.chars().count() <= WIDTH {
            format!("{row}\n")
        } else {
            line(row)
        }
    });
    lines.collect()
}

/// One entry, wrapped.
fn line(text: &str) -> String {
    display::wrap(text, WIDTH, "  ") + "\n"
}

fn row(plan: &Plan, concerns: &[Concern], group: &Group) -> Vec<String> {
    let agents = group.agents();
    let own = group.gateways();
    let is_cut =
        |it: &&Concern| it.finding.id == catalogued::CUT_EDGE.id && it.groups.contains(&group.name);
    let shown = |agent: &AgentName| display::short(&agent.agent, LETTERS);
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
