//! A gateway: one OpenClaw process tree with its state directory.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Agent, AgentName, Arming, Census, ChannelAccount, Credential, HostReference, Need, Place,
    Reviver, Starter,
};
use crate::secret::KeyedHash;
use crate::units::Bytes;

/// A gateway's name, unique on its host: the user and the state directory below HOME, for example `joe/.openclaw`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct GatewayName(pub String);

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One OpenClaw process tree with its state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The name that plans use for it.
    pub name: GatewayName,
    /// The user that it runs as.
    pub user: User,
    /// The groups that its process is in beside its user's own, sorted, while it runs; credentials(7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplementary_groups: Vec<u32>,
    /// The process that serves, while it runs.
    pub process: Option<Process>,
    /// The installed OpenClaw that it runs, where it could be told.
    pub release: Option<Release>,
    /// The state directory, with links resolved.
    pub state_directory: PathBuf,
    /// The configuration file and what it says.
    pub config: Config,
    /// The port that it listens on (from its sockets), or would listen on.
    pub port: u16,
    /// The addresses that its processes listen on, sorted.
    pub listeners: Vec<SocketAddr>,
    /// Its agents, in the order of the configuration.
    pub agents: Vec<Agent>,
    /// Its channel accounts, in the order of the configuration.
    pub accounts: Vec<ChannelAccount>,
    /// Its credentials, each once.
    pub credentials: Vec<Credential>,
    /// What started it, or would start it while it does not run.
    pub starter: Starter,
    /// The script through which the starter starts it, where it is not in the starter's own command.
    pub script: Option<PathBuf>,
    /// How the starter is disarmed and armed again.
    pub arming: Arming,
    /// Everything else that would start it again.
    pub revivers: Vec<Reviver>,
    /// The environment that it was started with, less what names its starter; values only as hashes.
    pub environment: Vec<EnvironmentVariable>,
    /// The files and directories of the host, beside its own, in which it looks things up: names of hosts, certificates,
    /// files of secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_files: Vec<PathBuf>,
    /// What it costs in memory, while it runs.
    pub memory: Option<Memory>,
    /// What it keeps busy, while it runs.
    pub load: Option<Load>,
    /// How long its last start took until it was ready, in milliseconds, where the log tells.
    pub last_boot_ms: Option<u64>,
    /// The files below its state directory and workspaces.
    pub census: Option<Census>,
    /// The programs and libraries that its agents use, sorted.
    pub needs: Vec<Need>,
    /// Services on the host's loopback that its configuration names, its own port excepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loopback: Vec<LoopbackUse>,
    /// What else of the host it is configured to use.
    #[serde(default, skip_serializing_if = "Facilities::is_empty")]
    pub facilities: Facilities,
    /// What in its agents' own files reaches out to the host, sorted; at most [`Gateway::REFERENCES`] an agent.
    pub references: Vec<HostReference>,
}

impl Gateway {
    /// The most references of one agent that an inventory lists.
    pub const REFERENCES: usize = 50;
}

impl Gateway {
    /// Names its agents, in the order of the configuration.
    pub fn agent_names(&self) -> impl Iterator<Item = AgentName> {
        self.agents.iter().map(|agent| AgentName {
            gateway: self.name.clone(),
            agent: agent.id.clone(),
        })
    }
}

/// What of its host a gateway is configured to use; the mode of each, where it is set and not `off`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facilities {
    /// `discovery.mdns.mode`: it announces itself in the local network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdns: Option<String>,
    /// `gateway.tailscale.mode`: it lets the host's Tailscale publish it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tailscale: Option<String>,
    /// `sandbox.mode` of the agents: their tools run in containers of the host's engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

impl Facilities {
    /// Returns whether it uses none of them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A service on the host's loopback that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoopbackUse {
    /// The keys that lead to it, safe to print.
    pub key: String,
    /// The TCP port, where it is named or known of the scheme.
    pub port: Option<u16>,
    /// Where it stands.
    pub place: Place,
}

/// A user of the host; passwd(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The primary group id.
    pub gid: u32,
    /// The home directory, with links resolved.
    pub home: PathBuf,
}

/// A process's identity: its id and its start time, which together are never reused before a reboot.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// The process id.
    pub pid: i32,
    /// Kernel clock ticks since boot; field 22 of `proc_pid_stat(5)`.
    pub start_ticks: u64,
}

/// The processes of a running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// The process that owns the port or the lock.
    pub id: ProcessId,
    /// Its launcher and helpers.
    pub others: Vec<ProcessId>,
    /// Seconds since it started.
    pub uptime_secs: u64,
}

/// An installed OpenClaw and the node that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `version` of the package's `package.json`, for example `2026.9.6`.
    pub version: String,
    /// The package's root directory, with links resolved.
    pub package: PathBuf,
    /// The node binary, with links resolved.
    pub node: PathBuf,
    /// The directory of modules that the package lies in, where it loads some that stand beside it: npm puts them there in an
    /// install that is not global, pnpm always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules: Option<PathBuf>,
}

impl Release {
    /// Returns the directory with everything that the package loads.
    #[must_use]
    pub fn tree(&self) -> &Path {
        self.modules.as_deref().unwrap_or(&self.package)
    }
}

/// The configuration file of a gateway, and what matters of its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file, with links resolved.
    pub path: PathBuf,
    /// The files that it includes, with links resolved, each once.
    pub includes: Vec<PathBuf>,
    /// The keyed hash of what it says, included files put in; comments, order of writing and OpenClaw's own `meta` do not count.
    pub meaning: KeyedHash,
    /// `gateway.bind`, where it is set.
    pub bind: Option<String>,
    /// `gateway.port`, where it is set; the sockets may say otherwise.
    pub port: Option<u16>,
    /// `gateway.auth`.
    pub auth: Auth,
    /// `gateway.controlUi.allowedOrigins`, where it is set.
    pub allowed_origins: Option<Vec<String>>,
}

/// What the configuration says about who may connect; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// `gateway.auth.mode`, where it is set.
    pub mode: Option<String>,
    /// Whether a token or a password stands in the file or in the gateway's environment.
    pub has_secret: bool,
}

/// A variable of a gateway's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// The keyed hash of its value.
    pub hash: KeyedHash,
}

/// What a gateway's processes cost in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Proportional set size of all its processes now; `Pss` of `proc_pid_smaps_rollup(5)`.
    pub pss: Bytes,
    /// The sum of the processes' peak resident sizes; `VmHWM` of `proc_pid_status(5)`.
    pub peak: Bytes,
}

/// What a gateway's processes keep busy besides memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The threads of all its processes; `Threads` of `proc_pid_status(5)`.
    pub threads: u64,
    /// The open files of all its processes.
    pub open_files: u64,
    /// What it used of the processors, where that was watched.
    pub processor: Option<ProcessorUse>,
}

/// The use of processors over a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessorUse {
    /// How long it was watched, in milliseconds.
    pub window_ms: u64,
    /// The time that its processes ran meanwhile, in milliseconds of one processor.
    pub used_ms: u64,
}
