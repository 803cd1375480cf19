use std::path::Path;

use super::*;
use crate::openclaw::facts::{Facts, facts};

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

/// What is found, as `kind value account class`.
fn found(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let found = read(text, variables).credentials.into_iter();
    found
        .map(|it| {
            let account = it.account.unwrap_or_default();
            format!(
                "{} {} {account} {:?}",
                it.kind,
                it.secret.expose(),
                it.exclusivity
            )
        })
        .collect()
}

fn files(text: &str) -> Vec<String> {
    let files = read(text, &[]).secret_files.into_iter();
    files
        .map(|it| {
            format!(
                "{} {} {}",
                it.kind,
                it.path.display(),
                it.account.unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn every_channel_has_its_keys_at_the_top_and_in_accounts() {
    let text = "{channels: {discord: {token: 'a', pluralkit: {token: 'b'}, accounts: {x: {token: 'c'}}},
        slack: {accounts: {y: {botToken: 'd', appToken: 'e', signingSecret: 'f', relay: {authToken: 'g'}}}},
        line: {channelAccessToken: 'h'}, irc: {nickserv: {password: 'i'}}, mine: {botToken: 'j', colour: 'k'}}}";
    let expected = [
        "discord token a discord/default OneSession",
        "discord pluralkit token b discord/default Shareable",
        "discord token c discord/x OneSession",
        "slack app token e slack/y OnePoller",
        "slack bot token d slack/y OneSession",
        "slack signing secret f slack/y Shareable",
        "slack relay auth token g slack/y OneSession",
        "line channel access token h line/default Shareable",
        "irc nickserv password i irc/default OneSession",
        "mine bot token j mine/default OneSession",
    ];
    assert_eq!(found(text, &[]), expected);
}

#[test]
fn a_token_at_the_top_and_accounts_stand_side_by_side() {
    let text = "{channels: {telegram: {botToken: '1:a', accounts: {work: {botToken: '2:b'}}}}}";
    let expected = [
        "telegram bot token 1:a telegram/default OnePoller",
        "telegram bot token 2:b telegram/work OnePoller",
    ];
    assert_eq!(found(text, &[]), expected);
    let facts = read(text, &[]);
    let ids: Vec<_> = facts.accounts.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["default", "work"]);
}

#[test]
fn a_variable_makes_a_default_account_beside_others() {
    let text = "{channels: {telegram: {accounts: {work: {botToken: '2:b'}}}}}";
    let set = [("TELEGRAM_BOT_TOKEN", "1:a")];
    assert_eq!(found(text, &set).len(), 2);
    let facts = read(text, &set);
    let ids: Vec<_> = facts.accounts.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["default", "work"]);
    let own = "{channels: {telegram: {accounts: {default: {botToken: '2:b'}}}}}";
    assert_eq!(
        found(own, &set),
        ["telegram bot token 2:b telegram/default OnePoller"]
    );
}

#[test]
fn a_token_file_beats_the_token() {
    let text = "{channels: {telegram: {botToken: '1:a', tokenFile: '~/t'}}}";
    assert_eq!(
        found(text, &[]),
        ["telegram bot token, not used 1:a  Shareable"]
    );
    assert_eq!(
        files(text),
        ["telegram bot token /home/joe/t telegram/default"]
    );
    assert_eq!(found(text, &[("TELEGRAM_BOT_TOKEN", "3:c")]).len(), 1);
    let line = "{channels: {line: {tokenFile: '/t', secretFile: '/s'}}}";
    let expected = [
        "line channel access token /t line/default",
        "line channel secret /s line/default",
    ];
    assert_eq!(files(line), expected);
}

#[test]
fn sessions_of_linked_devices_are_files() {
    let text =
        "{channels: {whatsapp: {accounts: {a: {}, b: {authDir: '/w'}, '../c': {}}}, matrix: {}}}";
    let expected = [
        "whatsapp session /home/joe/.openclaw/credentials/whatsapp/a/creds.json whatsapp/a",
        "whatsapp session /w/creds.json whatsapp/b",
        "matrix session /home/joe/.openclaw/credentials/matrix/credentials.json matrix/default",
    ];
    assert_eq!(files(text), expected);
    let session = read(text, &[]).secret_files.remove(0);
    let one = br#"{"me": {"id": "1"}, "signedIdentityKey": {"private": {"type": "Buffer", "data": "AAA="}}}"#;
    let found = session.credential(one).expect("a session");
    assert_eq!(found.secret.expose(), "AAA=");
}

#[test]
fn a_value_of_the_configurations_own_variables_stands_in_two_places() {
    let text = "{env: {vars: {\nT: '1:a'}},\nchannels: {telegram: {botToken: '${T}'}}}";
    let lines: Vec<_> = read(text, &[])
        .credentials
        .remove(0)
        .places
        .into_iter()
        .map(|it| it.line)
        .collect();
    assert_eq!(lines, [Some(3), Some(2)]);
}

#[test]
fn keys_of_models_skills_and_hooks_are_found() {
    let text = "{models: {providers: {x: {apiKey: 'a'}}}, skills: {entries: {y: {apiKey: 'b'}}}, hooks: {token: 'c'}}";
    let expected = [
        "x API key a  Shareable",
        "y API key b  Shareable",
        "hooks token c  Shareable",
    ];
    assert_eq!(found(text, &[]), expected);
}

#[test]
fn invented_keys_and_wrong_shapes_are_passed_over() {
    for text in [
        "{channels: {telegram: true, discord: [], slack: {accounts: [{botName: 'x'}]}}}",
        "{channels: {telegram: {botToken: {}, accounts: {a: 1, b: null}}}}",
        "{channels: 'all', models: {providers: [1]}, env: {vars: 3}, secrets: []}",
        "{channels: {telegram: {botToken: {source: 3, id: []}, tokenFile: []}}}",
    ] {
        assert_eq!(found(text, &[]), [""; 0], "{text}");
    }
}

#[test]
fn a_secret_under_a_key_that_is_nobodys_is_told_and_a_known_one_once() {
    let text = "{channels: {discord: {botToken: '${D}', token: 'a'}, telegram: {botToken: '1:b', accounts: {x: {token: 'c'}}}},
        talk: {apiKey: 'd'}, tools: {web: {search: {apiKey: '${NONE}'}}}}";
    let expected = [
        "talk API key d  Shareable",
        "discord token a discord/default OneSession",
        "telegram bot token 1:b telegram/default OnePoller",
        "telegram token c  Shareable",
    ];
    assert_eq!(found(text, &[]), expected);
    let facts = read(text, &[]);
    let unresolved: Vec<_> = facts.unresolved.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(
        unresolved,
        ["tools.web.search.apiKey", "channels.discord.botToken"]
    );
}

#[test]
fn variables_that_speak_of_secrets_are_credentials() {
    let set = [
        ("ANTHROPIC_API_KEY", "a"),
        ("OPENCLAW_GATEWAY_TOKEN", "b"),
        ("TELEGRAM_BOT_TOKEN", "c"),
        ("GIT_TOKEN", " "),
        ("LANG", "C"),
    ];
    let text = "{env: {vars: {BRAVE_API_KEY: 'd', OTHER_API_KEY: '${NONE}'}}}";
    let expected = [
        "brave API key d  Shareable",
        "anthropic API key a  Shareable",
        "brave API key d  Shareable",
        "gateway token b  Shareable",
    ];
    assert_eq!(found(text, &set), expected);
    let unresolved = read(text, &set).unresolved;
    let key = unresolved.first().map(|it| it.key.as_str());
    assert_eq!(key, Some("env.vars.OTHER_API_KEY"));
}
