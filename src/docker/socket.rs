//! The engine behind its unix socket. Each method runs one request to its end on a runtime of its own; nothing
//! asynchronous leaves this room.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bollard::errors::Error;
use tokio::net::UnixStream;
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
/// How long an engine that was there may be away: a restart took 3 s in the lab, and ends its containers first.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(200);

/// The Docker Engine of this host.
#[derive(Debug)]
pub struct DockerSocket {
    socket: PathBuf,
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
        Ok(Self {
            socket: socket.to_owned(),
            client,
            runtime,
        })
    }

    /// Asks an engine; one that is away, as it is while it restarts, is waited for.
    fn ask<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            self.await_engine().await;
            asked.await
        })
    }

    async fn await_engine(&self) {
        let end = Instant::now() + PATIENCE;
        let is_away = |error: io::Error| {
            let kind = error.kind();
            matches!(
                kind,
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            )
        };
        while UnixStream::connect(&self.socket).await.is_err_and(is_away) && Instant::now() < end {
            tokio::time::sleep(PAUSE).await;
        }
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
        self.ask(self.ask_engine())
    }

    fn data_directory(&self) -> Result<Option<PathBuf>> {
        self.ask(async {
            let info = self.client.info().await;
            let info = info.map_err(refused("ask for the settings of", "the engine"))?;
            Ok(info.docker_root_dir.map(PathBuf::from))
        })
    }

    fn weigh(&self, entries: &[LayerEntry]) -> Result<Weight> {
        layer::weigh(entries).map_err(|source| DockerError::Layer {
            image: "to be made".to_owned(),
            source,
        })
    }

    fn find_image(&self, reference: &str) -> Result<Option<Image>> {
        self.ask(images::find(&self.client, reference))
    }

    fn images_labelled(&self, label: &str, value: &str) -> Result<Vec<Image>> {
        let asked = images::labelled(&self.client, label, value);
        self.ask(asked)
    }

    fn import_base(
        &self,
        archive: &Path,
        reference: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<()> {
        let asked = images::import_base(&self.client, archive, reference, labels);
        self.ask(asked)
    }

    fn make_image(&self, spec: &ImageSpec, progress: &dyn Fn(Bytes, Bytes)) -> Result<()> {
        let asked = images::make(&self.client, spec, progress);
        self.ask(asked)
    }

    fn find_network(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.ask(networks::find(&self.client, name))
    }

    fn create_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<()> {
        let asked = networks::create(&self.client, name, labels);
        self.ask(asked)
    }

    fn remove_network(&self, name: &str) -> Result<()> {
        self.ask(networks::remove(&self.client, name))
    }

    fn find_container(&self, name: &str) -> Result<Option<Container>> {
        self.ask(containers::find(&self.client, name))
    }

    fn find_confinement(&self, name: &str) -> Result<Option<Confinement>> {
        self.ask(containers::confinement(&self.client, name))
    }

    fn running(&self) -> Result<Vec<(String, i64)>> {
        self.ask(containers::running(&self.client))
    }

    fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        self.ask(containers::create(&self.client, spec))
    }

    fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<()> {
        let asked = containers::set_restart_policy(&self.client, name, policy);
        self.ask(asked)
    }

    fn start(&self, name: &str) -> Result<()> {
        self.ask(containers::start(&self.client, name))
    }

    fn stop(&self, name: &str) -> Result<()> {
        self.ask(containers::stop(&self.client, name))
    }

    fn remove_container(&self, name: &str) -> Result<()> {
        self.ask(containers::remove(&self.client, name))
    }

    fn run_once(&self, spec: &ContainerSpec, deadline: Duration) -> Result<Output> {
        let asked = run::once(&self.client, spec, deadline);
        self.ask(asked)
    }

    fn exec_watched(
        &self,
        name: &str,
        user: &str,
        argv: &[String],
        environment: &[String],
        deadline: Duration,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Output> {
        let config = run::program(user, argv, environment);
        self.ask(run::exec(&self.client, name, config, deadline, on_line))
    }

    fn log_tail(&self, name: &str, lines: u32) -> Result<String> {
        self.ask(run::log_tail(&self.client, name, lines))
    }

    fn memory_used(&self, name: &str) -> Result<Option<Bytes>> {
        self.ask(containers::memory_used(&self.client, name))
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

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test plays an engine, and may panic"
)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::thread::JoinHandle;

    use super::*;

    const VERSION: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
    const NONE: &str = r#"{"message":"no such network"}"#;

    /// An engine that answers these requests, one a connection, and goes.
    fn engine(socket: &Path, answers: &[(&str, &str)]) -> JoinHandle<()> {
        let listener = UnixListener::bind(socket).unwrap();
        let answers = answers.iter().map(|(status, body)| {
            let length = body.len();
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            )
        });
        let answers: Vec<_> = answers.collect();
        let socket = socket.to_owned();
        std::thread::spawn(move || {
            for answer in answers {
                // Who only looks whether somebody is there sends nothing.
                let mut stream = loop {
                    let (mut stream, _) = listener.accept().unwrap();
                    if stream.read(&mut [0; 4096]).unwrap() > 0 {
                        break stream;
                    }
                };
                stream.write_all(answer.as_bytes()).unwrap();
            }
            std::fs::remove_file(socket).unwrap();
        })
    }

    #[test]
    fn an_engine_that_restarts_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("docker.sock");
        let first = engine(&socket, &[("200 OK", VERSION)]);
        let docker = DockerSocket::connect_to(&socket).unwrap();
        first.join().unwrap();
        let again = socket.clone();
        let second = std::thread::spawn(move || {
            std::thread::sleep(PAUSE * 3);
            engine(&again, &[("404 Not Found", NONE)]).join().unwrap();
        });
        assert_eq!(docker.find_network("ours").unwrap(), None);
        second.join().unwrap();
    }

    #[test]
    fn an_engine_that_was_never_there_is_not_waited_for() {
        let begun = Instant::now();
        let nowhere = DockerSocket::connect_to(Path::new("/none/docker.sock"));
        assert!(nowhere.is_err());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
