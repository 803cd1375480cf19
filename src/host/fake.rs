//! For tests: a machine in memory that keeps the contract of [`Host`], with a clock of its own and failures on demand.
//!
//! A clone is another door to the same machine, so that a program that "died" is followed by one that finds what it left.

mod faults;
mod owners;
mod starters;
mod units;
mod world;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

pub use faults::{Crash, Fate, Faults, Moment};
pub use starters::{FakeApp, FakeCronLine, FakeProgram, FakeShell, FakeStranger};
pub use units::{FakeGateway, FakeUnit};
pub use world::{FakeDirectory, FakeFile, FakeProcess, FakeWorld, PollerChange};

use super::context::{Context, foreign};
use super::{
    FileMeta, FileState, GatewayTrace, Host, HostError, Output, OwnerChange, OwnerReport,
    Ownership, Reply, Result, Room, RunningProcess, Signal, UnitState,
};
use crate::inventory::{Pm2Starter, ProcessId, UnitStarter, User};
use crate::lines::Lines;
use crate::units::Bytes;
use world::ROOT_OWNED;

/// A door to a machine in memory.
#[derive(Clone)]
pub struct FakeHost {
    world: Rc<RefCell<FakeWorld>>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeHost {
    /// Returns a door to an empty machine.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Rc::new(RefCell::new(FakeWorld::new())))
    }

    /// Returns a door to a machine that others share.
    #[must_use]
    pub fn at(world: Rc<RefCell<FakeWorld>>) -> Self {
        Self { world }
    }

    /// Returns the machine itself, for a fake engine that shares it.
    #[must_use]
    pub fn shared(&self) -> Rc<RefCell<FakeWorld>> {
        Rc::clone(&self.world)
    }

    /// Looks at the machine.
    ///
    /// # Panics
    /// While [`FakeHost::world_mut`] is held.
    #[must_use]
    pub fn world(&self) -> Ref<'_, FakeWorld> {
        self.world.borrow()
    }

    /// Changes the machine behind the program's back.
    ///
    /// # Panics
    /// While the machine is looked at.
    #[must_use]
    pub fn world_mut(&self) -> RefMut<'_, FakeWorld> {
        self.world.borrow_mut()
    }

    /// Makes a changing call: counted, and failing or dying where that is planned.
    fn change<T>(
        &self,
        verb: &'static str,
        object: &OsStr,
        effect: impl FnOnce(&mut FakeWorld) -> Result<T>,
    ) -> Result<T> {
        self.change_in_two(verb, object, |world, _| effect(world))
    }

    /// Makes a changing call whose effect can be had by half, if its second argument says so.
    fn change_in_two<T>(
        &self,
        verb: &'static str,
        object: &OsStr,
        effect: impl FnOnce(&mut FakeWorld, bool) -> Result<T>,
    ) -> Result<T> {
        let path = Path::new(object);
        let call = format!("{verb} {}", crate::display::path(path));
        let fate = self.world_mut().faults.arrive(call);
        // Whatever keeps a gateway running is quicker than the next change.
        self.world_mut().live_on();
        match fate {
            Fate::Good => effect(&mut self.world_mut(), false),
            Fate::Fail => Err(io::Error::other("a failure on demand")).on(verb, path),
            Fate::Crash(Moment::Before, crash) => crash.die(),
            Fate::Crash(Moment::Midway, crash) => {
                if verb == CHANGE_OWNERS {
                    let _ = effect(&mut self.world_mut(), true);
                }
                crash.die()
            }
            Fate::Crash(Moment::After, crash) => {
                let _ = effect(&mut self.world_mut(), false);
                crash.die()
            }
        }
    }
}

fn program_said(program: &str, said: &str) -> HostError {
    HostError::Program {
        program: program.to_owned(),
        said: said.to_owned(),
    }
}

const CHANGE_OWNERS: &str = "change owners, noted in";

impl FakeWorld {
    fn refuse_link(&self, path: &Path) -> Result<()> {
        match path
            .ancestors()
            .find(|ancestor| self.links.contains(*ancestor))
        {
            Some(_) => Err(foreign(path, "a symbolic link stands there or on the way")),
            None => Ok(()),
        }
    }

    fn refuse_directory(&self, path: &Path) -> Result<()> {
        if self.directories.contains_key(path) {
            return Err(foreign(path, "it is a directory"));
        }
        Ok(())
    }

    fn read(&self, path: &Path) -> Result<Option<FileState>> {
        self.refuse_link(path)?;
        self.refuse_directory(path)?;
        Ok(self.files.get(path).map(|file| file.state.clone()))
    }

