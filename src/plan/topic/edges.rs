//! Which edges between agents a person cuts knowingly, each by its name.

use std::collections::BTreeMap;

use super::super::{Answer, Choice, Form, Plan, concerns};
use crate::display;
use crate::inventory::catalogued;

/// The finding that is accepted here.
pub(super) const ID: &str = catalogued::CUT_EDGE.id;

/// Returns the edges that the grouping cuts, by name, with what stops working.
pub(super) fn cut(draft: &Plan) -> BTreeMap<String, String> {
    let mut edges: BTreeMap<String, String> = BTreeMap::new();
    for concern in concerns(draft) {
        let finding = concern.finding;
        if finding.id == ID {
            let told = edges.entry(finding.about).or_default();
            if !told.is_empty() {
                told.push_str("; ");
            }
            told.push_str(&finding.summary);
        }
    }
    edges
}

pub(super) fn ask(draft: &Plan) -> (String, String, Form, Answer) {
    let edges = cut(draft);
    let told = edges
        .iter()
        .map(|(edge, told)| format!("{edge}: {}.", display::text(told)));
    let told: Vec<_> = told.collect();
    let accepted = edges
        .keys()
        .filter(|edge| draft.accepted.contains(&entry(edge)));
    let accepted: Vec<_> = accepted.cloned().collect();
    let choice = |edge: &String| Choice {
        key: edge.clone(),
        text: edge.clone(),
    };
    (
        "Cut which edges".to_owned(),
        format!(
            "The grouping parts agents that are connected. Mark those that can do without each other; with an edge that is \
             not marked the plan is written all the same, and execute refuses its groups. To keep an edge, go back to the \
             groups and put both agents together. {}",
            told.join(" ")
        ),
        Form::Several(edges.keys().map(choice).collect()),
        Answer::Several(accepted),
    )
}

pub(super) fn apply(draft: &mut Plan, accepted: &[String]) -> Result<(), String> {
    let edges = cut(draft);
    if let Some(unknown) = accepted.iter().find(|edge| !edges.contains_key(*edge)) {
        let unknown = display::text(unknown);
        return Err(format!("the grouping cuts no edge `{unknown}`"));
    }
    for edge in edges.keys() {
        let entry = entry(edge);
        if !accepted.contains(edge) {
            draft.accepted.retain(|it| *it != entry);
        } else if !draft.accepted.contains(&entry) {
            draft.accepted.push(entry);
        }
    }
    Ok(())
}

fn entry(edge: &str) -> String {
    format!("{ID}:{edge}")
}
