//! The credentials of a configuration: where they stand, what they open, and how many processes may hold them.

use std::path::PathBuf;

use serde_json::Value;

use super::accounts::{DEFAULT, channels};
use super::facts::Context;
use super::layout::expand;
use super::merged::Merged;
use super::value::{Resolved, resolve};
use crate::inventory::{Exclusivity, Place};
use crate::secret::Secret;

/// Keys of a channel that log in; one process may. Not established for every channel, so the careful answer.
/// docs/reference/secretref-credential-surface.md of the package lists the keys.
const LOGIN_KEYS: [&str; 8] = [
    "botToken",
    "token",
    "appToken",
    "userToken",
    "accessToken",
    "channelAccessToken",
    "privateKey",
    "password",
];
/// Keys of a channel that check or sign what comes in; any number of processes may hold them.
const OTHER_KEYS: [&str; 12] = [
    "webhookSecret",
    "signingSecret",
    "appSecret",
    "encryptKey",
    "verificationToken",
    "channelSecret",
    "appPassword",
    "clientSecret",
    "botSecret",
    "authToken",
    "serviceAccount",
    "apiKey",
];
/// Variables that log the `default` account in where its section names nothing.
const VARIABLES: [(&str, &str, &str); 7] = [
    ("telegram", "botToken", "TELEGRAM_BOT_TOKEN"),
    ("discord", "token", "DISCORD_BOT_TOKEN"),
    ("slack", "botToken", "SLACK_BOT_TOKEN"),
    ("slack", "appToken", "SLACK_APP_TOKEN"),
    ("mattermost", "botToken", "MATTERMOST_BOT_TOKEN"),
    ("matrix", "accessToken", "MATRIX_ACCESS_TOKEN"),
    ("line", "channelAccessToken", "LINE_CHANNEL_ACCESS_TOKEN"),
];

/// A credential with its secret, to be hashed and dropped.
#[derive(Debug, Clone)]
pub struct FoundCredential {
    /// What it is, for example `telegram bot token`.
    pub kind: String,
    /// The secret itself.
    pub secret: Secret,
    /// The part of it that is public, shortened; empty where nothing of it is public.
    pub public_id: String,
    /// The channel account that it serves, as `channel/account`.
    pub account: Option<String>,
    /// The keys that lead to it; `environment NAME` where it stands in a variable only.
    pub key: String,
    /// Where it stands in the configuration.
    pub place: Option<Place>,
    /// How many processes may hold it.
    pub exclusivity: Exclusivity,
}

/// A file that holds a credential; to be read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    /// The keys that lead to its name.
    pub key: String,
    /// The file.
    pub path: PathBuf,
    /// The channel account that it serves, as `channel/account`.
    pub account: String,
}

/// What a search for credentials came to.
#[derive(Default)]
pub(super) struct Search {
    pub(super) found: Vec<FoundCredential>,
    pub(super) files: Vec<TokenFile>,
    pub(super) unresolved: Vec<String>,
}

/// Makes a credential of the text of a telegram token, for example of a [`TokenFile`]'s.
#[must_use]
pub fn telegram_token(text: &str, account: &str, key: &str) -> FoundCredential {
    credential(
        "telegram",
        "botToken",
        text.trim(),
        Some(account),
        key.to_owned(),
        None,
    )
}

pub(super) fn is_login_key(key: &str) -> bool {
    LOGIN_KEYS.contains(&key) || matches!(key, "tokenFile" | "appId" | "appSecret")
}

/// Searches the gateway's own secrets, the models' keys and the channels.
pub(super) fn search(config: &Merged, context: &Context<'_>) -> Search {
    let mut search = Search::default();
    for key in ["token", "password"] {
        search.take(
            config,
            context,
            &["gateway", "auth", key],
            &format!("gateway {key}"),
            None,
        );
    }
    let providers = config.get(&["models", "providers"]);
    for name in providers
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|map| map.keys())
    {
        let path = ["models", "providers", name, "apiKey"];
        search.take(config, context, &path, &format!("{name} API key"), None);
    }
    for (channel, section) in channels(config) {
        search.channel(config, context, &channel, &section);
    }
    search
}

impl Search {
    fn channel(&mut self, config: &Merged, context: &Context<'_>, channel: &str, section: &Value) {
        let path = ["channels", channel];
        self.section(config, context, &path, DEFAULT, section);
        let accounts = section.get("accounts").and_then(Value::as_object);
        for (id, account) in accounts.into_iter().flatten() {
            let path = ["channels", channel, "accounts", id];
            self.section(config, context, &path, id, account);
        }
        self.variables(context, channel);
    }

