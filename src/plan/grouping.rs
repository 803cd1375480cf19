//! Which agents live together, while a person still moves them about: group names, and the agents of each by name.

use std::collections::BTreeMap;

use super::{Group, Plan};

/// The agents of every group. A group without agents makes no container.
pub type Grouping = BTreeMap<String, Vec<String>>;

/// Returns the agents of every group of a plan.
#[must_use]
pub fn of(plan: &Plan) -> Grouping {
    let agents = |group: &Group| {
        let mut agents: Vec<String> = group.agents().iter().map(ToString::to_string).collect();
        agents.sort();
        agents
    };
    plan.groups
        .iter()
        .map(|group| (group.name.clone(), agents(group)))
        .collect()
}

/// Moves agents into a group, out of whichever they are in; a group that is not there yet is made.
pub fn move_agents(grouping: &mut Grouping, agents: &[String], to: &str) {
    for members in grouping.values_mut() {
        members.retain(|member| !agents.contains(member));
    }
    let target = grouping.entry(to.to_owned()).or_default();
    target.extend_from_slice(agents);
    target.sort();
}

/// Adds an empty group.
///
/// # Errors
///
/// Says why the name does not do.
pub fn add(grouping: &mut Grouping, name: &str) -> Result<(), String> {
    free_name(grouping, name)?;
    grouping.insert(name.to_owned(), Vec::new());
    Ok(())
}

/// Gives a group another name.
///
/// # Errors
///
/// Says why the name does not do.
pub fn rename(grouping: &mut Grouping, from: &str, to: &str) -> Result<(), String> {
    if from == to {
        return Ok(());
    }
    free_name(grouping, to)?;
    let members = grouping.remove(from).unwrap_or_default();
    grouping.insert(to.to_owned(), members);
    Ok(())
}

fn free_name(grouping: &Grouping, name: &str) -> Result<(), String> {
    super::check::check_name(name)?;
    if grouping.contains_key(name) {
        return Err(format!("there is a group `{name}` already"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, agents: &[&str]) -> (String, Vec<String>) {
        let agents = agents.iter().map(ToString::to_string).collect();
        (name.to_owned(), agents)
    }

    fn two_groups() -> Grouping {
        Grouping::from([group("oc-core", &["a", "b"]), group("oc-work", &["c"])])
    }

    #[test]
    fn a_moved_agent_is_in_one_group() {
        let mut grouping = two_groups();
        move_agents(&mut grouping, &["b".to_owned()], "oc-work");
        let expected = [group("oc-core", &["a"]), group("oc-work", &["b", "c"])];
        assert_eq!(grouping, Grouping::from(expected));
    }

    #[test]
    fn a_name_that_is_taken_or_is_none_is_refused() {
        let mut grouping = two_groups();
        assert!(rename(&mut grouping, "oc-core", "oc-work").is_err());
        assert!(add(&mut grouping, "OC Work").is_err());
        assert_eq!(rename(&mut grouping, "oc-core", "oc-core"), Ok(()));
        assert_eq!(grouping, two_groups());
    }
}
