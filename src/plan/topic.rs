//! What there is to decide, in the order in which it is asked.

mod accept;
mod budget;
mod groups;
mod order;
mod reserve;

use super::{Answer, Plan, Question};
use crate::inventory::Inventory;

/// Something to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// Which agents live together.
    Groups,
    /// What memory is left to the host.
    Reserve,
    /// What a group may use.
    Budget(String),
    /// Which group goes first.
    Order,
    /// Whether an inhibitor of the plan is accepted, by its entry in `accepted`.
    Accept(String),
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
    let mut topics = vec![Topic::Groups, Topic::Reserve];
    topics.extend(names.into_iter().map(Topic::Budget));
    if draft.groups.len() > 1 {
        topics.push(Topic::Order);
    }
    topics.extend(accept::entries(draft).into_iter().map(Topic::Accept));
    topics
}

/// Returns whether some plan has a question of this id.
pub(super) fn is_question(id: &str) -> bool {
    let is_group = |rest: &str| matches!(rest.rsplit_once('.'), Some((_, "budget")));
    matches!(id, "groups" | "reserve" | "order")
        || id.starts_with("accept.")
        || id.strip_prefix("group.").is_some_and(is_group)
}

impl Topic {
    /// Returns the stable id of its question.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Groups => "groups".to_owned(),
            Self::Budget(group) => format!("group.{group}.budget"),
            Self::Reserve => "reserve".to_owned(),
            Self::Order => "order".to_owned(),
            Self::Accept(entry) => format!("accept.{entry}"),
        }
    }

    /// Puts it into words, with the draft's own decision as the proposed answer.
    pub(super) fn question(&self, draft: &Plan) -> Question {
        let (text, explanation, form, default) = match self {
            Self::Groups => groups::ask(draft),
            Self::Reserve => reserve::ask(draft),
            Self::Budget(group) => budget::ask(draft, group),
            Self::Order => order::ask(draft),
            Self::Accept(entry) => accept::ask(draft, entry),
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
            (Self::Reserve, Answer::Text(text)) => reserve::apply(draft, text),
            (Self::Order, Answer::Text(text)) => order::apply(draft, text),
            (Self::Accept(entry), Answer::Flag(flag)) => {
                accept::apply(draft, entry, *flag);
                Ok(())
            }
            (Self::Accept(_), _) => Err("it takes true or false".to_owned()),
            (Self::Groups, _) => Err("it takes the agents of every group".to_owned()),
            (Self::Budget(_) | Self::Reserve | Self::Order, _) => Err("it takes a text".to_owned()),
        }
    }
}
