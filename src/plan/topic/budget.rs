//! What a group may use.

use super::super::{Answer, Form, Plan, check};

pub(super) fn ask(draft: &Plan, group: &str) -> (String, String, Form, Answer) {
    let text = draft
        .find_group(group)
        .map(|group| group.budget.text())
        .unwrap_or_default();
    (
        format!("Budget of {group}"),
        "Memory is a hard limit: a container that wants more is killed by the kernel and started again; swap is not added. \
         The proposal is the measured peak with headroom, and no less than a gateway needs to start. Cpus are a share of the \
         host's, pids the most processes and threads. Write `6G`, `1.5 cpus`, `512 pids`, or several of them; what you \
         leave out stays. Node keeps its heap below the memory by itself; `4G heap` sets a lower limit for every node \
         process of the group, `no heap` takes it away."
            .to_owned(),
        Form::Text,
        Answer::Text(text),
    )
}

pub(super) fn apply(draft: &mut Plan, group: &str, text: &str) -> Result<(), String> {
    let host = draft.facts.host.clone();
    let Some(group) = draft.groups.iter_mut().find(|other| other.name == group) else {
        return Err(format!("there is no group `{group}`"));
    };
    let budget = group.budget.with(text)?;
    check::check_budget(&host, &budget).map_err(|wrong| wrong.reason)?;
    group.budget = budget;
    Ok(())
}
