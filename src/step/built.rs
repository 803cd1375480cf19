//! What of a planned group this version can carry out; everything else is refused here, with one line.

use super::ListError;
use super::mounts::{roots, runtime_in_home};
use crate::inventory::GatewayName;
use crate::plan::{Budget, Group, Image, Loopback, LoopbackWay, Network, OwnerPolicy, Plan, Sight};

/// A group of exactly one whole gateway, under its own user.
pub(super) struct Built {
    pub(super) name: String,
    pub(super) gateway: GatewayName,
    pub(super) budget: Budget,
    pub(super) strays: u64,
    pub(super) sight: Sight,
    /// Its bridge; `None` where it is on the host's network.
    pub(super) bridge: Option<String>,
    pub(super) image: Image,
    /// The ports of the host's loopback services that are relayed.
    pub(super) services: Vec<u16>,
}

const OTHER_OWNER: &str = "another owner than the gateway's own user";

/// Says what of a group this version plans and does not carry out, in a few words each; empty where it carries out all.
#[must_use]
pub fn unbuilt(plan: &Plan, group: &Group) -> Vec<String> {
    let parts = [
        (!group.companions.is_empty(), "companions"),
        (
            !matches!(group.owner, OwnerPolicy::AsOwner { .. }),
            OTHER_OWNER,
        ),
    ];
    let parts = parts.into_iter().filter(|(is_planned, _)| *is_planned);
    let parts = parts.map(|(_, what)| what).chain(hidden(plan, group));
    let parts = parts.map(str::to_owned);
    whole_gateway(plan, group)
        .err()
        .into_iter()
        .chain(parts)
        .collect()
}

/// Takes a group apart, and refuses what is planned and not built.
pub(super) fn built(plan: &Plan, group: &Group) -> Result<Built, ListError> {
    let not_built = |what: String| ListError::NotBuilt {
        group: group.name.clone(),
        what,
    };
    if let Some(what) = unbuilt(plan, group).into_iter().next() {
        return Err(not_built(what));
    }
    let gateway = whole_gateway(plan, group).map_err(not_built)?;
    let OwnerPolicy::AsOwner { strays } = &group.owner else {
        return Err(not_built(OTHER_OWNER.to_owned()));
    };
    let bridge = match &group.network {
        Network::Bridge { name } => Some(name.clone()),
        Network::Host => None,
    };
    Ok(Built {
        name: group.name.clone(),
        gateway,
        budget: group.budget,
        strays: *strays,
        sight: group.sight,
        bridge,
        image: group.image.clone(),
        services: relayed(&group.loopback),
    })
}

