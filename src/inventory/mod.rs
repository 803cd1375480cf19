//! What a scan found, as plain data: the host, its gateways with their agents, accounts and credentials, and findings.
//!
//! Nothing here reads or changes anything; a credential appears only as a public id and a keyed hash.

mod agent;
mod census;
mod companion;
mod edge;
mod finding;
mod gateway;
mod host;
mod inspection;
mod need;
mod resting;
mod starter;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use agent::{Agent, ChannelAccount, Credential, Exclusivity, Place};
pub use census::{Census, Class, EntryKind, FileSystem, Handover, Oddity, Sampled, Stray};
pub use companion::{Companion, Contained, GROUP_LABEL, Part};
pub use edge::{AgentName, Edge, EdgeKind};
pub use finding::{Catalogued, Finding, Severity, catalogued};
pub use gateway::{
    Auth, Config, EnvironmentVariable, Facilities, Gateway, GatewayName, Load, LoopbackUse, Memory,
    Process, ProcessId, ProcessorUse, Release, User,
};
pub use host::{CgroupVersion, Distribution, Engine, Host};
pub use inspection::{ConfigFacts, Inspection, Start, StartFacts, Subject, UnitFacts};
pub use need::{HostReference, Need, NeedKind, ReferenceKind};
pub use resting::RestingState;
pub use starter::{
    Arming, ContainerStarter, CronStarter, LoopStarter, Pm2Starter, Reviver, Starter, UnitScope,
    UnitStarter, When,
};

/// The number of the inventory's JSON format.
pub const FORMAT: u32 = 1;

/// Everything one scan found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// The number of this format; see [`FORMAT`].
    pub format: u32,
    /// The version of ocmigrate that scanned.
    pub made_by: String,
    /// The machine.
    pub host: Host,
    /// The ids of the host's users, sorted; passwd(5).
    #[serde(default)]
    pub uids: Vec<u32>,
    /// Every gateway found, sorted by name.
    pub gateways: Vec<Gateway>,
    /// What holds agents together, sorted; each pair and kind once.
    pub edges: Vec<Edge>,
    /// State directories that no gateway uses, sorted by path.
    pub states: Vec<RestingState>,
    /// Processes that speak to gateways over loopback, and those that a person named.
    pub companions: Vec<Companion>,
    /// Containers that run OpenClaw already.
    pub contained: Vec<Contained>,
    /// What a person should know, worst first.
    pub findings: Vec<Finding>,
    /// What could not be seen, for example for want of root.
    pub unseen: Vec<String>,
}
