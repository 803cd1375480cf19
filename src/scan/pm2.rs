//! Applications of pm2 that start a gateway: what its dump holds. pm2 itself is never run.
//!
//! The dump is a JSON array, one object an application, as `pm2 save` writes it (seen with pm2 5). Ecosystem files start
//! nothing by themselves and are not read.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::launch::{Launches, Source};
use super::script::{self, Started};
use super::unit_file::Assigned;
use crate::display;
use crate::host::reader::Reader;
use crate::inventory::{Place, Pm2Starter, Starter, User, When};
use crate::openclaw::command;

/// The most applications of one dump.
const APPLICATIONS_LIMIT: usize = 1000;

/// An application of a dump.
#[derive(Clone, PartialEq, Eq)]
struct Application {
    name: String,
    words: Vec<String>,
    directory: Option<PathBuf>,
    /// Its variables. They may be secrets.
    environment: Vec<(String, String)>,
}

/// Finds the applications of a user's pm2 that start a gateway. `when` says when something brings them back.
pub(super) fn find(
    reader: &Reader,
    directory: &Path,
    when: When,
    user: &User,
    all: &[User],
    launches: &mut Launches,
) {
    // pm2 reads the copy where the dump is missing or broken.
    let dumps = ["dump.pm2", "dump.pm2.bak"].map(|name| directory.join(name));
    let read = |dump: &PathBuf| {
        let text = reader.file(dump).ok()??;
        Some((dump.clone(), parse_told(reader, dump, &text)?))
    };
    let Some((dump, applications)) = dumps.iter().find_map(read) else {
        return;
    };
    take(reader, &dump, applications, (when, user), all, launches);
}

/// Finds the applications of one dump that start a gateway; `None` where the file is no dump.
pub(super) fn dump(reader: &Reader, file: &Path, user: &User, all: &[User]) -> Option<Launches> {
    let applications = parse_told(reader, file, &reader.file(file).ok()??)?;
    let mut launches = Launches::default();
    take(
        reader,
        file,
        applications,
        (When::AtBoot, user),
        all,
        &mut launches,
    );
    Some(launches)
}

fn take(
    reader: &Reader,
    dump: &Path,
    applications: Vec<Application>,
    (when, user): (When, &User),
    all: &[User],
    launches: &mut Launches,
) {
    for application in applications {
        let starter = Starter::Pm2(Pm2Starter {
            name: application.name.clone(),
            dump: dump.to_path_buf(),
            user: user.name.clone(),
        });
        let environment = application
            .environment
            .iter()
            .map(|(name, value)| Assigned {
                name: name.clone(),
                value: value.clone(),
                place: Place {
                    path: dump.to_path_buf(),
                    line: None,
                },
            });
        let environment: Vec<_> = environment.collect();
        let base = application.directory.as_deref().unwrap_or(&user.home);
        let source = Source {
            starter: &starter,
            when,
            user,
            directory: base,
            environment: &environment,
            place: display::path(dump),
        };
        let outcome = script::in_words(reader, &application.words, base);
        launches.take(started_by(outcome), &source, all);
    }
}

/// Parses a dump, and has it told where it has more applications than are looked at.
fn parse_told(reader: &Reader, dump: &Path, text: &[u8]) -> Option<Vec<Application>> {
    let mut applications = parse(text)?;
    if applications.len() > APPLICATIONS_LIMIT {
        let shown = display::path(dump);
        let why = format!("`{shown}`: applications after the first {APPLICATIONS_LIMIT}");
        reader.refuse(dump, &why);
        applications.truncate(APPLICATIONS_LIMIT);
    }
    Some(applications)
}

/// An application that calls pm2 again resurrects nothing at boot.
fn started_by(outcome: Started) -> Started {
    Started {
        resurrects: false,
        ..outcome
    }
}

