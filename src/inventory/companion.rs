//! Neighbours of gateways: processes that speak to them over loopback, and containers that run OpenClaw already.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ContainerStarter, Credential, GatewayName, ProcessId};
use crate::display;

/// A process that a gateway needs, or that needs a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// The gateway; `None` where a person named the process and nothing connects the two.
    pub gateway: Option<GatewayName>,
    /// What it is to the gateway.
    pub part: Part,
    /// The process.
    pub process: ProcessId,
    /// Its name; field 2 of `proc_pid_stat(5)`.
    pub name: String,
    /// The user id that it runs as, where it may be seen.
    pub uid: Option<u32>,
    /// The unit or container that it runs in, or an empty text.
    pub starter: String,
    /// Its working directory, where it may be seen.
    pub directory: Option<PathBuf>,
    /// The TCP port of loopback over which the two speak, where there is one.
    pub port: Option<u16>,
}

/// What a companion is to a gateway.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It is connected to the gateway's port.
    Client,
    /// The gateway is connected to it, or its configuration or a file of its agents names the port that it listens on.
    Service,
    /// A person named it.
    Named,
}

/// A container that runs OpenClaw already; its files are read where the host has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contained {
    /// The container.
    pub container: ContainerStarter,
    /// The group that ocmigrate runs in it, by its label.
    pub group: Option<String>,
    /// Its first process that is OpenClaw's.
    pub process: ProcessId,
    /// The user id of that process on the host, where it may be seen.
    pub uid: Option<u32>,
    /// The host's path of its state directory, where there is one.
    pub state_directory: Option<PathBuf>,
    /// The credentials that it starts with, each once.
    pub credentials: Vec<Credential>,
}

/// The label of a container, an image and a network that ocmigrate made for a group; its value is the group's name.
pub const GROUP_LABEL: &str = "ocmigrate.group";

impl Contained {
    /// Returns the name that people know the container by, safe to print: its own, or the beginning of its id.
    #[must_use]
    pub fn name(&self) -> String {
        let id = self.container.id.get(..12).unwrap_or(&self.container.id);
        display::text(self.container.name.as_deref().unwrap_or(id))
    }
}
