//! What starts gateways on the fake machine beside units: cron, pm2, loops of shells, and strangers that nobody told of.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::units::FakeGateway;
use super::world::FakeWorld;
use crate::host::{RunningProcess, Signal, crontab, pm2_dump};
use crate::inventory::{Pm2Starter, ProcessId};

/// The time between the start of a shell and its opening of the script, in milliseconds: longer than on most machines, so
/// that nobody relies on its being short.
const SHELL_STARTS_MS: i64 = 2_000;

/// What a command starts.
#[derive(Debug, Clone)]
pub enum FakeProgram {
    /// A gateway.
    Gateway(FakeGateway),
    /// A shell that starts a gateway whenever none of its own runs.
    Loop(FakeGateway),
}

/// A shell that runs a gateway in a loop.
#[derive(Debug, Clone)]
pub struct FakeShell {
    /// Its identity.
    pub id: ProcessId,
    /// What it starts.
    pub gateway: FakeGateway,
    /// Whether it was told to halt.
    pub is_frozen: bool,
    child: Option<ProcessId>,
}

/// A line of a table that cron reads.
#[derive(Debug, Clone)]
pub struct FakeCronLine {
    /// The table.
    pub table: PathBuf,
    /// The line as it stands there while it is armed; `@reboot` ones run at boot, others each minute without a gateway.
    pub line: String,
    /// What it starts.
    pub program: FakeProgram,
}

/// An application of pm2, whose daemon runs.
#[derive(Debug, Clone)]
pub struct FakeApp {
    /// Its name and the dump.
    pub app: Pm2Starter,
    /// What it starts.
    pub gateway: FakeGateway,
    /// Whether the daemon keeps it running.
    pub is_online: bool,
    child: Option<ProcessId>,
}

impl FakeApp {
    /// Returns an application that the daemon will start.
    #[must_use]
    pub fn new(app: Pm2Starter, gateway: FakeGateway) -> Self {
        Self {
            app,
            gateway,
            is_online: true,
            child: None,
        }
    }
}

/// Something that nobody told of, and that brings a gateway back once it is gone.
#[derive(Debug, Clone)]
pub struct FakeStranger {
    /// What it starts.
    pub gateway: FakeGateway,
    /// How often it does so.
    pub times: u32,
    /// The number of the changing call from which on it does so.
    pub from_change: u64,
}

impl FakeWorld {
    /// Starts what a command starts.
    pub fn start_program(&mut self, program: &FakeProgram) {
        match program {
            FakeProgram::Gateway(gateway) => drop(self.run(gateway)),
            FakeProgram::Loop(gateway) => {
                let id = self.next_process();
                let gateway = gateway.clone();
                self.shells.push(FakeShell {
                    id,
                    gateway,
                    is_frozen: false,
                    child: None,
                });
                self.live_on();
            }
        }
    }

    /// Lets everything that keeps a gateway running look after it.
    pub(super) fn live_on(&mut self) {
        for index in 0..self.shells.len() {
            let Some(shell) = self.shells.get(index).cloned() else {
                continue;
            };
            if !shell.is_frozen && !self.lives(shell.child) {
                let child = self.run(&shell.gateway);
                self.shells
                    .iter_mut()
                    .skip(index)
                    .take(1)
                    .for_each(|it| it.child = child);
            }
        }
        for index in 0..self.apps.len() {
            let Some(app) = self.apps.get(index).cloned() else {
                continue;
            };
            if app.is_online && !self.lives(app.child) {
                let child = self.run(&app.gateway);
                self.apps
                    .iter_mut()
                    .skip(index)
                    .take(1)
                    .for_each(|it| it.child = child);
            }
        }
        if let Some(mut stranger) = self.stranger.clone()
            && stranger.times > 0
            && self.faults.count() >= stranger.from_change
            && !self.serves(&stranger.gateway)
        {
            self.run(&stranger.gateway);
            stranger.times -= 1;
            self.stranger = Some(stranger);
        }
    }

    /// Lets time pass; cron looks each minute.
    pub(super) fn pass(&mut self, milliseconds: i64) {
        let before = self.now_ms.div_euclid(60_000);
        self.now_ms = self.now_ms.saturating_add(milliseconds);
        if self.now_ms.div_euclid(60_000) > before {
            for line in self.armed_lines() {
                let (FakeProgram::Gateway(gateway) | FakeProgram::Loop(gateway)) = &line.program;
                if !line.line.starts_with("@reboot") && !self.serves(gateway) {
                    self.start_program(&line.program);
                }
            }
        }
        self.open_scripts();
        self.live_on();
    }

