//! What the engine in memory holds.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::docker::{Container, ContainerSpec, ContainerState, Image, RestartPolicy};
use crate::units::Bytes;

const FIRST_PID: i64 = 40_000;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) images: BTreeMap<String, Image>,
    pub(super) networks: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) containers: BTreeMap<String, Held>,
    counter: i64,
}

impl State {
    pub(super) fn next_pid(&mut self) -> i64 {
        self.counter += 1;
        FIRST_PID + self.counter
    }

    pub(super) fn next_id(&mut self) -> String {
        self.counter += 1;
        digest(&self.counter.to_string())
    }

    pub(super) fn find_image(&self, reference: &str) -> Option<&Image> {
        let by_id = |image: &&Image| image.id == reference;
        let named = self.images.get(reference);
        named.or_else(|| self.images.values().find(by_id))
    }

    /// Puts an image there; one of the same reference and labels stays as it is.
    pub(super) fn put_image(
        &mut self,
        reference: &str,
        labels: &BTreeMap<String, String>,
    ) -> String {
        let id = format!("sha256:{}", digest(&format!("{reference} {labels:?}")));
        let image = Image {
            id: id.clone(),
            labels: labels.clone(),
            size: Bytes::mib(200),
        };
        self.images.insert(reference.to_owned(), image);
        id
    }

    /// Returns the first of these ports that a running container publishes.
    pub(super) fn taken_port(&self, ports: &[u16]) -> Option<u16> {
        let running = self.containers.values().filter(|held| held.is_running());
        let held = running.flat_map(|held| &held.spec.ports);
        held.map(|port| port.host).find(|port| ports.contains(port))
    }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// A container and what the engine remembers of it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) spec: ContainerSpec,
    pub(super) container: Container,
    pub(super) log: Vec<String>,
    pub(super) memory_used: Bytes,
    was_started: bool,
    was_stopped: bool,
}

impl Held {
    pub(super) fn new(spec: ContainerSpec, id: String, image: String) -> Self {
        let container = Container {
            id,
            image,
            labels: spec.labels.clone(),
            state: ContainerState::Created,
            restart_policy: RestartPolicy::No,
            restarts: 0,
            pid: 0,
            started_ms: None,
            memory: spec.memory,
        };
        Self {
            spec,
            container,
            log: Vec::new(),
            memory_used: Bytes::mib(600),
            was_started: false,
            was_stopped: false,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.container.state == ContainerState::Running
    }

    pub(super) fn start(&mut self, pid: i64, now_ms: i64) {
        self.container.state = ContainerState::Running;
        self.container.pid = pid;
        self.container.started_ms = Some(now_ms);
        self.was_started = true;
        self.was_stopped = false;
    }

    /// Ends the main process without a word from outside.
    pub(super) fn exit(&mut self, code: i64) {
        self.container.state = ContainerState::Exited(code);
        self.container.pid = 0;
    }

    /// Ends the main process through the API; the engine remembers that.
    pub(super) fn stop(&mut self) {
        self.exit(0);
        self.was_stopped = true;
    }

    pub(super) fn starts_with_the_engine(&self) -> bool {
        let restarts = self.container.restart_policy == RestartPolicy::UnlessStopped;
        restarts && self.was_started && !self.was_stopped
    }
}
