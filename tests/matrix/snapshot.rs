//! Everything of the world that a rollback gives back, as one value that can be compared and shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocmigrate::docker::{Container, ContainerSpec, Docker};
use ocmigrate::host::fake::{FakeHost, FakeWorld};
use ocmigrate::host::{FileMeta, Ownership};

use crate::fleet::{NETWORK, STATE};
use crate::world::World;

/// What the world holds; images are caches and may stay.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) files: BTreeMap<PathBuf, (String, FileMeta)>,
    pub(crate) directories: BTreeMap<PathBuf, Ownership>,
    pub(crate) units: Vec<(String, String, String, Vec<PathBuf>)>,
    pub(crate) native: usize,
    /// Whether each loop is halted, and each application of pm2 kept running.
    pub(crate) loops: Vec<bool>,
    pub(crate) apps: Vec<bool>,
    pub(crate) pollers: Vec<String>,
    pub(crate) containers: BTreeMap<String, (ContainerSpec, Container)>,
    pub(crate) network: Option<BTreeMap<String, String>>,
}

impl Snapshot {
    pub(crate) fn of(world: &World) -> Self {
        let host = world.host.world();
        Self {
            files: files(&host),
            directories: host
                .directories
                .iter()
                .map(|(path, directory)| (path.clone(), directory.ownership))
                .collect(),
            units: units(&world.host),
            native: host.processes.len(),
            loops: host.shells.iter().map(|shell| shell.is_frozen).collect(),
            apps: host.apps.iter().map(|app| app.is_online).collect(),
            pollers: pollers(&host),
            containers: containers(world),
            network: world.docker.find_network(NETWORK).unwrap(),
        }
    }

    /// Leaves out ocmigrate's own state directory, whose journal outlives a rollback.
    pub(crate) fn without_state(mut self, state: &Path) -> Self {
        self.files.retain(|path, _| !path.starts_with(state));
        self.directories.retain(|path, _| !path.starts_with(state));
        self
    }

    /// Fails with the lines that differ.
    #[track_caller]
    pub(crate) fn assert_is(&self, wanted: &Self, case: &str) {
        if self != wanted {
            let (now, wanted) = (format!("{self:#?}"), format!("{wanted:#?}"));
            let diff = similar::TextDiff::from_lines(&wanted, &now);
            panic!(
                "{case}: not as wanted\n{}",
                diff.unified_diff().context_radius(4)
            );
        }
    }
}

fn files(world: &FakeWorld) -> BTreeMap<PathBuf, (String, FileMeta)> {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let files = world.files.iter();
    files
        .map(|(path, file)| (path.clone(), (shown(&file.state.bytes), file.state.meta)))
        .collect()
}

fn units(host: &FakeHost) -> Vec<(String, String, String, Vec<PathBuf>)> {
    use ocmigrate::host::Host;
    let starters: Vec<_> = host
        .world()
        .units
        .iter()
        .map(|unit| unit.starter.clone())
        .collect();
    let state = |starter| host.unit(starter).unwrap();
    let units = starters
        .iter()
        .map(|starter| (starter.name.clone(), state(starter)));
    units
        .map(|(name, state)| {
            let is_stale = if state.needs_reload { ", stale" } else { "" };
            (
                name,
                format!("{}{is_stale}", state.active),
                state.enablement,
                state.drop_ins,
            )
        })
        .collect()
}

/// Who polls, without process ids.
fn pollers(world: &FakeWorld) -> Vec<String> {
    let kind = |poller: &str| poller.split(' ').next().unwrap_or_default().to_owned();
    world
        .polling(Path::new(STATE))
        .into_iter()
        .map(kind)
        .collect()
}

fn containers(world: &World) -> BTreeMap<String, (ContainerSpec, Container)> {
    let names = world.docker.container_names();
    let held = names.into_iter().map(|name| {
        let spec = world.docker.spec(&name).unwrap();
        let container = world.docker.find_container(&name).unwrap().unwrap();
        (name, (spec, container))
    });
    held.collect()
}