    /// Starts what cron and pm2 start at boot.
    pub(super) fn boot_starters(&mut self) {
        self.shells.clear();
        self.starting.clear();
        for line in self.armed_lines() {
            if line.line.starts_with("@reboot") {
                self.start_program(&line.program);
            }
        }
        for app in &mut self.apps {
            let dump = self.files.get(&app.app.dump);
            let dump = dump
                .map(|file| file.state.bytes.as_slice())
                .unwrap_or_default();
            let status = pm2_dump::status(dump, &app.app.name);
            app.is_online = status.is_some_and(|status| status != pm2_dump::STOPPED);
        }
        self.live_on();
    }

    pub(super) fn process_of(&self, pid: i32) -> Option<RunningProcess> {
        let shell = self.shells.iter().find(|shell| shell.id.pid == pid);
        if let Some(shell) = shell {
            let arguments = ["/bin/sh", "/home/joe/keep.sh"].map(OsString::from);
            return Some(running(shell.id, 1, arguments.into(), shell.is_frozen));
        }
        let process = self
            .processes
            .iter()
            .find(|process| process.id.pid == pid)?;
        let above = self
            .shells
            .iter()
            .find(|shell| shell.child == Some(process.id));
        let parent = above.map_or(1, |shell| shell.id.pid);
        Some(running(
            process.id,
            parent,
            vec!["openclaw-gateway".into()],
            false,
        ))
    }

    pub(super) fn signal(&mut self, process: ProcessId, signal: Signal) {
        match signal {
            Signal::End | Signal::Kill => {
                self.shells.retain(|shell| shell.id != process);
                self.kill(process);
            }
            Signal::Freeze | Signal::GoOn => {
                let shells = self.shells.iter_mut().filter(|shell| shell.id == process);
                shells.for_each(|shell| shell.is_frozen = signal == Signal::Freeze);
            }
        }
    }

    /// Lets a shell start that will run a file; says whether the file is there. The shell opens it [`SHELL_STARTS_MS`] later,
    /// and starts nothing if it is gone by then.
    pub(super) fn start_file(&mut self, file: &Path) -> bool {
        let is_there = self.files.contains_key(file) && self.launchers.contains_key(file);
        if is_there {
            let opens_at_ms = self.now_ms.saturating_add(SHELL_STARTS_MS);
            self.starting.push((opens_at_ms, file.to_owned()));
        }
        is_there
    }

    fn open_scripts(&mut self) {
        let now_ms = self.now_ms;
        let due: Vec<_> = self
            .starting
            .extract_if(.., |(opens_at_ms, _)| *opens_at_ms <= now_ms)
            .collect();
        for (_, file) in due {
            let program = self.launchers.get(&file).cloned();
            if let Some(program) = program.filter(|_| self.files.contains_key(&file)) {
                self.start_program(&program);
            }
        }
    }

    /// Lets pm2 keep an application running, or stop it; says whether it knows it.
    pub(super) fn turn_app(&mut self, app: &Pm2Starter, is_online: bool) -> bool {
        let known = self.apps.iter_mut().find(|known| known.app == *app);
        let Some(known) = known else { return false };
        known.is_online = is_online;
        let child = known.child;
        if let Some(child) = child.filter(|_| !is_online) {
            self.kill(child);
        }
        self.live_on();
        true
    }

    fn armed_lines(&self) -> Vec<FakeCronLine> {
        let is_armed = |line: &&FakeCronLine| {
            let table = self.files.get(&line.table);
            let is_it = |other: &[u8]| other == line.line.as_bytes();
            table.is_some_and(|file| crontab::is_armed(&file.state.bytes, &is_it))
        };
        self.cron.iter().filter(is_armed).cloned().collect()
    }

    fn lives(&self, process: Option<ProcessId>) -> bool {
        let mut living = self.processes.iter();
        process.is_some_and(|id| living.any(|one| one.id == id))
    }

    fn serves(&self, gateway: &FakeGateway) -> bool {
        let mut living = self.processes.iter();
        living.any(|one| one.gateway.trace == gateway.trace)
    }
}

fn running(
    id: ProcessId,
    parent: i32,
    arguments: Vec<OsString>,
    is_frozen: bool,
) -> RunningProcess {
    RunningProcess {
        id,
        parent,
        arguments,
        directory: "/home/joe".into(),
        output: None,
        is_frozen,
        umask: 0o022,
    }
}
