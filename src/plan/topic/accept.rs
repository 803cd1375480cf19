//! Whether a person accepts what would otherwise keep execute from carrying the plan out.

use super::super::concerns::{entry, may_pass};
use super::super::{Answer, Form, Plan, concerns};
use super::edges;
use crate::display;
use crate::inventory::{Finding, catalogued};

/// Lists what may be accepted about a plan beside cut edges, accepted or not.
pub(super) fn entries(draft: &Plan) -> Vec<String> {
    let concerns = concerns(draft);
    let mut entries: Vec<String> = Vec::new();
    for entry in concerns
        .iter()
        .filter(|concern| concern.finding.id != edges::ID)
        .filter_map(|concern| entry(&concern.finding))
    {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

pub(super) fn ask(draft: &Plan, accepted: &str) -> (String, String, Form, Answer) {
    let finding = find(draft, accepted);
    let (id, summary, remedy) = finding.map_or_else(
        || (String::new(), String::new(), String::new()),
        |finding| (finding.id, finding.summary, finding.remedy),
    );
    let story = catalogued::ALL.iter().find(|kind| kind.id == id);
    let story = story.map_or("", |kind| kind.explanation);
    let summary = display::text(&summary);
    (
        format!("Accept {}", display::text(accepted)),
        format!(
            "{summary}. {story} To mend it: {remedy}. Not accepted, the plan is written all the same, and execute refuses it."
        ),
        Form::Flag,
        Answer::Flag(is_accepted(draft, accepted)),
    )
}

pub(super) fn apply(draft: &mut Plan, accepted: &str, is_accepted_now: bool) {
    if is_accepted_now == is_accepted(draft, accepted) {
        return;
    }
    if is_accepted_now {
        draft.accepted.push(accepted.to_owned());
        return;
    }
    let id = accepted.split(':').next().unwrap_or_default();
    draft
        .accepted
        .retain(|entry| entry != accepted && entry != id);
}

fn is_accepted(draft: &Plan, accepted: &str) -> bool {
    find(draft, accepted).is_some_and(|finding| may_pass(&finding, &draft.accepted))
}

fn find(draft: &Plan, accepted: &str) -> Option<Finding> {
    let findings = concerns(draft).into_iter().map(|concern| concern.finding);
    findings
        .into_iter()
        .find(|finding| entry(finding).as_deref() == Some(accepted))
}
