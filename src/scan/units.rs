//! Units on disk that start a gateway, enabled or not, in all directories of systemd; systemd.unit(5).
//!
//! Not followed: dependencies between units (`Wants=` in `[Unit]`), generators' sources, and `$XDG_CONFIG_HOME`.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::drop_ins::{DropIns, template};
use super::launch::{Launch, Launches, Source};
use super::shelf::{Shelf, UNIT_LIMIT};
use super::unit_file::{self, Assigned, Specifiers, UnitFile};
use super::{script, users};
use crate::display;
use crate::host::reader::Reader;
use crate::inventory::{Starter, UnitScope, UnitStarter, User, When};
use crate::openclaw::command::GatewayCommand;

/// The directories of the system's units, the strongest first; systemd.unit(5), table 1.
const SYSTEM: [&str; 9] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Those of users' units that all users share; table 2.
const SHARED: [&str; 5] = [
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/share/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];
/// Where loginctl(1) `enable-linger` leaves its mark.
const LINGER: &str = "/var/lib/systemd/linger";

/// The most variables that a unit sets.
const VARIABLES_LIMIT: usize = 500;

/// Returns directories without those that are another name of one before: `/lib` is `/usr/lib` since Debian 12.
fn distinct(reader: &Reader, names: &[&str]) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let mut paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
    paths.retain(|path| seen.insert(reader.resolve(path)));
    paths
}

/// A service manager and the directories that it reads.
pub(super) struct Manager {
    pub(super) scope: UnitScope,
    pub(super) user: User,
    pub(super) directories: Vec<PathBuf>,
    /// Whether it runs without a login.
    pub(super) is_at_boot: bool,
}

impl Manager {
    /// Returns the system's manager.
    pub(super) fn system(reader: &Reader) -> Self {
        Self {
            scope: UnitScope::System,
            user: reader.user(0, 0),
            directories: distinct(reader, &SYSTEM),
            is_at_boot: true,
        }
    }

    /// Returns the manager of a user.
    pub(super) fn of(reader: &Reader, user: &User) -> Self {
        let (home, runtime) = (&user.home, format!("/run/user/{}/systemd", user.uid));
        let own = [
            home.join(".config/systemd/user.control"),
            Path::new(&runtime).join("user.control"),
            Path::new(&runtime).join("transient"),
            home.join(".config/systemd/user"),
            Path::new(&runtime).join("user"),
            home.join(".local/share/systemd/user"),
        ];
        // Most users of a system have neither a home nor a manager that runs.
        let [has_home, has_runtime] =
            [home.as_path(), runtime.as_ref()].map(|path| reader.kind(path).is_some());
        let is_there = |path: &PathBuf| {
            let is_below = path.starts_with(&runtime);
            (is_below && has_runtime) || (!is_below && has_home)
        };
        let own = own.into_iter().filter(is_there);
        Self {
            scope: UnitScope::User { uid: user.uid },
            user: user.clone(),
            directories: own.chain(SHARED.map(PathBuf::from)).collect(),
            is_at_boot: reader.kind(&Path::new(LINGER).join(&user.name)).is_some(),
        }
    }

    fn specifiers(&self, name: &str) -> Specifiers {
        Specifiers {
            name: name.to_owned(),
            user: self.user.name.clone(),
            uid: self.user.uid,
            home: self.user.home.clone(),
        }
    }
}

