//! Whether a plan, hand-edited perhaps, makes sense in itself: one walk over its groups that stops at the first thing
//! that is wrong, and says where and what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BaseImage, Budget, FORMAT, Group, HostFacts, Image, LoopbackWay, Member, Network, OwnerPolicy,
    Plan, locate,
};
use crate::display;
use crate::inventory::{AgentName, GatewayName, Inventory};
use crate::units::{Bytes, MIB};

/// The least memory that any container may have, and node's heap in it; Docker itself asks for 6 MiB, node for far more.
const LEAST_MEMORY: Bytes = Bytes(64 * MIB);

/// Why a plan is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// The file is no plan.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A plan of another format.
    #[error("it has format {found}; this ocmigrate reads format {read}")]
    Format {
        /// The number found.
        found: u32,
        /// The number that is read.
        read: u32,
    },
    /// It contradicts itself or the facts in it.
    #[error("{}{place}: {reason}", line.map(|line| format!("line {line}, ")).unwrap_or_default())]
    Contradiction {
        /// The line, counted from 1, where the text is at hand.
        line: Option<usize>,
        /// Where, for example `groups[0].budget.memory`.
        place: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: String,
    },
}

/// Reads a plan of any format that was ever released, and checks it.
///
/// # Errors
///
/// Names the line and column, or the line and the place in the plan, of the first thing that is wrong.
pub fn parse(text: &str) -> Result<Plan, PlanError> {
    let plan = super::format1::read(text)?;
    check(&plan).map_err(|error| on_line(text, error))?;
    Ok(plan)
}

/// Reads an inventory that scan wrote.
///
/// # Errors
///
/// Names the line and column of what is wrong, or the format that this version does not read.
pub fn parse_inventory(text: &str) -> Result<Inventory, PlanError> {
    let inventory: Inventory = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    if inventory.format != crate::inventory::FORMAT {
        return Err(PlanError::Format {
            found: inventory.format,
            read: crate::inventory::FORMAT,
        });
    }
    Ok(inventory)
}

/// Takes the reason out of serde's message, which ends in the position that stands in the error already.
pub(super) fn syntax(error: &serde_json::Error) -> PlanError {
    let reason = error.to_string();
    let end = reason.rfind(" at line ").unwrap_or(reason.len());
    PlanError::Syntax {
        line: error.line(),
        column: error.column(),
        reason: display::text(reason.get(..end).unwrap_or(&reason)),
    }
}

/// Finds the line of a contradiction in the text that was read.
fn on_line(text: &str, error: PlanError) -> PlanError {
    match error {
        PlanError::Contradiction {
            place,
            reason,
            hint,
            line: _,
        } => PlanError::Contradiction {
            line: locate::line(text, &place),
            place,
            reason,
            hint,
        },
        other => other,
    }
}

/// What is wrong with one field of a group.
pub(super) struct Wrong {
    field: String,
    /// The sentence that an answer is refused with.
    pub(super) reason: String,
    hint: &'static str,
}

pub(super) fn wrong(
    field: impl Into<String>,
    reason: impl Into<String>,
    hint: &'static str,
) -> Wrong {
    Wrong {
        field: field.into(),
        reason: reason.into(),
        hint,
    }
}

impl Wrong {
    fn under(self, place: &str) -> PlanError {
        PlanError::Contradiction {
            line: None,
            place: format!("{place}{}", self.field),
            reason: self.reason,
            hint: self.hint.to_owned(),
        }
    }
}

/// Checks that a plan does not contradict itself.
///
/// # Errors
///
/// Names the place of the first contradiction.
pub fn check(plan: &Plan) -> Result<(), PlanError> {
    if plan.format != FORMAT {
        return Err(PlanError::Format {
            found: plan.format,
            read: FORMAT,
        });
    }
    let mut walk = Walk::over(plan);
    for (index, group) in plan.groups.iter().enumerate() {
        let place = format!("groups[{index}].");
        walk.group(group).map_err(|wrong| wrong.under(&place))?;
    }
    walk.end().map_err(|wrong| wrong.under(""))
}

/// What the groups so far have taken.
struct Walk<'a> {
    plan: &'a Plan,
    names: BTreeSet<&'a str>,
    /// The agents of the host that no group has yet.
    homeless: BTreeSet<AgentName>,
    homes: BTreeMap<AgentName, &'a str>,
    companions: BTreeMap<&'a str, &'a str>,
    ports: BTreeMap<u16, GatewayName>,
}

