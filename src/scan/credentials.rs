//! A gateway's credentials, each once, hashed, with every place where it stands.

use std::path::PathBuf;

use super::sighting::Sighting;
use crate::host::reader::{Kind, Reader};
use crate::inventory::{Credential, Finding, Place, catalogued};
use crate::openclaw::{Facts, FoundCredential, SecretFile, Unresolved};
use crate::secret::Hasher;

/// The credentials of a gateway, and those whose values could not be told.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) credentials: Vec<Credential>,
    pub(super) unresolved: Vec<Unresolved>,
}

/// Hashes the credentials of a gateway; secrets are dropped here.
pub(super) fn ledger(
    reader: &Reader,
    sighting: &Sighting,
    facts: &Facts,
    hasher: &Hasher,
) -> Ledger {
    let mut ledger = Ledger {
        credentials: Vec::new(),
        unresolved: facts.unresolved.clone(),
    };
    for found in &facts.credentials {
        let elsewhere = places_of_value(sighting, found.secret.expose());
        let places = found.places.iter().cloned().chain(elsewhere).collect();
        ledger.take(found, places, facts, hasher);
    }
    for file in &facts.secret_files {
        let place = Place {
            path: reader.resolve(&file.path),
            line: None,
        };
        match read(reader, file) {
            Ok(Some(found)) => ledger.take(&found, vec![place], facts, hasher),
            Ok(None) => {}
            Err(why) => ledger.unresolved.push(Unresolved {
                key: file.key.clone(),
                why,
                place: Some(place),
                exclusivity: file.exclusivity,
            }),
        }
    }
    ledger
}

/// Reads the credential of a file; `None` where it may be missing and is.
fn read(reader: &Reader, file: &SecretFile) -> Result<Option<FoundCredential>, String> {
    if reader.kind(&file.path) == Some(Kind::Link) && !file.may_be_link {
        return Err("its file is a link, which OpenClaw refuses".to_owned());
    }
    match reader.file(&file.path) {
        Ok(Some(text)) => file.credential(&text).map(Some).map_err(str::to_owned),
        Ok(None) if file.is_optional => Ok(None),
        Ok(None) => Err("its file does not exist".to_owned()),
        Err(error) => Err(error.with_cause()),
    }
}

/// Tells of logins whose values could not be told, and so could not be compared.
pub(super) fn findings(sighting: &Sighting, unresolved: &[Unresolved]) -> Vec<Finding> {
    let logins = unresolved.iter().filter(|it| it.exclusivity.is_exclusive());
    let findings = logins.map(|it| {
        let summary = crate::display::text(&format!("{}: {}", it.key, it.why));
        let finding = Finding::new(&catalogued::UNRESOLVED_LOGIN, &sighting.name, summary);
        match &it.place {
            Some(place) => finding.at(place),
            None => finding,
        }
    });
    findings.collect()
}

impl Ledger {
    /// Adds a credential, or its places to the one that is known. It is that of an account which is started, if there is one.
    fn take(
        &mut self,
        found: &FoundCredential,
        places: Vec<Place>,
        facts: &Facts,
        hasher: &Hasher,
    ) {
        let hash = hasher.hash(found.secret.expose().as_bytes());
        let known = self.credentials.iter_mut().find(|known| known.hash == hash);
        let mut credential = Credential {
            kind: found.kind.clone(),
            public_id: found.public_id.clone(),
            hash,
            exclusivity: found.exclusivity,
            account: found.account.clone(),
            places: Vec::new(),
        };
        if let Some(known) = known {
            if !is_started(facts, known) && is_started(facts, &credential) {
                credential.places.append(&mut known.places);
                *known = credential;
            }
            add(&mut known.places, places);
        } else {
            add(&mut credential.places, places);
            self.credentials.push(credential);
        }
    }
}

fn add(known: &mut Vec<Place>, places: Vec<Place>) {
    for place in places {
        if !known.contains(&place) {
            known.push(place);
        }
    }
}

fn is_started(facts: &Facts, credential: &Credential) -> bool {
    let mut accounts = facts.accounts.iter().filter(|account| account.enabled);
    let of = credential.account.as_deref();
    credential.exclusivity.is_exclusive()
        && accounts.any(|account| of == Some(&format!("{}/{}", account.channel, account.id)))
}

/// Returns where a value stands outside the configuration: in its starter, in a file of variables, or only in the process.
fn places_of_value(sighting: &Sighting, value: &str) -> Vec<Place> {
    let files = sighting.variable_files.iter();
    let in_files = files.flat_map(|(path, assignments)| {
        let set = assignments.iter().filter(|it| it.value == value);
        set.map(move |it| Place {
            path: path.clone(),
            line: Some(it.line),
        })
    });
    let mut places = sighting.places_set(value);
    places.extend(in_files);
    let is_exported = sighting
        .started_with
        .iter()
        .any(|(_, exported)| exported == value);
    match &sighting.family {
        Some(family) if is_exported && places.is_empty() => places.push(Place {
            path: PathBuf::from(format!("/proc/{}/environ", family.main.id.pid)),
            line: None,
        }),
        Some(_) | None => {}
    }
    places
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests make files with secrets"
)]
mod tests {
    use super::*;
    use crate::scan::config;
    use crate::scan::sighting::tests::at_rest;

