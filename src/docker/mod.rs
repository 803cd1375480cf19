//! The only room with the Docker API, and the only asynchronous input and output. [`Docker`] is its door; the engine
//! behind it is asked over its unix socket, never through the `docker` program.

mod archive;
mod body;
pub mod compose;
mod compose_hash;
mod confinement;
mod containers;
pub mod fake;
mod images;
mod layer;
mod networks;
mod pipe;
mod run;
mod socket;
mod yaml;

pub use confinement::{Aspect, Confinement, Difference};
pub use layer::write_tar;
pub use socket::DockerSocket;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::inventory::Engine;
use crate::units::Bytes;

/// What can go wrong between this tool and the engine.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// No engine answers.
    #[error("connect to the Docker Engine at `{socket}`: {reason}")]
    Unreachable {
        /// The socket.
        socket: String,
        /// Why.
        reason: String,
    },
    /// The engine said no.
    #[error("{action} `{object}`: {reason}")]
    Refused {
        /// What was tried, as a verb.
        action: &'static str,
        /// The image, container or network.
        object: String,
        /// The engine's words.
        reason: String,
    },
    /// A layer could not be read from the host.
    #[error("read the runtime for image `{image}`")]
    Layer {
        /// The image.
        image: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {} s", .deadline.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        deadline: Duration,
    },
}

/// A `Result` of this room.
pub type Result<T, E = DockerError> = std::result::Result<T, E>;

/// An image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its size, base layers included.
    pub size: Bytes,
}

/// A file or tree of the host that becomes part of an image, at the same path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LayerEntry {
    /// A file or a whole directory, taken from the host at this path.
    Tree {
        /// Its path, with links resolved.
        path: PathBuf,
    },
    /// A symbolic link.
    Link {
        /// Where it stands.
        path: PathBuf,
        /// What it points at.
        target: PathBuf,
    },
    /// A small file, root:root.
    File {
        /// Where it stands.
        path: PathBuf,
        /// Its text.
        text: String,
        /// Its permission bits.
        mode: u32,
    },
}

/// What a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// The bytes of its files.
    pub bytes: Bytes,
    /// Its files, directories and links.
    pub files: u64,
}

/// An image to make: one layer on a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    /// The reference to give it, `name:tag`.
    pub reference: String,
    /// The base that the engine has.
    pub base: String,
    /// What the layer holds, in order.
    pub entries: Vec<LayerEntry>,
    /// Labels to add.
    pub labels: BTreeMap<String, String>,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Mount {
    /// A directory or file of the host.
    Bind {
        /// Its path on the host; it must exist.
        source: PathBuf,
        /// Its path in the container.
        target: PathBuf,
        /// Whether the container may only read it.
        read_only: bool,
    },
    /// An empty directory in memory.
    Empty {
        /// Its path in the container.
        target: PathBuf,
        /// The permission bits.
        mode: u32,
    },
}

impl Mount {
    /// Returns where it stands in the container.
    #[must_use]
    pub fn target(&self) -> &std::path::Path {
        match self {
            Self::Bind { target, .. } | Self::Empty { target, .. } => target,
        }
    }
}

/// A TCP port of the host's loopback address that leads into a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The port on the host.
    pub host: u16,
    /// The port in the container.
    pub container: u16,
}

/// The engine's name for the host's own network.
pub const HOST_NETWORK: &str = "host";

/// A container to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// The host name that its processes see.
    pub hostname: String,
    /// The image.
    pub image: String,
    /// `uid:gid`.
    pub user: String,
    /// The group ids that its processes have beside that.
    #[serde(default)]
    pub supplementary_groups: Vec<u32>,
    /// The working directory.
    pub directory: PathBuf,
    /// The whole argv; the image's entry point is not used.
    pub argv: Vec<String>,
    /// Variables without secrets.
    pub environment: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// The memory limit; swap is not added to it.
    pub memory: Bytes,
    /// Thousandths of a processor.
    pub cpu_milli: u32,
    /// The most processes and threads.
    pub pids: u32,
    /// The ports that the host's loopback address publishes.
    pub ports: Vec<Published>,
    /// The network to join, [`HOST_NETWORK`] for the host's own; `None` for no network at all.
    pub network: Option<String>,
    /// `name:address` lines for the container's hosts file.
    pub extra_hosts: Vec<String>,
    /// How long a stop waits before it kills.
    pub stop_timeout: Duration,
}

