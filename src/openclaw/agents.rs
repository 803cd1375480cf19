//! The agents of a configuration and where they work.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde_json::Value;

use super::accounts::normal;
use super::config::MAX_ENTRIES;
use super::credentials::Unresolved;
use super::facts::Context;
use super::merged::Merged;
use crate::inventory::{Agent, Exclusivity, Place};

/// Returns the agents in the order of the configuration; `main` where it names none.
pub(super) fn agents(config: &Merged, context: &Context<'_>) -> Vec<Agent> {
    let roster = roster(config);
    let owner = owner(config, &roster);
    let places = roster.iter().map(|(id, entry)| Agent {
        id: id.clone(),
        workspace: workspace(config, context, id, entry, owner.as_ref() == Some(id)),
    });
    places.collect()
}

/// The ids with their entries, each id once; `agents.entries` is the form since 2026.6 and beats `agents.list`.
///
/// What is no object is passed over, as is an entry of a list without an id.
pub(super) fn roster(config: &Merged) -> Vec<(String, Value)> {
    let entries = config.get(&["agents", "entries"]).unwrap_or_default();
    let list = config.get(&["agents", "list"]).unwrap_or_default();
    let mut roster: Vec<(String, Value)> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |id: &str, entry: &Value| {
        if entry.is_object() && seen.insert(normal(id)) {
            roster.push((id.to_owned(), entry.clone()));
        }
    };
    if entries.is_null() {
        for entry in list.as_array().into_iter().flatten().take(MAX_ENTRIES) {
            if let Some(id) = entry.get("id").and_then(Value::as_str) {
                add(id, entry);
            }
        }
    } else {
        for (id, entry) in entries.as_object().into_iter().flatten().take(MAX_ENTRIES) {
            add(id, entry);
        }
    }
    if roster.is_empty() {
        roster.push(("main".to_owned(), Value::Null));
    }
    roster
}

/// Returns the keys of the elements of `agents.list` that are passed over for want of an id, and `agents` where it is a list
/// itself; OpenClaw refuses them.
pub(super) fn nameless(config: &Merged) -> Vec<String> {
    let list = config.get(&["agents", "list"]).unwrap_or_default();
    if config.get(&["agents"]).is_some_and(|it| it.is_array()) {
        return vec!["agents".to_owned()];
    }
    if config.find(&["agents", "entries"]).is_some() {
        return Vec::new();
    }
    let elements = list.as_array().into_iter().flatten().take(MAX_ENTRIES);
    let nameless = elements
        .enumerate()
        .filter(|(_, entry)| entry.get("id").and_then(Value::as_str).is_none());
    nameless
        .map(|(index, _)| format!("agents.list.{index}"))
        .collect()
}

/// Returns where a setting of an agent stands, where it is set.
pub(super) fn place_of(config: &Merged, id: &str, keys: &[&str]) -> Option<Place> {
    let index;
    let own = if config.find(&["agents", "entries"]).is_some() {
        ["agents", "entries", id]
    } else {
        index = index_of(config, id)?;
        ["agents", "list", &index]
    };
    let path: Vec<&str> = own.iter().chain(keys).copied().collect();
    config.place_of(&path)
}

/// Looks for an agent in `agents.list`; the list is not taken over as a whole, it may be long.
fn index_of(config: &Merged, id: &str) -> Option<String> {
    let mut indices = (0..MAX_ENTRIES).map(|index| index.to_string());
    indices.find(|index| {
        let found = config.get(&["agents", "list", index, "id"]);
        found.as_ref().and_then(Value::as_str) == Some(id)
    })
}

/// Returns where the workspaces of agents are set: their own, else the default's.
pub(super) fn workspace_places(config: &Merged) -> BTreeMap<String, Place> {
    let default = config.place_of(&["agents", "defaults", "workspace"]);
    let places = roster(config).into_iter().filter_map(|(id, _)| {
        let own = place_of(config, &id, &["workspace"]);
        Some((id, own.or_else(|| default.clone())?))
    });
    places.collect()
}

/// Returns whether the configuration has a roster at all.
pub(super) fn is_named(config: &Merged) -> bool {
    ["entries", "list"]
        .iter()
        .any(|key| config.get(&["agents", key]).is_some())
}

/// Returns whether an agent is marked as the default.
pub(super) fn is_default(entry: &Value) -> bool {
    entry.get("default") == Some(&Value::Bool(true))
}

/// Returns where agents work before the releases that put them below the default's workspace, by their ids: those that have
/// no workspace of their own, where a default is set. `resolveAgentWorkspaceDir` of 2026.2.9.
pub(super) fn older_workspaces(
    config: &Merged,
    context: &Context<'_>,
) -> BTreeMap<String, PathBuf> {
    if text_at(config.get(&["agents", "defaults", "workspace"]).as_ref()).is_none() {
        return BTreeMap::new();
    }
    let roster = roster(config);
    let owner = owner(config, &roster);
    let derived = roster.into_iter().filter(|(id, entry)| {
        owner.as_ref() != Some(id) && text_at(entry.get("workspace")).is_none()
    });
    derived
        .map(|(id, _)| {
            let below = format!("workspace-{}", normal(&id));
            (id, context.state_directory.join(below))
        })
        .collect()
}

/// Returns the workspaces that cannot be told: their keys, and the variables that are not set.
pub(super) fn unresolved(config: &Merged, context: &Context<'_>) -> Vec<Unresolved> {
    let default = vec!["agents".to_owned(), "defaults".to_owned()];
    let own = roster(config).into_iter().filter_map(|(id, _)| {
        if config.find(&["agents", "entries"]).is_some() {
            return Some(vec!["agents".to_owned(), "entries".to_owned(), id]);
        }
        let index = index_of(config, &id)?;
        Some(vec!["agents".to_owned(), "list".to_owned(), index])
    });
    let paths = [default].into_iter().chain(own).map(|mut path| {
        path.push("workspace".to_owned());
        path
    });
    let unset = paths.filter_map(|path| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let value = config.get(&path)?;
        let why = match super::value::substitute(value.as_str()?, context.environment) {
            Err(name) => format!("variable {name} is not set"),
            Ok(text) if context.place(&text).is_relative() => {
                "it begins at the directory that the gateway is started in".to_owned()
            }
            Ok(_) => return None,
        };
        Some(Unresolved {
            key: path.join("."),
            why,
            place: config.place_of(&path),
            exclusivity: Exclusivity::Shareable,
        })
    });
    unset.collect()
}

fn text_at(value: Option<&Value>) -> Option<&str> {
    let text = value?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The agent that works in the plain default workspace: the marked one; else of a list the first, `resolveDefaultAgentId` of
/// 2026.2.9 and 2026.5.28; else the only one, or `main`.
fn owner(config: &Merged, roster: &[(String, Value)]) -> Option<String> {
    let marked = roster.iter().find(|(_, entry)| is_default(entry));
    let is_list = config.find(&["agents", "entries"]).is_none();
    let first = roster.first().filter(|_| is_list || roster.len() == 1);
    let main = roster.iter().find(|(id, _)| id == "main");
    marked.or(first).or(main).map(|(id, _)| id.clone())
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
        let text = text_at(Some(value))?;
        let text = super::value::substitute(text, context.environment).ok()?;
        Some(context.place(&text))
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
        (None, Some(default)) => default.join(normal(id)),
        (None, None) if is_owner => match variable.filter(|value| !value.trim().is_empty()) {
            Some(value) => context.place(value.trim()),
            None => context.state_directory.join("workspace"),
        },
        (None, None) => context
            .state_directory
            .join(format!("workspace-{}", normal(id))),
    }
}
