//! Which keys and variables hold secrets, by their names, and what each is called.
//!
//! Where a release has its keys changes: docs/reference/secretref-credential-surface.md of 2026.5.28 and of 2026.9.6 share
//! about half, and plugins bring their own. What they agree on is how such a key is named.

use serde_json::Value;

use super::config::MAX_ENTRIES;
use super::merged::{Item, ItemKind, Merged};

/// How the name of a secret ends, in lower case and without `_` and `-`.
const ENDINGS: [&str; 10] = [
    "apikey",
    "token",
    "secret",
    "password",
    "passphrase",
    "privatekey",
    "accesskey",
    "secretkey",
    "authorization",
    "authtag",
];
/// Keys whose entries are named by whoever wrote the configuration: the name tells whose the secret is.
const NAMED: [&str; 5] = ["providers", "entries", "servers", "mcpServers", "personas"];
/// Keys between an owner and its secret that say nothing.
const PLAIN: [&str; 6] = ["auth", "remote", "config", "request", "headers", "env"];

/// Returns whether a key or a variable is named as one that holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['_', '-'], "");
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns the paths of all texts and references under such names, at most [`MAX_ENTRIES`], in the order of the file.
pub(super) fn secret_paths(config: &Merged) -> Vec<Vec<String>> {
    let mut paths = all_paths(config);
    paths.truncate(MAX_ENTRIES);
    paths
}

/// Returns whether there are more than [`secret_paths`] gives.
pub(super) fn is_cut_short(config: &Merged) -> bool {
    all_paths(config).len() > MAX_ENTRIES
}

/// Returns one more than is given away, where there are as many.
fn all_paths(config: &Merged) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    collect(&config.root, &mut Vec::new(), &mut paths);
    paths
}

fn collect(item: &Item, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let mut below = |name: &str, item: &Item| {
        if paths.len() > MAX_ENTRIES {
            return;
        }
        path.push(name.to_owned());
        if is_secret_name(name) && is_value(item) {
            paths.push(path.clone());
        } else {
            collect(item, path, paths);
        }
        path.pop();
    };
    match &item.kind {
        ItemKind::Object(entries) => entries.iter().for_each(|(name, item)| below(name, item)),
        ItemKind::Array(elements) => {
            let elements = elements.iter().enumerate();
            elements.for_each(|(index, item)| below(&index.to_string(), item));
        }
        ItemKind::Scalar(_) => {}
    }
}

/// Whether it is a text, or a reference to one.
fn is_value(item: &Item) -> bool {
    match &item.kind {
        ItemKind::Scalar(value) => value.is_string(),
        ItemKind::Object(entries) => {
            let is_text = |(_, item): &(String, Item)| {
                matches!(&item.kind, ItemKind::Scalar(Value::String(_)))
            };
            let text = |key: &str| entries.iter().any(|it| it.0 == key && is_text(it));
            text("source") && text("id")
        }
        ItemKind::Array(_) => false,
    }
}

/// What a secret is, from the keys that lead to it: `gateway token`, `openai API key`.
pub(super) fn kind_of(path: &[String]) -> String {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some((last, above)) = path.split_last() else {
        return String::new();
    };
    if above.first() == Some(&"env") {
        return kind_of_variable(last);
    }
    if let ["gateway", "remote"] = above {
        return format!("remote gateway {}", words(last));
    }
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    // The entries of `agents` are agents, which say nothing of what the secret is for.
    let is_roster = |at: usize| at == 1 && above.first() == Some(&"agents");
    let named = above.iter().rposition(|it| NAMED.contains(it));
    let named = named.filter(|at| !is_roster(*at));
    let named = named.and_then(|at| above.get(at + 1));
    let mut plain = above.iter().rev();
    let plain = plain.find(|it| !PLAIN.contains(it) && !is_number(it));
    let channel = above.get(1).filter(|_| above.first() == Some(&"channels"));
    let owner = named.or(channel).or(plain).copied().unwrap_or_default();
    format!("{owner} {}", words(last)).trim_start().to_owned()
}

