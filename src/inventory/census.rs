//! What a walk over a gateway's files counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// The files below a gateway's state directory and workspaces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Census {
    /// All entries, directories and links included.
    pub entries: u64,
    /// The sum of the regular files' sizes.
    pub size: Bytes,
    /// Entries that belong to another user or group than the gateway's.
    pub strays: u64,
    /// The first of them, sorted by path; at most [`Census::SAMPLE`].
    pub sample: Vec<Stray>,
    /// Regular files with more than one name, counted where they are strays: their owner is not changed.
    pub hard_linked_strays: u64,
    /// Directories on other file systems, which the walk did not enter.
    pub mounts: u64,
}

impl Census {
    /// The most strays that an inventory lists by name.
    pub const SAMPLE: usize = 20;
}

/// An entry that belongs to another user or group than its gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stray {
    /// Its path, control characters escaped.
    pub path: String,
    /// Its owner's user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
}
