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
    /// The state directory.
    pub state_directory: &'a Path,
    /// The gateway's environment: that of its process, then its `.env`.
    pub environment: &'a BTreeMap<String, String>,
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
    /// The keys of entries that name no agent where one should be.
    pub nameless: Vec<String>,
    /// The keys whose entries are more than are looked at, [`MAX_ENTRIES`].
    pub cut: Vec<String>,
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
        loopback_urls: loopback_urls(config)
            .into_iter()
            .filter(|url| url.port != Some(own_port))
            .collect(),
        facilities: facilities(config, context),
        browser: browser(config, context),
        unresolved: search.unresolved,
        nameless: super::agents::nameless(config),
        cut: cut(config, search.is_cut),
        imports_shell: config.get(&["env", "shellEnv", "enabled"]) == Some(Value::Bool(true)),
    }
}

fn cut(config: &Merged, has_more_variables: bool) -> Vec<String> {
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
    lists
        .take(MAX_ENTRIES)
        .chain(secrets)
        .chain(variables)
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
        let path = layout::expand(path.trim(), context.home);
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
#[expect(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::inventory::Exclusivity;

    fn read(text: &str, variables: &[(&str, &str)]) -> Facts {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let context = Context {
            home: Path::new("/home/joe"),
            state_directory: Path::new("/home/joe/.openclaw"),
            environment: &variables.collect(),
        };
        facts(&Merged::alone(text), &context)
    }

    fn workspaces(text: &str) -> Vec<String> {
        let agents = read(text, &[]).agents.into_iter();
        agents
            .map(|agent| format!("{} {}", agent.id, agent.workspace.display()))
            .collect()
    }

    const TWO_BOTS: &str = r#"{
      gateway: {port: 23000, mode: "local", auth: {mode: "token", token: "${GATE}"}},
      models: {providers: {local: {baseUrl: "http://127.0.0.1:9700/v1", apiKey: "sk-x"}}},
      channels: {telegram: {
        botToken: "7214000031:AAA",
        accounts: {work: {botToken: "${WORK}"}, old: {enabled: false, tokenFile: "~/t"}}}},
      bindings: [{agentId: "a", match: {channel: "telegram"}},
                 {agentId: "b", match: {channel: "telegram", accountId: "work"}},
                 {agentId: "c", match: {channel: "telegram", accountId: "*"}}]}"#;

    #[test]
    fn telegram_accounts_have_their_agents() {
        let facts = read(TWO_BOTS, &[]);
        let shown: Vec<_> = facts
            .accounts
            .iter()
            .map(|a| (a.id.as_str(), a.enabled, a.agents.join(",")))
            .collect();
        let expected = [
            ("default", true, "a,c"),
            ("work", true, "b,c"),
            ("old", false, "c"),
        ];
        assert_eq!(
            shown,
            expected.map(|(id, enabled, agents)| (id, enabled, agents.to_owned()))
        );
    }

    #[test]
    fn credentials_are_found_where_they_stand() {
        let facts = read(TWO_BOTS, &[("WORK", "961:BBB")]);
        let shown: Vec<_> = facts
            .credentials
            .iter()
            .map(|c| {
                let line = c.places.first().and_then(|place| place.line);
                (c.key.as_str(), c.public_id.as_str(), line)
            })
            .collect();
        let expected = [
            ("models.providers.local.apiKey", "", Some(3)),
            ("channels.telegram.botToken", "tg:7214…31", Some(5)),
            (
                "channels.telegram.accounts.work.botToken",
                "tg:961",
                Some(6),
            ),
        ];
        assert_eq!(shown, expected);
        assert_eq!(facts.credentials[2].secret.expose(), "961:BBB");
        assert_eq!(
            facts.credentials[2].account.as_deref(),
            Some("telegram/work")
        );
        assert_eq!(facts.credentials[1].exclusivity, Exclusivity::OnePoller);
        assert_eq!(facts.credentials[0].exclusivity, Exclusivity::Shareable);
        let unresolved = &facts.unresolved[0];
        assert_eq!(unresolved.key, "gateway.auth.token");
        assert_eq!(unresolved.why, "variable GATE is not set");
        assert_eq!(facts.secret_files[0].path, Path::new("/home/joe/t"));
        assert_eq!(facts.loopback_urls[0].address, "127.0.0.1:9700");
    }

    #[test]
    fn a_variable_serves_the_default_account_where_the_file_does_not() {
        let variables = [("TELEGRAM_BOT_TOKEN", "1234567:CCC")];
        let found = read("{channels: {telegram: {enabled: true}}}", &variables).credentials;
        assert_eq!(found[0].key, "environment TELEGRAM_BOT_TOKEN");
        assert_eq!(found[0].account.as_deref(), Some("telegram/default"));
        assert!(read("{}", &variables).credentials.is_empty());
        assert_eq!(read(TWO_BOTS, &variables).credentials.len(), 2);
    }

    #[test]
    fn agents_work_where_the_release_lets_them() {
        assert_eq!(workspaces("{}"), ["main /home/joe/.openclaw/workspace"]);
        let list = "{agents: {list: [{id: 'main', default: true}, {id: 'b'}, {id: 'c', workspace: '~/c'}]}}";
        let expected = [
            "main /home/joe/.openclaw/workspace",
            "b /home/joe/.openclaw/workspace-b",
            "c /home/joe/c",
        ];
        assert_eq!(workspaces(list), expected);
        let odd = "{agents: {list: [{id: 'Big One'}, {id: 'big-one'}, {id: 3}, 'x', {}]}}";
        assert_eq!(workspaces(odd), ["Big One /home/joe/.openclaw/workspace"]);
        let nameless = ["agents.list.2", "agents.list.3", "agents.list.4"];
        assert_eq!(read(odd, &[]).nameless, nameless);
        let both = "{agents: {entries: {a: {}, constructor: {}, b: 1}, list: [{id: 'c'}]}}";
        let expected = [
            "a /home/joe/.openclaw/workspace-a",
            "constructor /home/joe/.openclaw/workspace-constructor",
        ];
        assert_eq!(workspaces(both), expected);
        let keyed = "{agents: {defaults: {workspace: '/w'}, entries: {main: {}, b: {}}}}";
        assert_eq!(workspaces(keyed), ["main /w", "b /w/b"]);
        let unmarked = "{agents: {list: [{id: 'b'}, {id: 'main'}]}}";
        let expected = [
            "b /home/joe/.openclaw/workspace",
            "main /home/joe/.openclaw/workspace-main",
        ];
        assert_eq!(workspaces(unmarked), expected);
    }

    #[test]
    fn older_releases_keep_agents_without_a_workspace_in_the_state_directory() {
        let text = "{agents: {defaults: {workspace: '/w'}, list: [{id: 'a'}, {id: 'b'}, {id: 'c', workspace: '/c'}]}}";
        let older = read(text, &[]).older_workspaces;
        let expected = ("b".to_owned(), "/home/joe/.openclaw/workspace-b".into());
        assert_eq!(older, BTreeMap::from([expected]));
        let plain = "{agents: {list: [{id: 'a'}, {id: 'b'}]}}";
        assert!(read(plain, &[]).older_workspaces.is_empty());
    }

    #[test]
    fn a_workspace_under_a_variable_that_is_not_set_is_told() {
        let text =
            "{agents: {defaults: {workspace: '${D}'}, list: [{id: 'a', workspace: '${W}/a'}]}}";
        let told = |variables: &[(&str, &str)]| {
            let unresolved = read(text, variables).unresolved.into_iter();
            let told = unresolved.map(|it| format!("{}: {}", it.key, it.why));
            told.collect::<Vec<_>>()
        };
        let expected = [
            "agents.defaults.workspace: variable D is not set",
            "agents.list.0.workspace: variable W is not set",
        ];
        assert_eq!(told(&[]), expected);
        assert_eq!(told(&[("D", "/d"), ("W", "/w")]), [""; 0]);
    }

    #[test]
    fn origins_and_the_secret_of_the_gateway_are_seen() {
        let facts = read("{gateway: {controlUi: {allowedOrigins: ['a', 1]}}}", &[]);
        assert_eq!(facts.allowed_origins, Some(vec!["a".to_owned()]));
        assert!(!facts.auth.has_secret);
        assert!(
            read("{}", &[("OPENCLAW_GATEWAY_TOKEN", "t")])
                .auth
                .has_secret
        );
    }

    #[test]
    fn lists_that_are_too_long_to_be_looked_at_are_named() {
        let many = |entry: &dyn Fn(usize) -> String| {
            let entries: Vec<_> = (0..=MAX_ENTRIES).map(entry).collect();
            entries.join(",")
        };
        let text = format!(
            "{{agents: {{list: [{}]}}, bindings: [{}], channels: {{telegram: {{accounts: {{{}}}}}, slack: {{accounts: {{a: {{}}}}}}}}}}",
            many(&|n| format!("{{id: 'a{n}'}}")),
            many(&|_| "{}".to_owned()),
            many(&|n| format!("b{n}: {{botToken: '{n}'}}")),
        );
        let expected = [
            "agents.list",
            "bindings",
            "channels.telegram.accounts",
            "secrets",
        ];
        assert_eq!(read(&text, &[]).cut, expected);
        assert_eq!(read(TWO_BOTS, &[]).cut, [""; 0]);
    }

    #[test]
    fn odd_shapes_are_passed_over() {
        for text in [
            "[]",
            "1",
            "{agents: [{id: 'x'}]}",
            "{channels: [], bindings: 3, gateway: {port: '${P}'}}",
        ] {
            assert_eq!(read(text, &[]).agents[0].id, "main", "{text}");
        }
    }
}
