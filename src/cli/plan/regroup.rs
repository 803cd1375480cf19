//! The groups, shown, and changed by a person until they are right.

use super::talk::Talk;
use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::display;
use crate::plan::{Conversation, Grouping, grouping};

const ACTIONS: [&str; 6] = [
    "take these groups",
    "move agents to another group",
    "rename a group",
    "add a group",
    "remove a group",
    "show every agent and why it is where it is",
];

impl Talk<'_> {
    /// Shows the groups and changes them until they are taken; `None` where the question before is wanted.
    pub(super) fn regroup(
        &self,
        conversation: &Conversation,
        why: &str,
        start: &Grouping,
    ) -> Result<Option<Grouping>, Failure> {
        let mut current = start.clone();
        let mut before = Vec::new();
        loop {
            self.show_groups(conversation, &current);
            let actions = ACTIONS.map(str::to_owned);
            let changed = match self.settled(why, || prompt::choose("Groups", &actions, 0))? {
                Some(0) => return Ok(Some(current)),
                Some(1) => self.move_agents(&current)?,
                Some(2) => self.rename(&current)?,
                Some(3) => self.named(&current, "oc-new", grouping::add)?,
                Some(4) => self.remove(&current)?,
                Some(_) => {
                    self.show_reasons(conversation, &current);
                    None
                }
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

    fn show_groups(&self, conversation: &Conversation, grouping: &Grouping) {
        match conversation.preview(grouping) {
            Ok(plan) => self.show(&plan),
            Err(reason) => {
                self.say_wrapped(&format!("these groups cannot be taken: {reason}"), "");
            }
        }
        for (name, _) in grouping.iter().filter(|(_, agents)| agents.is_empty()) {
            self.terminal.say(&format!(
                "  {name} has no agents yet; an empty group is left out"
            ));
        }
    }

    /// Names all agents with their reasons; groups that cannot be taken have said so.
    fn show_reasons(&self, conversation: &Conversation, grouping: &Grouping) {
        let plan = conversation.preview(grouping);
        for group in plan.iter().flat_map(|plan| &plan.groups) {
            self.terminal.say(&group.name);
            for member in &group.members {
                let told = format!("{}: {}", member.name(), member.reason);
                self.say_wrapped(&display::text(&told), "  ");
            }
        }
    }

    fn move_agents(&self, from: &Grouping) -> Result<Option<Grouping>, Failure> {
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
        let Some(chosen) = self.settled(why, ask)?.filter(|chosen| !chosen.is_empty()) else {
            return Ok(None);
        };
        let agents: Vec<String> = chosen
            .iter()
            .filter_map(|index| places.get(*index))
            .map(|(agent, _)| (*agent).clone())
            .collect();
        let Some(target) = self.choose_group(from, "Move them to")? else {
            return Ok(None);
        };
        let mut changed = from.clone();
        grouping::move_agents(&mut changed, &agents, &target);
        Ok(Some(changed))
    }

    fn rename(&self, from: &Grouping) -> Result<Option<Grouping>, Failure> {
        let Some(name) = self.choose_group(from, "Rename which group")? else {
            return Ok(None);
        };
        self.named(from, &name, |changed, new| {
            grouping::rename(changed, &name, new)
        })
    }

    fn remove(&self, from: &Grouping) -> Result<Option<Grouping>, Failure> {
        let Some(name) = self.choose_group(from, "Remove which group")? else {
            return Ok(None);
        };
        let mut rest = from.clone();
        let agents = rest.remove(&name).unwrap_or_default();
        if agents.is_empty() {
            return Ok(Some(rest));
        }
        let Some(target) = self.choose_group(&rest, "Its agents go to")? else {
            return Ok(None);
        };
        grouping::move_agents(&mut rest, &agents, &target);
        Ok(Some(rest))
    }

    /// Asks for a name until it does, and makes the change with it.
    fn named(
        &self,
        from: &Grouping,
        proposed: &str,
        change: impl Fn(&mut Grouping, &str) -> Result<(), String>,
    ) -> Result<Option<Grouping>, Failure> {
        let why = "The name becomes the container's, the host name in it and the compose service's: lower-case letters, \
               digits and -.";
        loop {
            let Some(name) = self.settled(why, || prompt::line("Name", proposed))? else {
                return Ok(None);
            };
            let mut changed = from.clone();
            match change(&mut changed, &name) {
                Ok(()) => return Ok(Some(changed)),
                Err(reason) => self.say_wrapped(&format!("not taken: {reason}"), ""),
            }
        }
    }

    fn choose_group(&self, grouping: &Grouping, text: &str) -> Result<Option<String>, Failure> {
        let names: Vec<String> = grouping.keys().cloned().collect();
        if names.is_empty() {
            self.terminal.say("there is no other group");
            return Ok(None);
        }
        let why = "A group is one container.";
        let chosen = self.settled(why, || prompt::choose(text, &names, 0))?;
        Ok(chosen.and_then(|index| names.get(index).cloned()))
    }
}
