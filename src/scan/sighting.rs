//! A gateway as it was sighted, running or as an enabled unit, before its files are read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::dotenv::{self, Assignment};
use super::family::Family;
use super::launch::{Launch, Launches};
use super::{starter, units};
use crate::host::reader::Reader;
use crate::inventory::{GatewayName, Place, Reviver, Starter, User, When};
use crate::openclaw::layout;

/// Variables that OpenClaw sets for itself in the helpers of a gateway with a profile, and not in its own environment.
const OWN_VARIABLES: [&str; 3] = [
    "OPENCLAW_PROFILE",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_CONFIG_PATH",
];

/// A gateway and where its things are.
#[derive(Clone)]
pub(super) struct Sighting {
    pub(super) name: GatewayName,
    pub(super) user: User,
    /// Its processes, while it runs.
    pub(super) family: Option<Family>,
    pub(super) starter: Starter,
    /// Everything else that would start it again.
    pub(super) revivers: Vec<Reviver>,
    /// What is written down of its start, where it was found.
    pub(super) launch: Option<Launch>,
    /// The directory that it was, or would be, started in; empty where that is not known.
    pub(super) directory: PathBuf,
    pub(super) state_directory: PathBuf,
    /// The configuration file as it is named, links not resolved.
    pub(super) config: PathBuf,
    /// The environment that it was, or would be, started with.
    pub(super) started_with: Vec<(OsString, OsString)>,
    /// The files that OpenClaw fills its environment from, with what they set.
    pub(super) variable_files: Vec<(PathBuf, Vec<Assignment>)>,
    /// All variables that OpenClaw sees.
    pub(super) variables: BTreeMap<String, String>,
}

/// Finds out where a running gateway's things are.
pub(super) fn running(reader: &Reader, family: Family, launches: &Launches) -> Sighting {
    let user = reader.user(family.main.uid, family.main.gid);
    let starter = starter::starter(reader, &family, &user, launches);
    let launch = match &starter {
        Starter::Unit(unit) => Some(units::launch(reader, unit, &user)),
        _ => None,
    };
    let mut own = texts(&family.main.environment);
    for helper in &family.helpers {
        for name in OWN_VARIABLES {
            if let Some(value) = helper.variable(name).and_then(OsStr::to_str) {
                own.entry(name.to_owned())
                    .or_insert_with(|| value.to_owned());
            }
        }
    }
    let started_with = family.main.environment.clone();
    let family = Some(family);
    let mut sighting = complete(
        reader,
        Start {
            user,
            family,
            starter,
            launch,
            started_with,
            own,
        },
    );
    find_line(reader, &mut sighting, launches);
    sighting
}

/// Finds the line of a crontab, or the application of pm2, that a running gateway was started by. One that nothing keeps
/// any more was started by the line that names it, where there is one: lines put their commands into the background.
fn find_line(reader: &Reader, sighting: &mut Sighting, launches: &Launches) {
    let fits = |launch: &&Launch| match (&sighting.starter, &launch.starter) {
        (Starter::Cron(_), Starter::Cron(_)) => {
            let told = launch.state_directory(reader);
            let is_same = |path: PathBuf| path == sighting.state_directory;
            launch.user.uid == sighting.user.uid && told.is_none_or(is_same)
        }
        (Starter::Orphan, Starter::Cron(_)) => {
            launch.user.uid == sighting.user.uid
                && launch.command.asks.is_none()
                && launch.state_directory(reader).as_ref() == Some(&sighting.state_directory)
        }
        (Starter::Pm2(one), Starter::Pm2(other)) => {
            one.name == other.name && one.dump == other.dump
        }
        _ => false,
    };
    let fitting: Vec<_> = launches.found.iter().filter(fits).collect();
    // Of a line for the boot and a watchdog the first is the start as it is meant.
    let at_boot = fitting.iter().find(|launch| launch.when == When::AtBoot);
    if let Some(launch) = at_boot.or(fitting.first()) {
        sighting.starter = launch.starter.clone();
        sighting.launch = Some((*launch).clone());
    }
}

