//! The channel accounts of a configuration, and the agents that bindings name for them.

use serde_json::{Map, Value};

use super::channels::{makes_account, secret_keys};
use super::facts::Context;
use super::merged::Merged;
use crate::inventory::ChannelAccount;

/// The account of a login that stands at the channel itself.
pub(super) const DEFAULT: &str = "default";

/// Returns every account in the order of the configuration.
pub(super) fn accounts(config: &Merged, context: &Context<'_>) -> Vec<ChannelAccount> {
    let bindings = config.get(&["bindings"]).unwrap_or_default();
    let sections = channels(config);
    let all = sections.iter().flat_map(|(channel, section)| {
        let is_on = is_enabled(section) && is_plugin_enabled(config, channel);
        let ids = ids(context, channel, section).into_iter();
        ids.map(move |id| {
            (
                channel.clone(),
                is_on && is_enabled(account(section, &id)),
                id,
            )
        })
    });
    all.map(|(channel, enabled, id)| ChannelAccount {
        agents: bound_agents(&bindings, &channel, &id),
        channel,
        id,
        enabled,
    })
    .collect()
}

/// Returns the channels with their sections.
pub(super) fn channels(config: &Merged) -> Vec<(String, Value)> {
    let channels = config.get(&["channels"]);
    let sections = channels.iter().filter_map(Value::as_object).flatten();
    sections
        .filter(|(name, section)| *name != "defaults" && section.is_object())
        .map(|(name, section)| (name.clone(), section.clone()))
        .collect()
}

/// The accounts that are named, after `default` where a login stands at the channel itself or in its variable, or none is
/// named: `createAccountListHelpers` of 2026.9.6.
pub(super) fn ids(context: &Context<'_>, channel: &str, section: &Value) -> Vec<String> {
    let named: Vec<String> = named(section)
        .map(|named| named.keys().cloned().collect())
        .unwrap_or_default();
    let stands_at_top = section
        .as_object()
        .is_some_and(|section| section.keys().any(|key| makes_account(channel, key)));
    let is_exported = secret_keys(channel).any(|secret| {
        let value = secret
            .variable
            .and_then(|name| context.environment.get(name));
        value.is_some_and(|value| !value.trim().is_empty())
    });
    let is_missing = !named.iter().any(|id| normal(id) == DEFAULT);
    let needs_default = named.is_empty() || (stands_at_top || is_exported) && is_missing;
    needs_default
        .then(|| DEFAULT.to_owned())
        .into_iter()
        .chain(named)
        .collect()
}

/// An id as OpenClaw compares it: lower case, other characters than letters, digits, `_` and `-` as dashes.
///
/// `normalizeAccountId` and `normalizeAgentId` of 2026.9.6. Empty where nothing is left.
pub(super) fn normal(id: &str) -> String {
    let lower = id.trim().to_lowercase();
    let mut normal = String::new();
    for character in lower.chars() {
        let is_word = character.is_ascii_alphanumeric() || character == '_' || character == '-';
        match (is_word, normal.ends_with('\u{0}')) {
            (true, _) => normal.push(character),
            (false, false) => normal.push('\u{0}'),
            (false, true) => {}
        }
    }
    let dashed = normal.replace('\u{0}', "-");
    let is_valid = lower.starts_with(|c: char| c.is_ascii_alphanumeric())
        && lower.len() <= 64
        && dashed == lower;
    if is_valid {
        return lower;
    }
    dashed.trim_matches('-').chars().take(64).collect()
}

fn named(section: &Value) -> Option<&Map<String, Value>> {
    section.get("accounts")?.as_object()
}

fn account<'a>(section: &'a Value, id: &str) -> &'a Value {
    named(section)
        .and_then(|named| named.get(id))
        .unwrap_or(&Value::Null)
}

fn is_enabled(value: &Value) -> bool {
    value.get("enabled") != Some(&Value::Bool(false))
}

fn is_plugin_enabled(config: &Merged, channel: &str) -> bool {
    let path = ["plugins", "entries", channel, "enabled"];
    config.get(&path) != Some(Value::Bool(false))
}

fn bound_agents(bindings: &Value, channel: &str, account: &str) -> Vec<String> {
    let mut agents = Vec::new();
    for binding in bindings.as_array().into_iter().flatten() {
        let agent = binding.get("agentId").and_then(Value::as_str);
        let is_new = agent.filter(|agent| !agents.iter().any(|known| known == agent));
        if let Some(agent) = is_new.filter(|_| matches(binding, channel, account)) {
            agents.push(agent.to_owned());
        }
    }
    agents
}

/// Whether a binding is for an account; without one it is for `default`, and `*` is every one.
fn matches(binding: &Value, channel: &str, account: &str) -> bool {
    let Some(wanted) = binding.get("match") else {
        return false;
    };
    let named = wanted
        .get("accountId")
        .or(wanted.get("account"))
        .and_then(Value::as_str);
    let is_account = matches!(named.unwrap_or(DEFAULT), "*") || named.unwrap_or(DEFAULT) == account;
    wanted.get("channel").and_then(Value::as_str) == Some(channel) && is_account
}
