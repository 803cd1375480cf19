//! The machine that was scanned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileSystem;
use crate::secret::KeyedHash;
use crate::units::Bytes;

/// The machine: its identity, size and container engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The host name, as hostname(1) prints it.
    pub name: String,
    /// The keyed hash of the machine's id; tells two hosts of one name apart.
    pub machine: KeyedHash,
    /// The distribution, from os-release(5).
    pub distribution: Distribution,
    /// The processor architecture in the kernel's words, for example `x86_64`.
    pub architecture: String,
    /// The number of processors.
    pub cores: u32,
    /// All memory.
    pub memory_total: Bytes,
    /// Memory that is neither free nor reclaimable cache.
    pub memory_used: Bytes,
    /// The file systems of `/`, the homes, Docker's data and this tool's, each once.
    pub file_systems: Vec<FileSystem>,
    /// The time zone, for example `Europe/Berlin`, where `/etc/localtime` tells; tzfile(5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The device files of graphics processors that compute: `/dev/nvidia0`, `/dev/dri/renderD128`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// The control-group version that the system runs with.
    pub cgroup: CgroupVersion,
    /// The Docker Engine, where one answered.
    pub engine: Option<Engine>,
}

/// A Linux distribution and its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// `ID` of os-release(5), for example `debian`.
    pub id: String,
    /// `VERSION_ID`, for example `12`; empty where there is none.
    pub version: String,
    /// `VERSION_CODENAME`, for example `bookworm`; empty where there is none.
    pub codename: String,
}

/// The two generations of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CgroupVersion {
    /// cgroup v1.
    V1,
    /// cgroup v2, the unified hierarchy.
    V2,
}

/// What the Docker Engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The engine's version, for example `20.10.24`.
    pub version: String,
    /// The newest API version that it speaks, for example `1.41`.
    pub api_version: String,
    /// The security options that it lists, for example `name=rootless` or `name=userns`.
    pub security_options: Vec<String>,
    /// Whether it stores images in containerd, where a layer cannot be loaded without its parents.
    pub containerd_image_store: bool,
    /// Whether `docker-compose` 1.x is installed; its version.
    pub compose_version: Option<String>,
}