impl<'a> Walk<'a> {
    fn over(plan: &'a Plan) -> Self {
        let agents = plan.facts.gateways.iter().flat_map(|gateway| {
            let name = |agent: &crate::inventory::Agent| AgentName {
                gateway: gateway.name.clone(),
                agent: agent.id.clone(),
            };
            gateway.agents.iter().map(name)
        });
        Self {
            plan,
            names: BTreeSet::new(),
            homeless: agents.collect(),
            homes: BTreeMap::new(),
            companions: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }

    fn group(&mut self, group: &'a Group) -> Result<(), Wrong> {
        check_name(&group.name).map_err(|reason| wrong("name", reason, NAME_HINT))?;
        if !self.names.insert(&group.name) {
            let reason = format!("there are two groups `{}`", group.name);
            return Err(wrong("name", reason, "rename one of them"));
        }
        if group.members.is_empty() {
            let hint = "remove the group, or move an agent into it";
            return Err(wrong("members", "the group is empty", hint));
        }
        check_budget(&self.plan.facts.host, &group.budget)?;
        self.owner(group)?;
        check_network(group)?;
        check_image(&group.image)?;
        self.companions(group)?;
        for (index, member) in group.members.iter().enumerate() {
            self.member(group, member).map_err(|reason| {
                let hint = "every agent lives in exactly one group";
                wrong(format!("members[{index}]"), reason, hint)
            })?;
        }
        self.take_ports(group)
    }

    fn member(&mut self, group: &'a Group, member: &Member) -> Result<(), String> {
        let name = member.name();
        let shown = display::text(&name.to_string());
        if let Some(other) = self.homes.get(&name) {
            return Err(format!("`{shown}` is in `{other}` already"));
        }
        if !self.homeless.remove(&name) {
            return Err(format!("there is no agent `{shown}` on this host"));
        }
        self.homes.insert(name, &group.name);
        Ok(())
    }

    fn owner(&self, group: &Group) -> Result<(), Wrong> {
        let uid = match &group.owner {
            OwnerPolicy::OneIdentity { uid, .. } => uid,
            OwnerPolicy::AsOwner { .. } if self.users(group).len() > 1 => {
                let reason = "its gateways run as several users, so there is no one owner";
                let hint = "write `each_its_own`, or `one_identity` with a uid and a gid";
                return Err(wrong("owner.kind", reason, hint));
            }
            OwnerPolicy::AsOwner { .. } | OwnerPolicy::EachItsOwn => return Ok(()),
        };
        if self.plan.facts.uids.contains(uid) {
            return Ok(());
        }
        let reason = format!("there is no user with the id {uid} on this host");
        Err(wrong("owner.uid", reason, "make the user first: useradd"))
    }

    /// The ids of the users that a group's gateways run as.
    fn users(&self, group: &Group) -> BTreeSet<u32> {
        let gateways = group.gateways().into_iter();
        let facts = gateways.filter_map(|name| self.plan.facts.find_gateway(&name));
        facts.map(|gateway| gateway.user.uid).collect()
    }

    fn companions(&mut self, group: &'a Group) -> Result<(), Wrong> {
        for (index, name) in group.companions.iter().enumerate() {
            let shown = display::text(name);
            let reason = if !self.plan.facts.companions.contains(name) {
                format!("there is no companion `{shown}` on this host")
            } else if let Some(other) = self.companions.insert(name, &group.name) {
                format!("`{shown}` is in `{other}` already")
            } else {
                continue;
            };
            let hint = "a companion lives in one group, or stays native";
            return Err(wrong(format!("companions[{index}]"), reason, hint));
        }
        Ok(())
    }

    fn take_ports(&mut self, group: &Group) -> Result<(), Wrong> {
        for name in group.gateways() {
            let Some(gateway) = self.plan.facts.find_gateway(&name) else {
                continue;
            };
            let other = self.ports.insert(gateway.port, name.clone());
            if let Some(other) = other.filter(|other| *other != name) {
                let reason = format!("port {} of {name} is that of {other} too", gateway.port);
                let hint = "give one of the two gateways another port, and plan again";
                return Err(wrong("members", reason, hint));
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), Wrong> {
        let Some(agent) = self.homeless.first() else {
            return Ok(());
        };
        let reason = format!("`{}` is in no group", display::text(&agent.to_string()));
        Err(wrong("groups", reason, "add it to the members of a group"))
    }
}

const NAME_HINT: &str = "a group's name is its container's, its host's and its service's";

/// Group names become container names, host names, file names and compose services: the strictest of these rules.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts_well && !name.ends_with('-') && name.len() <= 40 && name.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no name for a group: at most 40 lower-case letters, digits and `-`",
        display::text(name)
    ))
}

