//! The units of the fake machine: a manager that reads drop-ins when it is told to, and heeds their conditions.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::world::FakeWorld;
use crate::host::{GatewayTrace, UnitState};
use crate::inventory::{ProcessId, UnitScope, UnitStarter};

/// A gateway that a unit or a hand starts.
#[derive(Debug, Clone)]
pub struct FakeGateway {
    /// What its process is found by.
    pub trace: GatewayTrace,
    /// The environment that it starts with.
    pub environment: Vec<(OsString, OsString)>,
    /// How long it takes until it answers.
    pub boot: Duration,
}

/// A unit that a manager knows.
#[derive(Debug, Clone)]
pub struct FakeUnit {
    /// Its name, manager, file and enablement.
    pub starter: UnitStarter,
    /// `ActiveState`.
    pub active: String,
    /// `MainPID`; 0 where none runs.
    pub main_pid: i32,
    /// The gateway that it starts; `None` for a unit of another kind.
    pub gateway: Option<FakeGateway>,
    /// The drop-ins as the manager last read them.
    loaded: BTreeMap<PathBuf, Vec<u8>>,
}

impl FakeWorld {
    /// Adds a unit, stopped, with its file if that is not there; its drop-ins are read.
    pub fn add_unit(&mut self, starter: UnitStarter, gateway: FakeGateway) {
        if !self.files.contains_key(&starter.file) {
            let owner = crate::host::Ownership {
                uid: uid_of(starter.scope),
                gid: uid_of(starter.scope),
                mode: 0o644,
            };
            self.add_file(starter.file.clone(), b"[Service]\n", owner);
        }
        let loaded = self.drop_ins(&starter);
        self.units.push(FakeUnit {
            starter,
            active: "inactive".to_owned(),
            main_pid: 0,
            gateway: Some(gateway),
            loaded,
        });
    }

    /// Returns what the manager says of a unit; one that it does not know is inactive and has no file.
    pub(super) fn unit_state(&self, unit: &UnitStarter) -> UnitState {
        let Some(known) = self.units.iter().find(|known| is_same(known, unit)) else {
            return UnitState {
                active: "inactive".to_owned(),
                enablement: String::new(),
                main_pid: 0,
                file: self.unit_file(unit).unwrap_or_default(),
                drop_ins: Vec::new(),
                needs_reload: false,
            };
        };
        UnitState {
            active: known.active.clone(),
            enablement: known.starter.enablement.clone(),
            main_pid: known.main_pid,
            file: known.starter.file.clone(),
            drop_ins: known.loaded.keys().cloned().collect(),
            needs_reload: known.loaded != self.drop_ins(&known.starter),
        }
    }

    /// Lets a manager read the drop-ins of all its units.
    pub(super) fn reload(&mut self, scope: UnitScope) {
        for index in 0..self.units.len() {
            let Some(unit) = self.units.get(index) else {
                continue;
            };
            if unit.starter.scope == scope {
                let loaded = self.drop_ins(&unit.starter);
                if let Some(unit) = self.units.get_mut(index) {
                    unit.loaded = loaded;
                }
            }
        }
    }

    /// Starts a unit unless it runs or a condition forbids it; says whether the manager knows it.
    pub(super) fn start(&mut self, wanted: &UnitStarter) -> bool {
        let Some(index) = self.units.iter().position(|unit| is_same(unit, wanted)) else {
            return self.start_written(wanted);
        };
        let Some(unit) = self.units.get(index).cloned() else {
            return false;
        };
        if unit.main_pid != 0 || !self.may_start(&unit) {
            return true;
        }
        let Some(gateway) = &unit.gateway else {
            return true;
        };
        let process = self.run(gateway);
        if let Some(unit) = self.units.get_mut(index) {
            unit.main_pid = process.map_or(0, |id| id.pid);
            let active = if process.is_some() {
                "active"
            } else {
                "failed"
            };
            active.clone_into(&mut unit.active);
        }
        true
    }

    pub(super) fn stop(&mut self, wanted: &UnitStarter) {
        let unit = self.units.iter_mut().find(|unit| is_same(unit, wanted));
        let Some(unit) = unit else { return };
        if unit.gateway.is_none() {
            self.units.retain(|unit| !is_same(unit, wanted));
            return;
        }
        let pid = unit.main_pid;
        "inactive".clone_into(&mut unit.active);
        let find = |process: &&super::world::FakeProcess| process.id.pid == pid;
        let process: Option<ProcessId> = self.processes.iter().find(find).map(|process| process.id);
        if let Some(id) = process {
            self.kill(id);
        }
    }

