//! What is odd about a gateway's bindings, as findings.

use crate::display;
use crate::inventory::{Finding, GatewayName, catalogued};
use crate::openclaw::{BindingProblem, BindingProblemKind, Facts};

/// Returns a finding for every odd binding, and for every account that none reaches.
pub(super) fn findings(name: &GatewayName, facts: Option<&Facts>) -> Vec<Finding> {
    let problems = facts.into_iter().flat_map(|facts| &facts.binding_problems);
    problems.map(|problem| finding(name, problem)).collect()
}

fn finding(name: &GatewayName, problem: &BindingProblem) -> Finding {
    let (kind, summary) = match &problem.kind {
        BindingProblemKind::UnknownAgent { agent, fallback } => (
            &catalogued::UNKNOWN_AGENT,
            format!(
                "a binding names the agent `{agent}`, which is not there; until 2026.5 `{fallback}` answers"
            ),
        ),
        BindingProblemKind::OtherCase { account } => (
            &catalogued::ACCOUNT_CASE,
            format!("a binding names the account `{account}`, which is there in another case"),
        ),
        BindingProblemKind::Unreached {
            account,
            fallback,
            is_marked: true,
        } => (
            &catalogued::UNREACHED_ACCOUNT,
            format!(
                "no binding reaches the account `{account}`; the default agent `{fallback}` answers"
            ),
        ),
        BindingProblemKind::Unreached {
            account, fallback, ..
        } => (
            &catalogued::UNREACHED_ACCOUNT,
            format!(
                "no binding reaches the account `{account}`; until 2026.5 `{fallback}` answers, as the first"
            ),
        ),
    };
    let finding = Finding::new(kind, name, display::text(&summary));
    match &problem.place {
        Some(place) => finding.at(place),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::{Context, Merged, facts};
    use std::collections::BTreeMap;
    use std::path::Path;

    #[test]
    fn odd_bindings_are_found_at_their_lines() {
        let text = "{agents: {list: [{id: 'a'}, {id: 'b'}]},\nchannels: {telegram: {accounts: {work: {},\nhome: {}}}},\nbindings: [\n\
                    {agentId: 'none', match: {channel: 'telegram', accountId: 'WORK'}}]}";
        let context = Context {
            home: Path::new("/home/joe"),
            directory: Path::new("/home/joe"),
            state_directory: Path::new("/home/joe/.openclaw"),
            environment: &BTreeMap::new(),
        };
        let facts = facts(&Merged::alone(text), &context);
        let found = findings(&GatewayName("joe/.openclaw".into()), Some(&facts));
        let found: Vec<_> = found
            .iter()
            .map(|it| {
                format!(
                    "{} {}",
                    it.id,
                    it.place.rsplit(':').next().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(found, ["OM-B001 5", "OM-B003 5", "OM-B002 3"]);
    }
}
