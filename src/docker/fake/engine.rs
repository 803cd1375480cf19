//! The fake's side of the contract.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::FakeDocker;
use super::state::Held;
use crate::docker::{
    Confinement, Container, ContainerSpec, Docker, DockerError, HOST_NETWORK, Image, ImageSpec,
    LayerEntry, Output, RestartPolicy, Result, Weight, is_leftover,
};
use crate::inventory::Engine;
use crate::lines::Lines;
use crate::units::Bytes;

impl Docker for FakeDocker {
    fn engine(&self) -> Result<Engine> {
        Ok(Engine {
            version: "20.10.24".to_owned(),
            api_version: "1.41".to_owned(),
            security_options: vec!["name=seccomp,profile=default".to_owned()],
            containerd_image_store: false,
            compose_version: None,
        })
    }

    fn data_directory(&self) -> Result<Option<PathBuf>> {
        Ok(Some("/var/lib/docker".into()))
    }

    fn weigh(&self, entries: &[LayerEntry]) -> Result<Weight> {
        Ok(Weight {
            bytes: Bytes::mib(300 * entries.len() as u64),
            files: 30_000 * entries.len() as u64,
        })
    }

    fn find_image(&self, reference: &str) -> Result<Option<Image>> {
        Ok(self.state.borrow().find_image(reference).cloned())
    }

    fn images_labelled(&self, label: &str, value: &str) -> Result<Vec<Image>> {
        let state = self.state.borrow();
        let is_labelled = |image: &&Image| image.labels.get(label).is_some_and(|it| it == value);
        Ok(state.images.values().filter(is_labelled).cloned().collect())
    }

    fn import_base(
        &self,
        archive: &Path,
        reference: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<()> {
        self.faults.change("import image", reference, || {
            let missing = |source| DockerError::Layer {
                image: reference.to_owned(),
                source,
            };
            std::fs::metadata(archive).map_err(missing)?;
            self.state.borrow_mut().put_image(reference, labels);
            Ok(())
        })
    }

    fn make_image(&self, spec: &ImageSpec, progress: &dyn Fn(Bytes, Bytes)) -> Result<()> {
        const ACTION: &str = "make image";
        self.faults.change(ACTION, &spec.reference, || {
            let base = self.find_image(&spec.base)?;
            let base = base.ok_or_else(|| no("use base image", &spec.base, "No such image"))?;
            let mut labels = base.labels;
            labels.extend(spec.labels.clone());
            progress(Bytes::mib(1), Bytes::mib(1));
            self.state.borrow_mut().put_image(&spec.reference, &labels);
            Ok(())
        })
    }

    fn find_network(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        Ok(self.state.borrow().networks.get(name).cloned())
    }

    fn create_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<()> {
        const ACTION: &str = "create network";
        self.faults.change(ACTION, name, || {
            let mut state = self.state.borrow_mut();
            if state.networks.contains_key(name) {
                return Err(no(ACTION, name, "there is one of that name"));
            }
            state.networks.insert(name.to_owned(), labels.clone());
            Ok(())
        })
    }

    fn remove_network(&self, name: &str) -> Result<()> {
        const ACTION: &str = "remove network";
        self.faults.change(ACTION, name, || {
            let mut state = self.state.borrow_mut();
            let joins = |held: &Held| held.spec.network.as_deref() == Some(name);
            if state
                .containers
                .values()
                .any(|held| held.is_running() && joins(held))
            {
                return Err(no(ACTION, name, "it has active endpoints"));
            }
            state.networks.remove(name);
            Ok(())
        })
    }

    fn find_container(&self, name: &str) -> Result<Option<Container>> {
        let state = self.state.borrow();
        Ok(state
            .containers
            .get(name)
            .map(|held| held.container.clone()))
    }

    fn find_confinement(&self, name: &str) -> Result<Option<Confinement>> {
        let state = self.state.borrow();
        let held = state.containers.get(name);
        Ok(held.map(|held| Confinement::planned(&held.spec)))
    }

    fn running(&self) -> Result<Vec<(String, i64)>> {
        let state = self.state.borrow();
        let running = state.containers.values().filter(|held| held.is_running());
        Ok(running
            .map(|held| (held.spec.name.clone(), held.container.pid))
            .collect())
    }

    fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        self.faults
            .change("create container", &spec.name, || self.create(spec))
    }

    fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<()> {
        const ACTION: &str = "set the restart policy of container";
        self.faults.change(ACTION, name, || {
            self.with(ACTION, name, |held| held.container.restart_policy = policy)
        })
    }

    fn start(&self, name: &str) -> Result<()> {
        self.faults
            .change("start container", name, || self.start_now(name))
    }