    /// Where a unit's file lies that was written while the machine ran.
    fn unit_file(&self, unit: &UnitStarter) -> Option<PathBuf> {
        let file = Path::new("/etc/systemd/system").join(&unit.name);
        self.files.contains_key(&file).then_some(file)
    }

    /// Starts a unit that the manager reads from its file now; it is known until it stops.
    fn start_written(&mut self, wanted: &UnitStarter) -> bool {
        let Some(file) = self.unit_file(wanted) else {
            return false;
        };
        self.units.push(FakeUnit {
            starter: UnitStarter {
                file,
                ..wanted.clone()
            },
            active: "active".to_owned(),
            main_pid: 0,
            gateway: None,
            loaded: BTreeMap::new(),
        });
        true
    }

    /// The units that drop-ins of `sockets.target` want.
    fn wanted_sockets(&self) -> Vec<UnitStarter> {
        let directory = Path::new("/etc/systemd/system/sockets.target.d");
        let drop_ins = self.files.iter();
        let drop_ins = drop_ins.filter(|(path, _)| path.parent() == Some(directory));
        let texts = drop_ins.map(|(_, file)| String::from_utf8_lossy(&file.state.bytes));
        let names: Vec<String> = texts
            .flat_map(|text| {
                let lines = text.lines().filter_map(|line| line.strip_prefix("Wants="));
                let names = lines.flat_map(str::split_whitespace);
                names.map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let unit = |name: String| UnitStarter {
            name,
            scope: UnitScope::System,
            file: PathBuf::new(),
            enablement: "static".to_owned(),
        };
        names.into_iter().map(unit).collect()
    }

    pub(super) fn boot_units(&mut self) {
        self.units.retain(|unit| unit.gateway.is_some());
        let starters: Vec<UnitStarter> =
            self.units.iter().map(|unit| unit.starter.clone()).collect();
        for unit in &mut self.units {
            "inactive".clone_into(&mut unit.active);
        }
        for socket in self.wanted_sockets() {
            self.start(&socket);
        }
        for starter in starters {
            self.reload(starter.scope);
            if starter.enablement == "enabled" {
                self.start(&starter);
            }
        }
    }

    fn may_start(&self, unit: &FakeUnit) -> bool {
        let texts = unit
            .loaded
            .values()
            .map(|bytes| String::from_utf8_lossy(bytes));
        let uid = uid_of(unit.starter.scope).to_string();
        texts.into_iter().all(|text| {
            let conditions = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("ConditionPathExists="));
            conditions
                .into_iter()
                .all(|condition| self.holds(&condition.trim().replace("%U", &uid)))
        })
    }

    fn holds(&self, condition: &str) -> bool {
        match condition.strip_prefix('!') {
            Some(path) => !self.exists(Path::new(path)),
            None => self.exists(Path::new(condition)),
        }
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path) || self.directories.contains_key(path)
    }

    /// Reads the drop-ins of a unit as they lie on the disk; the directories of systemd.unit(5).
    fn drop_ins(&self, unit: &UnitStarter) -> BTreeMap<PathBuf, Vec<u8>> {
        let name = format!("{}.d", unit.name);
        let mut directories = vec![
            crate::host::files::beside(&unit.file, ".d"),
            unit.file.with_file_name(&name),
        ];
        let shared: &[&str] = match unit.scope {
            UnitScope::System => &["/etc/systemd/system", "/run/systemd/system"],
            UnitScope::User { .. } => &["/etc/systemd/user", "/run/systemd/user"],
        };
        directories.extend(
            shared
                .iter()
                .map(|directory| Path::new(directory).join(&name)),
        );
        let is_drop_in = |path: &Path| {
            path.extension()
                .is_some_and(|extension| extension == "conf")
                && path
                    .parent()
                    .is_some_and(|parent| directories.iter().any(|one| one == parent))
        };
        let found = self.files.iter().filter(|(path, _)| is_drop_in(path));
        found
            .map(|(path, file)| (path.clone(), file.state.bytes.clone()))
            .collect()
    }
}

fn is_same(unit: &FakeUnit, wanted: &UnitStarter) -> bool {
    unit.starter.name == wanted.name && unit.starter.scope == wanted.scope
}

/// What `%U` stands for; systemd.unit(5), specifiers.
fn uid_of(scope: UnitScope) -> u32 {
    match scope {
        UnitScope::System => 0,
        UnitScope::User { uid } => uid,
    }
}