/// What the secret of a variable is: `anthropic API key` for `ANTHROPIC_API_KEY`.
pub(super) fn kind_of_variable(name: &str) -> String {
    match (name, name.strip_suffix("_API_KEY")) {
        ("OPENCLAW_GATEWAY_TOKEN" | "CLAWDBOT_GATEWAY_TOKEN", _) => "gateway token".to_owned(),
        ("OPENCLAW_GATEWAY_PASSWORD" | "CLAWDBOT_GATEWAY_PASSWORD", _) => {
            "gateway password".to_owned()
        }
        (_, Some(owner)) if !owner.is_empty() => {
            format!("{} API key", owner.to_ascii_lowercase().replace('_', "-"))
        }
        _ => format!("variable {name}"),
    }
}

/// `botToken` as words: `bot token`.
pub(super) fn words(key: &str) -> String {
    if key == "apiKey" {
        return "API key".to_owned();
    }
    let mut words = String::new();
    for character in key.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let paths = secret_paths(&Merged::alone(text)).into_iter();
        paths
            .map(|path| format!("{}: {}", path.join("."), kind_of(&path)))
            .collect()
    }

    #[test]
    fn secrets_are_told_by_their_names_wherever_they_stand() {
        let text = "{talk: {apiKey: 'a', providers: {loud: {apiKey: 'b'}}}, gateway: {auth: {mode: 'token', token: 'c',
            password: {source: 'env', provider: 'default', id: 'D'}}, remote: {token: 'e'}},
            plugins: {entries: {find: {config: {webSearch: {apiKey: 'f'}}}}}, tools: {web: {search: {apiKey: 'g'}}},
            models: {providers: {p: {headers: {Authorization: 'h', Accept: 'x'}, models: [{maxTokens: 5}]}}},
            agents: {list: [{id: 'a', memorySearch: {remote: {apiKey: 'i'}}}], entries: {joe: {tts: {providers: {say: {apiKey: 'j'}}},
            memory: {search: {remote: {apiKey: 'k'}}}}}}, env: {vars: {GIT_TOKEN: 'l', MY_API_KEY: 'm', COLOUR: 'x'}},
            hooks: {token: 'n', mappings: [{sessionKey: 'x'}]}, odd: {token: {a: {secret: 'o'}}, password: 3},
            channels: {discord: {botToken: 'p', voice: {tts: {providers: {say: {apiKey: 'q'}}}}}}}";
        let expected = [
            "talk.apiKey: talk API key",
            "talk.providers.loud.apiKey: loud API key",
            "gateway.auth.token: gateway token",
            "gateway.auth.password: gateway password",
            "gateway.remote.token: remote gateway token",
            "plugins.entries.find.config.webSearch.apiKey: find API key",
            "tools.web.search.apiKey: search API key",
            "models.providers.p.headers.Authorization: p authorization",
            "agents.list.0.memorySearch.remote.apiKey: memorySearch API key",
            "agents.entries.joe.tts.providers.say.apiKey: say API key",
            "agents.entries.joe.memory.search.remote.apiKey: search API key",
            "env.vars.GIT_TOKEN: variable GIT_TOKEN",
            "env.vars.MY_API_KEY: my API key",
            "hooks.token: hooks token",
            "odd.token.a.secret: a secret",
            "channels.discord.botToken: discord bot token",
            "channels.discord.voice.tts.providers.say.apiKey: say API key",
        ];
        assert_eq!(kinds(text), expected);
    }

    #[test]
    fn no_more_paths_are_taken_than_a_configuration_has_entries() {
        let many: Vec<_> = (0..2_000)
            .map(|n| format!("a{n}: {{token: 'x'}}"))
            .collect();
        let paths = secret_paths(&Merged::alone(&format!("{{{}}}", many.join(","))));
        assert_eq!(paths.len(), MAX_ENTRIES);
    }
}
