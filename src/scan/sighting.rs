//! A gateway as it was sighted, running or as an enabled unit, before its files are read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::dotenv::{self, Assignment};
use super::environment_file;
use super::family::Family;
use super::starter;
use super::unit_file::{self, UnitFile};
use crate::host::reader::Reader;
use crate::inventory::{GatewayName, Starter, User};
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
    /// The unit file, where there is one.
    pub(super) unit: Option<UnitFile>,
    pub(super) state_directory: PathBuf,
    /// The configuration file as it is named, links not resolved.
    pub(super) config: PathBuf,
    /// The environment that it was, or would be, started with.
    pub(super) started_with: Vec<(OsString, OsString)>,
    /// The files with variables that were read, the unit's and those of OpenClaw, with what they set.
    pub(super) variable_files: Vec<(PathBuf, Vec<Assignment>)>,
    /// All variables that OpenClaw sees.
    pub(super) variables: BTreeMap<String, String>,
}

/// Finds out where a running gateway's things are.
pub(super) fn running(reader: &Reader, family: Family) -> Sighting {
    let user = reader.user(family.main.uid, family.main.gid);
    let starter = starter::starter(reader, &family, &user);
    let unit = match &starter {
        Starter::Unit(unit) => read_unit(reader, &unit.file, &user.home),
        Starter::Other { .. } => None,
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
    complete(
        reader,
        Start {
            user,
            family: Some(family),
            starter,
            unit,
            started_with,
            own,
        },
    )
}

/// Finds out where the things of a gateway are that an enabled unit would start.
pub(super) fn resting(reader: &Reader, user: User, starter: Starter, unit: UnitFile) -> Sighting {
    let pairs = unit.environment.iter();
    let pairs = pairs.map(|(name, value, _)| (name.clone(), value.clone()));
    let mut own: BTreeMap<String, String> = pairs.collect();
    // What a file sets beats the unit's own; systemd.exec(5), "EnvironmentFile=".
    for (_, assignments) in environment_files(reader, &unit) {
        own.extend(assignments.into_iter().map(|it| (it.name, it.value)));
    }
    let started_with = own.iter();
    let started_with = started_with
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    complete(
        reader,
        Start {
            user,
            family: None,
            starter,
            unit: Some(unit),
            started_with,
            own,
        },
    )
}

/// Makes a gateway of a configuration and its directory alone, as if it belonged to the file's owner.
pub(super) fn of_files(reader: &Reader, state_directory: &Path, config: &Path) -> Sighting {
    let (uid, gid) = reader.owner(config).unwrap_or_default();
    let user = reader.user(uid, gid);
    let state_directory = reader.resolve(state_directory);
    let variable_files = dotenv_files(reader, &state_directory, &user.home);
    let variables = variable_files
        .iter()
        .flat_map(|(_, assignments)| assignments);
    let variables = variables.map(|it| (it.name.clone(), it.value.clone()));
    // The first file that sets a variable is the one that counts.
    let variables: Vec<_> = variables.collect();
    Sighting {
        name: GatewayName(crate::display::path(config)),
        family: None,
        starter: Starter::Other {
            seen: "not looked at".to_owned(),
        },
        unit: None,
        config: config.to_owned(),
        started_with: Vec::new(),
        variables: variables.into_iter().rev().collect(),
        variable_files,
        state_directory,
        user,
    }
}

struct Start {
    user: User,
    family: Option<Family>,
    starter: Starter,
    unit: Option<UnitFile>,
    started_with: Vec<(OsString, OsString)>,
    own: BTreeMap<String, String>,
}

fn complete(reader: &Reader, start: Start) -> Sighting {
    let Start {
        user,
        family,
        starter,
        unit,
        started_with,
        own,
    } = start;
    let home = own
        .get("HOME")
        .map_or_else(|| user.home.clone(), PathBuf::from);
    let told = family
        .as_ref()
        .and_then(|family| family.state_directory.clone());
    let state_directory =
        told.unwrap_or_else(|| first_there(reader, &layout::state_directories(&own, &home)));
    let state_directory = reader.resolve(&state_directory);
    let locked = family
        .as_ref()
        .and_then(|family| family.lock.as_ref()?.config_path.clone());
    let config = locked
        .unwrap_or_else(|| first_there(reader, &layout::configs(&own, &home, &state_directory)));
    let dotenv = dotenv_files(reader, &state_directory, &home);
    let mut variables = own;
    for Assignment { name, value, .. } in dotenv.iter().flat_map(|(_, assignments)| assignments) {
        variables
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
    let units = unit.iter().flat_map(|unit| environment_files(reader, unit));
    let variable_files = units.chain(dotenv).collect();
    let name = name(&user, &state_directory);
    Sighting {
        name,
        user,
        family,
        starter,
        unit,
        state_directory,
        config,
        started_with,
        variable_files,
        variables,
    }
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
        let text = reader.file(&path).ok()??;
        Some((path, dotenv::parse(&String::from_utf8_lossy(&text))))
    });
    files.collect()
}

/// Reads the files of a unit's `EnvironmentFile=`; one that cannot be read sets nothing.
fn environment_files(reader: &Reader, unit: &UnitFile) -> Vec<(PathBuf, Vec<Assignment>)> {
    let files = unit.environment_files.iter().filter_map(|(path, _)| {
        let text = reader.file(path).ok()??;
        Some((
            path.clone(),
            environment_file::parse(&String::from_utf8_lossy(&text)),
        ))
    });
    files.collect()
}

/// Reads and parses a unit file.
pub(super) fn read_unit(reader: &Reader, file: &Path, home: &Path) -> Option<UnitFile> {
    let text = reader.file(file).ok()??;
    Some(unit_file::parse(&String::from_utf8_lossy(&text), home))
}

fn texts(environment: &[(OsString, OsString)]) -> BTreeMap<String, String> {
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

    /// Sights a gateway that rests, of a user with this home, started by this unit.
    pub(in crate::scan) fn at_rest(home: &Path, unit: &str) -> Sighting {
        let user = User {
            name: "joe".into(),
            uid: 1001,
            gid: 1001,
            home: home.into(),
        };
        let starter = Starter::Unit(UnitStarter {
            name: "openclaw-gateway.service".into(),
            scope: UnitScope::User { uid: 1001 },
            file: home.join("openclaw-gateway.service"),
            enablement: "enabled".into(),
        });
        let unit = unit_file::parse(unit, home);
        resting(&Reader::new(), user, starter, unit)
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
