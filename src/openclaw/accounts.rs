//! The channel accounts of a configuration, and the agents that bindings name for them.

use serde_json::{Map, Value};

use super::bindings::{bindings, bound_agents};
use super::channels::{makes_account, secret_keys};
use super::config::MAX_ENTRIES;
use super::facts::Context;
use super::merged::Merged;
use crate::inventory::ChannelAccount;

/// The account of a login that stands at the channel itself.
pub(super) const DEFAULT: &str = "default";

/// Returns every account in the order of the configuration.
pub(super) fn accounts(config: &Merged, context: &Context<'_>) -> Vec<ChannelAccount> {
    let bindings = bindings(config);
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
        .take(MAX_ENTRIES)
        .map(|(name, section)| (name.clone(), section.clone()))
        .collect()
}

/// The accounts that are named, after `default` where a login stands at the channel itself or in its variable, or none is
/// named: `createAccountListHelpers` of 2026.9.6.
pub(super) fn ids(context: &Context<'_>, channel: &str, section: &Value) -> Vec<String> {
    let named: Vec<String> = named(section)
        .map(|named| named.keys().take(MAX_ENTRIES).cloned().collect())
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
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let starts_well = lower.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && lower.len() <= 64 && lower.chars().all(is_word) {
        return lower;
    }
    let mut dashed = String::new();
    let mut is_gap = false;
    for character in lower.chars() {
        match (is_word(character), is_gap) {
            (true, _) => dashed.push(character),
            (false, false) => dashed.push('-'),
            (false, true) => {}
        }
        is_gap = !is_word(character);
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

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn ids_are_compared_as_openclaw_compares_them() {
        let cases = [
            (" Work ", "work"),
            ("my bot!", "my-bot"),
            ("--a--", "a"),
            ("a--b_", "a--b_"),
            ("życie", "ycie"),
            ("!!", ""),
            ("", ""),
        ];
        for (id, expected) in cases {
            assert_eq!(normal(id), expected, "{id}");
        }
        assert_eq!(normal(&"A".repeat(99)), "a".repeat(64));
    }
}
