//! Credentials that only one process may hold, and that stand in the configurations of two gateways.

use crate::inventory::{Credential, Finding, Gateway, catalogued};

/// Compares the logins of all gateways. An account that is disabled is not started, so its login meets nobody's.
pub(super) fn shared(gateways: &[Gateway]) -> Vec<Finding> {
    let held = gateways
        .iter()
        .flat_map(|gateway| gateway.credentials.iter().map(move |it| (gateway, it)));
    let held: Vec<_> = held
        .filter(|(gateway, it)| it.exclusivity.is_exclusive() && is_started(gateway, it))
        .collect();
    let mut findings = Vec::new();
    for (at, (gateway, credential)) in held.iter().enumerate() {
        for (other, again) in held
            .iter()
            .skip(at + 1)
            .filter(|(_, it)| it.hash == credential.hash)
        {
            let name = [
                &credential.kind,
                &credential.public_id,
                &credential.hash.to_string(),
            ];
            let name: Vec<_> = name
                .into_iter()
                .filter(|it| !it.is_empty())
                .cloned()
                .collect();
            let summary = format!(
                "{} also stands in the configuration of {}",
                crate::display::text(&name.join(" ")),
                other.name
            );
            let finding = Finding::new(&catalogued::SHARED_TOKEN, &gateway.name, summary);
            findings.push(finding.at(format!("{} and {}", places(credential), places(again))));
        }
    }
    findings
}

fn is_started(gateway: &Gateway, credential: &Credential) -> bool {
    let account = gateway
        .accounts
        .iter()
        .find(|it| credential.account.as_deref() == Some(&format!("{}/{}", it.channel, it.id)));
    account.is_none_or(|account| account.enabled)
}

fn places(credential: &Credential) -> String {
    let places: Vec<_> = credential.places.iter().map(ToString::to_string).collect();
    places.join(", ")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make configurations")]
mod tests {
    use super::*;
    use crate::host::reader::Reader;
    use crate::scan::{gateway, sighting::tests::at_rest};
    use crate::secret::Hasher;

    /// Returns the places of what two gateways with these files share.
    fn shared_by(one: &[(&str, &str)], other: &[(&str, &str)]) -> Vec<String> {
        let homes = [one, other].map(|files| {
            let home = tempfile::tempdir().expect("a directory");
            for (name, text) in files {
                let path = home.path().join(".openclaw").join(name);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
                std::fs::write(path, text).expect("written");
            }
            home
        });
        let gateways: Vec<_> = homes
            .iter()
            .map(|home| {
                let sighting = at_rest(home.path(), "");
                gateway::read(
                    &Reader::new(),
                    &sighting,
                    &[],
                    &Hasher::for_machine("m"),
                    &crate::scan::Options::default(),
                )
                .gateway
            })
            .collect();
        let findings = shared(&gateways).into_iter();
        findings
            .map(|it| {
                format!(
                    "{} {}",
                    it.id,
                    it.summary.split(" #").next().unwrap_or_default()
                )
            })
            .collect()
    }

    const LITERAL: (&str, &str) = (
        "openclaw.json",
        "{channels: {telegram: {botToken: '7214000031:AAA'}}}",
    );

    #[test]
    fn the_same_token_from_a_variable_and_a_file_is_found() {
        let variable = [
            (
                "openclaw.json",
                "{channels: {telegram: {botToken: '${T}'}}}",
            ),
            (".env", "T='7214000031:AAA'"),
        ];
        assert_eq!(
            shared_by(&[LITERAL], &variable),
            ["OM-T001 telegram bot token tg:7214…31"]
        );
        let session = (
            "credentials/whatsapp/default/creds.json",
            "{\"me\": {\"id\": \"1\"}}",
        );
        let linked = [("openclaw.json", "{channels: {whatsapp: {}}}"), session];
        assert_eq!(shared_by(&linked, &linked), ["OM-T001 whatsapp session"]);
    }

    #[test]
    fn a_backup_a_disabled_account_and_a_shareable_key_are_not() {
        let backup = [("openclaw.json", "{}"), ("openclaw.json.bak", LITERAL.1)];
        assert_eq!(shared_by(&[LITERAL], &backup), [""; 0]);
        let disabled = "{channels: {telegram: {enabled: false, botToken: '7214000031:AAA'}}}";
        assert_eq!(
            shared_by(&[LITERAL], &[("openclaw.json", disabled)]),
            [""; 0]
        );
        let key = [(
            "openclaw.json",
            "{models: {providers: {x: {apiKey: 'sk'}}}}",
        )];
        assert_eq!(shared_by(&key, &key), [""; 0]);
    }
}
