//! What agents need of their host: programs and libraries that a container must have, and what in their files speaks of it.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;

/// A program or library that a gateway's agents use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Its name: of a program as it is called, of a library its soname.
    pub name: String,
    /// Who needs it.
    pub kind: NeedKind,
    /// Where it lies on this host, links resolved; `None` where it was not found.
    pub path: Option<PathBuf>,
    /// The Debian package that owns it on this host, where one does.
    pub package: Option<String>,
    /// The first place that names it.
    pub place: Option<Place>,
}

/// Who needs a program or library.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NeedKind {
    /// A skill declares it: `requires.bins` or `requires.anyBins` of its `SKILL.md`.
    Skill,
    /// A script of a workspace begins with it.
    Interpreter,
    /// It was seen running under the gateway.
    Running,
    /// A native module is linked with it.
    Library,
    /// The configuration names it, or it is the first one that OpenClaw would find.
    Browser,
}

impl fmt::Display for NeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skill => "skill",
            Self::Interpreter => "interpreter",
            Self::Running => "running",
            Self::Library => "library",
            Self::Browser => "browser",
        })
    }
}

/// Something in an agent's own files that reaches out to the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostReference {
    /// The agent's id.
    pub agent: String,
    /// The file and line.
    pub place: Place,
    /// What it reaches.
    pub kind: ReferenceKind,
    /// The word, the path, or the address as `host:port`; nothing else of the line.
    pub what: String,
}

/// What of the host a reference reaches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// The service manager: `systemctl`, `loginctl`.
    Services,
    /// The journal: `journalctl`.
    Journal,
    /// A container engine: `docker exec` and its like.
    Docker,
    /// Another machine, or this one from outside: `ssh`.
    Ssh,
    /// A path that is there on this host and lies outside of what a container would see.
    Path,
    /// A service on loopback.
    Loopback,
}

impl fmt::Display for ReferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Services => "services",
            Self::Journal => "journal",
            Self::Docker => "docker",
            Self::Ssh => "ssh",
            Self::Path => "path",
            Self::Loopback => "loopback",
        })
    }
}