/// Checks that a loopback service goes over the host's network exactly where the group is on it.
fn check_network(group: &Group) -> Result<(), Wrong> {
    let is_host = group.network == Network::Host;
    for (index, it) in group.loopback.iter().enumerate() {
        let reason = match (it.way, is_host) {
            (LoopbackWay::HostNetwork, false) => "the group is on a bridge",
            (LoopbackWay::Relay | LoopbackWay::Lost, true) => "the group is on the host's network",
            _ => continue,
        };
        let hint = "on a bridge write `relay` or `lost`, on the host's network `host_network`";
        return Err(wrong(format!("loopback[{index}].way"), reason, hint));
    }
    Ok(())
}

fn check_image(image: &Image) -> Result<(), Wrong> {
    let (field, reference) = match image {
        Image::Given { reference } => ("image.reference", reference),
        Image::FromHost(recipe) => {
            if let BaseImage::Own { packages, .. } = &recipe.base
                && let Some(index) = packages.iter().position(|it| !is_package(it))
            {
                let field = format!("image.base.packages[{index}]");
                let hint = "write names as apt-cache search shows them";
                return Err(wrong(field, "this is no name of a package", hint));
            }
            match &recipe.base {
                BaseImage::Given { reference } | BaseImage::Own { reference, .. } => {
                    ("image.base.reference", reference)
                }
            }
        }
    };
    let hint = "write name:tag as `docker images` shows them";
    check_reference(reference).map_err(|reason| wrong(field, reason, hint))
}

/// Checks that a text can be the reference of an image; OCI distribution specification, Pulling manifests.
pub(super) fn check_reference(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && text.len() <= 255 && text.chars().all(fits) {
        return Ok(());
    }
    Err(match text {
        "" => "it names no image".to_owned(),
        _ => format!("`{}` is no reference of an image", display::text(text)),
    })
}

/// Returns whether a word can be the name of a package; Debian policy, 5.6.1.
pub(super) fn is_package(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let starts_well = word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    starts_well && word.chars().all(fits)
}

/// Checks a group's budget by itself against the host.
pub(super) fn check_budget(host: &HostFacts, budget: &Budget) -> Result<(), Wrong> {
    let Budget {
        memory,
        cpu_milli,
        pids,
        node_heap,
    } = *budget;
    let there = host.memory;
    let hint = "write a number of bytes between the two";
    if memory < LEAST_MEMORY {
        let reason = format!("{memory} is less than {LEAST_MEMORY}");
        return Err(wrong("budget.memory", reason, hint));
    }
    if memory > there {
        let reason = format!("{memory} is more than the host's {there}");
        return Err(wrong("budget.memory", reason, hint));
    }
    let most = host.cores.saturating_mul(1000);
    if cpu_milli < 10 || cpu_milli > most {
        let reason = format!("must be between 10 and {most}");
        let hint = "1000 is one processor";
        return Err(wrong("budget.cpu_milli", reason, hint));
    }
    if pids < 64 {
        let reason = "a gateway needs at least 64";
        return Err(wrong("budget.pids", reason, "512 is the proposal"));
    }
    let hint = "leave it out: node then takes less than the container has by itself";
    if let Some(heap) = node_heap.filter(|heap| *heap >= memory) {
        let reason = format!("a heap of {heap} is not below the container's {memory}");
        return Err(wrong("budget.node_heap", reason, hint));
    }
    if let Some(heap) = node_heap.filter(|heap| *heap < LEAST_MEMORY) {
        let reason = format!("a heap of {heap} is less than {LEAST_MEMORY}");
        return Err(wrong("budget.node_heap", reason, hint));
    }
    Ok(())
}
