//! The agents of a configuration and where they work.

use std::path::PathBuf;

use serde_json::Value;

use super::facts::Context;
use super::layout::expand;
use super::merged::Merged;
use crate::inventory::Agent;

/// Returns the agents in the order of the configuration; `main` where it names none.
pub(super) fn agents(config: &Merged, context: &Context<'_>) -> Vec<Agent> {
    let roster = roster(config);
    let owner = owner(&roster);
    let places = roster.iter().map(|(id, entry)| Agent {
        id: id.clone(),
        workspace: workspace(config, context, id, entry, owner.as_ref() == Some(id)),
    });
    places.collect()
}

/// The ids with their entries; `agents.entries` is the form since 2026.6, `agents.list` the one before.
fn roster(config: &Merged) -> Vec<(String, Value)> {
    let entries = config.get(&["agents", "entries"]);
    let keyed = entries.iter().filter_map(Value::as_object).flatten();
    let keyed: Vec<_> = keyed
        .map(|(id, entry)| (id.clone(), entry.clone()))
        .collect();
    let list = config.get(&["agents", "list"]);
    let listed = list.iter().filter_map(Value::as_array).flatten();
    let listed: Vec<_> = listed
        .filter_map(|entry| Some((entry.get("id")?.as_str()?.to_owned(), entry.clone())))
        .collect();
    match (keyed.is_empty(), listed.is_empty()) {
        (false, _) => keyed,
        (true, false) => listed,
        (true, true) => vec![("main".to_owned(), Value::Null)],
    }
}

/// The agent that works in the plain default workspace: the marked one, else the only one, else `main`.
fn owner(roster: &[(String, Value)]) -> Option<String> {
    let marked = roster
        .iter()
        .find(|(_, entry)| entry.get("default") == Some(&Value::Bool(true)));
    let only = roster.first().filter(|_| roster.len() == 1);
    let main = roster.iter().find(|(id, _)| id == "main");
    marked.or(only).or(main).map(|(id, _)| id.clone())
}

/// `resolveAgentWorkspaceDir` of 2026.9.6: its own, else the default's (below it unless the owner), else the state's.
fn workspace(
    config: &Merged,
    context: &Context<'_>,
    id: &str,
    entry: &Value,
    is_owner: bool,
) -> PathBuf {
    let path = |value: &Value| {
        let text = value
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty())?;
        let text = super::value::substitute(text, context.environment).ok()?;
        Some(expand(&text, context.home))
    };
    let own = entry.get("workspace").and_then(path);
    let default = config
        .get(&["agents", "defaults", "workspace"])
        .as_ref()
        .and_then(path);
    let variable = context.environment.get("OPENCLAW_WORKSPACE_DIR");
    match (own, default) {
        (Some(own), _) => own,
        (None, Some(default)) if is_owner => default,
        (None, Some(default)) => default.join(id),
        (None, None) if is_owner => match variable.filter(|value| !value.trim().is_empty()) {
            Some(value) => expand(value.trim(), context.home),
            None => context.state_directory.join("workspace"),
        },
        (None, None) => context.state_directory.join(format!("workspace-{id}")),
    }
}
