//! Reads single files and directories as a scan reads them, without processes.

use std::collections::BTreeMap;
use std::path::Path;

use super::credentials::Ledger;
use super::edges::Bonds;
use super::launch::Launches;
use super::sighting::{self, Sighting};
use super::unit_file::{self, Specifiers};
use super::{
    bindings, config, credentials, crontab, exposure, findings, gateway, pm2, script, units, users,
};
use serde::de::IgnoredAny;

use crate::display;
use crate::host::reader::{Kind, Reader};

use crate::inventory::{
    ConfigFacts, Inspection, Start, StartFacts, Subject, UnitFacts, UnitScope, UnitStarter,
};
use crate::openclaw::layout;
use crate::secret::Hasher;

/// What a path looks like, before it is read.
enum Form {
    Config,
    StateDirectory,
    Unit,
    Crontab,
    Pm2Dump,
    Unknown,
}

/// Says what is understood of a path.
///
/// A configuration is read as that of a gateway whose state directory is the file's directory, and whose user is the
/// file's owner; its environment is the directory's `.env` alone.
#[must_use]
pub fn inspect(reader: &Reader, path: &Path, hasher: &Hasher) -> Inspection {
    let mut inspection = match form(reader, path) {
        Form::Config => {
            let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
            let sighting = sighting::of_files(
                reader,
                directory.unwrap_or(Path::new(".")),
                path,
                BTreeMap::new(),
            );
            config(reader, path, &sighting, hasher, Subject::Config)
        }
        Form::StateDirectory => {
            let file = layout::CONFIG_NAMES.map(|name| path.join(name));
            let there = file.iter().find(|file| reader.kind(file).is_some());
            let sighting =
                sighting::of_files(reader, path, there.unwrap_or(&file[0]), BTreeMap::new());
            config(reader, path, &sighting, hasher, Subject::StateDirectory)
        }
        Form::Unit => unit(reader, path),
        Form::Crontab => crontab(reader, path),
        Form::Pm2Dump => pm2_dump(reader, path),
        Form::Unknown => Inspection {
            path: path.to_owned(),
            subject: Subject::Unknown,
            findings: Vec::new(),
            unseen: vec![match reader.file(path) {
                Ok(_) => {
                    "it is no configuration, state directory, unit file, crontab or dump of pm2"
                        .to_owned()
                }
                Err(error) => error.with_cause(),
            }],
        },
    };
    // A configuration that cannot be read is a finding.
    let of_config = inspection.config().map(|config| config.path.clone());
    let is_told = |refused: &Path| of_config.as_deref() == Some(refused);
    let refused = reader.take_refused().into_iter();
    let refused = refused.filter(|(refused, _)| !is_told(refused));
    for (_, why) in refused {
        if !inspection.unseen.contains(&why) {
            inspection.unseen.push(why);
        }
    }
    inspection
}

fn form(reader: &Reader, path: &Path) -> Form {
    if reader.kind(&reader.resolve(path)) == Some(Kind::Directory) {
        return Form::StateDirectory;
    }
    let text = reader.file(path).ok().flatten().unwrap_or_default();
    let is_unit = |line: &[u8]| line.trim_ascii() == b"[Service]";
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A script can write a unit file, and is none.
    let is_script = text.starts_with(b"#!");
    let has_section = text.split(|byte| *byte == b'\n').any(is_unit);
    if name.contains(".service") || has_section && !is_script {
        Form::Unit
    } else if is_list_of_objects(&text) {
        Form::Pm2Dump
    } else if name.contains(".json") || text.trim_ascii().starts_with(b"{") {
        Form::Config
    } else if crontab::is_table(&String::from_utf8_lossy(&text)) {
        Form::Crontab
    } else {
        Form::Unknown
    }
}

fn config(
    reader: &Reader,
    path: &Path,
    sighting: &Sighting,
    hasher: &Hasher,
    subject: fn(ConfigFacts) -> Subject,
) -> Inspection {
    let reading = config::read(reader, sighting, hasher);
    let facts = reading.facts.as_ref();
    let ledger = facts.map_or_else(Ledger::default, |facts| {
        credentials::ledger(reader, sighting, facts, hasher)
    });
    let mut findings = reading.findings;
    findings.extend(credentials::findings(sighting, &ledger.unresolved));
    findings.extend(bindings::findings(&sighting.name, facts));
    findings.extend(findings::of_config(&sighting.name, &reading.config, facts));
    findings.extend(findings::loopback(&sighting.name, facts));
    super::sort(&mut findings);
    let mut unseen = gateway::unseen(sighting, facts, &ledger);
    let unset = facts.into_iter().flat_map(|facts| &facts.unset);
    unseen.extend(unset.map(|(account, variable)| {
        let account = display::text(account);
        format!("{}: {account}: whether {variable} is set", sighting.name)
    }));
    Inspection {
        path: path.to_owned(),
        findings,
        unseen,
        subject: subject(ConfigFacts {
            agents: facts.map_or_else(Vec::new, |facts| facts.agents.clone()),
            accounts: facts.map_or_else(Vec::new, |facts| facts.accounts.clone()),
            edges: facts.map_or_else(Vec::new, |facts| {
                Bonds::of(&sighting.name, &facts.agents, Some(facts)).edges(&[], &[])
            }),
            config: reading.config,
            credentials: ledger.credentials,
        }),
    }
}

