//! OAuth logins that several agents share, by a link or by the same refresh token.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::display;
use crate::host::reader::Reader;
use crate::inventory::{Finding, Gateway, Place, catalogued};
use crate::openclaw::{auth_store, oauth_logins};
use crate::secret::Hasher;

/// A store of one agent, links resolved.
struct Store<'a> {
    gateway: &'a Gateway,
    agent: &'a str,
    named: PathBuf,
    path: PathBuf,
}

/// Compares the stores of all agents of all gateways.
pub(super) fn shared(reader: &Reader, gateways: &[Gateway], hasher: &Hasher) -> Vec<Finding> {
    let stores = gateways.iter().flat_map(|gateway| {
        let agents = gateway.agents.iter();
        agents.map(|agent| {
            let named = auth_store(&gateway.state_directory, &agent.id);
            let path = reader.resolve(&named);
            Store {
                gateway,
                agent: &agent.id,
                named,
                path,
            }
        })
    });
    let stores: Vec<_> = stores
        .filter(|store| reader.kind(&store.path).is_some())
        .collect();
    let mut by_file: BTreeMap<_, Vec<&Store<'_>>> = BTreeMap::new();
    for store in &stores {
        by_file.entry(store.path.clone()).or_default().push(store);
    }
    let linked = by_file.values().filter(|same| same.len() > 1);
    let mut findings: Vec<_> = linked
        .map(|same| finding(same, "the same auth-profiles.json"))
        .collect();
    // One store a file: those that are linked were told.
    let mut by_token: BTreeMap<_, Vec<&Store<'_>>> = BTreeMap::new();
    for store in by_file.values().filter_map(|same| same.first()) {
        let text = reader.file(&store.path).ok().flatten().unwrap_or_default();
        for (profile, token) in oauth_logins(&text) {
            let key = (hasher.hash(token.expose().as_bytes()), profile);
            by_token.entry(key).or_default().push(store);
        }
    }
    let copied = by_token.into_iter().filter(|(_, same)| same.len() > 1);
    findings.extend(copied.map(|((hash, profile), same)| {
        finding(
            &same,
            &format!("the OAuth login {} {hash}", display::text(&profile)),
        )
    }));
    findings
}

fn finding(same: &[&Store<'_>], what: &str) -> Finding {
    let agents: Vec<_> = same
        .iter()
        .map(|store| format!("{} of {}", display::text(store.agent), store.gateway.name))
        .collect();
    let places = same.iter().map(|store| Place {
        path: store.named.clone(),
        line: None,
    });
    let places: Vec<_> = places.map(|place| place.to_string()).collect();
    let about = same.first().map(|store| store.gateway.name.to_string());
    let summary = format!("{} share {what}", agents.join(" and "));
    let finding = Finding::new(&catalogued::SHARED_AUTH, about.unwrap_or_default(), summary);
    finding.at(places.join(" and "))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make stores")]
mod tests {
    use super::*;
    use crate::scan::{gateway, sighting::tests::at_rest};

    /// Returns what agents a, b and c share.
    fn found(change: impl FnOnce(&std::path::Path)) -> Vec<String> {
        let home = tempfile::tempdir().expect("a directory");
        let agents = home.path().join(".openclaw/agents");
        for (id, token) in [("a", "SEKRET1"), ("b", "SEKRET1"), ("c", "SEKRET2")] {
            let directory = agents.join(id).join("agent");
            std::fs::create_dir_all(&directory).expect("made");
            let store = format!(
                "{{\"profiles\": {{\"p\": {{\"type\": \"oauth\", \"refresh\": \"{token}\"}}}}}}"
            );
            std::fs::write(directory.join("auth-profiles.json"), store).expect("written");
        }
        let text = "{agents: {list: [{id: 'a'}, {id: 'b'}, {id: 'c'}]}}";
        std::fs::write(home.path().join(".openclaw/openclaw.json"), text).expect("written");
        change(&agents);
        let (reader, hasher) = (Reader::new(), Hasher::for_machine("m"));
        let sighting = at_rest(home.path(), "");
        let gateway = gateway::read(
            &reader,
            &sighting,
            &[],
            &hasher,
            &crate::scan::Options::default(),
        )
        .gateway;
        let findings = shared(&reader, &[gateway], &hasher).into_iter();
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

    const COPIED: &str =
        "OM-A001 a of joe/.openclaw and b of joe/.openclaw share the OAuth login p";

    #[test]
    fn a_copied_login_is_found() {
        assert_eq!(found(|_| {}), [COPIED]);
    }

    #[test]
    fn a_linked_store_is_found() {
        let found = found(|agents| {
            let store = agents.join("c/agent/auth-profiles.json");
            std::fs::remove_file(&store).expect("removed");
            std::os::unix::fs::symlink(agents.join("a/agent/auth-profiles.json"), store)
                .expect("linked");
        });
        let linked =
            "OM-A001 a of joe/.openclaw and c of joe/.openclaw share the same auth-profiles.json";
        assert_eq!(found, [linked, COPIED]);
    }
}
