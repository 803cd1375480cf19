//! The engine behind its unix socket. Each method runs one request to its end on a runtime of its own; nothing
//! asynchronous leaves this room.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::errors::Error;
use tokio::runtime::Runtime;

use super::{
    Confinement, Container, ContainerSpec, Docker, DockerError, Image, ImageSpec, LayerEntry,
    Output, RestartPolicy, Result, Weight, containers, images, layer, networks, run,
};
use crate::inventory::Engine;
use crate::units::Bytes;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const TIMEOUT_SECS: u64 = 120;
const NOT_FOUND: u16 = 404;

/// The Docker Engine of this host.
#[derive(Debug)]
pub struct DockerSocket {
    client: bollard::Docker,
    runtime: Runtime,
}

impl DockerSocket {
    /// Connects to the socket that `DOCKER_HOST` names, or else to the usual one.
    ///
    /// # Errors
    /// [`DockerError::Unreachable`] where no engine answers there, and where `DOCKER_HOST` is no unix socket.
    pub fn connect() -> Result<Self> {
        let address = std::env::var("DOCKER_HOST").unwrap_or_default();
        match address.strip_prefix("unix://") {
            _ if address.is_empty() => Self::connect_to(Path::new(DEFAULT_SOCKET)),
            Some(path) => Self::connect_to(Path::new(path)),
            None => Err(unreachable(&address, "only unix sockets are supported")),
        }
    }

    /// Connects to this socket and agrees on the version of its API.
    ///
    /// # Errors
    /// [`DockerError::Unreachable`] where no engine answers there.
    pub fn connect_to(socket: &Path) -> Result<Self> {
        let name = crate::display::path(socket);
        let failed = |error: Error| unreachable(&name, &words(&error));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unreachable(&name, &error.to_string()))?;
        let client = runtime.block_on(async {
            let path = socket.to_string_lossy();
            bollard::Docker::connect_with_unix(&path, TIMEOUT_SECS, bollard::API_DEFAULT_VERSION)?
                .negotiate_version()
                .await
        });
        let client = client.map_err(failed)?;
        Ok(Self { client, runtime })
    }

    async fn ask_engine(&self) -> Result<Engine> {
        let version = self.client.version().await;
        let version = version.map_err(refused("ask for the version of", "the engine"))?;
        let info = self.client.info().await;
        let info = info.map_err(refused("ask for the settings of", "the engine"))?;
        let status = info.driver_status.unwrap_or_default();
        let snapshotter = |word: &String| word.starts_with("io.containerd.snapshotter");
        Ok(Engine {
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            security_options: info.security_options.unwrap_or_default(),
            containerd_image_store: status.iter().flatten().any(snapshotter),
            compose_version: None,
        })
    }
}

impl Docker for DockerSocket {
    fn engine(&self) -> Result<Engine> {
        self.runtime.block_on(self.ask_engine())
    }

    fn data_directory(&self) -> Result<Option<PathBuf>> {
        let info = self.runtime.block_on(self.client.info());
        let info = info.map_err(refused("ask for the settings of", "the engine"))?;
        Ok(info.docker_root_dir.map(PathBuf::from))
    }

    fn weigh(&self, entries: &[LayerEntry]) -> Result<Weight> {
        layer::weigh(entries).map_err(|source| DockerError::Layer {
            image: "to be made".to_owned(),
            source,
        })
    }

    fn find_image(&self, reference: &str) -> Result<Option<Image>> {
        self.runtime.block_on(images::find(&self.client, reference))
    }

    fn images_labelled(&self, label: &str, value: &str) -> Result<Vec<Image>> {
        let asked = images::labelled(&self.client, label, value);
        self.runtime.block_on(asked)
    }

    fn import_base(
        &self,
        archive: &Path,
        reference: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<()> {
        let asked = images::import_base(&self.client, archive, reference, labels);
        self.runtime.block_on(asked)
    }

    fn make_image(&self, spec: &ImageSpec, progress: &dyn Fn(Bytes, Bytes)) -> Result<()> {
        let asked = images::make(&self.client, spec, progress);
        self.runtime.block_on(asked)
    }

    fn find_network(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.runtime.block_on(networks::find(&self.client, name))
    }

    fn create_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<()> {
        let asked = networks::create(&self.client, name, labels);
        self.runtime.block_on(asked)
    }

    fn remove_network(&self, name: &str) -> Result<()> {
        self.runtime.block_on(networks::remove(&self.client, name))
    }

    fn find_container(&self, name: &str) -> Result<Option<Container>> {
        self.runtime.block_on(containers::find(&self.client, name))
    }

    fn find_confinement(&self, name: &str) -> Result<Option<Confinement>> {
        self.runtime
            .block_on(containers::confinement(&self.client, name))
    }

    fn running(&self) -> Result<Vec<(String, i64)>> {
        self.runtime.block_on(containers::running(&self.client))
    }

    fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        self.runtime
            .block_on(containers::create(&self.client, spec))
    }

    fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<()> {
        let asked = containers::set_restart_policy(&self.client, name, policy);
        self.runtime.block_on(asked)
    }

    fn start(&self, name: &str) -> Result<()> {
        self.runtime.block_on(containers::start(&self.client, name))
    }

    fn stop(&self, name: &str) -> Result<()> {
        self.runtime.block_on(containers::stop(&self.client, name))
    }

    fn remove_container(&self, name: &str) -> Result<()> {
        self.runtime
            .block_on(containers::remove(&self.client, name))
    }

    fn run_once(&self, spec: &ContainerSpec, deadline: Duration) -> Result<Output> {
        let asked = run::once(&self.client, spec, deadline);
        self.runtime.block_on(asked)
    }

    fn exec(
        &self,
        name: &str,
        user: &str,
        argv: &[String],
        environment: &[String],
        deadline: Duration,
    ) -> Result<Output> {
        let asked = run::exec(&self.client, name, user, argv, environment, deadline);
        self.runtime.block_on(asked)
    }

    fn log_tail(&self, name: &str, lines: u32) -> Result<String> {
        self.runtime
            .block_on(run::log_tail(&self.client, name, lines))
    }

    fn memory_used(&self, name: &str) -> Result<Option<Bytes>> {
        self.runtime
            .block_on(containers::memory_used(&self.client, name))
    }
}

fn unreachable(socket: &str, reason: &str) -> DockerError {
    DockerError::Unreachable {
        socket: socket.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Turns the client's error into ours, with the engine's words.
pub(super) fn refused(action: &'static str, object: &str) -> impl Fn(Error) -> DockerError {
    move |error| DockerError::Refused {
        action,
        object: object.to_owned(),
        reason: words(&error),
    }
}

/// Turns "there is none" into `None`.
pub(super) fn found<T>(
    result: Result<T, Error>,
    action: &'static str,
    object: &str,
) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::DockerResponseServerError {
            status_code: NOT_FOUND,
            ..
        }) => Ok(None),
        Err(error) => Err(refused(action, object)(error)),
    }
}

/// Returns what the engine said, without the client's frame around it.
fn words(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => {
            error.clone()
        }
        Error::RequestTimeoutError => "the engine did not answer in time".to_owned(),
        Error::SocketNotFoundError(_) => "there is no such socket".to_owned(),
        other => other.to_string(),
    }
}