/// When the engine starts a container by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Never.
    No,
    /// After a crash and at boot, unless it was stopped by hand.
    UnlessStopped,
}

/// A container that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// The image's id.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its state.
    pub state: ContainerState,
    /// When it is started by the engine.
    pub restart_policy: RestartPolicy,
    /// How often the engine restarted it.
    pub restarts: u64,
    /// The process id of its main process on the host; 0 where it does not run.
    pub pid: i64,
    /// When it was last started, in milliseconds since 1970; `None` before its first start.
    pub started_ms: Option<i64>,
    /// The memory limit.
    pub memory: Bytes,
}

/// The state of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// Created and never started.
    Created,
    /// Running, or paused.
    Running,
    /// The engine is about to start it again.
    Restarting,
    /// Stopped; its exit code.
    Exited(i64),
}

/// Finished output of a program in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code.
    pub code: i64,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// What steps ask of the engine.
pub trait Docker {
    /// Asks what engine this is.
    fn engine(&self) -> Result<Engine>;

    /// Looks an image up by reference or id.
    fn find_image(&self, reference: &str) -> Result<Option<Image>>;

    /// Lists the images that carry this label with this value.
    fn images_labelled(&self, label: &str, value: &str) -> Result<Vec<Image>>;

    /// Makes an image of one layer from a tar of a file system.
    fn import_base(
        &self,
        archive: &std::path::Path,
        reference: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<()>;

    /// Returns where the engine keeps images and containers; `None` where it does not say.
    fn data_directory(&self) -> Result<Option<PathBuf>>;

    /// Weighs what a layer of these entries will hold.
    fn weigh(&self, entries: &[LayerEntry]) -> Result<Weight>;

    /// Makes an image: one layer from the host on a base, loaded without a build. `progress` gets the bytes sent so far and their sum.
    fn make_image(&self, spec: &ImageSpec, progress: &dyn Fn(Bytes, Bytes)) -> Result<()>;

    /// Looks a network up; returns its labels.
    fn find_network(&self, name: &str) -> Result<Option<BTreeMap<String, String>>>;

    /// Creates a bridge network.
    fn create_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<()>;

    /// Removes a network; there being none is fine.
    fn remove_network(&self, name: &str) -> Result<()>;

    /// Looks a container up by its name.
    fn find_container(&self, name: &str) -> Result<Option<Container>>;

    /// Looks up what confines a container, as the engine has it now.
    fn find_confinement(&self, name: &str) -> Result<Option<Confinement>>;

    /// Lists the running containers' main process ids on the host, with their names.
    fn running(&self) -> Result<Vec<(String, i64)>>;

    /// Creates a container that does not restart by itself, and does not start it.
    fn create_container(&self, spec: &ContainerSpec) -> Result<()>;

    /// Sets when the engine starts it by itself.
    fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<()>;

    /// Starts a container; a running one is fine.
    fn start(&self, name: &str) -> Result<()>;

    /// Stops a container with its own stop timeout and waits; a stopped one is fine.
    fn stop(&self, name: &str) -> Result<()>;

    /// Removes a stopped container; there being none is fine.
    fn remove_container(&self, name: &str) -> Result<()>;

    /// Creates, runs, waits for and removes a container.
    fn run_once(&self, spec: &ContainerSpec, deadline: Duration) -> Result<Output>;

    /// Runs a program in a running container.
    fn exec(
        &self,
        name: &str,
        user: &str,
        argv: &[String],
        environment: &[String],
        deadline: Duration,
    ) -> Result<Output> {
        self.exec_watched(name, user, argv, environment, deadline, &mut |_| ())
    }

    /// Does the same, and hands over each line of its standard output as soon as it is there, without its end.
    fn exec_watched(
        &self,
        name: &str,
        user: &str,
        argv: &[String],
        environment: &[String],
        deadline: Duration,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Output>;

    /// Returns the last lines of a container's log, both streams.
    fn log_tail(&self, name: &str, lines: u32) -> Result<String>;

    /// Returns the memory that a running container uses, page cache not counted.
    fn memory_used(&self, name: &str) -> Result<Option<Bytes>>;
}

/// Tells whether an object with the labels `found` was made for the same purpose as one with `wanted`: our own labels, of
/// which there must be some, are equal.
fn is_leftover(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    fn own(labels: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
        labels
            .iter()
            .filter(|(key, _)| key.starts_with("ocmigrate."))
    }
    own(wanted).next().is_some() && own(found).eq(own(wanted))
}
