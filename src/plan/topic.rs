//! What there is to decide, in the order in which it is asked.

mod accept;
mod budget;
mod companions;
mod details;
mod edges;
mod groups;
mod image;
mod loopback;
mod network;
mod order;
mod owner;
mod reserve;
mod sight;

use std::collections::BTreeSet;

use super::{Answer, Form, Group, Plan, Question};
use crate::display;
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
    /// Which groups are decided about in detail; the others stay as they are proposed.
    Details,
    /// A detail of a group.
    Detail(String, Detail),
    /// Which of the host's loopback services are given up; the others are relayed.
    Loopback,
    /// Which companions move along.
    Companions,
    /// Which group a companion moves into.
    Companion(String),
    /// Which group goes first.
    Order,
    /// Which edges between agents are cut knowingly.
    Edges,
    /// Whether another inhibitor of the plan is accepted, by its entry in `accepted`.
    Accept(String),
}

/// What most groups need not be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Whom its files belong to.
    Owner,
    /// The user and group that they belong to.
    Identity,
    /// What it sees of the host.
    Sight,
    /// How it is reached.
    Network,
    /// What it runs.
    Image,
    /// The image of a person's own.
    Reference,
    /// The packages in ocmigrate's own base.
    Packages,
}

impl Detail {
    const ALL: [Self; 7] = [
        Self::Owner,
        Self::Identity,
        Self::Sight,
        Self::Network,
        Self::Image,
        Self::Reference,
        Self::Packages,
    ];

    /// The last part of its question's id.
    const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Identity => "identity",
            Self::Sight => "sight",
            Self::Network => "network",
            Self::Image => "image",
            Self::Reference => "reference",
            Self::Packages => "packages",
        }
    }

    /// Returns whether a group is asked about it after what was decided before.
    fn comes_up(self, draft: &Plan, group: &str) -> bool {
        let Some(group) = draft.find_group(group) else {
            return false;
        };
        match self {
            Self::Owner | Self::Sight | Self::Network | Self::Image => true,
            Self::Identity => owner::is_one_identity(group),
            Self::Reference => image::is_of_a_person(group),
            Self::Packages => image::packages(group).is_some(),
        }
    }
}

/// Returns what is to be decided about a draft after these answers.
///
/// An answer changes nothing in this list before its own place, so the number of answers tells which topic is next. What
/// can be accepted is found out only once it is next, because that looks at every edge.
pub(super) fn next(draft: &Plan, given: &[(String, Answer)]) -> Option<Topic> {
    let fixed = decisions(draft, &detailed(given));
    match given.len().checked_sub(fixed.len()) {
        None => fixed.into_iter().nth(given.len()),
        Some(place) => acceptances(draft).into_iter().nth(place),
    }
}

/// Lists everything that a plan decides, all details of all groups too.
pub(super) fn all(plan: &Plan) -> Vec<Topic> {
    let every = plan.groups.iter().map(|group| group.name.clone()).collect();
    let mut topics = decisions(plan, &every);
    topics.extend(acceptances(plan));
    topics
}

/// The groups that details are asked about.
fn detailed(given: &[(String, Answer)]) -> BTreeSet<String> {
    let id = Topic::Details.id();
    match given.iter().find(|(given, _)| *given == id) {
        Some((_, Answer::Several(groups))) => groups.iter().cloned().collect(),
        Some(_) | None => BTreeSet::new(),
    }
}

fn decisions(draft: &Plan, detailed: &BTreeSet<String>) -> Vec<Topic> {
    let names: BTreeSet<_> = draft
        .groups
        .iter()
        .map(|group| group.name.clone())
        .collect();
    let mut topics = vec![Topic::Groups, Topic::Reserve];
    topics.extend(names.iter().cloned().map(Topic::Budget));
    topics.push(Topic::Details);
    for group in names.intersection(detailed) {
        let details = Detail::ALL.into_iter();
        let details = details.filter(|detail| detail.comes_up(draft, group));
        topics.extend(details.map(|detail| Topic::Detail(group.clone(), detail)));
    }
    if loopback::comes_up(draft) {
        topics.push(Topic::Loopback);
    }
    if companions::comes_up(draft) {
        topics.push(Topic::Companions);
        if names.len() > 1 {
            let moving = companions::moving(draft);
            topics.extend(moving.into_iter().map(Topic::Companion));
        }
    }
    if names.len() > 1 {
        topics.push(Topic::Order);
    }
    topics
}

fn acceptances(draft: &Plan) -> Vec<Topic> {
    let edges = edges::cut(draft);
    let edges = (!edges.is_empty()).then_some(Topic::Edges);
    let others = accept::entries(draft).into_iter().map(Topic::Accept);
    edges.into_iter().chain(others).collect()
}

/// Returns whether some plan has a question of this id.
pub(super) fn is_question(id: &str) -> bool {
    let is_of_group = |rest: &str| {
        let word = rest.rsplit_once('.').map(|(_, word)| word);
        word.is_some_and(|word| {
            word == "budget" || Detail::ALL.iter().any(|detail| detail.word() == word)
        })
    };
    [
        Topic::Groups,
        Topic::Reserve,
        Topic::Details,
        Topic::Loopback,
        Topic::Companions,
        Topic::Order,
    ]
    .iter()
    .any(|topic| topic.id() == id)
        || id.starts_with("accept.")
        || id.starts_with("companion.")
        || id.strip_prefix("group.").is_some_and(is_of_group)
}