    fn replace(&mut self, path: &Path, bytes: &[u8], meta: FileMeta) -> Result<()> {
        self.refuse_link(path)?;
        self.refuse_directory(path)?;
        if !path
            .parent()
            .is_some_and(|parent| self.directories.contains_key(parent))
        {
            return Err(io::Error::from(io::ErrorKind::NotFound)).on("open the parent of", path);
        }
        let mtime_ns = meta.mtime_ns.or(Some(i128::from(self.now_ms) * 1_000_000));
        let meta = FileMeta { mtime_ns, ..meta };
        let bytes = bytes.to_vec();
        self.put_file(path.to_owned(), FileState { bytes, meta });
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> Result<()> {
        self.refuse_link(path)?;
        self.refuse_directory(path)?;
        self.files.remove(path);
        Ok(())
    }

    fn make_directory(&mut self, path: &Path, ownership: Ownership) -> Result<()> {
        self.refuse_link(path)?;
        if path
            .ancestors()
            .any(|ancestor| self.files.contains_key(ancestor))
        {
            return Err(io::Error::from(io::ErrorKind::NotADirectory))
                .on("open the directory", path);
        }
        self.add_directory(path, ownership);
        Ok(())
    }

    fn remove_empty_directory(&mut self, path: &Path) -> Result<bool> {
        if self.files.contains_key(path) || self.links.contains(path) {
            return Err(foreign(path, "it is no directory"));
        }
        self.refuse_link(path)?;
        if !self.names(path).is_empty() {
            return Ok(false);
        }
        self.directories.remove(path);
        Ok(true)
    }

    fn remove_tree(&mut self, path: &Path) -> Result<()> {
        if self.files.contains_key(path) || self.links.contains(path) {
            return Err(foreign(path, "it is no directory"));
        }
        self.refuse_link(path)?;
        self.files.retain(|file, _| !file.starts_with(path));
        self.links.retain(|link| !link.starts_with(path));
        self.directories.retain(|below, _| !below.starts_with(path));
        Ok(())
    }

    fn names(&self, directory: &Path) -> BTreeSet<OsString> {
        let paths = self
            .files
            .keys()
            .chain(self.directories.keys())
            .chain(&self.links);
        let children = paths.filter(|path| path.parent() == Some(directory));
        children
            .filter_map(|path| path.file_name().map(OsStr::to_owned))
            .collect()
    }
}

impl Host for FakeHost {
    fn read(&self, path: &Path) -> Result<Option<FileState>> {
        self.world().read(path)
    }

    fn read_tail(&self, path: &Path, bytes: u64) -> Result<Option<FileState>> {
        let mut found = self.world().read(path)?;
        if let Some(file) = &mut found {
            let length = file.bytes.len();
            let kept = usize::try_from(bytes).unwrap_or(length).min(length);
            file.bytes.drain(..length - kept);
        }
        Ok(found)
    }

    fn replace(&self, path: &Path, bytes: &[u8], meta: FileMeta) -> Result<()> {
        self.change("replace", path.as_os_str(), |world| {
            world.replace(path, bytes, meta)
        })
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.change("remove", path.as_os_str(), |world| world.remove(path))
    }

    fn make_directory(&self, path: &Path, ownership: Ownership) -> Result<()> {
        self.change("make directory", path.as_os_str(), |world| {
            world.make_directory(path, ownership)
        })
    }

    fn remove_empty_directory(&self, path: &Path) -> Result<bool> {
        self.change("remove directory", path.as_os_str(), |world| {
            world.remove_empty_directory(path)
        })
    }

    fn remove_tree(&self, path: &Path) -> Result<()> {
        self.change("remove tree", path.as_os_str(), |world| {
            world.remove_tree(path)
        })
    }

