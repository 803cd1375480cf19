//! A machine with joe's gateway on it, an engine that shares it, and a program that can die in between.
#![expect(
    clippy::disallowed_methods,
    reason = "the engine in memory looks for a real archive"
)]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Once;

use ocmigrate::docker::fake::{self as docker_fake, CrashPoint, FakeDocker};
use ocmigrate::execute::{ExecuteError, Run};
use ocmigrate::host::Host;
use ocmigrate::host::fake::{Crash, FakeHost, Faults, Moment};
use ocmigrate::journal::{Direction, Journal, Outcome, Record};
use ocmigrate::secret::Hasher;
use ocmigrate::step::{Choices, Context, Drift, Paths, Step, steps};
use tempfile::TempDir;

use crate::fleet::{self, CONFIG, CONFIG_TEXT, GROUP};
use crate::machine::{ROOTS, Sickness, engine, machine};
use crate::snapshot::Snapshot;
use crate::starters::Kind;

/// One of the two doors through which the world is changed, and the number of a change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    Host(u64),
    Docker(u64),
}

/// The machine, the engine, and what one run of ocmigrate works with.
pub(crate) struct World {
    pub(crate) host: FakeHost,
    pub(crate) docker: Rc<FakeDocker>,
    pub(crate) steps: Vec<Step>,
    pub(crate) paths: Paths,
    pub(crate) hasher: Hasher,
    pub(crate) before: Snapshot,
    kind: Kind,
    sickness: Rc<Cell<Sickness>>,
    said: RefCell<Vec<String>>,
    directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Kind::UserUnit)
    }

    /// Makes a world whose gateway is started so.
    pub(crate) fn of(kind: Kind) -> Self {
        Self::furnished(kind, |_| {})
    }

    /// Makes a world in which `furnish` put more, before anything is run.
    pub(crate) fn with(furnish: impl FnOnce(&Self)) -> Self {
        Self::furnished(Kind::UserUnit, furnish)
    }

    fn furnished(kind: Kind, furnish: impl FnOnce(&Self)) -> Self {
        keep_deaths_quiet();
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let directory = directory.unwrap();
        let paths = Paths::installed(directory.path());
        std::fs::write(paths.state.join("base.tar"), b"").unwrap();
        let hasher = Hasher::for_machine("matrix");
        let host = machine(kind);
        let sickness = Rc::new(Cell::new(Sickness::None));
        let docker = engine(&host, &sickness, kind.version());
        let before = Snapshot::default();
        let mut plan = fleet::plan(&hasher);
        kind.tell(&host, &mut plan);
        let steps = reread(&steps(&plan, GROUP, &paths, &Choices::default()).unwrap());
        let mut world = Self {
            host,
            docker,
            steps,
            paths,
            hasher,
            before,
            kind,
            sickness,
            said: RefCell::default(),
            directory,
        };
        world
            .host
            .world_mut()
            .add_directory(&world.paths.state, ROOTS);
        furnish(&world);
        world.host.world_mut().faults = Faults::default();
        world.docker.no_faults();
        world.before = Snapshot::of(&world);
        world
    }

    pub(crate) fn fall_ill(&self, sickness: Sickness) {
        self.sickness.set(sickness);
    }

    /// Runs or resumes, as a fresh process.
    pub(crate) fn execute(&self) -> Result<Outcome, ExecuteError> {
        self.run(|run| run.resume())
    }

    /// Rolls back, as a fresh process.
    pub(crate) fn rollback(&self) -> Result<Outcome, ExecuteError> {
        self.run(|run| run.rollback())
    }

    fn run<R>(&self, act: impl FnOnce(&mut Run) -> R) -> R {
        let mut journal = self.open_journal();
        self.with_context(|context| {
            let mut run = Run {
                steps: &self.steps,
                context,
                journal: &mut journal,
                tell: &|_| {},
                is_interrupted: &|| false,
                before_silence: &|| Ok(()),
            };
            act(&mut run)
        })
    }

    pub(crate) fn with_context<R>(&self, act: impl FnOnce(&Context) -> R) -> R {
        act(&Context {
            host: &self.host,
            docker: &*self.docker,
            hasher: &self.hasher,
            paths: &self.paths,
            say: &|line| self.said.borrow_mut().push(line.to_owned()),
        })
    }

    /// What the steps said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// Opens the journal from its file; a new one is begun.
    pub(crate) fn open_journal(&self) -> Journal {
        let mut journal = Journal::open(&self.directory.path().join("journal.jsonl")).unwrap();
        if journal.state().direction == Direction::Unopened {
            let opened = Record::Opened {
                run: "run".to_owned(),
                made_by: "0.1.0".to_owned(),
                list: "list".to_owned(),
                steps: self.steps.iter().map(|step| step.describe().id).collect(),
            };
            journal.append(self.host.now_ms(), opened).unwrap();
        }
        journal
    }

    /// What every step finds that is not as it left it.
    pub(crate) fn drifts(&self) -> Vec<Drift> {
        self.drifts_of(|_| true)
    }

    /// The same of some steps.
    pub(crate) fn drifts_of(&self, is_asked: impl Fn(&Step) -> bool) -> Vec<Drift> {
        let journal = self.open_journal();
        let befores = &journal.state().befores;
        let steps = self.steps.iter().enumerate();
        let steps = steps.filter(|(_, step)| is_asked(step));
        self.with_context(|context| {
            steps
                .flat_map(|(index, step)| step.verify(&befores[&index], context).unwrap())
                .collect()
        })
    }

    /// How many changes were made through each door.
    pub(crate) fn changes(&self) -> (u64, u64) {
        (
            self.host.world().faults.count(),
            self.docker.changing_calls(),
        )
    }

    /// The last change through each door.
    pub(crate) fn last_change(&self) -> String {
        let world = self.host.world();
        let host = world.faults.calls().last().cloned().unwrap_or_default();
        format!("host: {host}; docker: {}", self.docker.changing_calls())
    }

    pub(crate) fn fail_at(&self, call: Call) {
        match call {
            Call::Host(number) => self.host.world_mut().faults.fail_at(number),
            Call::Docker(number) => self.docker.fail_at(number),
        }
    }

    pub(crate) fn crash_at(&self, call: Call, moment: Moment) {
        match call {
            Call::Host(number) => self.host.world_mut().faults.crash_at(number, moment),
            Call::Docker(number) => {
                let after = moment == Moment::After;
                let point = if after {
                    CrashPoint::After
                } else {
                    CrashPoint::Before
                };
                self.docker.crash_at(number, point);
            }
        }
    }

    /// Does something that dies of a planned crash.
    #[track_caller]
    pub(crate) fn die_while<R: std::fmt::Debug>(&self, act: impl FnOnce(&Self) -> R) {
        match catch_unwind(AssertUnwindSafe(|| act(self))) {
            Ok(result) => panic!("it lived on: {result:?}"),
            Err(payload) if is_death(&*payload) => {}
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Cuts the power and boots.
    pub(crate) fn reboot(&self) {
        self.host.world_mut().reboot();
        self.docker.engine_restart();
    }

    /// Who polls the bots now, without process ids.
    pub(crate) fn pollers(&self) -> Vec<String> {
        Snapshot::of(self).pollers
    }

    /// Never two pollers, and never a native start that was open to the network.
    #[track_caller]
    pub(crate) fn assert_safe(&self, case: &str) {
        let world = self.host.world();
        assert_eq!(world.two_at_once(), [], "{case}: two pollers");
        for config in world.found_configs.iter().flatten() {
            let text = String::from_utf8_lossy(config);
            assert!(!text.contains("lan"), "{case}: a native start found {text}");
        }
        if self.kind == Kind::Chosen {
            let config = &world.files.get(Path::new(CONFIG)).unwrap().state.bytes;
            assert_eq!(config, CONFIG_TEXT.as_bytes(), "{case}: it needs no change");
        }
    }

    /// Everything is native, as before.
    #[track_caller]
    pub(crate) fn assert_native(&self, case: &str) {
        self.assert_safe(case);
        let state = &self.paths.state;
        let now = Snapshot::of(self);
        let kept = now.files.keys().filter(|path| path.starts_with(state));
        let kept: Vec<_> = kept.filter(|path| !path.ends_with("base.tar")).collect();
        assert!(kept.is_empty(), "{case}: {kept:?} stays");
        let (now, before) = (
            now.without_state(state),
            self.before.clone().without_state(state),
        );
        now.assert_is(&before, case);
        assert_eq!(now.pollers, ["native"], "{case}");
    }

    /// Everything is in the container once that had time to boot.
    #[track_caller]
    pub(crate) fn assert_in_container_later(&self, case: &str) {
        self.host.sleep(std::time::Duration::from_mins(1));
        self.assert_in_container(case);
    }

    /// Everything is in the container, as every step left it.
    #[track_caller]
    pub(crate) fn assert_in_container(&self, case: &str) {
        self.assert_safe(case);
        assert_eq!(self.drifts(), [], "{case}: drift");
        assert_eq!(self.pollers(), ["container"], "{case}");
        assert_eq!(Snapshot::of(self).native, 0, "{case}: a native process");
    }
}

/// The steps as a later process finds them beside the journal: every run of the matrix goes through their file.
fn reread(steps: &[Step]) -> Vec<Step> {
    let text = serde_json::to_vec(steps).unwrap();
    let read: Vec<Step> = serde_json::from_slice(&text).unwrap();
    assert_eq!(read, steps);
    read
}

fn is_death(payload: &(dyn std::any::Any + Send)) -> bool {
    payload.is::<Crash>() || payload.is::<docker_fake::Crash>()
}

/// Lets a planned death print nothing.
fn keep_deaths_quiet() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_death(info.payload()) {
                usual(info);
            }
        }));
    });
}
