#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use super::*;
use crate::inventory::Exclusivity;

fn read(text: &str, variables: &[(&str, &str)]) -> Facts {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let context = Context {
        home: Path::new("/home/joe"),
        directory: Path::new("/home/joe"),
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
    let unset = |text: &str, variables: &[(&str, &str)]| {
        let unset = read(text, variables).unset.into_iter();
        let unset = unset.map(|(account, variable)| format!("{account} {variable}"));
        unset.collect::<Vec<_>>()
    };
    let expected = ["telegram/default TELEGRAM_BOT_TOKEN"];
    assert_eq!(unset("{channels: {telegram: {}}}", &[]), expected);
    assert_eq!(unset("{channels: {telegram: {}}}", &variables), [""; 0]);
    for text in [
        "{channels: {telegram: {botToken: '${T}'}}}",
        "{channels: {telegram: {tokenFile: '/t'}}}",
        "{channels: {telegram: {accounts: {a: {}}}}}",
    ] {
        assert_eq!(unset(text, &[]), [""; 0], "{text}");
    }
}

#[test]
fn agents_work_where_the_release_lets_them() {
    assert_eq!(workspaces("{}"), ["main /home/joe/.openclaw/workspace"]);
    let list =
        "{agents: {list: [{id: 'main', default: true}, {id: 'b'}, {id: 'c', workspace: '~/c'}]}}";
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
    let list = "{agents: [{id: 'a', workspace: '/a'}]}";
    assert_eq!(workspaces(list), ["main /home/joe/.openclaw/workspace"]);
    assert_eq!(read(list, &[]).nameless, ["agents"]);
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
    let text = "{agents: {defaults: {workspace: '${D}'}, list: [{id: 'a', workspace: '${W}/a'}]}}";
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
