//! Which companions move along, and with whom.

use std::collections::BTreeSet;

use super::super::{Answer, Choice, Form, Plan};
use super::unknown_choice;
use crate::display;

pub(super) fn comes_up(draft: &Plan) -> bool {
    !draft.facts.companions.is_empty() || !moving(draft).is_empty()
}

/// The companions that are in some group, sorted.
pub(super) fn moving(draft: &Plan) -> Vec<String> {
    let names = draft.groups.iter().flat_map(|group| &group.companions);
    let names: BTreeSet<_> = names.cloned().collect();
    names.into_iter().collect()
}

pub(super) fn ask(draft: &Plan) -> (String, String, Form, Answer) {
    let moving = moving(draft);
    let mut names: BTreeSet<&String> = draft.facts.companions.iter().collect();
    names.extend(&moving);
    let choice = |name: &String| Choice {
        key: name.clone(),
        text: name.clone(),
    };
    (
        "Move which companions along".to_owned(),
        "These processes live beside the gateways on this host: a message bus, a dashboard. By default they stay native and \
         go on as they are; the agents reach them as the question before says. One that is marked moves into a container \
         together with agents."
            .to_owned(),
        Form::Several(names.into_iter().map(choice).collect()),
        Answer::Several(moving),
    )
}

pub(super) fn apply(draft: &mut Plan, names: &[String]) -> Result<(), String> {
    let known =
        |name: &String| draft.facts.companions.contains(name) || moving(draft).contains(name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let unknown = display::text(unknown);
        return Err(format!("there is no companion `{unknown}` on this host"));
    }
    let there = moving(draft);
    for group in &mut draft.groups {
        group.companions.retain(|name| names.contains(name));
    }
    // One that is new goes with the group that is moved last, which the others lean on; the next question asks.
    if let Some(last) = draft.groups.last_mut() {
        let new: BTreeSet<_> = names.iter().filter(|name| !there.contains(name)).collect();
        last.companions.extend(new.into_iter().cloned());
        last.companions.sort();
    }
    Ok(())
}

pub(super) fn ask_home(draft: &Plan, name: &str) -> (String, String, Form, Answer) {
    let mut names: Vec<_> = draft.groups.iter().map(|group| &group.name).collect();
    names.sort();
    let choices = names.into_iter().map(|name| Choice {
        key: name.clone(),
        text: name.clone(),
    });
    let holds = |group: &&super::super::Group| group.companions.iter().any(|it| it == name);
    let home = draft.groups.iter().find(holds);
    (
        format!("Group of {}", display::text(name)),
        "A companion lives in one container. The agents of that group reach it as today, those of other groups no longer \
         over loopback."
            .to_owned(),
        Form::One(choices.collect()),
        Answer::Text(home.map(|group| group.name.clone()).unwrap_or_default()),
    )
}

pub(super) fn apply_home(draft: &mut Plan, name: &str, home: &str) -> Result<(), String> {
    if draft.find_group(home).is_none() {
        return Err(unknown_choice(home));
    }
    for group in &mut draft.groups {
        group.companions.retain(|companion| companion != name);
        if group.name == home {
            group.companions.push(name.to_owned());
            group.companions.sort();
        }
    }
    Ok(())
}
