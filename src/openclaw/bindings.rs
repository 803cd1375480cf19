//! The bindings of a configuration: which agent answers on which account, and where that is not what it seems.
//!
//! `routing/resolve-route` and `routing/bindings` of 2026.2.9, 2026.5.28 and 2026.9.6. A binding without an account is for
//! `default` only, and `*` is every account; a key `account` does not count.

use std::collections::HashSet;

use serde_json::Value;

use super::accounts::{DEFAULT, normal};
use super::config::MAX_ENTRIES;
use super::merged::Merged;
use crate::inventory::{ChannelAccount, Place};

/// Something odd about a binding, or about an account that has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingProblem {
    /// What it is.
    pub kind: BindingProblemKind,
    /// Where it stands.
    pub place: Option<Place>,
}

/// The kinds of odd bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingProblemKind {
    /// It names an agent that there is none of.
    UnknownAgent {
        /// The agent's id.
        agent: String,
        /// The agent that answers instead, before 2026.9.
        fallback: String,
    },
    /// It names an account in another case than the account has.
    OtherCase {
        /// As the binding has it.
        account: String,
    },
    /// There are several agents, and no binding reaches an account.
    Unreached {
        /// The account, as `channel/account`.
        account: String,
        /// The agent that answers: the one marked as default, or the first, before 2026.9.
        fallback: String,
        /// Whether that agent is marked as default.
        is_marked: bool,
    },
}

/// Keys of `match` that narrow a binding; docs/concepts/multi-agent.md of 2026.9.6.
const NARROWING: [&str; 4] = ["peer", "guildId", "teamId", "roles"];

/// A binding that routes a channel; those of type `acp` do not.
pub(super) struct Binding {
    index: usize,
    agent: String,
    channel: String,
    account: Option<String>,
    /// The account as it is compared; `*` for every one.
    wanted: String,
    /// Whether it is for some of the senders only: a peer, a guild, a team, roles.
    is_narrow: bool,
}

/// Returns the agents that answer on an account, each with the index of its binding.
///
/// Those of narrow bindings, and of the others the first that names the account, else the first for every account; the
/// order of `routing/resolve-route` of 2026.9.6.
pub(super) fn answering<'a>(
    bindings: &'a [Binding],
    channel: &str,
    account: &str,
) -> Vec<(&'a str, usize)> {
    let (channel, account) = (channel.to_lowercase(), normal(account));
    let reaching = |wanted: &str, is_narrow: bool| {
        let wanted = wanted.to_owned();
        let channel = channel.clone();
        bindings.iter().filter(move |it| {
            it.channel == channel && it.wanted == wanted && it.is_narrow == is_narrow
        })
    };
    let narrow = reaching(&account, true).chain(reaching("*", true));
    let broad = reaching(&account, false).chain(reaching("*", false));
    narrow
        .chain(broad.take(1))
        .map(|binding| (binding.agent.as_str(), binding.index))
        .collect()
}

/// Returns the agents that bindings name for an account, in their order, each once.
pub(super) fn bound_agents(bindings: &[Binding], channel: &str, account: &str) -> Vec<String> {
    let (channel, account) = (channel.to_lowercase(), normal(account));
    let reaching = bindings.iter().filter(|binding| {
        binding.channel == channel && (binding.wanted == "*" || binding.wanted == account)
    });
    let mut seen = HashSet::new();
    let new = reaching.filter(|binding| seen.insert(&binding.agent));
    new.map(|binding| binding.agent.clone()).collect()
}

/// Returns what is odd about the bindings.
pub(super) fn problems(config: &Merged, accounts: &[ChannelAccount]) -> Vec<BindingProblem> {
    let roster = super::agents::roster(config);
    let marked = roster
        .iter()
        .find(|(_, entry)| super::agents::is_default(entry));
    let fallback = marked
        .or(roster.first())
        .map(|(id, _)| id.clone())
        .unwrap_or_default();
    let known: HashSet<String> = roster.iter().map(|(id, _)| normal(id)).collect();
    let bindings = bindings(config);
    let place = |keys: &[&str]| config.place_of(keys);
    let mut problems = Vec::new();
    for binding in &bindings {
        let index = binding.index.to_string();
        let is_known = known.contains(&normal(&binding.agent));
        if !is_known && super::agents::is_named(config) {
            problems.push(BindingProblem {
                kind: BindingProblemKind::UnknownAgent {
                    agent: binding.agent.clone(),
                    fallback: fallback.clone(),
                },
                place: place(&["bindings", &index, "agentId"]),
            });
        }
        let account = binding
            .account
            .as_ref()
            .filter(|account| binding.is_other_case(account, accounts));
        problems.extend(account.map(|account| BindingProblem {
            kind: BindingProblemKind::OtherCase {
                account: account.clone(),
            },
            place: place(&["bindings", &index, "match", "accountId"]),
        }));
    }
    let unreached = accounts
        .iter()
        .filter(|account| roster.len() > 1 && account.enabled && account.agents.is_empty());
    problems.extend(unreached.map(|account| {
        let keys = ["channels", &account.channel, "accounts", &account.id];
        BindingProblem {
            kind: BindingProblemKind::Unreached {
                account: format!("{}/{}", account.channel, account.id),
                fallback: fallback.clone(),
                is_marked: marked.is_some(),
            },
            place: place(&keys).or_else(|| place(&["channels", &account.channel])),
        }
    }));
    problems
}

