//! State on disk that no gateway runs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reviver;
use crate::units::Bytes;

/// A state directory that no gateway of the inventory uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestingState {
    /// The directory, links resolved.
    pub path: PathBuf,
    /// The user in whose home it lies, or whose starter names it.
    pub user: String,
    /// Seconds since the youngest of its counted entries changed.
    pub unchanged_secs: u64,
    /// The sum of the counted files' sizes.
    pub size: Bytes,
    /// Whether all its entries were counted; the walk ends after 100,000.
    pub is_counted_whole: bool,
    /// What could start a gateway on it, when somebody asks.
    pub revivers: Vec<Reviver>,
}