impl Topic {
    /// Returns the stable id of its question.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Groups => "groups".to_owned(),
            Self::Reserve => super::question::RESERVE.to_owned(),
            Self::Budget(group) => format!("group.{group}.budget"),
            Self::Details => "details".to_owned(),
            Self::Detail(group, detail) => format!("group.{group}.{}", detail.word()),
            Self::Loopback => "loopback".to_owned(),
            Self::Companions => "companions".to_owned(),
            Self::Companion(name) => format!("companion.{name}"),
            Self::Order => "order".to_owned(),
            Self::Edges => format!("accept.{}", edges::ID),
            Self::Accept(entry) => format!("accept.{entry}"),
        }
    }

    /// Puts it into words, with the draft's own decision as the proposed answer.
    pub(super) fn question(&self, inventory: &Inventory, draft: &Plan) -> Question {
        let (text, explanation, form, default) = match self {
            Self::Groups => groups::ask(draft),
            Self::Reserve => reserve::ask(draft),
            Self::Budget(group) => budget::ask(draft, group),
            Self::Details => details::ask(inventory, draft),
            Self::Detail(group, detail) => ask_detail(*detail, inventory, draft, group),
            Self::Loopback => loopback::ask(draft),
            Self::Companions => companions::ask(draft),
            Self::Companion(name) => companions::ask_home(draft, name),
            Self::Order => order::ask(draft),
            Self::Edges => edges::ask(draft),
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

    /// Returns the answer as it is kept: what the draft says now, in full. `6G` leaves processors as they were proposed,
    /// and names them here. Which groups were looked at in detail no draft tells.
    pub(super) fn kept(&self, inventory: &Inventory, draft: &Plan, answer: &Answer) -> Answer {
        match (self, answer) {
            (Self::Details, Answer::Several(groups)) => {
                let groups: BTreeSet<_> = groups.iter().cloned().collect();
                Answer::Several(groups.into_iter().collect())
            }
            _ => self.question(inventory, draft).default,
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
            (Self::Details, Answer::Several(groups)) => details::check(draft, groups),
            (Self::Detail(group, detail), Answer::Text(text)) => {
                apply_detail(*detail, inventory, draft, group, text)
            }
            (Self::Loopback, Answer::Several(lost)) => loopback::apply(draft, lost),
            (Self::Companions, Answer::Several(names)) => companions::apply(draft, names),
            (Self::Companion(name), Answer::Text(group)) => {
                companions::apply_home(draft, name, group)
            }
            (Self::Order, Answer::Text(text)) => order::apply(draft, text),
            (Self::Edges, Answer::Several(edges)) => edges::apply(draft, edges),
            (Self::Accept(entry), Answer::Flag(flag)) => {
                accept::apply(draft, entry, *flag);
                Ok(())
            }
            (Self::Accept(_), _) => Err("it takes true or false".to_owned()),
            (Self::Groups, _) => Err("it takes the agents of every group".to_owned()),
            (Self::Details | Self::Loopback | Self::Companions | Self::Edges, _) => {
                Err("it takes a list of texts".to_owned())
            }
            (
                Self::Budget(_)
                | Self::Reserve
                | Self::Order
                | Self::Detail(..)
                | Self::Companion(_),
                _,
            ) => Err("it takes a text".to_owned()),
        }
    }
}

fn ask_detail(
    detail: Detail,
    inventory: &Inventory,
    draft: &Plan,
    group: &str,
) -> (String, String, Form, Answer) {
    match detail {
        Detail::Owner => owner::ask(inventory, draft, group),
        Detail::Identity => owner::ask_identity(inventory, draft, group),
        Detail::Sight => sight::ask(inventory, draft, group),
        Detail::Network => network::ask(draft, group),
        Detail::Image => image::ask(inventory, draft, group),
        Detail::Reference => image::ask_reference(draft, group),
        Detail::Packages => image::ask_packages(inventory, draft, group),
    }
}

fn apply_detail(
    detail: Detail,
    inventory: &Inventory,
    draft: &mut Plan,
    group: &str,
    text: &str,
) -> Result<(), String> {
    match detail {
        Detail::Owner => owner::apply(inventory, draft, group, text),
        Detail::Identity => owner::apply_identity(inventory, draft, group, text),
        Detail::Sight => sight::apply(draft, group, text),
        Detail::Network => network::apply(draft, group, text),
        Detail::Image => image::apply(inventory, draft, group, text),
        Detail::Reference => image::apply_reference(inventory, draft, group, text),
        Detail::Packages => image::apply_packages(inventory, draft, group, text),
    }
}

fn find_mut<'a>(draft: &'a mut Plan, name: &str) -> Result<&'a mut Group, String> {
    let found = draft.groups.iter_mut().find(|group| group.name == name);
    found.ok_or_else(|| format!("there is no group `{}`", display::text(name)))
}

/// What is said of an answer that is none of the choices.
fn unknown_choice(key: &str) -> String {
    format!("`{}` is none of the choices", display::text(key))
}
