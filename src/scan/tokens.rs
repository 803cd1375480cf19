//! Credentials that only one process may hold, and that stand in the configurations of two gateways.

use crate::inventory::{Credential, Exclusivity, Finding, Gateway, catalogued};

pub(super) fn shared(gateways: &[Gateway]) -> Vec<Finding> {
    let held = gateways
        .iter()
        .flat_map(|gateway| gateway.credentials.iter().map(move |it| (gateway, it)));
    let held: Vec<_> = held
        .filter(|(_, it)| it.exclusivity == Exclusivity::OnePoller)
        .collect();
    let mut findings = Vec::new();
    for (at, (gateway, credential)) in held.iter().enumerate() {
        for (other, again) in held
            .iter()
            .skip(at + 1)
            .filter(|(_, it)| it.hash == credential.hash)
        {
            let summary = format!(
                "{} {} {} also stands in the configuration of {}",
                credential.kind, credential.public_id, credential.hash, other.name
            );
            let finding = Finding::new(&catalogued::SHARED_TOKEN, &gateway.name, summary);
            findings.push(finding.at(format!("{} and {}", places(credential), places(again))));
        }
    }
    findings
}

fn places(credential: &Credential) -> String {
    let places: Vec<_> = credential.places.iter().map(ToString::to_string).collect();
    places.join(", ")
}
