//! Something on disk that would start a gateway: a unit, a line of a crontab, an application of pm2.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::unit_file::Assigned;
use super::users;
use crate::host::reader::Reader;
use crate::inventory::{Arming, Finding, Reviver, Starter, User, When, catalogued};
use crate::openclaw::command::GatewayCommand;
use crate::openclaw::layout;

/// Something that would start a gateway.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) starter: Starter,
    pub(super) when: When,
    /// The user that the gateway would run as.
    pub(super) user: User,
    /// The directory that it would be started in.
    pub(super) directory: PathBuf,
    /// The script in which the command stands.
    pub(super) script: Option<PathBuf>,
    pub(super) command: GatewayCommand,
    /// What the starter sets.
    pub(super) environment: Vec<Assigned>,
    pub(super) arming: Arming,
}

/// The most starters of one user that are looked at: any user can write as many as there is room for.
const STARTERS_LIMIT: usize = 1_000;

/// Everything that would start a gateway, and what could not be understood.
#[derive(Debug, Default)]
pub(super) struct Launches {
    pub(super) found: Vec<Launch>,
    pub(super) findings: Vec<Finding>,
    /// The pm2 directories of which something brings the dump back, and when.
    pub(super) resurrected: Vec<(PathBuf, When)>,
    /// How many each user has, by the user's id; those beyond [`STARTERS_LIMIT`] are not in `found`.
    counts: BTreeMap<u32, usize>,
}

impl Launch {
    /// Returns the variables that the gateway would see, its options turned into those that they stand for.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let set = self.environment.iter();
        let set = set.map(|it| (it.name.clone(), it.value.clone()));
        let mut variables: BTreeMap<_, _> = set.chain(self.command.environment.clone()).collect();
        if let Some(profile) = self.command.profile() {
            variables.insert("OPENCLAW_PROFILE".to_owned(), profile.to_owned());
        }
        variables
    }

    /// Returns the environment that it would be started with.
    pub(super) fn started_with(&self) -> Vec<(OsString, OsString)> {
        let set = self.environment.iter();
        let set = set.map(|it| (it.name.clone(), it.value.clone()));
        let pairs = set.chain(self.command.environment.clone());
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    /// Returns the state directory, links resolved; `None` where a shell's variable hides it.
    pub(super) fn state_directory(&self, reader: &Reader) -> Option<PathBuf> {
        if !self.command.is_plain {
            return None;
        }
        let variables = self.variables();
        let home = variables.get("HOME").map(Path::new);
        let home = home.filter(|home| home.is_absolute());
        let home = home.unwrap_or(&self.user.home);
        let paths = layout::state_directories(&variables, home, &self.directory);
        let there = paths.iter().find(|path| reader.kind(path).is_some());
        there.or(paths.first()).map(|path| reader.resolve(path))
    }

    /// Returns it as what would start a gateway a second time.
    pub(super) fn reviver(&self, asks_unit: bool) -> Reviver {
        Reviver {
            starter: self.starter.clone(),
            when: self.when,
            script: self.script.clone(),
            asks_unit,
            arming: self.arming.clone(),
        }
    }
}

/// What runs a command, where it is written down.
pub(super) struct Source<'a> {
    pub(super) starter: &'a Starter,
    pub(super) when: When,
    pub(super) user: &'a User,
    pub(super) directory: &'a Path,
    pub(super) environment: &'a [Assigned],
    pub(super) place: String,
}

impl Launches {
    /// Returns how much was found so far: a command that adds nothing to it starts nothing.
    pub(super) fn size(&self) -> usize {
        let counted: usize = self.counts.values().sum();
        counted + self.findings.len() + self.resurrected.len()
    }

    /// Says whose starters are more than are looked at, a line for each user.
    pub(super) fn cut(&self) -> impl Iterator<Item = String> {
        let many = self.counts.iter().filter(|it| *it.1 > STARTERS_LIMIT);
        many.map(|(uid, count)| {
            format!("{count} things start a gateway by uid {uid}: only the first {STARTERS_LIMIT} were looked at")
        })
    }

    /// Takes in what a command came to.
    pub(super) fn take(&mut self, started: super::script::Started, source: &Source, all: &[User]) {
        if started.is_unclear && source.when != When::ByHand {
            let script = started.script.as_deref().map(crate::display::path);
            let summary = format!(
                "{} runs {}, which speaks of the gateway",
                source.starter,
                script.unwrap_or_default()
            );
            let about = crate::display::text(&source.starter.to_string());
            let finding = Finding::new(
                &catalogued::UNCLEAR_STARTER,
                about,
                crate::display::text(&summary),
            );
            self.findings.push(finding.at(&source.place));
        }
        if started.resurrects {
            let set = source.environment.iter().rev();
            let own = set
                .filter(|it| it.name == "PM2_HOME")
                .map(|it| PathBuf::from(&it.value));
            let directory = own.into_iter().next();
            let directory = directory.unwrap_or_else(|| source.user.home.join(".pm2"));
            self.resurrected.push((directory, source.when));
        }
        for command in started.commands {
            let becomes = command.user.as_deref();
            let user = becomes.and_then(|name| users::named(all, name));
            let user = user.unwrap_or(source.user).clone();
            let count = self.counts.entry(source.user.uid).or_default();
            *count += 1;
            if *count > STARTERS_LIMIT {
                continue;
            }
            self.found.push(Launch {
                arming: source.starter.arming(&user.name),
                starter: source.starter.clone(),
                when: source.when,
                user,
                directory: source.directory.to_path_buf(),
                script: started.script.clone(),
                command,
                environment: source.environment.to_vec(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::command::in_text;
    use crate::scan::script::Started;

    #[test]
    fn one_users_starters_crowd_out_nobody_elses_and_what_is_cut_is_said() {
        let user = |uid| User {
            name: format!("user{uid}"),
            uid,
            gid: uid,
            home: "/home/user".into(),
        };
        let mut launches = Launches::default();
        for (uid, count) in [(1000, STARTERS_LIMIT + 2), (1001, 1)] {
            let user = user(uid);
            let source = Source {
                starter: &Starter::Orphan,
                when: When::AtBoot,
                user: &user,
                directory: &user.home,
                environment: &[],
                place: String::new(),
            };
            let commands = in_text(&"openclaw gateway\n".repeat(count));
            let started = Started {
                commands,
                ..Started::default()
            };
            launches.take(started, &source, &[]);
        }
        let of = |uid| {
            launches
                .found
                .iter()
                .filter(|it| it.user.uid == uid)
                .count()
        };
        assert_eq!((of(1000), of(1001)), (STARTERS_LIMIT, 1));
        let cut: Vec<_> = launches.cut().collect();
        assert_eq!(
            cut,
            ["1002 things start a gateway by uid 1000: only the first 1000 were looked at"]
        );
    }
}
