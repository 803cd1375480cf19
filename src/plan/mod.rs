//! Groups, budgets and names, decided: an inventory goes in, a [`Plan`] comes out. Pure; writing the file is the
//! caller's work.

mod answers;
mod budget;
mod check;
mod conversation;
mod facts;
pub mod grouping;
mod propose;
mod question;
mod renew;
mod topic;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answers::{ANSWERS_FORMAT, Answer, Answers, parse_answers};
pub use check::{PlanError, blockers, check, parse, parse_inventory};
pub use conversation::Conversation;
pub use facts::{Difference, Facts, GatewayFacts, HostFacts};
pub use grouping::Grouping;
pub use propose::propose;
pub use question::{Choice, Form, Question};
pub use renew::{Renewal, renew};

use crate::inventory::{Agent, AgentName, GatewayName};
use crate::units::Bytes;

/// The number of the plan's JSON format.
pub const FORMAT: u32 = 1;

/// What a person decided about the facts of one host. `execute` applies exactly this or refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The number of this format; see [`FORMAT`].
    pub format: u32,
    /// The version of ocmigrate that wrote it.
    pub made_by: String,
    /// What was true of the host; `execute` compares it with what is true then.
    pub facts: Facts,
    /// The decisions: one container a group, in the order of execution.
    pub groups: Vec<Group>,
}

/// One container to be, and everything decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, which is the container's and the compose service's too: lower-case letters, digits, `-`.
    pub name: String,
    /// The gateways that live in it.
    pub gateways: Vec<GatewayName>,
    /// What it may use.
    pub budget: Budget,
    /// Whom the files belong to.
    pub owner: OwnerPolicy,
    /// What it runs.
    pub image: ImageRecipe,
    /// The bridge network that it joins.
    pub network: String,
    /// Ids of inhibitors that a person accepted.
    #[serde(default)]
    pub accepted: Vec<String>,
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
}

/// Whom a group's files belong to while it is in its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum OwnerPolicy {
    /// To the user that the gateway runs as; strays are given to that user, with a manifest.
    AsOwner {
        /// How many strays were counted when the plan was made; for information.
        strays: u64,
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

impl BaseImage {
    /// Returns the image's reference.
    #[must_use]
    pub fn reference(&self) -> &str {
        match self {
            Self::Given { reference } | Self::Own { reference, .. } => reference,
        }
    }
}

impl Plan {
    /// Returns the agents of a group.
    #[must_use]
    pub fn members(&self, group: &Group) -> Vec<AgentName> {
        let gateways = group
            .gateways
            .iter()
            .filter_map(|name| self.facts.find_gateway(name));
        let name = |gateway: &GatewayFacts, agent: &Agent| AgentName {
            gateway: gateway.name.clone(),
            agent: agent.id.clone(),
        };
        gateways
            .flat_map(|gateway| gateway.agents.iter().map(move |agent| name(gateway, agent)))
            .collect()
    }

    /// Returns the group of this name.
    #[must_use]
    pub fn find_group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }
}

/// Where a plan is written and read without `-o` and `--plan`: `plans/HOSTNAME.json` under the current directory.
#[must_use]
pub fn default_path(host: &str) -> PathBuf {
    let safe: String = host
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
                c
            } else {
                '_'
            }
        })
        .collect();
    PathBuf::from("plans").join(format!("{safe}.json"))
}
