//! Where every credential is today and would be tomorrow; never its value.

use schemars::JsonSchema;
use serde::Serialize;

use super::Plan;
use crate::inventory::{Credential, Exclusivity, GatewayName, Place};
use crate::secret::KeyedHash;

/// A credential of one gateway, its owner today and its container tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Allocation {
    /// What it is, for example `telegram bot token`.
    pub kind: String,
    /// The part of it that is public, shortened; empty where nothing of it is public.
    pub public_id: String,
    /// Its keyed hash: the same credential has the same one everywhere on this host.
    pub hash: KeyedHash,
    /// How many processes may hold it.
    pub exclusivity: Exclusivity,
    /// The channel account that it serves, as `channel/account`.
    pub account: Option<String>,
    /// The gateway that has it today.
    pub gateway: GatewayName,
    /// The containers that have it tomorrow: one, unless its gateway is split.
    pub containers: Vec<String>,
    /// Where it stands; only an inventory tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// Lists the credentials of a plan, those that only one process may hold first.
#[must_use]
pub fn allocations(plan: &Plan) -> Vec<Allocation> {
    let gateways = plan.facts.gateways.iter();
    let mut all: Vec<Allocation> = gateways
        .flat_map(|gateway| {
            let containers = containers(plan, &gateway.name);
            let credentials = gateway.credentials.iter();
            credentials.map(move |it| allocation(it, &gateway.name, &containers))
        })
        .collect();
    all.sort_by_key(|it| {
        let name = (it.kind.clone(), it.public_id.clone(), it.hash.clone());
        (!it.exclusivity.is_exclusive(), name, it.gateway.clone())
    });
    all
}

fn allocation(credential: &Credential, gateway: &GatewayName, containers: &[String]) -> Allocation {
    let Credential {
        kind,
        public_id,
        hash,
        exclusivity,
        account,
        places,
    } = credential.clone();
    Allocation {
        kind,
        public_id,
        hash,
        exclusivity,
        account,
        gateway: gateway.clone(),
        containers: containers.to_vec(),
        places,
    }
}

fn containers(plan: &Plan, gateway: &GatewayName) -> Vec<String> {
    let groups = plan.groups.iter();
    let holders = groups.filter(|group| group.members.iter().any(|it| it.gateway == *gateway));
    holders.map(|group| group.name.clone()).collect()
}
