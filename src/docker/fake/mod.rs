//! An engine in memory, for tests: the contract of the real one (`tests/docker_contract` holds both to it), faults on
//! demand, and restarts as they were measured on Docker 20.10.

mod engine;
mod faults;
mod state;

pub use faults::{Crash, CrashPoint};

use std::cell::RefCell;
use std::collections::BTreeMap;

use self::faults::Faults;
use self::state::{Held, State};
use super::{ContainerSpec, ContainerState, Image, Output, RestartPolicy};
use crate::units::Bytes;

type OnChange = Box<dyn Fn(&str, bool)>;
type Program = Box<dyn Fn(&str, &[String]) -> Output>;
type PortTaken = Box<dyn Fn(u16) -> bool>;

/// The engine. It starts empty.
pub struct FakeDocker {
    state: RefCell<State>,
    faults: Faults,
    on_change: OnChange,
    program: Program,
    port_taken: PortTaken,
    clock: Box<dyn Fn() -> i64>,
}

impl Default for FakeDocker {
    fn default() -> Self {
        Self {
            state: RefCell::default(),
            faults: Faults::default(),
            on_change: Box::new(|_, _| {}),
            program: Box::new(|_, _| Output {
                code: 0,
                stdout: Vec::new(),
                stderr: Vec::new(),
            }),
            port_taken: Box::new(|_| false),
            clock: Box::new(|| 0),
        }
    }
}

impl FakeDocker {
    /// Makes an engine without objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `hook` with a container's name after it started (`true`) and after it stopped (`false`).
    #[must_use]
    pub fn on_change(mut self, hook: impl Fn(&str, bool) + 'static) -> Self {
        self.on_change = Box::new(hook);
        self
    }

    /// Answers programs that are run in a container, by its name and their argv: `exec` and `run_once` ask it.
    #[must_use]
    pub fn on_program(mut self, program: impl Fn(&str, &[String]) -> Output + 'static) -> Self {
        self.program = Box::new(program);
        self
    }

    /// Tells whether something outside the engine holds a port; a container that publishes it does not start then.
    #[must_use]
    pub fn on_port(mut self, is_taken: impl Fn(u16) -> bool + 'static) -> Self {
        self.port_taken = Box::new(is_taken);
        self
    }