    fn stop(&self, name: &str) -> Result<()> {
        const ACTION: &str = "stop container";
        self.faults.change(ACTION, name, || {
            let stopped = self.with(ACTION, name, |held| {
                let ran = held.is_running();
                if ran {
                    held.stop();
                }
                ran
            })?;
            if stopped {
                (self.on_change)(name, false);
            }
            Ok(())
        })
    }

    fn remove_container(&self, name: &str) -> Result<()> {
        const ACTION: &str = "remove container";
        self.faults.change(ACTION, name, || {
            let mut state = self.state.borrow_mut();
            if state.containers.get(name).is_some_and(Held::is_running) {
                return Err(no(ACTION, name, "it is running"));
            }
            state.containers.remove(name);
            Ok(())
        })
    }

    fn run_once(&self, spec: &ContainerSpec, _deadline: Duration) -> Result<Output> {
        self.faults.change("create container", &spec.name, || {
            let found = self.find_container(&spec.name)?;
            if found.is_some_and(|found| is_leftover(&found.labels, &spec.labels)) {
                self.state.borrow_mut().containers.remove(&spec.name);
            }
            self.create(spec)?;
            let started = self.start_now(&spec.name);
            let output = started.map(|()| (self.program)(&spec.name, &spec.argv));
            self.state.borrow_mut().containers.remove(&spec.name);
            (self.on_change)(&spec.name, false);
            output
        })
    }

    fn exec_watched(
        &self,
        name: &str,
        _user: &str,
        argv: &[String],
        _environment: &[String],
        _deadline: Duration,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Output> {
        const ACTION: &str = "run a program in container";
        let is_running = self.with(ACTION, name, |held| held.is_running())?;
        if !is_running {
            return Err(no(ACTION, name, "it is not running"));
        }
        let answer = (self.program)(name, argv);
        Lines::new(on_line).hand_over(&answer.stdout);
        Ok(answer)
    }

    fn log_tail(&self, name: &str, lines: u32) -> Result<String> {
        self.with("read the log of container", name, |held| {
            let skipped = held.log.len().saturating_sub(lines as usize);
            let lines = held.log.iter().skip(skipped).map(String::as_str);
            lines.flat_map(|line| [line, "\n"]).collect()
        })
    }

    fn memory_used(&self, name: &str) -> Result<Option<Bytes>> {
        let state = self.state.borrow();
        let held = state.containers.get(name).filter(|held| held.is_running());
        Ok(held.map(|held| held.memory_used))
    }
}

impl FakeDocker {
    fn with<T>(
        &self,
        action: &'static str,
        name: &str,
        use_it: impl FnOnce(&mut Held) -> T,
    ) -> Result<T> {
        let mut state = self.state.borrow_mut();
        let held = state.containers.get_mut(name);
        held.map(use_it)
            .ok_or_else(|| no(action, name, "No such container"))
    }

    fn create(&self, spec: &ContainerSpec) -> Result<()> {
        const ACTION: &str = "create container";
        let mut state = self.state.borrow_mut();
        let image = state.find_image(&spec.image).map(|image| image.id.clone());
        let image = image.ok_or_else(|| no(ACTION, &spec.name, "No such image"))?;
        if state.containers.contains_key(&spec.name) {
            return Err(no(ACTION, &spec.name, "the name is in use"));
        }
        let held = Held::new(spec.clone(), state.next_id(), image);
        state.containers.insert(spec.name.clone(), held);
        Ok(())
    }

    fn start_now(&self, name: &str) -> Result<()> {
        const ACTION: &str = "start container";
        let spec = self.spec(name);
        let spec = spec.ok_or_else(|| no(ACTION, name, "No such container"))?;
        let mut state = self.state.borrow_mut();
        if state.containers.get(name).is_some_and(Held::is_running) {
            return Ok(());
        }
        if spec
            .network
            .filter(|network| network != HOST_NETWORK)
            .is_some_and(|network| !state.networks.contains_key(&network))
        {
            return Err(no(ACTION, name, "its network is not found"));
        }
        let ports: Vec<u16> = spec.ports.iter().map(|port| port.host).collect();
        let taken = ports.iter().copied().find(|port| (self.port_taken)(*port));
        if let Some(port) = taken.or_else(|| state.taken_port(&ports)) {
            return Err(no(
                ACTION,
                name,
                &format!("port {port} is already allocated"),
            ));
        }
        let pid = state.next_pid();
        if let Some(held) = state.containers.get_mut(name) {
            held.start(pid, (self.clock)());
        }
        drop(state);
        (self.on_change)(name, true);
        Ok(())
    }
}

fn no(action: &'static str, object: &str, reason: &str) -> DockerError {
    DockerError::Refused {
        action,
        object: object.to_owned(),
        reason: reason.to_owned(),
    }
}
