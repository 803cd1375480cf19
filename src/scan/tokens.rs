//! Credentials that only one process may hold, and that stand in the configurations of two gateways.

use std::path::Path;

use crate::inventory::{
    ChannelAccount, Contained, Credential, Finding, Gateway, ProcessId, catalogued,
};

/// A login, and who would start it.
struct Held<'a> {
    by: String,
    /// The state directory of a native gateway that does not run.
    rests_in: Option<&'a Path>,
    /// The state directory of a container.
    runs_in: Option<&'a Path>,
    /// The group that ocmigrate runs in a container.
    group: Option<&'a str>,
    /// Its process, where it runs.
    process: Option<ProcessId>,
    credential: &'a Credential,
}

impl Held<'_> {
    /// A gateway at rest whose own state a container runs on was moved there: that is one gateway, with one configuration.
    fn was_moved_to(&self, other: &Self) -> bool {
        self.rests_in.is_some() && self.rests_in == other.runs_in
    }
}

/// Compares the logins of all gateways, those in containers too. An account that is disabled is not started, so its
/// login meets nobody's.
pub(super) fn shared(gateways: &[Gateway], contained: &[Contained]) -> Vec<Finding> {
    let held = held(gateways, contained);
    let mut findings = Vec::new();
    for (at, one) in held.iter().enumerate() {
        let after = held.iter().skip(at + 1);
        for other in after
            .filter(|it| it.credential.hash == one.credential.hash)
            .filter(|it| !one.was_moved_to(it))
        {
            let summary = format!(
                "{} also stands in the configuration of {}",
                crate::display::text(&shown(one.credential)),
                other.by
            );
            let finding = Finding::new(&catalogued::SHARED_TOKEN, &one.by, summary);
            let places = [one, other].map(|it| places(it.credential));
            findings.push(finding.at(places.join(" and ")));
        }
    }
    findings
}

/// A process that holds a login which a group's container holds, too, and which only one may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// What it belongs to.
    pub name: String,
    /// The process.
    pub process: ProcessId,
    /// The login, without its secret; safe to print.
    pub login: String,
}

/// Lists who else runs with a login of the container of this group: for a bot's token, its second pollers.
#[must_use]
pub fn rivals(gateways: &[Gateway], contained: &[Contained], group: &str) -> Vec<Rival> {
    let held = held(gateways, contained);
    let (own, others): (Vec<_>, Vec<_>) = held.iter().partition(|it| it.group == Some(group));
    let is_own = |it: &&&Held| {
        own.iter()
            .any(|own| own.credential.hash == it.credential.hash)
    };
    let rivals = others.iter().filter(is_own).filter_map(|it| {
        Some(Rival {
            name: it.by.clone(),
            process: it.process?,
            login: crate::display::text(&shown(it.credential)),
        })
    });
    rivals.collect()
}

fn held<'a>(gateways: &'a [Gateway], contained: &'a [Contained]) -> Vec<Held<'a>> {
    let native = gateways.iter().flat_map(|gateway| {
        let started = gateway.credentials.iter();
        let started = started.filter(|it| is_started(&gateway.accounts, it));
        started.map(|credential| Held {
            by: gateway.name.to_string(),
            rests_in: gateway
                .process
                .is_none()
                .then_some(gateway.state_directory.as_path()),
            runs_in: None,
            group: None,
            process: gateway.process.as_ref().map(|process| process.id),
            credential,
        })
    });
    let inside = contained.iter().flat_map(|container| {
        container.credentials.iter().map(|credential| Held {
            by: format!("container {}", container.name()),
            rests_in: None,
            runs_in: container.state_directory.as_deref(),
            group: container.group.as_deref(),
            process: Some(container.process),
            credential,
        })
    });
    let held = native.chain(inside);
    held.filter(|it| it.credential.exclusivity.is_exclusive())
        .collect()
}

/// Returns whether a credential is started: it is of no account, or of one that is not disabled.
pub(super) fn is_started(accounts: &[ChannelAccount], credential: &Credential) -> bool {
    let mut accounts = accounts.iter();
    let account = accounts
        .find(|it| credential.account.as_deref() == Some(&format!("{}/{}", it.channel, it.id)));
    account.is_none_or(|account| account.enabled)
}

fn shown(credential: &Credential) -> String {
    let hash = credential.hash.to_string();
    let words = [&credential.kind, &credential.public_id, &hash];
    let words = words.into_iter().filter(|it| !it.is_empty());
    words.cloned().collect::<Vec<_>>().join(" ")
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
        let findings = shared(&gateways, &[]).into_iter();
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

    /// A gateway that does not run.
    fn resting(home: &Path) -> Gateway {
        std::fs::create_dir(home.join(".openclaw")).expect("made");
        std::fs::write(home.join(".openclaw/openclaw.json"), LITERAL.1).expect("written");
        let sighting = at_rest(home, "");
        let hasher = Hasher::for_machine("m");
        let options = crate::scan::Options::default();
        gateway::read(&Reader::new(), &sighting, &[], &hasher, &options).gateway
    }

    fn running(mut gateway: Gateway, pid: i32) -> Gateway {
        gateway.process = Some(crate::inventory::Process {
            id: process(pid),
            others: Vec::new(),
            uptime_secs: 1,
        });
        gateway
    }

    fn process(pid: i32) -> ProcessId {
        ProcessId {
            pid,
            start_ticks: 1,
        }
    }

    /// A container that runs with a gateway's logins.
    fn in_container(gateway: &Gateway, state_directory: &Path) -> Contained {
        Contained {
            container: crate::inventory::ContainerStarter {
                id: String::new(),
                name: Some("claw".into()),
            },
            group: None,
            process: process(7),
            uid: None,
            state_directory: Some(state_directory.to_owned()),
            credentials: gateway.credentials.clone(),
        }
    }

    #[test]
    fn a_login_of_a_container_meets_that_of_a_gateway() {
        let home = tempfile::tempdir().expect("a directory");
        let native = resting(home.path());
        let moved = in_container(&native, &native.state_directory);
        assert_eq!(
            shared(std::slice::from_ref(&native), std::slice::from_ref(&moved)),
            []
        );
        assert_eq!(shared(&[running(native.clone(), 8)], &[moved]).len(), 1);
        let container = in_container(&native, Path::new("/elsewhere"));
        let findings = shared(&[native], &[container]);
        let ids: Vec<_> = findings.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["OM-T001"]);
        assert!(
            findings
                .iter()
                .all(|it| it.summary.ends_with("of container claw"))
        );
    }

    #[test]
    fn who_runs_with_a_login_of_a_groups_container_is_its_rival() {
        let home = tempfile::tempdir().expect("a directory");
        let native = resting(home.path());
        let mut group = in_container(&native, &native.state_directory);
        group.group = Some("oc-a".to_owned());
        let mut foreign = in_container(&native, Path::new("/elsewhere"));
        foreign.process = process(9);
        let all = [group.clone(), foreign];
        let names = |gateways: &[Gateway], contained: &[Contained], group: &str| -> Vec<_> {
            let rivals = rivals(gateways, contained, group).into_iter();
            rivals.map(|it| (it.name, it.process.pid)).collect()
        };
        let container = ("container claw".to_owned(), 9);
        assert_eq!(
            names(std::slice::from_ref(&native), &all, "oc-a"),
            std::slice::from_ref(&container)
        );
        let gateway = (native.name.to_string(), 8);
        let running = running(native, 8);
        assert_eq!(
            names(std::slice::from_ref(&running), &all, "oc-a"),
            [gateway, container]
        );
        assert_eq!(names(&[running], &all, "oc-b"), []);
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