    /// Tells the time, in milliseconds since 1970; it is 0 always where nothing tells.
    #[must_use]
    pub fn on_clock(mut self, clock: impl Fn() -> i64 + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Lets the changing call with this number, counted from 1, be refused without an effect.
    pub fn fail_at(&self, call: u64) {
        self.faults.fail_at(call);
    }

    /// Lets the changing call with this number, counted from 1, panic with a [`Crash`], before or after its effect.
    pub fn crash_at(&self, call: u64, point: CrashPoint) {
        self.faults.crash_at(call, point);
    }

    /// Forgets faults that have not happened, and counts changing calls from 1 again.
    pub fn no_faults(&self) {
        self.faults.clear();
    }

    /// Returns how many changing calls were made since the last [`Self::no_faults`].
    #[must_use]
    pub fn changing_calls(&self) -> u64 {
        self.faults.calls()
    }

    /// Puts an image there that nobody made through this door; returns its id.
    pub fn add_image(&self, reference: &str, labels: &BTreeMap<String, String>) -> String {
        self.state.borrow_mut().put_image(reference, labels)
    }

    /// Takes an image away, as `docker image rm` does.
    pub fn remove_image(&self, reference: &str) {
        self.state.borrow_mut().images.remove(reference);
    }

    /// Puts a container there that nobody made through this door.
    pub fn add_container(&self, spec: &ContainerSpec, state: ContainerState) {
        let mut engine = self.state.borrow_mut();
        let id = engine.put_image(&spec.image, &BTreeMap::new());
        let mut held = Held::new(spec.clone(), engine.next_id(), id);
        if state == ContainerState::Running {
            held.start(engine.next_pid(), (self.clock)());
        }
        held.container.state = state;
        engine.containers.insert(spec.name.clone(), held);
    }

    /// Changes what a container was made with, as somebody who made it anew under its labels would.
    pub fn change_container(&self, name: &str, change: impl FnOnce(&mut ContainerSpec)) {
        let mut engine = self.state.borrow_mut();
        if let Some(held) = engine.containers.get_mut(name) {
            change(&mut held.spec);
        }
    }

    /// Returns what a container was made from.
    #[must_use]
    pub fn spec(&self, name: &str) -> Option<ContainerSpec> {
        let state = self.state.borrow();
        state.containers.get(name).map(|held| held.spec.clone())
    }

    /// Returns the names of all containers.
    #[must_use]
    pub fn container_names(&self) -> Vec<String> {
        self.state.borrow().containers.keys().cloned().collect()
    }

    /// Returns all images by reference.
    #[must_use]
    pub fn images(&self) -> BTreeMap<String, Image> {
        self.state.borrow().images.clone()
    }

    /// Writes a line to a container's log.
    pub fn say(&self, name: &str, line: &str) {
        if let Some(held) = self.state.borrow_mut().containers.get_mut(name) {
            held.log.push(line.to_owned());
        }
    }

    /// Sets the memory that a container uses while it runs.
    pub fn use_memory(&self, name: &str, memory: Bytes) {
        if let Some(held) = self.state.borrow_mut().containers.get_mut(name) {
            held.memory_used = memory;
        }
    }

    /// Ends a container's main process by itself. One that restarts is started again at once, under a new process id.
    pub fn end_main_process(&self, name: &str, code: i64) {
        let mut state = self.state.borrow_mut();
        let pid = state.next_pid();
        let Some(held) = state
            .containers
            .get_mut(name)
            .filter(|held| held.is_running())
        else {
            return;
        };
        held.exit(code);
        let starts_again = held.container.restart_policy == RestartPolicy::UnlessStopped;
        if starts_again {
            held.container.restarts += 1;
            held.start(pid, (self.clock)());
        }
        drop(state);
        (self.on_change)(name, false);
        if starts_again {
            (self.on_change)(name, true);
        }
    }

    /// Restarts the engine, as a reboot does: what runs is stopped, and what is to restart is started again unless it
    /// was stopped through the API or never started at all.
    pub fn engine_restart(&self) {
        for name in self.container_names() {
            self.restart_one(&name);
        }
    }

    fn restart_one(&self, name: &str) {
        let mut state = self.state.borrow_mut();
        let pid = state.next_pid();
        let Some(held) = state.containers.get_mut(name) else {
            return;
        };
        let ran = held.is_running();
        if ran {
            held.exit(255);
        }
        let starts = held.starts_with_the_engine();
        if starts {
            held.start(pid, (self.clock)());
        }
        drop(state);
        if ran {
            (self.on_change)(name, false);
        }
        if starts {
            (self.on_change)(name, true);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::docker::{Docker, Published};

    fn spec(name: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            hostname: "host".to_owned(),
            image: "image:1".to_owned(),
            user: "1:1".to_owned(),
            directory: "/".into(),
            argv: vec!["true".to_owned()],
            environment: Vec::new(),
            labels: BTreeMap::new(),
            mounts: Vec::new(),
            memory: Bytes::mib(512),
            cpu_milli: 1000,
            pids: 512,
            ports: vec![Published {
                host: 18789,
                container: 18789,
            }],
            network: None,
            supplementary_groups: Vec::new(),
            extra_hosts: Vec::new(),
            stop_timeout: Duration::from_secs(1),
        }
    }

    fn with_container(name: &str) -> FakeDocker {
        let docker = FakeDocker::new();
        docker.add_image("image:1", &BTreeMap::new());
        docker.create_container(&spec(name)).unwrap();
        docker.no_faults();
        docker
    }

    fn runs(docker: &FakeDocker) -> bool {
        !docker.running().unwrap().is_empty()
    }

    #[test]
    fn a_container_that_never_started_is_not_started_with_the_engine() {
        let docker = with_container("a");
        let policy = RestartPolicy::UnlessStopped;
        docker.set_restart_policy("a", policy).unwrap();
        docker.engine_restart();
        assert!(!runs(&docker));
    }

    #[test]
    fn a_stopped_container_stays_stopped_when_the_engine_restarts() {
        let docker = with_container("a");
        docker.start("a").unwrap();
        docker.stop("a").unwrap();
        docker
            .set_restart_policy("a", RestartPolicy::UnlessStopped)
            .unwrap();
        docker.engine_restart();
        assert!(!runs(&docker));
    }

    #[test]
    fn what_ended_by_itself_is_started_with_the_engine_once_it_may_restart() {
        let docker = with_container("a");
        docker.start("a").unwrap();
        docker.end_main_process("a", 1);
        docker
            .set_restart_policy("a", RestartPolicy::UnlessStopped)
            .unwrap();
        assert!(!runs(&docker));
        docker.engine_restart();
        assert!(runs(&docker));
    }

    #[test]
    fn what_runs_comes_back_only_with_a_restart_policy() {
        let docker = with_container("a");
        docker.start("a").unwrap();
        docker.engine_restart();
        assert!(!runs(&docker));
        docker
            .set_restart_policy("a", RestartPolicy::UnlessStopped)
            .unwrap();
        docker.start("a").unwrap();
        docker.engine_restart();
        assert!(runs(&docker));
    }

    #[test]
    fn a_fault_comes_at_its_call_and_once() {
        let docker = with_container("a");
        docker.fail_at(2);
        docker.start("a").unwrap();
        assert!(docker.stop("a").is_err());
        assert!(runs(&docker));
        docker.stop("a").unwrap();
        assert_eq!(docker.changing_calls(), 3);
    }

    #[test]
    fn a_crash_comes_before_or_after_the_effect() {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let docker = with_container("a");
            docker.crash_at(1, point);
            let crash = catch_unwind(AssertUnwindSafe(|| docker.start("a")));
            let payload = crash.unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&Crash { call: 1, point }));
            assert_eq!(runs(&docker), point == CrashPoint::After);
        }
    }

    #[test]
    fn starts_and_stops_are_told_and_a_taken_port_is_refused() {
        let told: Rc<RefCell<Vec<bool>>> = Rc::default();
        let (heard, taken) = (Rc::clone(&told), Rc::new(std::cell::Cell::new(true)));
        let is_taken = Rc::clone(&taken);
        let docker = with_container("a")
            .on_change(move |_, started| heard.borrow_mut().push(started))
            .on_port(move |_| is_taken.get());
        assert!(docker.start("a").is_err());
        taken.set(false);
        docker.start("a").unwrap();
        docker.create_container(&spec("b")).unwrap();
        assert!(docker.start("b").is_err());
        docker.stop("a").unwrap();
        assert_eq!(*told.borrow(), [true, false]);
    }
}
