//! What a configuration says that holds its agents together: who may spawn whom, who may send to whom, and who answers on
//! one account.

use std::collections::BTreeSet;

use serde_json::Value;

use super::accounts::normal;
use super::agents::{place_of, roster};
use super::bindings::{answering, bindings};
use super::config::MAX_ENTRIES;
use super::merged::Merged;
use crate::inventory::{ChannelAccount, EdgeKind, Place};

/// The most relations that are read of one configuration: those of a hundred agents where each may spawn each.
pub const MOST_RELATIONS: usize = 10_000;

/// A reason why two agents of one configuration belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The agent that needs the other; of two that share something, the first by name.
    pub from: String,
    /// The other agent.
    pub to: String,
    /// What connects them.
    pub kind: EdgeKind,
    /// Where that stands.
    pub place: Option<Place>,
}

/// Returns what connects the agents that there are; targets that are no agents are passed over.
pub(super) fn relations(config: &Merged, accounts: &[ChannelAccount]) -> Vec<Relation> {
    let roster = roster(config);
    let ids: Vec<&str> = roster.iter().map(|(id, _)| id.as_str()).collect();
    let spawns = roster
        .iter()
        .flat_map(|(id, entry)| spawns(config, &ids, id, entry));
    spawns
        .chain(messages(config, &ids))
        .chain(shared_accounts(config, &ids, accounts))
        .take(MOST_RELATIONS)
        .collect()
}

/// `subagents.allowAgents`: its own list beats the default's, and without either an agent spawns only itself.
///
/// docs/gateway/config-tools/sessions-and-subagents.md of 2026.9.6. 2026.2.9 does not read the default's.
fn spawns(config: &Merged, ids: &[&str], id: &str, entry: &Value) -> Vec<Relation> {
    const KEYS: [&str; 2] = ["subagents", "allowAgents"];
    const DEFAULT: [&str; 4] = ["agents", "defaults", "subagents", "allowAgents"];
    let own = entry.get("subagents").and_then(|it| it.get("allowAgents"));
    let own = own.filter(|list| list.is_array()).cloned();
    let is_own = own.is_some();
    let list = own.or_else(|| config.get(&DEFAULT)).unwrap_or_default();
    let place = |index: usize| {
        let index = index.to_string();
        if is_own {
            place_of(config, id, &[KEYS[0], KEYS[1], &index])
        } else {
            config.place_of(&[DEFAULT[0], DEFAULT[1], DEFAULT[2], DEFAULT[3], &index])
        }
    };
    let names = list.as_array().into_iter().flatten().take(MAX_ENTRIES);
    let mut seen = BTreeSet::from([id]);
    let mut found = Vec::new();
    for (index, name) in names.enumerate() {
        let name = name.as_str().unwrap_or_default().trim();
        let is_meant = |other: &&&str| name == "*" || normal(other) == normal(name);
        for to in ids.iter().filter(is_meant) {
            if seen.insert(to) {
                found.push(Relation {
                    from: id.to_owned(),
                    to: (*to).to_owned(),
                    kind: EdgeKind::Spawns,
                    place: place(index),
                });
            }
        }
    }
    found
}

/// `tools.agentToAgent`, where it is written and not switched off; both agents of a pair must match `allow`.
///
/// `createAgentToAgentPolicy` of 2026.2.9, 2026.5.28 and 2026.9.6. What a release allows where nothing is written (2026.9.6
/// all pairs, the others none) is no sign that anybody uses it.
fn messages(config: &Merged, ids: &[&str]) -> Vec<Relation> {
    const KEYS: [&str; 2] = ["tools", "agentToAgent"];
    let Some(policy) = config.get(&KEYS).filter(Value::is_object) else {
        return Vec::new();
    };
    let visibility = config.get(&["tools", "sessions", "visibility"]);
    let visibility = visibility.as_ref().and_then(Value::as_str).map(str::trim);
    let is_clamped = visibility.is_some_and(|it| {
        let narrow = ["self", "tree", "agent"];
        narrow.iter().any(|narrow| it.eq_ignore_ascii_case(narrow))
    });
    if is_clamped || policy.get("enabled") == Some(&Value::Bool(false)) {
        return Vec::new();
    }
    let allow = policy.get("allow").and_then(Value::as_array);
    let patterns: Vec<&str> = allow
        .into_iter()
        .flatten()
        .take(MAX_ENTRIES)
        .map(|it| it.as_str().unwrap_or_default().trim())
        .collect();
    let is_allowed =
        |id: &&&str| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, id));
    let talkers: BTreeSet<&str> = ids.iter().filter(is_allowed).copied().collect();
    let place = config
        .place_of(&[KEYS[0], KEYS[1], "allow"])
        .or_else(|| config.place_of(&KEYS));
    pairs(&talkers, EdgeKind::Messages, place.as_ref())
}

/// An id is compared as it is, a pattern with `*` in it without regard to case; an empty one matches nobody.
fn matches(pattern: &str, id: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return !pattern.is_empty() && pattern == id;
    };
    let (first, rest, id) = (first.to_lowercase(), rest.to_lowercase(), id.to_lowercase());
    let Some(mut left) = id.strip_prefix(first.as_str()) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

