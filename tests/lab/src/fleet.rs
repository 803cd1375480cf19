//! What lives on a box: users, their gateways, and the agents and bots of those. Read from `fleets/*.json`.

mod config_text;
mod release;
mod settle;
mod start;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::services::{DEFAULT_ADDRESS, lab_address};

/// Everything a box is furnished with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// The fleet's name, that of its file.
    pub name: String,
    /// The URL of the Bot API all bots talk to.
    pub bot_api: String,
    /// The URL of the model server all agents talk to.
    pub model_api: String,
    /// Who lives on the box.
    pub users: Vec<User>,
}

/// A user of the box, whose services linger.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login name; the home directory is `/home/NAME`.
    pub name: String,
    /// The numeric id of the user and of the group of the same name.
    pub uid: u32,
    /// The groups that it is in beside that one.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The gateways that run as this user.
    pub gateways: Vec<Gateway>,
}

/// One gateway with a state directory of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The state directory, absolute.
    pub state_directory: String,
    /// The configuration file, absolute [default: `openclaw.json` in the state directory].
    #[serde(default)]
    pub config: Option<String>,
    /// How the configuration is kept.
    #[serde(default)]
    pub kept: Kept,
    /// The port it listens on.
    pub port: u16,
    /// The port that the configuration names, where `--port` or the environment win over it.
    #[serde(default)]
    pub config_port: Option<u16>,
    /// The OpenClaw release; those beside the newest are in [`crate::server::RELEASES_IMAGE`].
    pub release: String,
    /// Where the release is installed.
    #[serde(default)]
    pub install: Install,
    /// How the program is called.
    #[serde(default)]
    pub entry: Entry,
    /// What starts it and brings it back.
    pub starter: Starter,
    /// The `--profile` it is called with.
    #[serde(default)]
    pub profile: Option<String>,
    /// The arguments after `gateway run`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The variables that its starter gives it.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The canary in the place of the gateway's token.
    pub token: String,
    /// The canary in the place of the model provider's key.
    pub model_key: String,
    /// The agents; the first one is the system agent.
    pub agents: Vec<Agent>,
    /// Files somebody left in the state directory.
    #[serde(default)]
    pub stray_files: Vec<StrayFile>,
}

/// What starts a gateway and brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Starter {
    /// The user unit that `openclaw gateway install` writes.
    SystemdUser,
    /// A unit of the system, written by hand.
    SystemdSystem,
    /// An instance of a user's template, with an environment file beside it.
    SystemdTemplate,
    /// A line of the user's crontab for the boot; one a box, for it is fired by restarting cron.
    CronReboot,
    /// A line of the user's crontab that starts it again each minute, through a script.
    CronWatchdog,
    /// pm2, which a unit of the system resurrects.
    Pm2,
    /// A session of tmux.
    Tmux,
    /// A session of screen.
    Screen,
    /// A script that starts it again whenever it ends.
    ShellLoop,
    /// `nohup` from a login that is over.
    Nohup,
    /// A container of somebody else's, on the host's network.
    Container,
}

/// How a configuration is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// In one file.
    #[default]
    Whole,
    /// Agents and models in files of their own below `config/`, which it includes.
    InParts,
    /// In `dotfiles/` below the user's home, with a link in its place.
    Linked,
}

/// Where a release is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Install {
    /// For all users: the newest release under `/usr/local`, others under `/opt`.
    #[default]
    Shared,
    /// Below the user's home, in the shape that nvm makes.
    Nvm,
}

/// How the program is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// `openclaw gateway run`, which writes a title over its arguments.
    #[default]
    Launcher,
    /// `node …/dist/index.js gateway run`, as units do.
    Script,
}

/// An agent with the bot that is bound to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The agent's id.
    pub id: String,
    /// The workspace, absolute.
    pub workspace: String,
    /// The Telegram bot.
    pub bot: Bot,
}

/// A Telegram bot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bot {
    /// The account's name in the configuration.
    pub account: String,
    /// A canary in the shape of a bot token: digits, a colon, 35 characters.
    pub token: String,
    /// What the configuration says in the place of the token [default: `botToken: "TOKEN"`].
    #[serde(default)]
    pub written: Option<String>,
}

/// A file in a state directory that does not belong to OpenClaw.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrayFile {
    /// Where it lies, relative to the state directory.
    pub path: String,
    /// The name of its owner.
    pub owner: String,
    /// Its mode, octal.
    pub mode: String,
    /// What is in it.
    pub content: String,
}

/// Why a fleet cannot be read.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The file is not there or not readable.
    #[error("read the fleet `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no fleet.
    #[error("parse the fleet `{}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        source: serde_json::Error,
    },
}

impl Fleet {
    /// Reads a fleet from a file and lets it talk to [`lab_address`].
    pub fn read(path: &Path) -> Result<Self, FleetError> {
        let text = fs::read_to_string(path).map_err(|source| FleetError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = text.replace(DEFAULT_ADDRESS, &lab_address().to_string());
        serde_json::from_str(&text).map_err(|source| FleetError::Parse {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads one of the fleets that come with the lab, by name.
    pub fn named(name: &str) -> Result<Self, FleetError> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleets");
        Self::read(&directory.join(name).with_extension("json"))
    }

    /// Returns every bot token of the fleet, in the order of the file.
    #[must_use]
    pub fn bot_tokens(&self) -> Vec<&str> {
        let agents = self
            .users
            .iter()
            .flat_map(|user| &user.gateways)
            .flat_map(|gateway| &gateway.agents);
        agents.map(|agent| agent.bot.token.as_str()).collect()
    }

    /// Returns every canary: what must never show up in a plan, a journal, a log or a report.
    #[must_use]
    pub fn canaries(&self) -> Vec<&str> {
        let gateways = self.users.iter().flat_map(|user| &user.gateways);
        let own = gateways.flat_map(|gateway| [gateway.token.as_str(), gateway.model_key.as_str()]);
        own.chain(self.bot_tokens()).collect()
    }
}

impl User {
    /// Returns the user's home directory.
    #[must_use]
    pub fn home(&self) -> String {
        format!("/home/{}", self.name)
    }
}

impl Gateway {
    /// Returns the path of the configuration file.
    #[must_use]
    pub fn config_path(&self) -> String {
        let usual = || format!("{}/openclaw.json", self.state_directory);
        self.config.clone().unwrap_or_else(usual)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    #[test]
    fn first_light_holds_three_agents_and_five_canaries() {
        let fleet = Fleet::named("first-light").unwrap();
        assert_eq!((fleet.bot_tokens().len(), fleet.canaries().len()), (3, 5));
    }

    #[test]
    fn bot_tokens_have_the_shape_of_bot_tokens() {
        for token in Fleet::named("first-light").unwrap().bot_tokens() {
            let (digits, secret) = token.split_once(':').unwrap();
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{token}");
            assert_eq!(secret.len(), 35, "{token}");
        }
    }
}