/// Finds out where the things of a gateway are that does not run and would be started.
pub(super) fn resting(reader: &Reader, launch: Launch) -> Sighting {
    complete(
        reader,
        Start {
            user: launch.user.clone(),
            family: None,
            starter: launch.starter.clone(),
            started_with: launch.started_with(),
            own: launch.variables(),
            launch: Some(launch),
        },
    )
}

impl Sighting {
    /// Returns where its starter sets a variable to this value.
    pub(super) fn places_set(&self, value: &str) -> Vec<Place> {
        let set = self.launch.iter().flat_map(|launch| &launch.environment);
        let set = set.filter(|it| it.value == value);
        set.map(|it| it.place.clone()).collect()
    }
}

/// Makes a gateway of a configuration, its directory and its own variables, as if it belonged to the file's owner.
pub(super) fn of_files(
    reader: &Reader,
    state_directory: &Path,
    config: &Path,
    own: BTreeMap<String, String>,
) -> Sighting {
    let (uid, gid) = reader.owner(config).unwrap_or_default();
    let user = reader.user(uid, gid);
    let state_directory = reader.resolve(state_directory);
    let variable_files = dotenv_files(reader, &state_directory, &user.home);
    Sighting {
        name: GatewayName(crate::display::path(config)),
        family: None,
        starter: Starter::Other {
            seen: "not looked at".to_owned(),
        },
        revivers: Vec::new(),
        launch: None,
        directory: PathBuf::new(),
        config: config.to_owned(),
        started_with: Vec::new(),
        variables: filled(own, &user.home, &variable_files),
        variable_files,
        state_directory,
        user,
    }
}

struct Start {
    user: User,
    family: Option<Family>,
    starter: Starter,
    launch: Option<Launch>,
    started_with: Vec<(OsString, OsString)>,
    own: BTreeMap<String, String>,
}

fn complete(reader: &Reader, start: Start) -> Sighting {
    let Start {
        user,
        family,
        starter,
        launch,
        started_with,
        own,
    } = start;
    let home = own
        .get("HOME")
        .map_or_else(|| user.home.clone(), PathBuf::from);
    let directory = directory(reader, family.as_ref(), launch.as_ref(), &user);
    let lock = family.as_ref().and_then(|family| family.lock.as_ref());
    let locked = lock.and_then(|lock| lock.config_path.clone());
    let told = family
        .as_ref()
        .and_then(|family| family.state_directory.clone());
    let state_directory = told.unwrap_or_else(|| {
        first_there(reader, &layout::state_directories(&own, &home, &directory))
    });
    let state_directory = reader.resolve(&state_directory);
    let config = locked.unwrap_or_else(|| {
        let configs = layout::configs(&own, &home, &directory, &state_directory);
        first_there(reader, &configs)
    });
    let variable_files = dotenv_files(reader, &state_directory, &home);
    let variables = filled(own, &home, &variable_files);
    let name = name(&user, &state_directory);
    Sighting {
        name,
        user,
        family,
        starter,
        revivers: Vec::new(),
        launch,
        directory,
        state_directory,
        config,
        started_with,
        variable_files,
        variables,
    }
}

/// Returns the directory that relative paths begin at: the process's own, else the starter's, else the home.
fn directory(
    reader: &Reader,
    family: Option<&Family>,
    launch: Option<&Launch>,
    user: &User,
) -> PathBuf {
    let own = family.and_then(|family| reader.directory(family.main.id));
    let starters = launch.map(|launch| launch.directory.clone());
    own.or(starters).unwrap_or_else(|| user.home.clone())
}

