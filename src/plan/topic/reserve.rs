//! What memory is left to the host.

use super::super::{Answer, Form, Plan};
use crate::units::Bytes;

pub(super) fn ask(draft: &Plan) -> (String, String, Form, Answer) {
    (
        "Memory that stays for the host".to_owned(),
        "The kernel, its page cache, Docker itself and whatever else runs on this host need memory too. Budgets and this \
         reserve together should not be more than the host has; if they are, you are asked to accept that. The proposal is \
         the larger of 2G and 6%."
            .to_owned(),
        Form::Text,
        Answer::Text(draft.reserve.exact()),
    )
}

pub(super) fn apply(draft: &mut Plan, text: &str) -> Result<(), String> {
    let reserve: Bytes = text.parse().map_err(|error| format!("{error}"))?;
    let there = draft.facts.host.memory;
    if reserve > there {
        return Err(format!("{reserve} is more than the host's {there}"));
    }
    draft.reserve = reserve;
    Ok(())
}
