//! What a configuration says of its gateway, in the inventory's words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::accounts::accounts;
use super::agents::{agents, older_workspaces, workspace_places};
use super::bindings::{self, BindingProblem};
use super::config::MAX_ENTRIES;
use super::credentials::{FoundCredential, Unresolved, search};
use super::edges::{Relation, relations};
use super::facilities::facilities;
use super::layout;
use super::loopback::{LoopbackUrl, loopback_urls};
use super::merged::{ItemKind, Merged};
use super::relative::relative_paths;
use super::secret_file::SecretFile;
use super::secret_names::is_cut_short;
use super::value::{Resolved, environment, resolve};
use crate::inventory::{Agent, Auth, ChannelAccount, Facilities, Place};

const HOST_FALLBACK: [&str; 3] = [
    "gateway",
    "controlUi",
    "dangerouslyAllowHostHeaderOriginFallback",
];

/// What a configuration is read against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The user's home directory, for `~`.
    pub home: &'a Path,
    /// The directory that the gateway is started in, for paths that begin nowhere; empty where that is not known.
    pub directory: &'a Path,
    /// The state directory.
    pub state_directory: &'a Path,
    /// The gateway's environment: that of its process, then its `.env`.
    pub environment: &'a BTreeMap<String, String>,
}

impl Context<'_> {
    /// Returns a path as the gateway reads it; relative where the directory that it begins at is not known.
    pub(super) fn place(&self, path: &str) -> PathBuf {
        layout::place(path, self.home, self.directory)
    }
}

/// The browser that agents use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// `browser.executablePath`, and where it stands; without it the first known one is taken.
    pub executable: Option<(PathBuf, Place)>,
}

/// What a configuration says of its gateway.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `gateway.bind`.
    pub bind: Option<String>,
    /// `gateway.port`.
    pub port: Option<u16>,
    /// `gateway.mode`.
    pub mode: Option<String>,
    /// `gateway.auth`, and whether a secret for it stands anywhere.
    pub auth: Auth,
    /// `gateway.controlUi.allowedOrigins`.
    pub allowed_origins: Option<Vec<String>>,
    /// Whether the control page takes its origins from the `Host` header.
    pub falls_back_to_host: bool,
    /// The agents.
    pub agents: Vec<Agent>,
    /// Where those agents work in older releases that have no workspace of their own, by the agent's id, where that differs.
    pub older_workspaces: BTreeMap<String, PathBuf>,
    /// Where the workspaces of agents are set, by the agent's id.
    pub workspace_places: BTreeMap<String, Place>,
    /// What holds the agents together.
    pub relations: Vec<Relation>,
    /// The channel accounts.
    pub accounts: Vec<ChannelAccount>,
    /// What is odd about the bindings.
    pub binding_problems: Vec<BindingProblem>,
    /// The credentials, with their secrets.
    pub credentials: Vec<FoundCredential>,
    /// Files that hold credentials.
    pub secret_files: Vec<SecretFile>,
    /// Services on the host's loopback, the gateway's own port excepted.
    pub loopback_urls: Vec<LoopbackUrl>,
    /// What else of the host it is configured to use.
    pub facilities: Facilities,
    /// `browser`, unless it is switched off.
    pub browser: Option<Browser>,
    /// Credentials and workspaces whose values cannot be told from here.
    pub unresolved: Vec<Unresolved>,
    /// Logins of default accounts that stand nowhere, and that a variable could give: the account, and the variable.
    pub unset: Vec<(String, &'static str)>,
    /// The keys of entries that name no agent where one should be.
    pub nameless: Vec<String>,
    /// The keys whose entries are more than are looked at, [`MAX_ENTRIES`].
    pub cut: Vec<String>,
    /// Paths that begin at the directory in which the gateway is started: their keys, and where they stand.
    pub relative_paths: Vec<(String, Place)>,
    /// Whether variables also come from the user's login shell, which a scan does not run.
    pub imports_shell: bool,
}

