//! Groups, budgets and names, decided: an inventory goes in, a [`Plan`] comes out. Pure; writing the file is the
//! caller's work.

mod allocation;
mod answers;
mod blockers;
mod bonds;
mod budget;
mod check;
mod concerns;
mod conversation;
mod cost;
mod facts;
mod format1;
mod group;
pub mod grouping;
mod locate;
mod packages;
mod placing;
mod propose;
mod question;
mod renew;
mod surroundings;
mod topic;
mod turns;
mod vocabulary;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use allocation::{Allocation, allocations};
pub use answers::{ANSWERS_FORMAT, Answer, Answers, parse_answers};
pub use blockers::blockers;
pub use check::{PlanError, check, parse, parse_inventory};
pub use concerns::{Concern, concerns, measured_peak, objections};
pub use conversation::Conversation;
pub use cost::{Cost, cost};
pub use facts::{Difference, Facts, GatewayFacts, HostFacts, Measured, Service};
pub use group::{
    BaseImage, Budget, Group, Image, ImageRecipe, Loopback, LoopbackWay, Member, Network,
    OwnerPolicy, Sight,
};
pub use grouping::Grouping;
pub use propose::{Wishes, propose};
pub use question::{Choice, Form, Question, RESERVE};
pub use renew::{Renewal, renew};
pub use surroundings::{Browser, Surrounding, Surroundings};
pub use turns::{Turn, turns};
pub use vocabulary::{Vocabulary, VocabularyError};

use crate::inventory::AgentName;
use crate::units::Bytes;

/// The number of the plan's JSON format.
pub const FORMAT: u32 = 2;

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
    /// What was measured, for information: it changes by itself and makes no plan stale.
    #[serde(default)]
    pub measured: Vec<Measured>,
    /// Decided: the memory that is left to the host.
    pub reserve: Bytes,
    /// Decided: what a budget has above the measured peak, in percent of it.
    pub headroom_percent: u32,
    /// Decided: what a person accepted about the plan as a whole: `ID`, or `ID:WHAT` where only one of several is meant.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// Decided: one container a group, in the order of execution.
    pub groups: Vec<Group>,
}

impl Plan {
    /// Returns the group of this name.
    #[must_use]
    pub fn find_group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Returns the group that an agent lives in.
    #[must_use]
    pub fn home(&self, agent: &AgentName) -> Option<&Group> {
        let is_it =
            |member: &Member| member.agent == agent.agent && member.gateway == agent.gateway;
        self.groups
            .iter()
            .find(|group| group.members.iter().any(is_it))
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