/// Fills an environment from files: the first that sets a variable is the one that counts. What starts a gateway sets `HOME`.
fn filled(
    own: BTreeMap<String, String>,
    home: &Path,
    files: &[(PathBuf, Vec<Assignment>)],
) -> BTreeMap<String, String> {
    let mut variables = own;
    if let Some(home) = home.to_str().filter(|home| !home.is_empty()) {
        let home = || home.to_owned();
        variables.entry("HOME".to_owned()).or_insert_with(home);
    }
    for Assignment { name, value, .. } in files.iter().flat_map(|(_, set)| set) {
        variables
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
    variables
}

/// The files that OpenClaw fills its environment from: the state directory's `.env`, and for the usual state directory
/// `~/.config/openclaw/gateway.env`; `loadGlobalRuntimeDotEnvFiles` of 2026.9.6.
fn dotenv_files(
    reader: &Reader,
    state_directory: &Path,
    home: &Path,
) -> Vec<(PathBuf, Vec<Assignment>)> {
    let is_usual = state_directory == reader.resolve(&home.join(".openclaw"));
    let fallback = is_usual.then(|| home.join(".config/openclaw/gateway.env"));
    let paths = [state_directory.join(".env")].into_iter().chain(fallback);
    let files = paths.filter_map(|path| {
        let text = reader.file_within(&path, dotenv::FILE_LIMIT).ok()??;
        let mut set = dotenv::parse(&String::from_utf8_lossy(&text));
        if set.len() > dotenv::VARIABLES_LIMIT {
            let (shown, limit) = (crate::display::path(&path), dotenv::VARIABLES_LIMIT);
            reader.refuse(
                &path,
                &format!("`{shown}`: variables after the first {limit}"),
            );
            set.truncate(limit);
        }
        Some((path, set))
    });
    files.collect()
}

pub(super) fn texts(environment: &[(OsString, OsString)]) -> BTreeMap<String, String> {
    let pairs = environment.iter();
    let pairs = pairs
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())));
    pairs.collect()
}

fn first_there(reader: &Reader, paths: &[PathBuf]) -> PathBuf {
    let there = paths.iter().find(|path| reader.kind(path).is_some());
    there.or(paths.first()).cloned().unwrap_or_default()
}

fn name(user: &User, state_directory: &Path) -> GatewayName {
    let name = crate::display::text(&user.name);
    GatewayName(match state_directory.strip_prefix(&user.home) {
        Ok(below) => format!("{name}/{}", crate::display::path(below)),
        Err(_) => format!("{name}:{}", crate::display::path(state_directory)),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::inventory::{UnitScope, UnitStarter};
    use crate::scan::unit_file::{self, Specifiers};

    /// Sights a gateway that rests, of a user with this home, started by this unit.
    pub(in crate::scan) fn at_rest(home: &Path, unit: &str) -> Sighting {
        let user = User {
            name: "joe".into(),
            uid: 1001,
            gid: 1001,
            home: home.into(),
        };
        let starter = UnitStarter {
            name: "openclaw-gateway.service".into(),
            scope: UnitScope::User { uid: 1001 },
            file: home.join("openclaw-gateway.service"),
            enablement: "enabled".into(),
        };
        let specifiers = Specifiers {
            home: home.into(),
            ..Specifiers::default()
        };
        let unit = unit_file::parse(&[(starter.file.clone(), unit.to_owned())], &specifiers);
        let reader = Reader::new();
        let launch = units::launch_of(&reader, &starter, &user, &unit);
        resting(&reader, launch)
    }

    #[test]
    fn a_gateway_is_named_by_its_user_and_directory() {
        let user = User {
            name: "joe".into(),
            uid: 1,
            gid: 1,
            home: "/home/joe".into(),
        };
        assert_eq!(
            name(&user, Path::new("/home/joe/.openclaw")).0,
            "joe/.openclaw"
        );
        assert_eq!(name(&user, Path::new("/srv/a\nb")).0, "joe:/srv/a\\nb");
    }
}