/// Reads what a configuration says; unknown keys and odd shapes are passed over.
#[must_use]
pub fn facts(config: &Merged, context: &Context<'_>) -> Facts {
    let environment = environment(config, context);
    let context = &Context {
        environment: &environment,
        ..*context
    };
    let text = |path: &[&str]| config.get(path)?.as_str().map(str::to_owned);
    let port = config
        .get(&["gateway", "port"])
        .as_ref()
        .and_then(Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let own_port = layout::port(context.environment, port);
    let mut search = search(config, context);
    search
        .unresolved
        .extend(super::agents::unresolved(config, context));
    let accounts = accounts(config, context);
    let loopback_urls = loopback_urls(config);
    Facts {
        bind: text(&["gateway", "bind"]),
        port,
        mode: text(&["gateway", "mode"]),
        auth: auth(config, context),
        allowed_origins: allowed_origins(config),
        falls_back_to_host: config.get(&HOST_FALLBACK) == Some(Value::Bool(true)),
        agents: agents(config, context),
        older_workspaces: older_workspaces(config, context),
        workspace_places: workspace_places(config),
        relations: relations(config, &accounts),
        binding_problems: bindings::problems(config, &accounts),
        accounts,
        credentials: search.found,
        secret_files: search.files,
        cut: cut(config, search.is_cut, loopback_urls.len() > MAX_ENTRIES),
        loopback_urls: loopback_urls
            .into_iter()
            .take(MAX_ENTRIES)
            .filter(|url| url.port != Some(own_port))
            .collect(),
        facilities: facilities(config, context),
        browser: browser(config, context),
        unresolved: search.unresolved,
        unset: search.unset,
        nameless: super::agents::nameless(config),
        relative_paths: relative_paths(config),
        imports_shell: config.get(&["env", "shellEnv", "enabled"]) == Some(Value::Bool(true)),
    }
}

fn cut(config: &Merged, has_more_variables: bool, has_more_urls: bool) -> Vec<String> {
    let channels = config.find(&["channels"]).map(|channels| &channels.kind);
    let names = match channels {
        Some(ItemKind::Object(channels)) => {
            channels.iter().map(|(name, _)| name.as_str()).collect()
        }
        _ => Vec::new(),
    };
    let accounts = names
        .into_iter()
        .take(MAX_ENTRIES)
        .map(|name| vec!["channels", name, "accounts"]);
    let rosters = [
        &["agents", "list"][..],
        &["agents", "entries"],
        &["bindings"],
        &["channels"],
    ];
    let lists = rosters.into_iter().map(<[&str]>::to_vec).chain(accounts);
    let is_cut = |path: &Vec<&str>| config.find(path).is_some_and(|it| it.len() > MAX_ENTRIES);
    let lists = lists.filter(is_cut).map(|path| path.join("."));
    let secrets = is_cut_short(config).then(|| "secrets".to_owned());
    let variables = has_more_variables.then(|| "secrets in variables".to_owned());
    let urls = has_more_urls.then(|| "addresses of loopback".to_owned());
    lists
        .take(MAX_ENTRIES)
        .chain(secrets)
        .chain(variables)
        .chain(urls)
        .collect()
}

/// docs/tools/browser-linux-troubleshooting.md of 2026.9.6.
fn browser(config: &Merged, context: &Context<'_>) -> Option<Browser> {
    const PATH: [&str; 2] = ["browser", "executablePath"];
    let settings = config.get(&["browser"]).filter(Value::is_object)?;
    if settings.get("enabled") == Some(&Value::Bool(false)) {
        return None;
    }
    let path = settings.get(PATH[1]).and_then(Value::as_str);
    let path = path.filter(|path| !path.trim().is_empty());
    let executable = path.and_then(|path| {
        let path = context.place(path.trim());
        Some((path, config.place_of(&PATH)?))
    });
    Some(Browser { executable })
}

fn auth(config: &Merged, context: &Context<'_>) -> Auth {
    let is_set = |key: &str| {
        let value = config.get(&["gateway", "auth", key]);
        value.is_some_and(|value| resolve(&value, config, context) != Resolved::Nothing)
    };
    let is_exported = |name: &str| {
        let value = context.environment.get(name);
        value.is_some_and(|value| !value.trim().is_empty())
    };
    let mode = config.get(&["gateway", "auth", "mode"]);
    Auth {
        mode: mode.as_ref().and_then(Value::as_str).map(str::to_owned),
        has_secret: ["token", "password"].into_iter().any(is_set)
            || ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"]
                .into_iter()
                .any(is_exported),
    }
}

fn allowed_origins(config: &Merged) -> Option<Vec<String>> {
    let origins = config.get(&["gateway", "controlUi", "allowedOrigins"])?;
    let origins = origins.as_array()?.iter();
    Some(
        origins
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

#[cfg(test)]
mod tests;