    /// What a gateway of these files below its home holds: kinds with places, and what could not be told.
    fn told(
        unit: &str,
        files: &[(&str, &str)],
        change: impl FnOnce(&std::path::Path),
    ) -> (Vec<String>, Vec<String>) {
        let home = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        change(home.path());
        let (reader, hasher) = (Reader::new(), Hasher::for_machine("m"));
        let sighting = at_rest(home.path(), unit);
        let reading = config::read(&reader, &sighting, &hasher);
        let ledger = ledger(&reader, &sighting, &reading.facts.expect("parses"), &hasher);
        let below = |text: String| text.replace(&format!("{}/", home.path().display()), "");
        let credentials = ledger.credentials.iter().map(|it| {
            let places: Vec<_> = it.places.iter().map(ToString::to_string).collect();
            below(format!("{} {}", it.kind, places.join(" ")))
        });
        let findings = findings(&sighting, &ledger.unresolved);
        let findings = findings
            .iter()
            .map(|it| below(format!("{} {} {}", it.id, it.summary, it.place)));
        (credentials.collect(), findings.collect())
    }

    const CONFIG: &str = ".openclaw/openclaw.json";
    const TOKEN: &str = "{channels: {telegram: {botToken: '${T}'}}}";

    #[test]
    fn a_value_is_found_in_every_file_that_sets_it() {
        let unit =
            "[Service]\nEnvironment=T=1\nEnvironmentFile=%h/a.env\nEnvironmentFile=-%h/none\n";
        let files = [
            (CONFIG, TOKEN),
            ("a.env", "T=72:AAA"),
            (".openclaw/.env", "\nT=72:AAA"),
        ];
        let (credentials, findings) = told(unit, &files, |_| {});
        let expected = "telegram bot token .openclaw/openclaw.json:1 a.env:1 .openclaw/.env:2";
        assert_eq!((credentials, findings), (vec![expected.to_owned()], vec![]));
    }

    #[test]
    fn the_fallback_file_of_the_usual_state_directory_is_read() {
        let files = [
            (CONFIG, TOKEN),
            (".config/openclaw/gateway.env", "T=72:AAA"),
        ];
        let (credentials, _) = told("", &files, |_| {});
        assert_eq!(
            credentials,
            ["telegram bot token .openclaw/openclaw.json:1 .config/openclaw/gateway.env:1"]
        );
    }

    #[test]
    fn a_login_without_a_value_is_found() {
        let (credentials, findings) = told("", &[(CONFIG, TOKEN)], |_| {});
        let expected =
            "OM-T002 channels.telegram.botToken: variable T is not set .openclaw/openclaw.json:1";
        assert_eq!((credentials, findings), (vec![], vec![expected.to_owned()]));
    }

    #[test]
    fn token_files_are_read_and_links_refused() {
        let text = "{channels: {telegram: {tokenFile: '~/t', accounts: {a: {tokenFile: '~/link'}, b: {tokenFile: '~/none'}}}}}";
        let (credentials, findings) = told("", &[(CONFIG, text), ("t", "72:AAA\n")], |home| {
            std::os::unix::fs::symlink("t", home.join("link")).expect("linked");
        });
        assert_eq!(credentials, ["telegram bot token t"]);
        let of = |id: &str, why: &str| {
            format!("OM-T002 channels.telegram.accounts.{id}.tokenFile: {why}")
        };
        let expected = [
            of("a", "its file is a link, which OpenClaw refuses t"),
            of("b", "its file does not exist none"),
        ];
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_reference_to_a_file_is_read() {
        let text = "{secrets: {providers: {f: {source: 'file', path: '~/s.json'}}}, channels: {telegram: {accounts: {
            a: {botToken: {source: 'file', provider: 'f', id: '/a'}}, b: {botToken: {source: 'file', provider: 'f', id: '/b'}},
            c: {botToken: {source: 'exec', provider: 'f', id: 'c'}}}}}}";
        let (credentials, findings) = told(
            "",
            &[(CONFIG, text), ("s.json", "{\"a\": \"72:AAA\"}")],
            |_| {},
        );
        assert_eq!(credentials, ["telegram bot token s.json"]);
        assert_eq!(findings.len(), 2);
        assert!(
            findings.iter().all(|it| it.starts_with("OM-T002")),
            "{findings:?}"
        );
    }

    #[test]
    fn a_login_is_that_of_the_account_which_is_started() {
        let text = "{channels: {telegram: {accounts: {a: {enabled: false, botToken: '1:x'}, b: {botToken: '1:x'}}}}}";
        let home = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(home.path().join(".openclaw")).expect("made");
        std::fs::write(home.path().join(CONFIG), text).expect("written");
        let (reader, hasher) = (Reader::new(), Hasher::for_machine("m"));
        let sighting = at_rest(home.path(), "");
        let facts = config::read(&reader, &sighting, &hasher)
            .facts
            .expect("parses");
        let credentials = ledger(&reader, &sighting, &facts, &hasher).credentials;
        let accounts: Vec<_> = credentials
            .iter()
            .filter_map(|it| it.account.as_deref())
            .collect();
        assert_eq!(accounts, ["telegram/b"]);
    }
}