fn shared_accounts(config: &Merged, ids: &[&str], accounts: &[ChannelAccount]) -> Vec<Relation> {
    let bindings = bindings(config);
    let mut found = Vec::new();
    for account in accounts {
        let answering = answering(&bindings, &account.channel, &account.id);
        let known = |(agent, index): &(&str, usize)| {
            let id = ids.iter().find(|id| normal(id) == normal(agent))?;
            Some((*id, *index))
        };
        let known: Vec<(&str, usize)> = answering.iter().filter_map(known).collect();
        let agents: BTreeSet<&str> = known.iter().map(|(id, _)| *id).collect();
        let place = known
            .iter()
            .map(|(_, index)| *index)
            .max()
            .and_then(|index| config.place_of(&["bindings", &index.to_string()]));
        found.extend(pairs(&agents, EdgeKind::SharedAccount, place.as_ref()));
    }
    found
}

fn pairs(agents: &BTreeSet<&str>, kind: EdgeKind, place: Option<&Place>) -> Vec<Relation> {
    let from = agents.iter().enumerate();
    from.flat_map(|(index, from)| {
        agents.iter().skip(index + 1).map(move |to| Relation {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            kind,
            place: place.cloned(),
        })
    })
    .take(MOST_RELATIONS)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::facts::{Context, facts};

    /// The relations, as `line from kind to`.
    fn told(text: &str) -> Vec<String> {
        let context = Context {
            home: "/home/joe".as_ref(),
            directory: "/home/joe".as_ref(),
            state_directory: "/home/joe/.openclaw".as_ref(),
            environment: &std::collections::BTreeMap::new(),
        };
        let relations = facts(&Merged::alone(text), &context).relations.into_iter();
        relations
            .map(|it| {
                let line = it.place.and_then(|place| place.line).unwrap_or_default();
                format!("{line} {} {:?} {}", it.from, it.kind, it.to)
            })
            .collect()
    }

    #[test]
    fn an_agents_own_list_of_whom_it_spawns_beats_the_defaults() {
        let text = "{agents: {defaults: {subagents: {allowAgents: [\n'c']}},\nentries: {\n\
                    a: {subagents: {allowAgents: ['a', 'B ', 'gone', 3, 'b']}},\nb: {subagents: {allowAgents: []}},\nc: {}, d: {}}}}";
        assert_eq!(told(text), ["4 a Spawns b", "2 d Spawns c"]);
        let all = "{agents: {list: [{id: 'a', subagents: {allowAgents: [\n'*']}}, {id: 'b'}, {id: 'c'}]}}";
        assert_eq!(told(all), ["2 a Spawns b", "2 a Spawns c"]);
    }

    #[test]
    fn agents_send_to_each_other_where_that_is_written_and_not_off() {
        let text = |tools: &str| {
            format!(
                "{{agents: {{list: [{{id: 'b'}}, {{id: 'a'}}, {{id: 'Work-1'}}]}},\ntools: {{{tools}}}}}"
            )
        };
        let pairs = |tools: &str| told(&text(tools)).join(", ");
        assert_eq!(pairs(""), "");
        assert_eq!(pairs("agentToAgent: {enabled: false, allow: ['*']}"), "");
        let two = "agentToAgent: {enabled: true,\nallow: ['a', 'work*', ' ']}";
        assert_eq!(pairs(two), "3 Work-1 Messages a");
        assert_eq!(
            pairs(&format!("{two}, sessions: {{visibility: 'tree'}}")),
            ""
        );
        assert_eq!(
            pairs(&format!("{two}, sessions: {{visibility: 'all'}}")),
            "3 Work-1 Messages a"
        );
        let all = "2 Work-1 Messages a, 2 Work-1 Messages b, 2 a Messages b";
        assert_eq!(pairs("agentToAgent: {enabled: true}"), all);
        assert_eq!(pairs("agentToAgent: {allow: []}"), all);
        assert_eq!(pairs("agentToAgent: {allow: ['']}"), "");
        assert_eq!(pairs("agentToAgent: {allow: ['A', 'b']}"), "");
    }

    #[test]
    fn a_pattern_matches_from_its_beginning_to_its_end() {
        for (pattern, id) in [
            ("*", "a"),
            ("w*k", "work"),
            ("*-a*", "pj-ab"),
            ("W*R*k", "work"),
        ] {
            assert!(matches(pattern, id), "{pattern} {id}");
        }
        for (pattern, id) in [("", ""), ("work", "Work"), ("w*x", "work"), ("a*a", "a")] {
            assert!(!matches(pattern, id), "{pattern} {id}");
        }
    }

    #[test]
    fn two_agents_share_an_account_where_both_answer_on_it() {
        let text = |bindings: &str| {
            format!(
                "{{agents: {{list: [{{id: 'main'}}, {{id: 'b'}}, {{id: 'c'}}]}},\n\
                 channels: {{telegram: {{accounts: {{x: {{}}, y: {{}}}}}}}},\nbindings: [{bindings}]}}"
            )
        };
        let of = |agent: &str, rest: &str| {
            format!("{{agentId: '{agent}', match: {{channel: 'telegram', {rest}}}}},")
        };
        let (broad, narrow) = (
            "accountId: 'x'",
            "accountId: 'x', peer: {kind: 'group', id: '1'}",
        );
        let catch_all = of("main", "accountId: '*'");
        // Of two broad ones the first answers alone, and it comes before the one for every account.
        assert_eq!(
            told(&text(&format!(
                "{}{}{catch_all}",
                of("b", broad),
                of("c", broad)
            ))),
            [""; 0]
        );
        let shared = text(&format!(
            "{}\n{}{catch_all}",
            of("B", broad),
            of("c", narrow)
        ));
        assert_eq!(told(&shared), ["4 b SharedAccount c"]);
        let every = text(&format!(
            "{catch_all}\n{}",
            of("c", "accountId: '*', peer: {kind: 'direct', id: '2'}")
        ));
        assert_eq!(told(&every), ["4 c SharedAccount main"; 2]);
    }
}
