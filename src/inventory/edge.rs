//! What holds agents together: an agent that another one calls, or shares something with, loses it in another container.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GatewayName, Place};

/// One agent of the host: its gateway and its id there.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct AgentName {
    /// The gateway.
    pub gateway: GatewayName,
    /// The agent's id in the gateway's configuration.
    pub agent: String,
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.gateway, self.agent)
    }
}

/// A reason why two agents belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The agent that needs the other; of two that share something, the first by name.
    pub from: AgentName,
    /// The other agent.
    pub to: AgentName,
    /// What connects them.
    pub kind: EdgeKind,
    /// Where that stands, where it stands in a file.
    pub place: Option<Place>,
}

/// What connects two agents; the order is from the strongest to the weakest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// `subagents.allowAgents` of the first names the second.
    Spawns,
    /// `tools.agentToAgent`, where it is written, lets the two send to each other.
    Messages,
    /// Both work in one workspace, or one in a directory of the other's.
    SharedWorkspace,
    /// Both answer on one channel account: bindings narrow one of them to some of the senders.
    SharedAccount,
    /// Both speak to one companion, a message bus for example. Where it cannot be told which agents of a gateway do, the
    /// gateway's first one stands for them. A model server or a channel's API is no such companion.
    SharedCompanion,
    /// A file of the first names a path in the workspace of the second.
    NamesWorkspace,
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spawns => "spawns",
            Self::Messages => "sends to and from",
            Self::SharedWorkspace => "shares a workspace with",
            Self::SharedAccount => "shares an account with",
            Self::SharedCompanion => "meets at a companion",
            Self::NamesWorkspace => "names the workspace of",
        })
    }
}
