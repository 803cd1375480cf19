//! Whether a plan, hand-edited perhaps, makes sense in itself, and what of an inventory forbids to execute it.

use std::collections::{BTreeMap, BTreeSet};

use super::{FORMAT, Group, Plan};
use crate::inventory::{Finding, Inventory, Severity, catalogued};
use crate::units::{Bytes, MIB};

/// The least memory that any container may have; Docker itself asks for 6 MiB, node for far more.
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
    /// It contradicts itself.
    #[error("{place}: {reason}")]
    Contradiction {
        /// Where, for example `groups[0].budget.memory`.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// Reads a plan and checks it.
///
/// # Errors
///
/// Names the line and column, or the place in the plan, of the first thing that is wrong.
pub fn parse(text: &str) -> Result<Plan, PlanError> {
    let plan: Plan = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    if plan.format != FORMAT {
        return Err(PlanError::Format {
            found: plan.format,
            read: FORMAT,
        });
    }
    check(&plan)?;
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
        reason: crate::display::text(reason.get(..end).unwrap_or(&reason)),
    }
}

/// Checks that a plan does not contradict itself.
pub fn check(plan: &Plan) -> Result<(), PlanError> {
    let mut names = BTreeSet::new();
    let mut homes: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ports: BTreeMap<u16, &str> = BTreeMap::new();
    for (index, group) in plan.groups.iter().enumerate() {
        let wrong = |field: &str, reason: String| {
            Err(PlanError::Contradiction {
                place: format!("groups[{index}].{field}"),
                reason,
            })
        };
        if let Err(reason) = check_name(&group.name) {
            return wrong("name", reason);
        }
        if !names.insert(group.name.as_str()) {
            return wrong("name", format!("there are two groups `{}`", group.name));
        }
        if let Err((field, reason)) = check_numbers(plan, group) {
            return wrong(field, reason);
        }
        for name in &group.gateways {
            let Some(gateway) = plan.facts.find_gateway(name) else {
                return wrong(
                    "gateways",
                    format!("there is no gateway `{name}` on this host"),
                );
            };
            if let Some(other) = homes.insert(&name.0, &group.name) {
                return wrong("gateways", format!("`{name}` is in `{other}` already"));
            }
            if let Some(other) = ports.insert(gateway.port, &group.name) {
                return wrong(
                    "gateways",
                    format!("port {} is taken by `{other}`", gateway.port),
                );
            }
        }
    }
    Ok(())
}

/// Group names become container names, host names, file names and compose services: the strictest of these rules.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts_well && !name.ends_with('-') && name.len() <= 40 && name.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no name for a group: at most 40 lower-case letters, digits and `-`",
        crate::display::text(name)
    ))
}

fn check_numbers(plan: &Plan, group: &Group) -> Result<(), (&'static str, String)> {
    if group.gateways.is_empty() {
        return Err(("gateways", "the group is empty".to_owned()));
    }
    check_budget(&plan.facts.host, &group.budget)
}

/// Checks a group's budget by itself against the host.
pub(super) fn check_budget(
    host: &super::HostFacts,
    budget: &super::Budget,
) -> Result<(), (&'static str, String)> {
    let super::Budget {
        memory,
        cpu_milli,
        pids,
    } = *budget;
    let wrong = |field, reason| Err((field, reason));
    if memory < LEAST_MEMORY {
        return wrong(
            "budget.memory",
            format!("{memory} is less than {LEAST_MEMORY}"),
        );
    }
    if memory > host.memory {
        let there = host.memory;
        return wrong(
            "budget.memory",
            format!("{memory} is more than the host's {there}"),
        );
    }
    if cpu_milli < 10 || cpu_milli > host.cores * 1000 {
        let most = host.cores * 1000;
        return wrong("budget.cpu_milli", format!("must be between 10 and {most}"));
    }
    if pids < 64 {
        return wrong("budget.pids", "a gateway needs at least 64".to_owned());
    }
    Ok(())
}

/// The inhibitors that a person may accept; the others would break a promise or cannot be carried out.
const ACCEPTABLE: &[&str] = &[catalogued::LOOPBACK_URL.id, catalogued::UNTRIED_RELEASE.id];

/// Returns the inhibitors that forbid to execute a group: those about its gateways or the host that nobody accepted.
#[must_use]
pub fn blockers<'a>(
    inventory: &'a Inventory,
    group: &Group,
    accepted: &[String],
) -> Vec<&'a Finding> {
    let concerns = |finding: &&Finding| {
        let names_gateway = group.gateways.iter().any(|name| name.0 == finding.about);
        let names_other = inventory
            .gateways
            .iter()
            .any(|gateway| gateway.name.0 == finding.about);
        names_gateway || !names_other
    };
    inventory
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Inhibitor)
        .filter(concerns)
        .filter(|finding| {
            let is_accepted =
                accepted.contains(&finding.id) || group.accepted.contains(&finding.id);
            !is_accepted || !ACCEPTABLE.contains(&finding.id.as_str())
        })
        .collect()
}