    fn list(&self, path: &Path) -> Result<Vec<OsString>> {
        let world = self.world();
        world.refuse_link(path)?;
        if world.files.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::NotADirectory))
                .on("open the directory", path);
        }
        Ok(world.names(path).into_iter().collect())
    }

    fn find_gateway(&self, trace: &GatewayTrace) -> Result<Vec<ProcessId>> {
        let is_wanted = |process: &&FakeProcess| {
            let own = &process.gateway.trace;
            own.uid == trace.uid
                && (own.state_directory == trace.state_directory
                    || own.config == trace.config
                    || own.port == trace.port)
        };
        Ok(self
            .world()
            .processes
            .iter()
            .filter(is_wanted)
            .map(|process| process.id)
            .collect())
    }

    fn is_alive(&self, process: ProcessId) -> Result<bool> {
        let world = self.world();
        let is_shell = world.shells.iter().any(|shell| shell.id == process);
        Ok(is_shell || world.processes.iter().any(|live| live.id == process))
    }

    fn environment(&self, process: ProcessId) -> Result<Vec<(OsString, OsString)>> {
        let world = self.world();
        let shell = world.shells.iter().find(|shell| shell.id == process);
        let live = world.processes.iter().find(|live| live.id == process);
        let live = live.map(|live| &live.gateway);
        let path = format!("/proc/{}/environ", process.pid);
        let gone = io::Error::from(io::ErrorKind::NotFound);
        live.or(shell.map(|shell| &shell.gateway))
            .map(|gateway| gateway.environment.clone())
            .ok_or(gone)
            .on("read", Path::new(&path))
    }

    fn process(&self, pid: i32) -> Result<Option<RunningProcess>> {
        Ok(self.world().process_of(pid))
    }

    fn signal(&self, process: ProcessId, signal: Signal) -> Result<()> {
        let call = format!("{signal:?} {}", process.pid);
        self.change("signal", OsStr::new(&call), |world| {
            world.signal(process, signal);
            Ok(())
        })
    }

    fn start_detached(&self, _user: &User, argv: &[OsString]) -> Result<()> {
        let file = argv.last().map(PathBuf::from).unwrap_or_default();
        self.change("start detached", file.as_os_str(), |world| {
            if world.start_file(&file) {
                return Ok(());
            }
            Err(program_said("sh", "No such file or directory"))
        })
    }

    fn start_app(&self, app: &Pm2Starter, _user: &User, _environment: &Path) -> Result<()> {
        self.change("pm2 start", OsStr::new(&app.name), |world| {
            let is_known = world.turn_app(app, true);
            is_known
                .then_some(())
                .ok_or_else(|| program_said("pm2", "not found"))
        })
    }

    fn stop_app(&self, app: &Pm2Starter, _user: &User, _environment: &Path) -> Result<()> {
        self.change("pm2 stop", OsStr::new(&app.name), |world| {
            let is_known = world.turn_app(app, false);
            is_known
                .then_some(())
                .ok_or_else(|| program_said("pm2", "not found"))
        })
    }

    fn is_port_taken(&self, port: u16) -> Result<bool> {
        Ok(self.world().listener(port).is_some())
    }

    fn unit(&self, unit: &UnitStarter) -> Result<UnitState> {
        Ok(self.world().unit_state(unit))
    }

    fn reload_units(&self, unit: &UnitStarter) -> Result<()> {
        self.change("reload units for", OsStr::new(&unit.name), |world| {
            world.reload(unit.scope);
            Ok(())
        })
    }

    fn start_unit(&self, unit: &UnitStarter) -> Result<()> {
        self.change("start", OsStr::new(&unit.name), |world| {
            if world.start(unit) {
                return Ok(());
            }
            let said = format!("Unit {} not found.", unit.name);
            Err(program_said("systemctl start", &said))
        })
    }

    fn stop_unit(&self, unit: &UnitStarter, _deadline: Duration) -> Result<()> {
        self.change("stop", OsStr::new(&unit.name), |world| {
            world.stop(unit);
            Ok(())
        })
    }

    fn note_owners(&self, change: &OwnerChange) -> Result<OwnerReport> {
        self.change("note owners in", change.manifest.as_os_str(), |world| {
            world.note_owners(change)
        })
    }

    fn change_owners(&self, change: &OwnerChange) -> Result<OwnerReport> {
        self.change_in_two(
            CHANGE_OWNERS,
            change.manifest.as_os_str(),
            |world, only_half| world.change_owners(change, only_half),
        )
    }

    fn restore_owners(&self, manifest: &Path) -> Result<OwnerReport> {
        self.change("restore owners, noted in", manifest.as_os_str(), |world| {
            world.restore_owners(manifest)
        })
    }

    fn get(&self, port: u16, path: &str) -> Result<Option<Reply>> {
        Ok(self.world().reply(port, path))
    }

    fn run_watched(
        &self,
        _user: &User,
        argv: &[OsString],
        _environment: &[(OsString, OsString)],
        _deadline: Duration,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Output> {
        let answer = argv
            .first()
            .and_then(|program| self.world().programs.get(program).cloned());
        let silence = Output {
            code: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        let answer = answer.unwrap_or(silence);
        Lines::new(on_line).hand_over(&answer.stdout);
        Ok(answer)
    }

    fn make_base(&self, codename: &str, packages: &[String], archive: &Path) -> Result<()> {
        self.change("make base", archive.as_os_str(), |world| {
            if !world.files.contains_key(archive) {
                let content = format!("{codename} {}", packages.join(" "));
                world.add_file(
                    archive,
                    content.as_bytes(),
                    Ownership {
                        mode: 0o644,
                        ..ROOT_OWNED
                    },
                );
            }
            Ok(())
        })
    }

    fn free_room(&self, _path: &Path) -> Result<Room> {
        Ok(self.world().free)
    }

    fn available_memory(&self) -> Result<Bytes> {
        Ok(self.world().available)
    }

    fn sleep(&self, time: Duration) {
        let passed = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.world_mut().pass(passed);
    }

    fn now_ms(&self) -> i64 {
        self.world().now_ms
    }
}
