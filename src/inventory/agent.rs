//! Agents, the channel accounts that reach them, and the credentials that these hold.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::KeyedHash;

/// One agent of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its id in the configuration.
    pub id: String,
    /// Its workspace, with links resolved where it exists.
    pub workspace: PathBuf,
}

/// A login of a channel, for example one Telegram bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelAccount {
    /// The channel, for example `telegram`.
    pub channel: String,
    /// The account's id in the configuration; `default` for a credential at the channel itself.
    pub id: String,
    /// Whether the gateway starts it.
    pub enabled: bool,
    /// The agents that bindings name for it.
    pub agents: Vec<String>,
}

/// How many live processes may hold a credential at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exclusivity {
    /// One process may poll with it; a second one takes its messages away.
    OnePoller,
    /// One process may be logged in with it: a second one answers too, or spoils the session's files.
    OneSession,
    /// Any number.
    Shareable,
}

impl Exclusivity {
    /// Returns whether only one process may hold it.
    #[must_use]
    pub fn is_exclusive(self) -> bool {
        match self {
            Self::OnePoller | Self::OneSession => true,
            Self::Shareable => false,
        }
    }
}

/// A secret and every place where it stands, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// What it is, for example `telegram bot token`.
    pub kind: String,
    /// The part of it that is public, shortened: `tg:7214…31`; empty where nothing of it is public.
    pub public_id: String,
    /// Its keyed hash.
    pub hash: KeyedHash,
    /// How many processes may hold it.
    pub exclusivity: Exclusivity,
    /// The channel account that it serves, as `channel/account`, where it serves one.
    pub account: Option<String>,
    /// Where it stands.
    pub places: Vec<Place>,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where there is one.
    pub line: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::display::path(&self.path))?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}
