//! What of an inventory forbids to execute a group.

use super::{Group, Network};
use crate::inventory::{Finding, Inventory, Severity, catalogued};

/// The inhibitors of a scan that a person may accept; the others would break a promise or cannot be carried out.
const ACCEPTABLE: &[&str] = &[
    catalogued::LOOPBACK_PORTLESS.id,
    catalogued::UNTRIED_RELEASE.id,
    catalogued::UNTRIED_STARTER.id,
];

/// What forbids a bridge, where `gateway.bind` is rewritten and a loopback address is the container's own, and nothing else.
const OF_A_BRIDGE: &[&str] = &[
    catalogued::UNEDITABLE_BIND.id,
    catalogued::OPEN_BIND.id,
    catalogued::LOOPBACK_PORTLESS.id,
];

/// Returns the inhibitors that forbid to execute a group: those about its gateways or the host that nobody accepted.
#[must_use]
pub fn blockers<'a>(
    inventory: &'a Inventory,
    group: &Group,
    accepted: &[String],
) -> Vec<&'a Finding> {
    let own = group.gateways();
    let concerns = |finding: &&Finding| {
        let names_gateway = own.iter().any(|name| name.0 == finding.about);
        let names_other = inventory
            .gateways
            .iter()
            .any(|gateway| gateway.name.0 == finding.about);
        names_gateway || !names_other
    };
    inventory
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Inhibitor)
        .filter(concerns)
        .filter(|it| group.network != Network::Host || !OF_A_BRIDGE.contains(&it.id.as_str()))
        .filter(|finding| {
            let is_accepted =
                is_accepted(finding, accepted) || is_accepted(finding, &group.accepted);
            !is_accepted || !ACCEPTABLE.contains(&finding.id.as_str())
        })
        .collect()
}

/// Whether a list of `ID` and `ID:WHAT` covers a finding.
pub(super) fn is_accepted(finding: &Finding, accepted: &[String]) -> bool {
    let covers = |entry: &String| match entry.split_once(':') {
        None => *entry == finding.id,
        Some((id, what)) => id == finding.id && what == finding.about,
    };
    accepted.iter().any(covers)
}