    fn section(
        &mut self,
        config: &Merged,
        context: &Context<'_>,
        path: &[&str],
        id: &str,
        section: &Value,
    ) {
        let channel = path.get(1).copied().unwrap_or_default();
        let account = format!("{channel}/{id}");
        for key in section
            .as_object()
            .into_iter()
            .flat_map(|section| section.keys())
        {
            let path = [path, &[key.as_str()]].concat();
            if matches!(key.as_str(), "tokenFile" | "secretFile") {
                self.file(config, context, &path, &account);
            } else if LOGIN_KEYS.contains(&key.as_str()) || OTHER_KEYS.contains(&key.as_str()) {
                self.take(
                    config,
                    context,
                    &path,
                    &format!("{channel} {}", words(key)),
                    Some(&account),
                );
            }
        }
    }

    fn take(
        &mut self,
        config: &Merged,
        context: &Context<'_>,
        path: &[&str],
        kind: &str,
        account: Option<&str>,
    ) {
        let Some(value) = config.get(path) else {
            return;
        };
        let key = path.join(".");
        let (area, name) = (
            path.get(1).copied().unwrap_or_default(),
            path.last().copied().unwrap_or_default(),
        );
        match resolve(&value, context.environment) {
            Resolved::Text(text) => {
                let place = config.place_of(path);
                let found = credential(area, name, &text, account, key, place);
                self.found.push(FoundCredential {
                    kind: kind.to_owned(),
                    ..found
                });
            }
            Resolved::Unresolved(why) => self.unresolved.push(format!("{key}: {why}")),
            Resolved::Nothing => {}
        }
    }

    fn file(&mut self, config: &Merged, context: &Context<'_>, path: &[&str], account: &str) {
        let key = path.join(".");
        match config
            .get(path)
            .map(|value| resolve(&value, context.environment))
        {
            Some(Resolved::Text(text)) => self.files.push(TokenFile {
                key,
                path: expand(&text, context.home),
                account: account.to_owned(),
            }),
            Some(Resolved::Unresolved(why)) => self.unresolved.push(format!("{key}: {why}")),
            Some(Resolved::Nothing) | None => {}
        }
    }

    /// Variables serve the `default` account where neither a key nor a file does.
    fn variables(&mut self, context: &Context<'_>, channel: &str) {
        let account = format!("{channel}/{DEFAULT}");
        for (_, key, variable) in VARIABLES.iter().filter(|(of, _, _)| *of == channel) {
            let kind = format!("{channel} {}", words(key));
            let is_named = self.files.iter().any(|file| file.account == account)
                || self
                    .found
                    .iter()
                    .any(|found| found.kind == kind && found.account.as_ref() == Some(&account));
            let text = context
                .environment
                .get(*variable)
                .map(|text| text.trim())
                .filter(|text| !text.is_empty());
            if let Some(text) = text.filter(|_| !is_named) {
                let key_path = format!("environment {variable}");
                self.found.push(credential(
                    channel,
                    key,
                    text,
                    Some(&account),
                    key_path,
                    None,
                ));
            }
        }
    }
}

fn credential(
    area: &str,
    name: &str,
    text: &str,
    account: Option<&str>,
    key: String,
    place: Option<Place>,
) -> FoundCredential {
    let is_login = account.is_some() && LOGIN_KEYS.contains(&name);
    let is_telegram = area == "telegram" && name == "botToken";
    FoundCredential {
        kind: format!("{area} {}", words(name)),
        secret: Secret::new(text),
        public_id: if is_telegram {
            telegram_id(text)
        } else {
            String::new()
        },
        account: account.map(str::to_owned),
        key,
        place,
        exclusivity: if is_login {
            Exclusivity::OnePoller
        } else {
            Exclusivity::Shareable
        },
    }
}

/// The bot's id, which is public and stands before the colon, shortened; empty for what is no token.
fn telegram_id(token: &str) -> String {
    let id = token.split_once(':').map(|(id, _)| id).unwrap_or_default();
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    match (
        is_number,
        id.get(..4),
        id.len().checked_sub(2).and_then(|at| id.get(at..)),
    ) {
        (true, Some(first), Some(last)) if id.len() > 6 => format!("tg:{first}…{last}"),
        (true, _, _) => format!("tg:{id}"),
        (false, _, _) => String::new(),
    }
}

/// `botToken` as words: `bot token`.
fn words(key: &str) -> String {
    let mut words = String::new();
    for character in key.chars() {
        if character.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}