fn unit(reader: &Reader, path: &Path) -> Inspection {
    let (uid, gid) = reader.owner(path).unwrap_or_default();
    let user = reader.user(uid, gid);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = reader.file(path).ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let specifiers = Specifiers {
        name: name.clone().into_owned(),
        user: user.name.clone(),
        uid: user.uid,
        home: user.home.clone(),
    };
    let unit = unit_file::parse(&[(path.to_owned(), text)], &specifiers);
    let starter = UnitStarter {
        name: name.into_owned(),
        scope: UnitScope::System,
        file: reader.resolve(path),
        enablement: "unknown".to_owned(),
    };
    let launch = units::launch_of(reader, &starter, &user, &unit);
    let starts = |command: &Vec<String>| {
        let outcome = script::in_words(reader, command, &user.home);
        !outcome.commands.is_empty()
    };
    let variables = unit.environment.iter();
    let facts = UnitFacts {
        starts_gateway: unit.commands.iter().any(starts),
        port: launch.command.port(),
        user: unit.user.as_deref().map(display::text),
        variables: variables.map(|it| display::text(&it.name)).collect(),
        environment_files: unit.environment_files,
    };
    let sighting = sighting::resting(reader, launch);
    Inspection {
        path: path.to_owned(),
        subject: Subject::Unit(facts),
        findings: exposure::findings(reader, &sighting),
        unseen: Vec::new(),
    }
}

/// A table of the system, in `/etc`, has a column for the user; another is taken for the table of its owner.
fn crontab(reader: &Reader, path: &Path) -> Inspection {
    let (uid, gid) = reader.owner(path).unwrap_or_default();
    let user = reader.user(uid, gid);
    let is_systems =
        path == Path::new("/etc/crontab") || path.parent().is_some_and(|it| it.ends_with("cron.d"));
    let owner = Some(&user).filter(|_| !is_systems);
    let mut launches = Launches::default();
    crontab::table(reader, path, owner, &users::all(reader), &mut launches);
    starts(reader, path, launches, Subject::Crontab)
}

fn pm2_dump(reader: &Reader, path: &Path) -> Inspection {
    let (uid, gid) = reader.owner(path).unwrap_or_default();
    let user = reader.user(uid, gid);
    let launches = pm2::dump(reader, path, &user, &users::all(reader));
    let unseen = launches
        .is_none()
        .then(|| "it is no dump that can be read".to_owned());
    let mut inspection = starts(reader, path, launches.unwrap_or_default(), Subject::Pm2Dump);
    inspection.unseen.extend(unseen);
    inspection
}

fn starts(
    reader: &Reader,
    path: &Path,
    launches: Launches,
    subject: fn(StartFacts) -> Subject,
) -> Inspection {
    let cut = launches.cut().collect();
    let starts = launches.found.into_iter().map(|launch| Start {
        user: display::text(&launch.user.name),
        state_directory: launch.state_directory(reader),
        port: launch.command.port(),
        starter: launch.starter,
    });
    Inspection {
        path: path.to_owned(),
        subject: subject(StartFacts {
            starts: starts.collect(),
        }),
        findings: launches.findings,
        unseen: cut,
    }
}

