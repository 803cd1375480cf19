//! Where every group stands, as a table.

use serde::Serialize;

use super::columns;

/// Where one group stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupStatus {
    /// The group.
    pub group: String,
    /// `native`, `in container`, or where an unfinished run stands.
    pub phase: String,
    /// The container's state.
    pub container: String,
    /// `ready`, or what keeps it from being so.
    pub health: String,
    /// How many bots the group has.
    pub bots: usize,
    /// Memory used and allowed, as text; empty where the container does not run.
    pub memory: String,
    /// How often the engine restarted it.
    pub restarts: u64,
}

/// Renders the table.
#[must_use]
pub fn status_text(groups: &[GroupStatus]) -> String {
    if groups.is_empty() {
        return "no group was executed on this host\n".to_owned();
    }
    let rows = groups
        .iter()
        .map(|status| {
            let GroupStatus {
                group,
                phase,
                container,
                health,
                bots,
                memory,
                restarts,
            } = status.clone();
            vec![
                group,
                phase,
                container,
                health,
                bots.to_string(),
                memory,
                restarts.to_string(),
            ]
        })
        .collect();
    columns(
        &[
            "group",
            "phase",
            "container",
            "health",
            "bots",
            "memory",
            "restarts",
        ],
        rows,
        "",
    )
}