/// Finds the units of a manager that start a gateway.
pub(super) fn find(shelf: &Shelf<'_>, manager: &Manager, all: &[User], launches: &mut Launches) {
    let names = names(shelf, manager);
    let drop_ins = DropIns::of(shelf, manager);
    let mut wanted = wanted(shelf, manager);
    let mut services: BTreeSet<_> = names
        .keys()
        .filter(|name| is(name, ".service"))
        .cloned()
        .collect();
    services.extend(wanted.iter().filter(|name| is(name, ".service")).cloned());
    let mut triggers: BTreeMap<String, Vec<UnitStarter>> = BTreeMap::new();
    let has_own_programs = LazyCell::new(|| !is_like_others(shelf.reader, &manager.user));
    for name in wanted
        .clone()
        .iter()
        .filter(|name| is(name, ".timer") || is(name, ".path"))
    {
        let Some(file) = fragment(shelf, &names, name) else {
            continue;
        };
        let unit = read(shelf, manager, &drop_ins, &file, name);
        let stem = name
            .rsplit_once('.')
            .map_or(name.as_str(), |(stem, _)| stem);
        let service = unit.activates.unwrap_or_else(|| format!("{stem}.service"));
        services.insert(service.clone());
        triggers
            .entry(service)
            .or_default()
            .push(starter(manager, name, file, "enabled"));
    }
    for name in services.iter().filter(|name| !name.contains("@.")) {
        let Some(file) = fragment(shelf, &names, name) else {
            continue;
        };
        let is_plain = drop_ins.of_unit(shelf, name).is_empty();
        if is_plain && shelf.is_barren(&file) && !*has_own_programs {
            continue;
        }
        let unit = read(shelf, manager, &drop_ins, &file, name);
        let before = launches.size();
        let is_enabled = wanted.remove(name);
        let triggers = triggers.remove(name).unwrap_or_default();
        let enablement = match () {
            () if is_enabled => "enabled",
            () if unit.is_installable => "disabled",
            () => "static",
        };
        let when = match () {
            () if !is_enabled => When::ByHand,
            () if manager.is_at_boot => When::AtBoot,
            () => When::AtLogin,
        };
        let own = (starter(manager, name, file.clone(), enablement), when);
        take(shelf.reader, manager, &unit, own, all, launches);
        let own = launches.found.len();
        for trigger in triggers {
            let trigger = (trigger, When::OnSchedule);
            take(shelf.reader, manager, &unit, trigger, all, launches);
        }
        for launch in launches.found.iter_mut().skip(own) {
            launch.command.asks = Some(name.clone());
        }
        if is_plain && launches.size() == before && is_everybodys(shelf, manager, &file, &unit) {
            shelf.note_barren(&file);
        }
    }
}

/// Returns whether a user has no programs of its own.
fn is_like_others(reader: &Reader, user: &User) -> bool {
    script::own_programs(&user.home).all(|it| reader.kind(&it).is_none())
}

/// Returns whether a unit says the same to every user's manager: without specifiers, and without names of a user's own files.
fn is_everybodys(shelf: &Shelf<'_>, manager: &Manager, file: &Path, unit: &UnitFile) -> bool {
    let is_users = matches!(manager.scope, UnitScope::User { .. });
    let text = || shelf.text(file).unwrap_or_default();
    let mut commands = unit.commands.iter();
    is_users && !text().contains('%') && commands.all(|it| script::is_everybodys(it))
}

fn take(
    reader: &Reader,
    manager: &Manager,
    unit: &UnitFile,
    (starter, when): (UnitStarter, When),
    all: &[User],
    launches: &mut Launches,
) {
    let named = unit.user.as_ref().and_then(|name| users::named(all, name));
    let user = match manager.scope {
        UnitScope::System => named.unwrap_or(&manager.user),
        UnitScope::User { .. } => &manager.user,
    };
    let outcomes = unit.commands.iter();
    let outcomes = outcomes.map(|command| script::in_words(reader, command, &user.home));
    let mut outcomes = outcomes.filter(|it| !it.is_nothing()).peekable();
    // Its environment files are nobody's business otherwise.
    if outcomes.peek().is_none() {
        return;
    }
    let environment = environment(reader, unit);
    let directory = directory(unit, manager.scope, user);
    let source = Source {
        place: display::path(&starter.file),
        starter: &Starter::Unit(starter),
        when,
        user,
        directory: &directory,
        environment: &environment,
    };
    for outcome in outcomes {
        launches.take(outcome, &source, all);
    }
}

/// Reads the unit that a running gateway was started by, whatever its command looks like.
pub(super) fn launch(reader: &Reader, starter: &UnitStarter, user: &User) -> Launch {
    let manager = match starter.scope {
        UnitScope::System => Manager::system(reader),
        UnitScope::User { .. } => Manager::of(reader, user),
    };
    let shelf = Shelf::new(reader);
    let drop_ins = DropIns::of(&shelf, &manager);
    let unit = read(&shelf, &manager, &drop_ins, &starter.file, &starter.name);
    launch_of(reader, starter, user, &unit)
}

/// Turns a parsed unit into what it would start.
pub(super) fn launch_of(
    reader: &Reader,
    starter: &UnitStarter,
    user: &User,
    unit: &UnitFile,
) -> Launch {
    let outcomes = unit.commands.iter();
    let outcomes = outcomes.map(|command| script::in_words(reader, command, &user.home));
    let found = outcomes.into_iter().find(|it| !it.commands.is_empty());
    let (command, script) = found.map_or((None, None), |it| {
        (it.commands.into_iter().next(), it.script)
    });
    let command = command.unwrap_or_else(|| GatewayCommand {
        words: unit.commands.first().cloned().unwrap_or_default(),
        is_plain: true,
        ..GatewayCommand::default()
    });
    let scope = starter.scope;
    let starter = Starter::Unit(starter.clone());
    Launch {
        arming: starter.arming(&user.name),
        starter,
        when: When::AtBoot,
        user: user.clone(),
        directory: directory(unit, scope, user),
        script,
        command,
        environment: environment(reader, unit),
    }
}