/// Returns the directory of the daemon whose title this is: `PM2 v5.3.0: God Daemon (/home/joe/.pm2)`.
pub(super) fn daemon_directory(title: &str) -> Option<PathBuf> {
    let rest = title.strip_prefix("PM2 ")?;
    let (_, rest) = rest.split_once("God Daemon (")?;
    let (path, _) = rest.rsplit_once(')')?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

fn parse(text: &[u8]) -> Option<Vec<Application>> {
    let dump: Value = serde_json::from_slice(text).ok()?;
    let applications = dump.as_array()?.iter().take(APPLICATIONS_LIMIT + 1);
    Some(applications.map(application).collect())
}

fn application(entry: &Value) -> Application {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let script = text("pm_exec_path")
        .or_else(|| text("script"))
        .unwrap_or_default();
    let mut words = vec![script.to_owned()];
    match entry.get("args") {
        Some(Value::String(line)) => {
            words.extend(command::commands(line).into_iter().flatten());
        }
        Some(Value::Array(list)) => {
            words.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    // The variables of the shell that started it lie beside pm2's own fields, which are in small letters; those of the
    // application below `env`.
    let strings = |value: &Value| -> Vec<(String, String)> {
        let pairs = value.as_object().into_iter().flatten();
        let pairs =
            pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        pairs.collect()
    };
    let beside = strings(entry).into_iter();
    let beside = beside.filter(|(name, _)| !name.contains(|it: char| it.is_ascii_lowercase()));
    let below = entry.get("env").map(strings).unwrap_or_default();
    Application {
        name: text("name").unwrap_or_default().to_owned(),
        words,
        directory: text("pm_cwd").map(PathBuf::from),
        environment: beside.chain(below).collect(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test makes a dump")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DUMP: &str = r#"[{"name":"web","pm_exec_path":"/srv/web.js"},
        {"name":"claw","pm_exec_path":"/usr/bin/openclaw","args":["--profile","work","gateway"],
         "env":{"OPENCLAW_GATEWAY_TOKEN":"geheim"},"HOME":"/home/joe"}]"#;

    fn found(files: &[(&str, &str)], when: When) -> Launches {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        let joe = User {
            name: "joe".into(),
            uid: 7,
            gid: 7,
            home: home.path().into(),
        };
        let mut launches = Launches::default();
        find(&Reader::new(), home.path(), when, &joe, &[], &mut launches);
        launches
    }

    #[test]
    fn an_application_of_the_dump_is_found_with_its_profile() {
        let launches = found(&[("dump.pm2", DUMP)], When::AtBoot);
        let [launch] = launches.found.as_slice() else {
            panic!("one application")
        };
        assert_eq!(launch.command.profile(), Some("work"));
        assert_eq!(launch.when, When::AtBoot);
        assert!(matches!(&launch.starter, Starter::Pm2(app) if app.name == "claw"));
        assert!(!format!("{:?}", launch.environment).contains("geheim"));
    }

    #[test]
    fn every_variable_of_an_application_counts_and_pm2s_own_fields_do_not() {
        let dump = r#"[{"name":"claw","pm_exec_path":"/usr/bin/openclaw","args":["gateway"],"exec_mode":"fork_mode",
            "A_BOT":"1:x","env":{"other_bot":"2:y","nested":{"C":"3"}}}]"#;
        let launches = found(&[("dump.pm2", dump)], When::AtBoot);
        let set = launches.found.first().unwrap().environment.iter();
        let set: Vec<_> = set
            .map(|it| (it.name.as_str(), it.value.as_str()))
            .collect();
        assert_eq!(set, [("A_BOT", "1:x"), ("other_bot", "2:y")]);
    }

    #[test]
    fn the_copy_counts_only_where_the_dump_does_not() {
        let both = found(&[("dump.pm2", "[]"), ("dump.pm2.bak", DUMP)], When::AtBoot);
        assert!(both.found.is_empty());
        let broken = found(&[("dump.pm2", "[{"), ("dump.pm2.bak", DUMP)], When::AtBoot);
        assert_eq!(broken.found.len(), 1);
        assert!(
            found(&[("ecosystem.config.js", "openclaw gateway")], When::AtBoot)
                .found
                .is_empty()
        );
    }

    #[test]
    fn the_daemons_title_names_its_directory() {
        let title = "PM2 v5.3.0: God Daemon (/home/joe/.pm2)";
        assert_eq!(daemon_directory(title), Some("/home/joe/.pm2".into()));
        assert_eq!(daemon_directory("PM2 v5: God Daemon (relative)"), None);
        assert_eq!(daemon_directory("node /srv/web.js"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_dump_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = daemon_directory(&String::from_utf8_lossy(&bytes));
        }
    }
}
