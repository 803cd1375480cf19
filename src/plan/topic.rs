//! What there is to decide, in the order in which it is asked.

mod budget;
mod groups;
mod order;

use super::{Answer, Plan, Question};
use crate::inventory::Inventory;

/// Something to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// Which agents live together.
    Groups,
    /// What a group may use.
    Budget(String),
    /// Which group goes first.
    Order,
}

/// Lists what there is to decide about a draft.
///
/// An answer changes nothing in this list before its own place, so the number of answers tells which topic is next.
pub(super) fn topics(draft: &Plan) -> Vec<Topic> {
    let mut names: Vec<_> = draft
        .groups
        .iter()
        .map(|group| group.name.clone())
        .collect();
    names.sort();
    let mut topics = vec![Topic::Groups];
    topics.extend(names.into_iter().map(Topic::Budget));
    if draft.groups.len() > 1 {
        topics.push(Topic::Order);
    }
    topics
}

/// Returns whether some plan has a question of this id.
pub(super) fn is_question(id: &str) -> bool {
    let is_group = |rest: &str| matches!(rest.rsplit_once('.'), Some((_, "budget")));
    matches!(id, "groups" | "order") || id.strip_prefix("group.").is_some_and(is_group)
}

impl Topic {
    /// Returns the stable id of its question.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Groups => "groups".to_owned(),
            Self::Budget(group) => format!("group.{group}.budget"),
            Self::Order => "order".to_owned(),
        }
    }

    /// Puts it into words, with the draft's own decision as the proposed answer.
    pub(super) fn question(&self, inventory: &Inventory, draft: &Plan) -> Question {
        let (text, explanation, form, default) = match self {
            Self::Groups => groups::ask(inventory, draft),
            Self::Budget(group) => budget::ask(inventory, draft, group),
            Self::Order => order::ask(draft),
        };
        Question {
            id: self.id(),
            text,
            explanation,
            form,
            default,
        }
    }

    /// Changes the draft as answered, or leaves it as it is and says why.
    pub(super) fn apply(
        &self,
        inventory: &Inventory,
        draft: &mut Plan,
        answer: &Answer,
    ) -> Result<(), String> {
        match (self, answer) {
            (Self::Groups, Answer::Groups(grouping)) => groups::apply(inventory, draft, grouping),
            (Self::Budget(group), Answer::Text(text)) => budget::apply(draft, group, text),
            (Self::Order, Answer::Text(text)) => order::apply(draft, text),
            (Self::Groups, _) => Err("it takes the agents of every group".to_owned()),
            (Self::Budget(_) | Self::Order, _) => Err("it takes a text".to_owned()),
        }
    }
}
