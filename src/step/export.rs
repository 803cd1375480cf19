//! A plan as a compose file, without executing it.

use std::collections::BTreeMap;

use super::built::built;
use super::group_container::{container, network_labels};
use super::movable::movable;
use super::write_group_files::HEADER;
use super::{ListError, Paths};
use crate::docker::compose;
use crate::plan::Plan;

/// Returns the compose file that all groups of a plan would have together, once they are moved.
///
/// # Errors
///
/// Says what of the plan cannot be carried out by this version.
pub fn compose_file(plan: &Plan, paths: &Paths) -> Result<String, ListError> {
    let mut services = BTreeMap::new();
    let mut networks = BTreeMap::new();
    for group in &plan.groups {
        let group = built(plan, group)?;
        let gateway = movable(plan, &group.gateway)?;
        let container = container(plan, &group, &gateway, paths);
        services.insert(group.name.clone(), compose::service(&container));
        networks.extend(
            group
                .bridge
                .clone()
                .map(|it| (it, network_labels(&group, paths))),
        );
    }
    Ok(format!("{HEADER}{}", compose::file(&services, &networks)))
}
