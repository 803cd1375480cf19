//! The proposal: groups in their order, each with budget, owner, network and image.

use std::collections::BTreeSet;

use super::{
    BaseImage, Budget, FORMAT, Facts, Group, Image, ImageRecipe, Loopback, LoopbackWay, Measured,
    Member, Network, OwnerPolicy, Plan, Sight, Vocabulary, packages,
};
use crate::inventory::{Census, Gateway, GatewayName, Host, Inventory};
use crate::units::{Bytes, GIB, MIB};

/// The least memory that a container with one gateway gets: an idle 2026.9.6 takes 0.75 GB with its helpers.
const MEMORY_FLOOR: Bytes = Bytes(1536 * MIB);
/// Memory budgets are whole multiples of this.
const MEMORY_GRAIN: Bytes = Bytes(256 * MIB);
/// What a budget has above the measured peak, in percent of it, when nobody says otherwise.
pub(super) const HEADROOM_PERCENT: u32 = 50;
/// Processes and threads for one gateway: an idle 2026.9.6 has about 60.
const PIDS: u32 = 512;
/// The most processors that the proposal gives one gateway.
const CPU_MILLI: u32 = 2000;

/// What a person wishes the proposal to be made with.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The image to build on, instead of ocmigrate's own.
    pub base: Option<String>,
    /// The memory to leave to the host.
    pub reserve: Option<Bytes>,
    /// What budgets have above the measured peak, in percent of it.
    pub headroom_percent: Option<u32>,
    /// The words that tell what agents are for.
    pub vocabulary: Vocabulary,
}

/// Proposes a plan for an inventory; the same inventory always gives the same plan.
#[must_use]
pub fn propose(inventory: &Inventory, wishes: &Wishes) -> Plan {
    let facts = Facts::of(inventory);
    let placed = super::placing::place(&facts, &wishes.vocabulary);
    let groups = placed.into_iter();
    let mut groups: Vec<Group> = groups
        .map(|(name, members)| group(name, members, inventory, wishes))
        .collect();
    groups.sort_by_key(super::turns::key);
    Plan {
        format: FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        measured: inventory.gateways.iter().map(Measured::of).collect(),
        reserve: wishes.reserve.unwrap_or_else(|| reserve(facts.host.memory)),
        headroom_percent: wishes.headroom_percent.unwrap_or(HEADROOM_PERCENT),
        accepted: Vec::new(),
        groups,
        facts,
    }
}

/// The memory that a host keeps for itself: 6% of all, in whole MiB, and at least 2 GiB where it has them.
pub(super) fn reserve(memory: Bytes) -> Bytes {
    let share = Bytes(memory.0 / 100 * 6);
    let share = share.round_up_to(Bytes(MIB)).max(Bytes(2 * GIB));
    share.min(memory)
}

/// Proposes everything about a group of these agents.
pub(super) fn group(
    name: String,
    members: Vec<Member>,
    inventory: &Inventory,
    wishes: &Wishes,
) -> Group {
    let own: BTreeSet<&GatewayName> = members.iter().map(|member| &member.gateway).collect();
    let gateways = inventory.gateways.iter();
    let gateways: Vec<&Gateway> = gateways.filter(|it| own.contains(&it.name)).collect();
    let base = match &wishes.base {
        Some(reference) => BaseImage::Given {
            reference: reference.clone(),
        },
        None => own_base(inventory, packages::proposed(inventory)),
    };
    let headroom = wishes.headroom_percent.unwrap_or(HEADROOM_PERCENT);
    Group {
        budget: budget(&gateways, &inventory.host, headroom),
        owner: owner(&gateways),
        members,
        companions: Vec::new(),
        sight: Sight::Home,
        network: Network::Bridge {
            name: network(&name),
        },
        loopback: relayed(&gateways, inventory),
        image: Image::FromHost(recipe(&gateways, base)),
        accepted: Vec::new(),
        name,
    }
}