fn relayed(loopback: &[Loopback]) -> Vec<u16> {
    let relayed = loopback.iter().filter(|it| it.way == LoopbackWay::Relay);
    let mut ports: Vec<_> = relayed.map(|it| it.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// What of a gateway its container would not see at its path, although it needs it.
fn hidden(plan: &Plan, group: &Group) -> Option<&'static str> {
    let name = group.gateways().into_iter().next()?;
    let facts = plan.facts.find_gateway(&name)?;
    let home = &facts.user.home;
    let release = facts.release.as_ref();
    let is_in_home = release.is_some_and(|it| !runtime_in_home(it, home).is_empty());
    let is_beside = facts.config.parent().is_some_and(|it| home.starts_with(it));
    let is_all_seen = roots(facts).iter().any(|root| home.starts_with(root));
    match (group.sight, &group.image) {
        (_, Image::Given { .. }) if is_in_home => Some(
            "a given image, and node or OpenClaw in the home directory, which covers the image's",
        ),
        (Sight::Narrow, _) if is_beside && !is_all_seen => {
            Some("the narrow sight, and its configuration in the home directory itself")
        }
        _ => None,
    }
}

/// The only gateway of a group, all of whose agents are in it.
fn whole_gateway(plan: &Plan, group: &Group) -> Result<GatewayName, String> {
    let gateways = group.gateways();
    let [name] = gateways.as_slice() else {
        return Err(format!("{} gateways", gateways.len()));
    };
    let all = plan.facts.find_gateway(name).map(|it| it.agents.len());
    if all.is_some_and(|all| all != group.members.len()) {
        return Err(format!("only some of the agents of {name}"));
    }
    Ok(name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BaseImage, ImageRecipe, Member};

    fn group() -> Group {
        Group {
            name: "oc-joe".to_owned(),
            members: vec![member("joe/.openclaw")],
            companions: Vec::new(),
            budget: Budget {
                memory: crate::units::Bytes::mib(1536),
                cpu_milli: 2000,
                pids: 512,
                node_heap: None,
            },
            owner: OwnerPolicy::AsOwner { strays: 3 },
            sight: Sight::Home,
            network: Network::Bridge {
                name: "net".to_owned(),
            },
            loopback: Vec::new(),
            image: Image::FromHost(ImageRecipe {
                reference: "image".to_owned(),
                base: BaseImage::Given {
                    reference: "debian:12".to_owned(),
                },
            }),
            accepted: Vec::new(),
        }
    }

    fn member(gateway: &str) -> Member {
        Member {
            gateway: GatewayName(gateway.to_owned()),
            agent: "main".to_owned(),
            reason: String::new(),
        }
    }

    /// What is said of a group that was changed so.
    fn refused(change: impl FnOnce(&mut Group)) -> String {
        let inventory = include_str!("../../tests/reports/inventory.json");
        let inventory = crate::plan::parse_inventory(inventory).expect("an inventory");
        let mut plan = crate::plan::propose(&inventory, &crate::plan::Wishes::default());
        plan.facts.gateways.clear();
        let mut group = group();
        change(&mut group);
        let error = built(&plan, &group).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn one_whole_gateway_under_its_own_user_is_built_whatever_it_sees_and_runs() {
        assert_eq!(refused(|_| ()), "");
        let chosen = refused(|group| {
            group.sight = Sight::Narrow;
            group.network = Network::Host;
            group.budget.node_heap = Some(crate::units::Bytes::mib(512));
            group.image = Image::Given {
                reference: "image".to_owned(),
            };
        });
        assert_eq!(chosen, "");
    }

    /// What is said of the first group of a proposal, changed so with the facts about its gateway.
    fn unseen(change: impl FnOnce(&mut Group, &mut crate::plan::GatewayFacts)) -> Vec<String> {
        let inventory = include_str!("../../tests/reports/inventory.json");
        let inventory = crate::plan::parse_inventory(inventory).expect("an inventory");
        let mut plan = crate::plan::propose(&inventory, &crate::plan::Wishes::default());
        let mut group = plan.groups.first().expect("a group").clone();
        let name = group.gateways().into_iter().next();
        let mut gateways = plan.facts.gateways.iter_mut();
        let facts = gateways.find(|it| Some(&it.name) == name.as_ref());
        change(&mut group, facts.expect("its facts"));
        unbuilt(&plan, &group)
    }

    #[test]
    fn what_the_container_needs_and_would_not_see_is_refused() {
        let given = Image::Given {
            reference: "image".to_owned(),
        };
        assert_eq!(unseen(|group, _| group.image = given.clone()), [""; 0]);
        let below_home = unseen(|group, facts| {
            group.image = given.clone();
            let node = facts.user.home.join(".nvm/bin/node");
            facts.release.as_mut().expect("a release").node = node;
        });
        let what =
            "a given image, and node or OpenClaw in the home directory, which covers the image's";
        assert_eq!(below_home, [what]);
        let beside = |sight| {
            unseen(|group, facts| {
                group.sight = sight;
                facts.config = facts.user.home.join("openclaw.json");
            })
        };
        assert_eq!(beside(Sight::Home), [""; 0]);
        let what = "the narrow sight, and its configuration in the home directory itself";
        assert_eq!(beside(Sight::Narrow), [what]);
    }

    #[test]
    fn only_services_that_are_not_given_up_are_relayed() {
        use LoopbackWay::{Lost, Relay};
        let ways = [(11434, Relay), (8788, Relay), (9000, Lost)];
        let ways = ways.map(|(port, way)| Loopback { port, way });
        assert_eq!(relayed(&ways), [8788, 11434]);
    }

    #[test]
    fn what_is_planned_and_not_built_is_refused_with_one_line() {
        let said = [
            refused(|group| group.members.push(member("joe/.openclaw-work"))),
            refused(|group| group.companions.push("bus".to_owned())),
            refused(|group| group.owner = OwnerPolicy::EachItsOwn),
        ];
        let wanted = [
            "2 gateways",
            "companions",
            "another owner than the gateway's own user",
        ];
        let wanted = wanted.map(|what| {
            format!(
                "group `oc-joe` has {what}; this ocmigrate plans that and does not carry it out"
            )
        });
        assert_eq!(said, wanted);
    }
}
