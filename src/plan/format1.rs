//! Plans of format 1, in which a group was a list of whole gateways: read, and turned into plans of today.

use serde::Deserialize;

use super::check::{PlanError, syntax};
use super::propose::{HEADROOM_PERCENT, reserve};
use super::{
    Budget, FORMAT, Facts, Group, Image, ImageRecipe, Member, Network, OwnerPolicy, Plan, Sight,
};
use crate::inventory::GatewayName;

/// A plan of format 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan1 {
    #[serde(rename = "format")]
    _format: u32,
    made_by: String,
    facts: Facts,
    groups: Vec<Group1>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group1 {
    name: String,
    gateways: Vec<GatewayName>,
    budget: Budget,
    owner: OwnerPolicy,
    image: ImageRecipe,
    network: String,
    #[serde(default)]
    accepted: Vec<String>,
}

/// The field by which formats are told apart.
#[derive(Deserialize)]
struct Tagged {
    format: u32,
}

/// Reads a plan of any format, unchecked.
pub(super) fn read(text: &str) -> Result<Plan, PlanError> {
    let Tagged { format } = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    match format {
        1 => serde_json::from_str(text).map(Plan1::into_plan),
        FORMAT => serde_json::from_str(text),
        found => {
            return Err(PlanError::Format {
                found,
                read: FORMAT,
            });
        }
    }
    .map_err(|error| syntax(&error))
}

impl Plan1 {
    fn into_plan(self) -> Plan {
        let Self {
            _format: _,
            made_by,
            mut facts,
            groups,
        } = self;
        facts.uids = facts.gateways.iter().map(|it| it.user.uid).collect();
        let groups = groups.into_iter();
        let groups = groups.map(|group| group.into_group(&facts)).collect();
        Plan {
            format: FORMAT,
            made_by,
            measured: Vec::new(),
            reserve: reserve(facts.host.memory),
            headroom_percent: HEADROOM_PERCENT,
            accepted: Vec::new(),
            groups,
            facts,
        }
    }
}

impl Group1 {
    fn into_group(self, facts: &Facts) -> Group {
        let Self {
            name,
            gateways,
            budget,
            owner,
            image,
            network,
            accepted,
        } = self;
        let members = gateways.iter().flat_map(|gateway| members(facts, gateway));
        Group {
            name,
            members: members.collect(),
            companions: Vec::new(),
            budget,
            owner,
            sight: Sight::Home,
            network: Network::Bridge { name: network },
            loopback: Vec::new(),
            image: Image::FromHost(image),
            accepted,
        }
    }
}

/// The agents of a gateway; one that there are no facts about is kept, so that the check names it.
fn members(facts: &Facts, gateway: &GatewayName) -> Vec<Member> {
    let member = |agent: &str| Member {
        gateway: gateway.clone(),
        agent: agent.to_owned(),
        reason: "decided in a plan of format 1".to_owned(),
    };
    match facts.find_gateway(gateway) {
        Some(found) => found.agents.iter().map(|it| member(&it.id)).collect(),
        None => vec![member("*")],
    }
}