/// Passes over all values, however deep they are nested.
#[expect(
    clippy::zero_sized_map_values,
    reason = "no set can be read from an object"
)]
fn is_list_of_objects(text: &[u8]) -> bool {
    serde_json::from_slice::<Vec<BTreeMap<String, IgnoredAny>>>(text).is_ok()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make files")]
mod tests {
    use super::*;

    fn inspected(name: &str, text: &[u8]) -> Inspection {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        inspect(&Reader::new(), &path, &Hasher::for_machine("m"))
    }

    #[test]
    fn a_configuration_is_told_whatever_its_name() {
        for name in ["openclaw.json", "backup.json5", "copy"] {
            let inspection = inspected(name, b"{gateway: {port: 5}, agents: {list: [{id: 'a'}]}}");
            let Subject::Config(facts) = inspection.subject else {
                panic!("{name}")
            };
            assert_eq!((facts.config.port, facts.agents.len()), (Some(5), 1));
        }
    }

    #[test]
    fn a_state_directory_is_told_with_the_configuration_in_it() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(
            directory.path().join("clawdbot.json"),
            "{channels: {telegram: {botToken: '${T}'}}}",
        )
        .expect("written");
        std::fs::write(directory.path().join(".env"), "T=7214000031:AAA").expect("written");
        let inspection = inspect(&Reader::new(), directory.path(), &Hasher::for_machine("m"));
        let Subject::StateDirectory(facts) = inspection.subject else {
            panic!("no state directory")
        };
        let credential = facts.credentials.first().expect("a token");
        assert_eq!(credential.public_id, "tg:7214…31");
        assert_eq!(credential.places.len(), 2);
    }

    #[test]
    fn a_unit_is_told_without_its_values() {
        let text = b"[Service]\nUser=joe\nEnvironment=A=SEKRET\nEnvironmentFile=-/e\nExecStart=/usr/bin/openclaw gateway --port 7 --token SEKRET\n";
        let inspection = inspected("x.service", text);
        let Subject::Unit(facts) = &inspection.subject else {
            panic!("no unit")
        };
        assert!(facts.starts_gateway);
        assert_eq!((facts.port, facts.user.as_deref()), (Some(7), Some("joe")));
        assert!(!format!("{inspection:?}").contains("SEKRET"));
    }

    #[test]
    fn a_unit_whose_wrapper_is_not_here_is_still_a_gateways() {
        let text = b"[Service]\nEnvironmentFile=-/srv/claw/env\nExecStart=/srv/claw/bin/openclaw-mine gateway run\n";
        let Subject::Unit(facts) = inspected("claw.service", text).subject else {
            panic!("no unit")
        };
        assert!(facts.starts_gateway);
    }

    #[test]
    fn a_home_in_a_workspace_is_the_owners() {
        let text = b"{agents: {list: [{id: 'a', workspace: '${HOME}/ws'}, {id: 'b', workspace: '${NOWHERE}'}]}}";
        let inspection = inspected("openclaw.json", text);
        let Subject::Config(facts) = &inspection.subject else {
            panic!("no configuration")
        };
        let home = Reader::new().user(0, 0).home;
        let first = facts.agents.first().expect("an agent");
        assert_eq!(first.workspace, home.join("ws"));
        let [unseen] = &inspection.unseen[..] else {
            panic!("{:?}", inspection.unseen)
        };
        assert!(unseen.ends_with("agents.list.1.workspace: variable NOWHERE is not set"));
    }

    #[test]
    fn a_crontab_and_a_dump_are_told_by_what_they_start_without_commands() {
        let table = b"T=SEKRET\n# @reboot openclaw gateway\n@reboot openclaw --profile work gateway --port 7 --token SEKRET\n0 5 * * * backup\n";
        let dump = br#"[{"name":"claw","pm_exec_path":"/usr/bin/openclaw","args":["--profile","work","gateway","--port","7"],
            "env":{"OPENCLAW_GATEWAY_TOKEN":"SEKRET"}},{"name":"web","pm_exec_path":"/srv/web.js"}]"#;
        for (name, text) in [("root", &table[..]), ("dump.pm2", dump)] {
            let inspection = inspected(name, text);
            assert!(!format!("{inspection:?}").contains("SEKRET"));
            let (Subject::Crontab(facts) | Subject::Pm2Dump(facts)) = inspection.subject else {
                panic!("{name}")
            };
            let [start] = &facts.starts[..] else {
                panic!("{name}: {:?}", facts.starts)
            };
            assert_eq!(start.port, Some(7));
            let directory = start.state_directory.as_deref();
            assert!(directory.is_some_and(|it| it.ends_with(".openclaw-work")));
        }
    }

    #[test]
    fn a_configuration_that_lets_everybody_in_is_found() {
        let ids = |text: &str| {
            let found = inspected("openclaw.json", text.as_bytes()).findings;
            found.into_iter().map(|it| it.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("{gateway: {bind: 'lan'}}"), ["OM-C004"]);
        assert_eq!(ids("{gateway: {bind: 'lan', auth: {token: 'x'}}}"), [""; 0]);
        assert_eq!(ids("{gateway: {bind: 'loopback'}}"), [""; 0]);
    }

    #[test]
    fn a_login_that_a_variable_could_give_is_told_as_not_seen() {
        let text = b"{channels: {telegram: {enabled: true}}}";
        let unseen = inspected("openclaw.json", text).unseen;
        let [unseen] = &unseen[..] else {
            panic!("{unseen:?}")
        };
        assert!(unseen.ends_with(": telegram/default: whether TELEGRAM_BOT_TOKEN is set"));
    }

    #[test]
    fn a_loopback_service_is_found_as_a_scan_finds_it() {
        let text = b"{models: {providers: {ollama: {baseUrl: 'http://127.0.0.1:11434'}}}}";
        let findings = inspected("openclaw.json", text).findings;
        let ids: Vec<_> = findings.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["OM-N002"]);
    }

    #[test]
    fn a_script_that_writes_a_unit_is_no_unit() {
        let text = "#!/bin/sh\ncat > x <<END\n[Service]\nExecStart=openclaw gateway\nEND\n";
        let inspection = inspected("install.sh", text.as_bytes());
        assert_eq!(inspection.subject, Subject::Unknown);
    }

    #[test]
    fn what_is_not_understood_says_so() {
        let inspection = inspected("notes", b"@reboot\n");
        assert_eq!(inspection.subject, Subject::Unknown);
        assert_eq!(
            inspection.unseen,
            ["it is no configuration, state directory, unit file, crontab or dump of pm2"]
        );
        let bad = inspected("openclaw.json", b"{a: SEKRET}");
        assert_eq!(
            bad.findings.first().map(|it| it.id.as_str()),
            Some("OM-C001")
        );
        assert!(!format!("{bad:?}").contains("SEKRET"));
    }
}