/// Reads the bindings that route.
pub(super) fn bindings(config: &Merged) -> Vec<Binding> {
    let all = config.get(&["bindings"]).unwrap_or_default();
    let all = all
        .as_array()
        .into_iter()
        .flatten()
        .take(MAX_ENTRIES)
        .enumerate();
    let routes =
        all.filter(|(_, binding)| binding.get("type").and_then(Value::as_str) != Some("acp"));
    let read = routes.filter_map(|(index, binding)| {
        let wanted = binding.get("match")?;
        let account = wanted
            .get("accountId")
            .and_then(Value::as_str)
            .map(str::trim);
        Some(Binding {
            index,
            agent: binding.get("agentId")?.as_str()?.trim().to_owned(),
            channel: wanted.get("channel")?.as_str()?.trim().to_lowercase(),
            wanted: match account {
                Some("*") => "*".to_owned(),
                Some(account) if !account.is_empty() => normal(account),
                Some(_) | None => DEFAULT.to_owned(),
            },
            account: account
                .filter(|account| !account.is_empty())
                .map(str::to_owned),
            is_narrow: NARROWING.iter().any(|key| wanted.get(key).is_some()),
        })
    });
    read.collect()
}

impl Binding {
    /// Whether the account is there in another case only.
    fn is_other_case(&self, wanted: &str, accounts: &[ChannelAccount]) -> bool {
        let of_channel = accounts
            .iter()
            .filter(|account| account.channel == self.channel);
        let mut ids = of_channel.map(|account| account.id.as_str());
        wanted != "*"
            && !ids.clone().any(|id| id == wanted)
            && ids.any(|id| normal(id) == self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::facts::{Context, Facts, facts};
    use std::collections::BTreeMap;
    use std::path::Path;

    fn read(text: &str) -> Facts {
        let context = Context {
            home: Path::new("/home/joe"),
            directory: Path::new("/home/joe"),
            state_directory: Path::new("/home/joe/.openclaw"),
            environment: &BTreeMap::new(),
        };
        facts(&Merged::alone(text), &context)
    }

    /// The problems, as `line what`.
    fn told(text: &str) -> Vec<String> {
        let problems = read(text).binding_problems.into_iter();
        problems
            .map(|problem| {
                let line = problem
                    .place
                    .and_then(|place| place.line)
                    .unwrap_or_default();
                match problem.kind {
                    BindingProblemKind::UnknownAgent { agent, fallback } => {
                        format!("{line} unknown {agent} -> {fallback}")
                    }
                    BindingProblemKind::OtherCase { account } => format!("{line} case {account}"),
                    BindingProblemKind::Unreached {
                        account,
                        fallback,
                        is_marked,
                    } => {
                        format!("{line} unreached {account} -> {fallback} {is_marked}")
                    }
                }
            })
            .collect()
    }

    const ACCOUNTS: &str = "channels: {telegram: {accounts: {work: {}, Home: {}}}},";

    #[test]
    fn an_unknown_agent_falls_back_to_the_marked_or_the_first() {
        let bindings =
            "bindings: [{agentId: 'none', match: {channel: 'telegram', accountId: '*'}}]";
        let list = |default: &str| {
            format!(
                "{{{ACCOUNTS} agents: {{list: [{{id: 'a'}}, {{id: 'b'{default}}}]}},\n {bindings}}}"
            )
        };
        assert_eq!(told(&list("")), ["2 unknown none -> a"]);
        assert_eq!(told(&list(", default: true")), ["2 unknown none -> b"]);
        // Without a roster every agent that is named is there.
        assert_eq!(told(&format!("{{{ACCOUNTS} {bindings}}}")), [""; 0]);
        let keyed = format!("{{{ACCOUNTS} agents: {{entries: {{NONE: {{}}}}}}, {bindings}}}");
        assert_eq!(told(&keyed), [""; 0]);
    }

    #[test]
    fn an_account_in_another_case_is_told_and_matched() {
        let text = format!(
            "{{{ACCOUNTS} bindings: [\n{{agentId: 'a', match: {{channel: 'telegram', accountId: 'Work'}}}},\n\
             {{agentId: 'b', match: {{channel: 'Telegram', accountId: 'Home'}}}}]}}"
        );
        assert_eq!(told(&text), ["2 case Work"]);
        let agents: Vec<_> = read(&text)
            .accounts
            .into_iter()
            .map(|it| it.agents.join(","))
            .collect();
        assert_eq!(agents, ["a", "b"]);
    }

    #[test]
    fn an_account_without_a_binding_is_told_where_there_are_several_agents() {
        let bindings = "bindings: [{agentId: 'a', match: {channel: 'telegram', accountId: 'work'}},
            {type: 'acp', agentId: 'b', match: {channel: 'telegram', accountId: 'Home'}}]";
        let two =
            format!("{{\n{ACCOUNTS}\n agents: {{list: [{{id: 'a'}}, {{id: 'b'}}]}}, {bindings}}}");
        assert_eq!(told(&two), ["2 unreached telegram/Home -> a false"]);
        let one = format!("{{{ACCOUNTS} agents: {{list: [{{id: 'a'}}]}}, {bindings}}}");
        assert_eq!(told(&one), [""; 0]);
        let legacy = "{channels: {telegram: {accounts: {x: {}}}}, agents: {list: [{id: 'a'}, {id: 'b', default: true}]},
            bindings: [{agentId: 'a', match: {channel: 'telegram', account: 'x'}}]}";
        assert_eq!(told(legacy), ["1 unreached telegram/x -> b true"]);
    }

    #[test]
    fn wrong_shapes_are_no_bindings() {
        for bindings in [
            "{}",
            "3",
            "[1, null, {}]",
            "[{agentId: 1, match: {channel: 'telegram'}}]",
            "[{agentId: 'a', match: []}]",
        ] {
            assert_eq!(
                told(&format!("{{{ACCOUNTS} bindings: {bindings}}}")),
                [""; 0],
                "{bindings}"
            );
        }
    }
}
