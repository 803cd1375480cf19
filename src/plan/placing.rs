//! The proposed groups: what is connected stays together, and words say where it goes. Every agent gets the reason.

use std::collections::BTreeMap;

use super::bonds::{Bond, bonds};
use super::vocabulary::{Hit, Vocabulary};
use super::{Facts, GatewayFacts, Member};
use crate::display;
use crate::inventory::{Agent, Edge, EdgeKind, GatewayName};

/// Where agents go about whom nothing is known.
const GUESS: &str = "oc-personal";
/// The agent that every OpenClaw has; its name says less than any other.
const MAIN: &str = "main";
/// The most characters of a proposed name; `check::check_name` takes no more.
const NAME_LENGTH: usize = 40;

/// Places every agent, by the names of the groups. Agents of one gateway stay together, and gateways of different users are
/// kept apart unless something connects them.
pub(super) fn place(facts: &Facts, vocabulary: &Vocabulary) -> BTreeMap<String, Vec<Member>> {
    let mut gateways = facts.gateways.iter().filter(|it| !it.agents.is_empty());
    if let (Some(only), None) = (gateways.next(), gateways.next()) {
        return alone(only);
    }
    let names: Vec<_> = facts
        .gateways
        .iter()
        .filter(|it| !it.agents.is_empty())
        .map(|it| it.name.clone())
        .collect();
    let mut placed: BTreeMap<(String, String), Vec<Member>> = BTreeMap::new();
    let known: BTreeMap<&GatewayName, &GatewayFacts> =
        facts.gateways.iter().map(|it| (&it.name, it)).collect();
    for bond in bonds(&names, &facts.edges) {
        let gateways: Vec<&GatewayFacts> = bond
            .gateways
            .iter()
            .filter_map(|name| known.get(name).copied())
            .collect();
        let Some(first) = gateways.first() else {
            continue;
        };
        let verdict = judge(&gateways, vocabulary);
        let group = verdict.as_ref().map_or(GUESS, |it| it.hit.group.as_str());
        let members = gateways.iter().flat_map(|gateway| {
            let reason = reason(gateway, &bond, verdict.as_ref());
            members(gateway, &reason)
        });
        let key = (group.to_owned(), first.user.name.clone());
        placed.entry(key).or_default().extend(members);
    }
    named(placed)
}

/// A host with one gateway has nothing to part: the group is named after the gateway's profile (`.openclaw-work` gives
/// `oc-work`), else after its user.
fn alone(gateway: &GatewayFacts) -> BTreeMap<String, Vec<Member>> {
    let word = Some(profile(gateway)).filter(|profile| !profile.is_empty());
    let name = group_name(word.unwrap_or(&gateway.user.name));
    let reason = "its gateway is the only one and moves whole";
    BTreeMap::from([(name, members(gateway, reason))])
}

fn members(gateway: &GatewayFacts, reason: &str) -> Vec<Member> {
    let member = |agent: &Agent| Member {
        gateway: gateway.name.clone(),
        agent: agent.id.clone(),
        reason: reason.to_owned(),
    };
    gateway.agents.iter().map(member).collect()
}

/// Names the user where several have a group of that name. Users whose names make the same word (`anna` and `anna_`) are
/// told apart by a number.
fn named(placed: BTreeMap<(String, String), Vec<Member>>) -> BTreeMap<String, Vec<Member>> {
    let mut users: BTreeMap<String, usize> = BTreeMap::new();
    for (group, _) in placed.keys() {
        *users.entry(group.clone()).or_default() += 1;
    }
    let (shared, own): (Vec<_>, Vec<_>) = placed
        .into_iter()
        .partition(|((group, _), _)| users.get(group).is_some_and(|count| *count > 1));
    let own = own
        .into_iter()
        .map(|((group, _), members)| (group, members));
    let mut groups: BTreeMap<String, Vec<Member>> = own.collect();
    for ((group, user), members) in shared {
        let name = group_name(&format!("{}-{user}", group.trim_start_matches("oc-")));
        groups.insert(free_name(&name, &groups), members);
    }
    groups
}

/// Returns the name, or the first of `NAME-2`, `NAME-3` and so on that no group has.
fn free_name(name: &str, groups: &BTreeMap<String, Vec<Member>>) -> String {
    let numbered = (2..).map(|number| {
        let suffix = format!("-{number}");
        let kept = NAME_LENGTH - suffix.len();
        let kept: String = name.chars().take(kept).collect();
        kept.trim_end_matches('-').to_owned() + &suffix
    });
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|name| !groups.contains_key(name));
    free.unwrap_or_else(|| name.to_owned())
}

/// What speaks for a group, and in whose name it stands.
struct Verdict {
    hit: Hit,
    name: String,
}

