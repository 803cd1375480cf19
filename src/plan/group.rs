//! One container to be, and everything that a person decides about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inventory::{AgentName, GatewayName};
use crate::units::Bytes;

/// One container to be, and everything decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, which is the container's and the compose service's too: lower-case letters, digits, `-`.
    pub name: String,
    /// The agents that live in it.
    pub members: Vec<Member>,
    /// Companions that live in it, by name; all others stay native.
    #[serde(default)]
    pub companions: Vec<String>,
    /// What it may use.
    pub budget: Budget,
    /// Whom the files belong to.
    pub owner: OwnerPolicy,
    /// What the container sees of the host.
    pub sight: Sight,
    /// How it is reached, and reaches others.
    pub network: Network,
    /// What becomes of the host's loopback services that it uses; those not named here are lost to it.
    #[serde(default)]
    pub loopback: Vec<Loopback>,
    /// What it runs.
    pub image: Image,
    /// What a person accepted about this group: `ID`, or `ID:WHAT` where only one of several is meant.
    #[serde(default)]
    pub accepted: Vec<String>,
}

/// An agent of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The agent's gateway.
    pub gateway: GatewayName,
    /// The agent's id in the gateway's configuration.
    pub agent: String,
    /// Why it is here.
    #[serde(default)]
    pub reason: String,
}

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Memory in bytes; swap is not added to it.
    pub memory: Bytes,
    /// Thousandths of a processor.
    pub cpu_milli: u32,
    /// Processes and threads.
    pub pids: u32,
    /// The heap that each node process may use. Without it node goes by the container's memory: it took 259 MiB of 512 MiB,
    /// 792 MiB of 1.5 GiB and 2 GiB of 10 GiB (node 20.20), which is below the container's limit already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_heap: Option<Bytes>,
}

/// Whom a group's files belong to while it is in its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum OwnerPolicy {
    /// To the user that the gateway runs as; strays are given to that user, with a manifest,
    /// but for those that keep their owner.
    AsOwner {
        /// How many strays would change their owner when the plan was made; for information.
        strays: u64,
    },
    /// To one user and group of the group's own, whoever owned them before.
    OneIdentity {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
        /// How many entries chown would change when the plan was made, where they were counted; for information.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changes: Option<u64>,
    },
    /// To the user that each gateway ran as; several users in one container.
    EachItsOwn,
}

/// What a container sees of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// The owner's home directory, and workspaces outside of it; other groups' directories are covered.
    Home,
    /// The state directory and the workspaces, nothing else of the home directory.
    Narrow,
}

/// How a container is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Network {
    /// A bridge of its own; each gateway's port is published on the host's loopback under the same number.
    Bridge {
        /// The bridge network's name.
        name: String,
    },
    /// The host's own network; `gateway.bind` is left alone.
    Host,
}

/// What becomes of one loopback service of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loopback {
    /// Its TCP port.
    pub port: u16,
    /// How the group reaches it.
    pub way: LoopbackWay,
}

/// How a loopback service of the host is reached from a container.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LoopbackWay {
    /// Something in the container listens on the same port and hands on to the host.
    Relay,
    /// The group is on the host's network.
    HostNetwork,
    /// Not at all, and a person accepted that.
    Lost,
}

/// What a group's container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Image {
    /// Node and OpenClaw of the host, as a layer on a base image.
    FromHost(ImageRecipe),
    /// An image that holds everything, which the engine has.
    Given {
        /// Its reference.
        reference: String,
    },
}

/// How a group's image is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRecipe {
    /// The reference that it gets, `name:tag`; the tag ends in a hash of the recipe.
    pub reference: String,
    /// The base image: an image that the engine has, or ocmigrate's own, made where it is missing.
    pub base: BaseImage,
}

/// The image below the runtime's layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum BaseImage {
    /// An image named by `--base`.
    Given {
        /// Its reference.
        reference: String,
    },
    /// ocmigrate's own, of the host's distribution; made with debootstrap where the engine does not have it.
    Own {
        /// The reference that it has or gets.
        reference: String,
        /// The distribution's code name, for example `bookworm`.
        codename: String,
        /// The Debian packages in it beside the minimal system.
        packages: Vec<String>,
    },
}

impl Group {
    /// Returns the gateways of its members, sorted, each once.
    #[must_use]
    pub fn gateways(&self) -> Vec<GatewayName> {
        let mut gateways: Vec<_> = self.members.iter().map(|it| it.gateway.clone()).collect();
        gateways.sort();
        gateways.dedup();
        gateways
    }

    /// Returns the names of its members, in the plan's order.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentName> {
        self.members.iter().map(Member::name).collect()
    }
}

impl Member {
    /// Returns the agent's name.
    #[must_use]
    pub fn name(&self) -> AgentName {
        AgentName {
            gateway: self.gateway.clone(),
            agent: self.agent.clone(),
        }
    }
}

impl Image {
    /// Returns the reference by which the container names it.
    #[must_use]
    pub fn reference(&self) -> &str {
        match self {
            Self::FromHost(ImageRecipe { reference, .. }) | Self::Given { reference } => reference,
        }
    }
}

impl BaseImage {
    /// Returns the image's reference.
    #[must_use]
    pub fn reference(&self) -> &str {
        match self {
            Self::Given { reference } | Self::Own { reference, .. } => reference,
        }
    }
}