/// As the owner; several users stay under their own ids.
pub(super) fn owner(gateways: &[&Gateway]) -> OwnerPolicy {
    let users: BTreeSet<u32> = gateways.iter().map(|gateway| gateway.user.uid).collect();
    if users.len() > 1 {
        return OwnerPolicy::EachItsOwn;
    }
    let strays = |it: &&Gateway| it.census.as_ref().map_or(0, Census::changing_strays);
    OwnerPolicy::AsOwner {
        strays: gateways.iter().map(strays).sum(),
    }
}

/// Every loopback service that the gateways use is relayed.
fn relayed(gateways: &[&Gateway], inventory: &Inventory) -> Vec<Loopback> {
    let own: BTreeSet<&GatewayName> = gateways.iter().map(|it| &it.name).collect();
    let services = super::facts::services(inventory).into_iter();
    let ports: BTreeSet<u16> = services
        .filter(|service| own.contains(&service.gateway))
        .map(|service| service.port)
        .collect();
    let relay = |port| Loopback {
        port,
        way: LoopbackWay::Relay,
    };
    ports.into_iter().map(relay).collect()
}

/// Names a group's network.
pub(super) fn network(group: &str) -> String {
    format!("ocmigrate_{group}")
}

pub(super) fn slug(word: &str) -> String {
    let slug: String = word
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    slug.trim_matches('-').to_owned()
}

/// The measured peak with headroom, and no less than the floor, for every gateway; together no more than the host has.
fn budget(gateways: &[&Gateway], host: &Host, headroom_percent: u32) -> Budget {
    let memory = |gateway: &&Gateway| {
        let peak = gateway.memory.map_or(Bytes(GIB), |memory| memory.peak);
        let headroom = peak.0.saturating_mul(u64::from(headroom_percent)) / 100;
        let wanted = Bytes(peak.0.saturating_add(headroom));
        wanted.round_up_to(MEMORY_GRAIN).max(MEMORY_FLOOR).0
    };
    let count = u32::try_from(gateways.len()).unwrap_or(u32::MAX);
    Budget {
        memory: Bytes(gateways.iter().map(memory).sum()).min(host.memory_total),
        cpu_milli: CPU_MILLI
            .saturating_mul(count)
            .min(host.cores.max(1) * 1000),
        pids: PIDS.saturating_mul(count),
        node_heap: None,
    }
}

/// ocmigrate's own base with these packages; another set of packages has another name.
pub(super) fn own_base(inventory: &Inventory, packages: Vec<String>) -> BaseImage {
    let distribution = &inventory.host.distribution;
    let (id, codename) = (slug(&distribution.id), slug(&distribution.codename));
    let mut reference = format!("ocmigrate/base:{id}-{codename}");
    if !packages::are_plain(&packages) {
        reference += &format!("-{}", short_hash(&packages));
    }
    BaseImage::Own {
        reference,
        codename: distribution.codename.clone(),
        packages,
    }
}

/// How the image of these gateways is made on a base.
pub(super) fn recipe(gateways: &[&Gateway], base: BaseImage) -> ImageRecipe {
    let reference = gateways.first().map(|first| reference(first, &base));
    ImageRecipe {
        reference: reference.unwrap_or_default(),
        base,
    }
}

/// Names an image by the release and a hash of everything that decides its content.
fn reference(gateway: &Gateway, base: &BaseImage) -> String {
    let version = gateway.release.as_ref().map_or("unknown", |r| &r.version);
    let short = short_hash(&(&gateway.release, base));
    format!("ocmigrate/openclaw:{}-{short}", slug_version(version))
}

fn short_hash(recipe: &impl serde::Serialize) -> String {
    let recipe = serde_json::to_vec(recipe).unwrap_or_default();
    let hash = blake3::hash(&recipe).to_hex();
    hash.as_str().get(..8).unwrap_or_default().to_owned()
}

/// Keeps what a tag may hold: letters, digits, `.`, `-` and `_` (OCI distribution specification).
fn slug_version(version: &str) -> String {
    version
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect()
}