/// Lets names speak, those that say most first: of agents and profiles, then of workspaces, then `main`.
fn judge(gateways: &[&GatewayFacts], vocabulary: &Vocabulary) -> Option<Verdict> {
    let agents = gateways.iter().flat_map(|gateway| &gateway.agents);
    let ids = agents.clone().map(|agent| agent.id.as_str());
    let profiles = gateways.iter().map(|gateway| profile(gateway));
    let (mains, named): (Vec<&str>, Vec<&str>) = ids.partition(|id| *id == MAIN);
    let own: Vec<&str> = named.into_iter().chain(profiles).collect();
    let workspaces: Vec<&str> = agents
        .filter_map(|agent| agent.workspace.file_name()?.to_str())
        .collect();
    [own, workspaces, mains]
        .iter()
        .find_map(|names| most(names, vocabulary))
}

/// The group with most words; of several the one that is named last.
fn most(names: &[&str], vocabulary: &Vocabulary) -> Option<Verdict> {
    let verdicts: Vec<Verdict> = names
        .iter()
        .flat_map(|name| {
            let hits = vocabulary.hits(name).into_iter();
            hits.map(|hit| Verdict {
                hit,
                name: (*name).to_owned(),
            })
        })
        .collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for verdict in &verdicts {
        *counts.entry(verdict.hit.group.clone()).or_default() += 1;
    }
    verdicts
        .into_iter()
        .max_by_key(|verdict| counts.get(&verdict.hit.group).copied())
}

fn reason(gateway: &GatewayFacts, bond: &Bond, verdict: Option<&Verdict>) -> String {
    let word = match verdict {
        Some(Verdict { hit, name }) if hit.part == *name => {
            format!("`{}` is a word of {}", hit.part, hit.group)
        }
        Some(Verdict { hit, name }) => {
            format!(
                "`{}` in `{}` is a word of {}",
                hit.part,
                display::text(name),
                hit.group
            )
        }
        None => "a guess: no edge, nothing shared and no word tells where it belongs".to_owned(),
    };
    let ends = |edge: &&&Edge| edge.from.gateway == gateway.name || edge.to.gateway == gateway.name;
    let held = bond.edges.iter().find(ends).map(|edge| held(gateway, edge));
    let whole = (gateway.agents.len() > 1)
        .then(|| "its gateway moves whole, as it cannot be split yet".to_owned());
    let reasons = held.into_iter().chain(whole).chain([word]);
    reasons.collect::<Vec<_>>().join("; ")
}

/// What holds a gateway to another.
fn held(gateway: &GatewayFacts, edge: &Edge) -> String {
    let other = if edge.from.gateway == gateway.name {
        &edge.to
    } else {
        &edge.from
    };
    let what = match edge.kind {
        EdgeKind::Spawns => "one spawns the other",
        EdgeKind::Messages => "one sends messages to the other",
        EdgeKind::SharedWorkspace => "they share a workspace",
        EdgeKind::SharedAccount => "they share a channel account",
        EdgeKind::SharedCompanion => "they share a companion",
        EdgeKind::NamesWorkspace => "one names paths in the other's workspace",
    };
    format!("with {}: {what}", display::text(&other.to_string()))
}

/// What follows the dash in the name of a state directory: `work` of `.openclaw-work`.
fn profile(gateway: &GatewayFacts) -> &str {
    let directory = gateway.state_directory.file_name();
    let directory = directory.and_then(|name| name.to_str()).unwrap_or_default();
    let parts = directory.trim_start_matches('.').split_once('-');
    parts.map_or("", |(_, profile)| profile)
}

/// Makes a group's name of any word.
fn group_name(word: &str) -> String {
    let slug = super::propose::slug(word);
    let name: String = format!("oc-{slug}").chars().take(NAME_LENGTH).collect();
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(gateway: &str) -> Member {
        Member {
            gateway: GatewayName(gateway.to_owned()),
            agent: MAIN.to_owned(),
            reason: String::new(),
        }
    }

    fn names_for(users: &[&str]) -> Vec<String> {
        let placed = users.iter().map(|user| {
            let key = (GUESS.to_owned(), (*user).to_owned());
            (key, vec![member(user)])
        });
        let groups = named(placed.collect());
        assert!(groups.values().all(|members| members.len() == 1));
        for name in groups.keys() {
            assert_eq!(crate::plan::check::check_name(name), Ok(()));
        }
        groups.into_keys().collect()
    }

    #[test]
    fn users_whose_names_make_the_same_word_have_groups_of_their_own() {
        let expected = [
            "oc-personal-anna",
            "oc-personal-anna-2",
            "oc-personal-anna-2-2",
        ];
        assert_eq!(names_for(&["anna", "anna-2", "anna_", "anna__2"]).len(), 4);
        assert_eq!(names_for(&["anna", "anna-2", "anna_2"]), expected);
    }

    #[test]
    fn users_whose_names_begin_alike_for_long_have_groups_of_their_own() {
        let long = "a-user-with-a-name-of-many-many-letters";
        let users = [format!("{long}1"), format!("{long}2")];
        let users: Vec<_> = users.iter().map(String::as_str).collect();
        assert_eq!(names_for(&users).len(), 2);
    }
}
