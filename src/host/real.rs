//! The host as it is: each verb of [`Host`] goes to the file that does it.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    FileMeta, FileState, GatewayTrace, Host, Output, OwnerChange, OwnerReport, Ownership, Reply,
    Result, Room, RunningProcess, Signal, UnitState, base, files, http, owners, pm2, processes,
    program, remove_tree, running, sockets, systemd,
};
use crate::inventory::{Pm2Starter, ProcessId, UnitStarter, User};
use crate::units::Bytes;

/// The machine that ocmigrate runs on; it must run as root.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealHost;

impl RealHost {
    /// Returns the door to this machine.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Host for RealHost {
    fn read(&self, path: &Path) -> Result<Option<FileState>> {
        files::read(path)
    }

    fn read_tail(&self, path: &Path, bytes: u64) -> Result<Option<FileState>> {
        files::read_tail(path, bytes)
    }

    fn replace(&self, path: &Path, bytes: &[u8], meta: FileMeta) -> Result<()> {
        files::replace(path, bytes, meta)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        files::remove(path)
    }

    fn make_directory(&self, path: &Path, ownership: Ownership) -> Result<()> {
        files::make_directory(path, ownership)
    }

    fn remove_empty_directory(&self, path: &Path) -> Result<bool> {
        files::remove_empty_directory(path)
    }

    fn remove_tree(&self, path: &Path) -> Result<()> {
        remove_tree::remove_tree(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<OsString>> {
        files::list(path)
    }

    fn find_gateway(&self, trace: &GatewayTrace) -> Result<Vec<ProcessId>> {
        processes::find_gateway(trace)
    }

    fn is_alive(&self, process: ProcessId) -> Result<bool> {
        processes::is_alive(process)
    }

    fn environment(&self, process: ProcessId) -> Result<Vec<(OsString, OsString)>> {
        processes::environment(process)
    }

    fn process(&self, pid: i32) -> Result<Option<RunningProcess>> {
        running::process(pid)
    }

    fn signal(&self, process: ProcessId, signal: Signal) -> Result<()> {
        running::signal(process, signal)
    }

    fn start_detached(&self, user: &User, argv: &[OsString]) -> Result<()> {
        program::start_detached(user, argv)
    }

    fn is_port_taken(&self, port: u16) -> Result<bool> {
        sockets::listeners(port).map(|listeners| !listeners.is_empty())
    }

    fn unit(&self, unit: &UnitStarter) -> Result<UnitState> {
        systemd::state(unit)
    }

    fn reload_units(&self, unit: &UnitStarter) -> Result<()> {
        systemd::reload(unit)
    }

    fn start_unit(&self, unit: &UnitStarter) -> Result<()> {
        systemd::start(unit)
    }

    fn stop_unit(&self, unit: &UnitStarter, deadline: Duration) -> Result<()> {
        systemd::stop(unit, deadline)
    }

    fn start_app(&self, app: &Pm2Starter, user: &User, environment: &Path) -> Result<()> {
        pm2::turn(app, user, environment, "start")
    }

    fn stop_app(&self, app: &Pm2Starter, user: &User, environment: &Path) -> Result<()> {
        pm2::turn(app, user, environment, "stop")
    }

    fn note_owners(&self, change: &OwnerChange) -> Result<OwnerReport> {
        owners::note_owners(change)
    }

    fn change_owners(&self, change: &OwnerChange) -> Result<OwnerReport> {
        owners::change_owners(change)
    }

    fn restore_owners(&self, manifest: &Path) -> Result<OwnerReport> {
        owners::restore_owners(manifest)
    }

    fn get(&self, port: u16, path: &str) -> Result<Option<Reply>> {
        Ok(http::get(port, path))
    }

    fn run_watched(
        &self,
        user: &User,
        argv: &[OsString],
        environment: &[(OsString, OsString)],
        deadline: Duration,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Output> {
        program::run_as(user, argv, environment, deadline, on_line)
    }

    fn make_base(&self, codename: &str, packages: &[String], archive: &Path) -> Result<()> {
        base::make_base(codename, packages, archive)
    }

    fn available_memory(&self) -> Result<Bytes> {
        let mut system = sysinfo::System::new();
        system.refresh_memory();
        Ok(Bytes(system.available_memory()))
    }

    fn free_room(&self, path: &Path) -> Result<Room> {
        files::free_room(path)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where time passes")]
    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |time| {
            i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
        })
    }
}