/// Returns what a unit sets: its own variables, then those of its environment files, which beat them; systemd.exec(5). At
/// most [`VARIABLES_LIMIT`], from files of at most [`UNIT_LIMIT`] bytes.
pub(super) fn environment(reader: &Reader, unit: &UnitFile) -> Vec<Assigned> {
    let mut environment = unit.environment.clone();
    for path in unit
        .environment_files
        .iter()
        .filter(|path| path.is_absolute())
    {
        if let Ok(Some(text)) = reader.file_within(path, UNIT_LIMIT) {
            let text = String::from_utf8_lossy(&text);
            environment.extend(unit_file::parse_environment(path, &text));
        }
        if environment.len() > VARIABLES_LIMIT {
            let why = format!(
                "`{}`: more than {VARIABLES_LIMIT} variables",
                display::path(path)
            );
            reader.refuse(path, &why);
            break;
        }
    }
    environment.truncate(VARIABLES_LIMIT);
    environment
}

/// Returns the directory that a unit's commands are started in; `WorkingDirectory=` of systemd.exec(5).
fn directory(unit: &UnitFile, scope: UnitScope, user: &User) -> PathBuf {
    match (unit.directory.as_deref(), scope) {
        (Some("~"), _) | (None, UnitScope::User { .. }) => user.home.clone(),
        (Some(own), _) => PathBuf::from(own),
        (None, UnitScope::System) => PathBuf::from("/"),
    }
}

fn starter(manager: &Manager, name: &str, file: PathBuf, enablement: &str) -> UnitStarter {
    UnitStarter {
        name: name.to_owned(),
        scope: manager.scope,
        file,
        enablement: enablement.to_owned(),
    }
}

fn is(name: &str, end: &str) -> bool {
    name.ends_with(end)
}

/// Returns every unit's name with its strongest file. A name that is no UTF-8 is no unit's.
fn names(shelf: &Shelf<'_>, manager: &Manager) -> BTreeMap<String, PathBuf> {
    let mut names = BTreeMap::new();
    for directory in &manager.directories {
        let list = shelf.list(directory);
        for name in list.iter().filter_map(|name| name.to_str()) {
            if [".service", ".timer", ".path"]
                .iter()
                .any(|end| is(name, end))
            {
                let path = directory.join(name);
                names.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    names
}

/// Returns the names of the units that something wants: links in `.wants`, `.requires` and `.upholds`.
fn wanted(shelf: &Shelf<'_>, manager: &Manager) -> BTreeSet<String> {
    let ends = [".wants", ".requires", ".upholds"];
    let mut wanted = BTreeSet::new();
    for directory in &manager.directories {
        for below in shelf.list(directory).iter() {
            let name = below.to_string_lossy();
            if ends.iter().any(|end| is(&name, end)) {
                let links = shelf.list(&directory.join(below));
                let names = links.iter().filter_map(|name| name.to_str());
                wanted.extend(names.map(str::to_owned));
            }
        }
    }
    wanted
}

/// Returns a unit's file: its own or its template's; `None` where it is masked, an alias of another, or not there.
fn fragment(shelf: &Shelf<'_>, names: &BTreeMap<String, PathBuf>, name: &str) -> Option<PathBuf> {
    let file = names.get(name).or_else(|| names.get(&template(name)?))?;
    let there = shelf.resolve(file);
    let is_empty = shelf.text(&there)?.is_empty();
    let is_alias = there.file_name() != file.file_name() && names.values().any(|it| **it == *there);
    (!is_empty && !is_alias).then(|| file.clone())
}

/// Reads a unit with its drop-ins.
fn read(
    shelf: &Shelf<'_>,
    manager: &Manager,
    drop_ins: &DropIns,
    file: &Path,
    name: &str,
) -> UnitFile {
    let files = [file.to_path_buf()]
        .into_iter()
        .chain(drop_ins.of_unit(shelf, name));
    let texts = files.filter_map(|path| {
        let text = shelf.text(&path)?;
        Some((path, text))
    });
    unit_file::parse(&texts.collect::<Vec<_>>(), &manager.specifiers(name))
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
