//! What starts a gateway, and would start it again.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What starts a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Starter {
    /// A systemd unit.
    Unit(UnitStarter),
    /// Something that this release of ocmigrate cannot disarm; what is known of it.
    Other {
        /// The control group or parent that was seen.
        seen: String,
    },
}

/// A systemd unit that starts a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitStarter {
    /// The unit's full name, for example `openclaw-gateway.service`.
    pub name: String,
    /// The manager that runs it.
    pub scope: UnitScope,
    /// The unit file; `FragmentPath` of systemctl(1).
    pub file: PathBuf,
    /// Whether it starts at boot or login; `UnitFileState` of systemctl(1), for example `enabled`.
    pub enablement: String,
}

/// The service manager that a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitScope {
    /// The system's.
    System,
    /// That of the user with this id.
    User {
        /// The user id.
        uid: u32,
    },
}

impl fmt::Display for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => match unit.scope {
                UnitScope::System => write!(f, "{} (system)", unit.name),
                UnitScope::User { .. } => write!(f, "{} (user)", unit.name),
            },
            Self::Other { seen } => write!(f, "unknown ({seen})"),
        }
    }
}
