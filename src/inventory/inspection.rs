//! What one file or directory says, read without looking at processes.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Agent, ChannelAccount, Config, Credential, Edge, Finding, Starter};

/// What was understood of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// The path as it was given.
    pub path: PathBuf,
    /// What stands there.
    pub subject: Subject,
    /// What is wrong with it, worst first.
    pub findings: Vec<Finding>,
    /// What could not be told.
    pub unseen: Vec<String>,
}

impl Inspection {
    /// Returns the configuration that stands there, or in the directory.
    #[must_use]
    pub fn config(&self) -> Option<&Config> {
        match &self.subject {
            Subject::Config(facts) | Subject::StateDirectory(facts) => Some(&facts.config),
            Subject::Unit(_) | Subject::Crontab(_) | Subject::Pm2Dump(_) | Subject::Unknown => None,
        }
    }
}

/// The kinds of files and directories that are understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Subject {
    /// A configuration of OpenClaw.
    Config(ConfigFacts),
    /// A state directory, with the configuration in it.
    StateDirectory(ConfigFacts),
    /// A unit file of systemd.
    Unit(UnitFacts),
    /// A crontab.
    Crontab(StartFacts),
    /// A dump of pm2.
    Pm2Dump(StartFacts),
    /// Nothing that is understood.
    Unknown,
}

/// What a configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigFacts {
    /// The file and its settings.
    pub config: Config,
    /// Its agents.
    pub agents: Vec<Agent>,
    /// What it says that holds its agents together.
    pub edges: Vec<Edge>,
    /// Its channel accounts.
    pub accounts: Vec<ChannelAccount>,
    /// Its credentials, each once.
    pub credentials: Vec<Credential>,
}

/// What a unit file says; never its command, which may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitFacts {
    /// Whether it starts a gateway of OpenClaw.
    pub starts_gateway: bool,
    /// The value of `--port`.
    pub port: Option<u16>,
    /// `User=`.
    pub user: Option<String>,
    /// The names of the variables that it sets.
    pub variables: Vec<String>,
    /// Its files with more variables.
    pub environment_files: Vec<PathBuf>,
}

/// What a file says that starts several things; never the commands, which may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartFacts {
    /// Its entries that start a gateway of OpenClaw, in order.
    pub starts: Vec<Start>,
}

/// One entry that starts a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The entry.
    pub starter: Starter,
    /// The user that the gateway would run as.
    pub user: String,
    /// The gateway's state directory, where no variable of a shell hides it.
    pub state_directory: Option<PathBuf>,
    /// The value of `--port`.
    pub port: Option<u16>,
}
