//! The engine behind its unix socket, asked through bollard on a runtime of one thread.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use bollard::models;
use bollard::query_parameters as query;
use futures_util::StreamExt;
use tokio::runtime::Runtime;

use super::{
    Container, ContainerSpec, Docker, DockerError, Image, ImageSpec, Output, RestartPolicy, Result,
};
use crate::inventory::Engine;
use crate::units::Bytes;

/// Where the engine listens unless `DOCKER_HOST` names another unix socket.
const SOCKET: &str = "/var/run/docker.sock";
/// How long an answer may take; a stop may take longer and says so itself.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How much longer than its own timeout a stop may take.
const STOP_SLACK: Duration = Duration::from_secs(60);
/// How long a load or an import of an image may take.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(1800);

/// A connection to the engine of this host.
pub struct DockerSocket {
    runtime: Runtime,
    api: bollard::Docker,
}

impl DockerSocket {
    /// Connects and agrees on a version of the API.
    ///
    /// # Errors
    ///
    /// [`DockerError::Unreachable`] where nobody answers on the socket.
    pub fn connect() -> Result<Self> {
        let socket = std::env::var("DOCKER_HOST")
            .ok()
            .and_then(|host| host.strip_prefix("unix://").map(str::to_owned))
            .unwrap_or_else(|| SOCKET.to_owned());
        let unreachable = |reason: String| DockerError::Unreachable {
            socket: socket.clone(),
            reason,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unreachable(error.to_string()))?;
        let api = runtime
            .block_on(async {
                bollard::Docker::connect_with_unix(&socket, TIMEOUT.as_secs(), bollard::API_DEFAULT_VERSION)?
                    .negotiate_version()
                    .await
            })
            .map_err(|error| unreachable(words(&error)))?;
        Ok(Self { runtime, api })
    }

    /// Waits for an answer of the engine.
    pub(super) fn ask<T>(
        &self,
        action: &'static str,
        object: &str,
        answer: impl Future<Output = std::result::Result<T, bollard::errors::Error>>,
    ) -> Result<T> {
        self.runtime.block_on(answer).map_err(|error| DockerError::Refused {
            action,
            object: object.to_owned(),
            reason: words(&error),
        })
    }

    /// Waits for an answer; the engine not knowing the object is `None`.
    pub(super) fn ask_for<T>(
        &self,
        action: &'static str,
        object: &str,
        answer: impl Future<Output = std::result::Result<T, bollard::errors::Error>>,
    ) -> Result<Option<T>> {
        let found = async {
            match answer.await {
                Ok(found) => Ok(Some(found)),
                Err(error) if status(&error) == Some(404) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.ask(action, object, found)
    }

    /// Returns a connection that waits longer.
    fn patient(&self, timeout: Duration) -> bollard::Docker {
        self.api.clone().with_timeout(timeout)
    }

    pub(super) const fn api(&self) -> &bollard::Docker {
        &self.api
    }
}

/// Returns the engine's own words.
pub(super) fn words(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn to_map(labels: &BTreeMap<String, String>) -> HashMap<String, String> {
    labels.clone().into_iter().collect()
}

impl Docker for DockerSocket {
    fn engine(&self) -> Result<Engine> {
        let version = self.ask("ask the version of", "the engine", self.api.version())?;
        let info = self.ask("ask about", "the engine", self.api.info())?;
        Ok(Engine {
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            security_options: info.security_options.unwrap_or_default(),
            containerd_image_store: info
                .driver_status
                .into_iter()
                .flatten()
                .flatten()
                .any(|word| word.starts_with("io.containerd.snapshotter")),
            compose_version: None,
        })
    }

    fn find_image(&self, reference: &str) -> Result<Option<Image>> {
        let found = self.ask_for("look for image", reference, self.api.inspect_image(reference))?;
        Ok(found.map(super::image::to_image))
    }

    fn import_base(&self, archive: &Path, reference: &str, labels: &BTreeMap<String, String>) -> Result<()> {
        super::image::import_base(self, &self.patient(IMAGE_TIMEOUT), archive, reference, labels)
    }

    fn make_image(&self, spec: &ImageSpec, progress: &dyn Fn(Bytes, Bytes)) -> Result<()> {
        super::image::make_image(self, &self.patient(IMAGE_TIMEOUT), spec, progress)
    }

    fn find_network(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let answer = self.api.inspect_network(name, None::<query::InspectNetworkOptions>);
        let found = self.ask_for("look for network", name, answer)?;
        Ok(found.map(|network| network.labels.unwrap_or_default().into_iter().collect()))
    }

    fn create_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<()> {
        let request = models::NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(to_map(labels)),
            ..Default::default()
        };
        self.ask("create network", name, self.api.create_network(request)).map(|_| ())
    }

    fn remove_network(&self, name: &str) -> Result<()> {
        self.ask_for("remove network", name, self.api.remove_network(name)).map(|_| ())
    }

    fn find_container(&self, name: &str) -> Result<Option<Container>> {
        let answer = self.api.inspect_container(name, None::<query::InspectContainerOptions>);
        let found = self.ask_for("look for container", name, answer)?;
        Ok(found.map(super::container::to_container))
    }

    fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        let options = query::CreateContainerOptionsBuilder::default().name(&spec.name).build();
        let answer = self.api.create_container(Some(options), super::container::to_body(spec));
        self.ask("create container", &spec.name, answer).map(|_| ())
    }

    fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<()> {
        let body = models::ContainerUpdateBody {
            restart_policy: Some(super::container::to_policy(policy)),
            ..Default::default()
        };
        self.ask("set the restart policy of container", name, self.api.update_container(name, body))
    }

    fn start(&self, name: &str) -> Result<()> {
        let answer = self.api.start_container(name, None::<query::StartContainerOptions>);
        self.ask("start container", name, answer)
    }

    fn stop(&self, name: &str) -> Result<()> {
        let container = self.api.inspect_container(name, None::<query::InspectContainerOptions>);
        let Some(container) = self.ask_for("look for container", name, container)? else {
            return Ok(());
        };
        let seconds = container.config.and_then(|config| config.stop_timeout).unwrap_or(10);
        let timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or(0)) + STOP_SLACK;
        let api = self.patient(timeout);
        self.ask("stop container", name, api.stop_container(name, None::<query::StopContainerOptions>))
    }

    fn remove_container(&self, name: &str) -> Result<()> {
        let answer = self.api.remove_container(name, None::<query::RemoveContainerOptions>);
        self.ask_for("remove container", name, answer).map(|_| ())
    }

    fn run_once(&self, spec: &ContainerSpec, deadline: Duration) -> Result<Output> {
        super::program::run_once(self, spec, deadline)
    }

    fn exec(&self, name: &str, user: &str, argv: &[String], deadline: Duration) -> Result<Output> {
        super::program::exec(self, name, user, argv, deadline)
    }

    fn log_tail(&self, name: &str, lines: u32) -> Result<String> {
        let options = query::LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&lines.to_string())
            .build();
        let log = super::program::collect(self.api.logs(name, Some(options)));
        let output = self.ask("read the log of container", name, log)?;
        Ok(String::from_utf8_lossy(&[output.0, output.1].concat()).into_owned())
    }

    fn memory_used(&self, name: &str) -> Result<Option<Bytes>> {
        let options = query::StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let answer = async { self.api.stats(name, Some(options)).next().await.transpose() };
        let stats = self.ask("measure container", name, answer)?;
        Ok(stats.and_then(|stats| stats.memory_stats).and_then(|memory| super::container::to_used(&memory)))
    }
}
