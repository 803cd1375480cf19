//! The groups, shown, and changed by a person until they are right.

use super::talk::settled;
use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::cli::terminal::Terminal;
use crate::inventory::Inventory;
use crate::plan::{Conversation, Grouping, grouping};
use crate::report;

const ACTIONS: [&str; 5] = [
    "take these groups",
    "move agents to another group",
    "rename a group",
    "add a group",
    "remove a group",
];

/// Shows the groups and changes them until they are taken; `None` where the question before is wanted.
pub(super) fn regroup(
    terminal: &Terminal,
    inventory: &Inventory,
    conversation: &Conversation,
    why: &str,
    start: &Grouping,
) -> Result<Option<Grouping>, Failure> {
    let mut current = start.clone();
    let mut before = Vec::new();
    loop {
        show(terminal, inventory, conversation, &current);
        let actions = ACTIONS.map(str::to_owned);
        let changed = match settled(terminal, why, || prompt::choose("Groups", &actions, 0))? {
            Some(0) => return Ok(Some(current)),
            Some(1) => move_agents(terminal, &current)?,
            Some(2) => rename(terminal, &current)?,
            Some(3) => add(terminal, &current)?,
            Some(_) => remove(terminal, &current)?,
            None => match before.pop() {
                Some(earlier) => {
                    current = earlier;
                    continue;
                }
                None => return Ok(None),
            },
        };
        if let Some(changed) = changed {
            before.push(std::mem::replace(&mut current, changed));
        }
    }
}

fn show(
    terminal: &Terminal,
    inventory: &Inventory,
    conversation: &Conversation,
    grouping: &Grouping,
) {
    match conversation.preview(grouping) {
        Ok(plan) => terminal.say(&report::overview(inventory, &plan)),
        Err(reason) => terminal.say(&format!("these groups cannot be taken: {reason}")),
    }
    for (name, _) in grouping.iter().filter(|(_, agents)| agents.is_empty()) {
        terminal.say(&format!(
            "  {name} has no agents yet; an empty group is left out"
        ));
    }
}

fn move_agents(terminal: &Terminal, from: &Grouping) -> Result<Option<Grouping>, Failure> {
    let mut places: Vec<(&String, &String)> = from
        .iter()
        .flat_map(|(group, agents)| agents.iter().map(move |agent| (agent, group)))
        .collect();
    places.sort();
    let options: Vec<String> = places
        .iter()
        .map(|(agent, group)| format!("{agent}  in {group}"))
        .collect();
    let nothing = vec![false; options.len()];
    let why = "Mark the agents that are to move, then say where to. Agents of one gateway move together: a gateway \
               cannot be split yet.";
    let ask = || prompt::mark("Move which agents", &options, &nothing);
    let Some(chosen) = settled(terminal, why, ask)?.filter(|chosen| !chosen.is_empty()) else {
        return Ok(None);
    };
    let agents: Vec<String> = chosen
        .iter()
        .filter_map(|index| places.get(*index))
        .map(|(agent, _)| (*agent).clone())
        .collect();
    let Some(target) = choose_group(terminal, from, "Move them to")? else {
        return Ok(None);
    };
    let mut changed = from.clone();
    grouping::move_agents(&mut changed, &agents, &target);
    Ok(Some(changed))
}

fn rename(terminal: &Terminal, from: &Grouping) -> Result<Option<Grouping>, Failure> {
    let Some(name) = choose_group(terminal, from, "Rename which group")? else {
        return Ok(None);
    };
    named(terminal, from, &name, |changed, new| {
        grouping::rename(changed, &name, new)
    })
}

fn add(terminal: &Terminal, from: &Grouping) -> Result<Option<Grouping>, Failure> {
    named(terminal, from, "oc-new", grouping::add)
}

fn remove(terminal: &Terminal, from: &Grouping) -> Result<Option<Grouping>, Failure> {
    let Some(name) = choose_group(terminal, from, "Remove which group")? else {
        return Ok(None);
    };
    let mut rest = from.clone();
    let agents = rest.remove(&name).unwrap_or_default();
    if agents.is_empty() {
        return Ok(Some(rest));
    }
    let Some(target) = choose_group(terminal, &rest, "Its agents go to")? else {
        return Ok(None);
    };
    grouping::move_agents(&mut rest, &agents, &target);
    Ok(Some(rest))
}

/// Asks for a name until it does, and makes the change with it.
fn named(
    terminal: &Terminal,
    from: &Grouping,
    proposed: &str,
    change: impl Fn(&mut Grouping, &str) -> Result<(), String>,
) -> Result<Option<Grouping>, Failure> {
    let why = "The name becomes the container's, the host name in it and the compose service's: lower-case letters, \
               digits and -.";
    loop {
        let Some(name) = settled(terminal, why, || prompt::line("Name", proposed))? else {
            return Ok(None);
        };
        let mut changed = from.clone();
        match change(&mut changed, &name) {
            Ok(()) => return Ok(Some(changed)),
            Err(reason) => terminal.say(&format!("not taken: {reason}")),
        }
    }
}

fn choose_group(
    terminal: &Terminal,
    grouping: &Grouping,
    text: &str,
) -> Result<Option<String>, Failure> {
    let names: Vec<String> = grouping.keys().cloned().collect();
    if names.is_empty() {
        terminal.say("there is no other group");
        return Ok(None);
    }
    let why = "A group is one container.";
    let chosen = settled(terminal, why, || prompt::choose(text, &names, 0))?;
    Ok(chosen.and_then(|index| names.get(index).cloned()))
}
