//! The credentials of a configuration: where they stand, what they open, and how many processes may hold them.

use serde_json::Value;

use super::accounts::{DEFAULT, channels};
use super::channels::{SESSION_FILES, is_channel_variable, secret_keys};
use super::config::MAX_ENTRIES;
use super::facts::Context;
use super::merged::{Item, ItemKind, Merged};
use super::secret_file::{Part, SecretFile};
use super::secret_names::{is_secret_name, kind_of, kind_of_variable, secret_paths, words};
use super::value::{FilePart, Resolved, resolve};
use crate::inventory::{Exclusivity, Place};
use crate::secret::Secret;

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
    pub places: Vec<Place>,
    /// How many processes may hold it.
    pub exclusivity: Exclusivity,
}

/// A credential whose value cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The keys that lead to it.
    pub key: String,
    /// Why, without the value.
    pub why: String,
    /// Where it stands, or should stand.
    pub place: Option<Place>,
    /// How many processes may hold it.
    pub exclusivity: Exclusivity,
}

/// What a search for credentials came to.
#[derive(Default)]
pub(super) struct Search {
    pub(super) found: Vec<FoundCredential>,
    pub(super) files: Vec<SecretFile>,
    pub(super) unresolved: Vec<Unresolved>,
    /// Logins of default accounts that stand nowhere and that a variable could give: the account, and the variable.
    pub(super) unset: Vec<(String, &'static str)>,
    /// Whether more variables speak of secrets than are looked at.
    pub(super) is_cut: bool,
}

/// Searches everything beside the channels, then the channels, then what else their sections and the variables hold: what
/// stands in several places is called after the first.
pub(super) fn search(config: &Merged, context: &Context<'_>) -> Search {
    let mut searching = Searching {
        config,
        context,
        search: Search::default(),
    };
    let (others, rest): (Vec<_>, Vec<_>) = secret_paths(config).into_iter().partition(|path| {
        !path
            .first()
            .is_some_and(|it| it == "channels" || it == "env")
    });
    for path in &others {
        searching.other(path);
    }
    for (channel, section) in channels(config) {
        searching.channel(&channel, &section);
    }
    for path in rest {
        if !searching.knows(&path.join(".")) {
            searching.other(&path);
        }
    }
    searching.plain_variables();
    searching.search
}

struct Searching<'a> {
    config: &'a Merged,
    context: &'a Context<'a>,
    search: Search,
}

impl Searching<'_> {
    /// A secret that no channel account signs in with.
    fn other(&mut self, path: &[String]) {
        self.take(path, &kind_of(path), None, Exclusivity::Shareable);
    }

    fn knows(&self, key: &str) -> bool {
        let Search {
            found,
            files,
            unresolved,
            unset: _,
            is_cut: _,
        } = &self.search;
        found.iter().any(|it| it.key == key)
            || files.iter().any(|it| it.key == key)
            || unresolved.iter().any(|it| it.key == key)
    }

    /// Variables that speak of a secret; those of channels count only where the channel does.
    fn plain_variables(&mut self) {
        let variables = self.context.environment.iter();
        let secrets = variables.filter(|(name, value)| {
            is_secret_name(name) && !value.trim().is_empty() && !is_channel_variable(name)
        });
        let mut secrets = secrets;
        for (name, value) in secrets.by_ref().take(MAX_ENTRIES) {
            let value = value.trim();
            self.search.found.push(FoundCredential {
                kind: kind_of_variable(name),
                public_id: String::new(),
                secret: Secret::new(value),
                account: None,
                key: format!("environment {name}"),
                places: self.own_variable(value).into_iter().collect(),
                exclusivity: Exclusivity::Shareable,
            });
        }
        self.search.is_cut = secrets.next().is_some();
    }

    fn channel(&mut self, channel: &str, section: &Value) {
        self.section(&["channels", channel], DEFAULT, section);
        let accounts = section.get("accounts").and_then(Value::as_object);
        for (id, account) in accounts.into_iter().flatten().take(MAX_ENTRIES) {
            self.section(&["channels", channel, "accounts", id], id, account);
        }
        let ids = super::accounts::ids(self.context, channel, section);
        self.variables(channel, section, &ids);
        for id in &ids {
            self.session(channel, id, section);
        }
    }

    /// The secrets of a section. A token in a file beats the one that is written out, which nobody uses then.
    fn section(&mut self, path: &[&str], id: &str, section: &Value) {
        let channel = path.get(1).copied().unwrap_or_default();
        let account = format!("{channel}/{id}");
        let has_file = self.token_file(channel, path, &account, section);
        for secret in secret_keys(channel) {
            let path: Vec<String> = path
                .iter()
                .chain(secret.key)
                .map(|key| (*key).to_owned())
                .collect();
            let kind = kind(channel, secret.key);
            if has_file && matches!(secret.key, ["botToken" | "channelAccessToken"]) {
                self.take(
                    &path,
                    &format!("{kind}, not used"),
                    None,
                    Exclusivity::Shareable,
                );
            } else {
                self.take(&path, &kind, Some(&account), secret.exclusivity);
            }
        }
    }

    fn token_file(&mut self, channel: &str, path: &[&str], account: &str, section: &Value) -> bool {
        let mut has_token = false;
        for (name, of) in [("tokenFile", 0), ("secretFile", 1)] {
            let Some(value) = section.get(name) else {
                continue;
            };
            let path = [path, &[name]].concat();
            let key = path.join(".");
            let secret = secret_keys(channel).nth(of);
            let exclusivity = secret.map_or(Exclusivity::OneSession, |secret| secret.exclusivity);
            match resolve(value, self.config, self.context) {
                Resolved::Text(file) => {
                    has_token |= name == "tokenFile";
                    self.search.files.push(SecretFile {
                        key,
                        path: self.context.place(&file),
                        kind: kind(channel, secret.map_or(&["token"], |secret| secret.key)),
                        account: Some(account.to_owned()),
                        exclusivity,
                        may_be_link: channel != "telegram",
                        is_optional: false,
                        part: Part::Whole,
                    });
                }
                Resolved::Unresolved(why) => self.unresolved(&path, why, exclusivity),
                Resolved::File(_) | Resolved::Nothing => {}
            }
        }
        has_token
    }

    fn take<K: AsRef<str>>(
        &mut self,
        path: &[K],
        kind: &str,
        account: Option<&str>,
        exclusivity: Exclusivity,
    ) {
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let Some(value) = self.config.get(&path) else {
            return;
        };
        let key = path.join(".");
        let account = account.map(str::to_owned);
        match resolve(&value, self.config, self.context) {
            Resolved::Text(text) => {
                let mut places: Vec<_> = self.config.place_of(&path).into_iter().collect();
                places.extend(
                    self.own_variable(&text)
                        .filter(|place| !places.contains(place)),
                );
                self.search.found.push(FoundCredential {
                    kind: kind.to_owned(),
                    public_id: public_id(kind, &text),
                    secret: Secret::new(text),
                    account,
                    key,
                    places,
                    exclusivity,
                });
            }
            Resolved::File(FilePart { path, pointer }) => self.search.files.push(SecretFile {
                key,
                path,
                kind: kind.to_owned(),
                account,
                exclusivity,
                may_be_link: false,
                is_optional: false,
                part: pointer.map_or(Part::Whole, |pointer| Part::Pointers(vec![pointer])),
            }),
            Resolved::Unresolved(why) => self.unresolved(&path, why, exclusivity),
            Resolved::Nothing => {}
        }
    }

    /// Where the configuration's own variables hold this text.
    fn own_variable(&self, text: &str) -> Option<Place> {
        let vars = self.config.find(&["env", "vars"])?;
        let ItemKind::Object(vars) = &vars.kind else {
            return None;
        };
        let is_this = |item: &Item| match &item.kind {
            ItemKind::Scalar(Value::String(value)) => value.trim() == text,
            ItemKind::Scalar(_) | ItemKind::Object(_) | ItemKind::Array(_) => false,
        };
        let (_, item) = vars.iter().find(|(_, item)| is_this(item))?;
        Some(self.config.place(item.at))
    }

    fn unresolved(&mut self, path: &[&str], why: String, exclusivity: Exclusivity) {
        self.search.unresolved.push(Unresolved {
            key: path.join("."),
            why,
            place: self.config.place_of(path),
            exclusivity,
        });
    }

    /// Variables serve the `default` account where neither a key nor a file does.
    fn variables(&mut self, channel: &str, section: &Value, ids: &[String]) {
        let account = format!("{channel}/{DEFAULT}");
        let own = section
            .get("accounts")
            .and_then(|accounts| accounts.get(DEFAULT));
        for secret in secret_keys(channel) {
            let Some(variable) = secret.variable else {
                continue;
            };
            let kind = kind(channel, secret.key);
            let is_written = [Some(section), own].into_iter().flatten().any(|section| {
                secret
                    .key
                    .iter()
                    .try_fold(section, |value, key| value.get(key))
                    .is_some()
            });
            let has_file = self
                .search
                .files
                .iter()
                .any(|file| file.kind == kind && file.account.as_ref() == Some(&account));
            if is_written || has_file {
                continue;
            }
            let text = self.context.environment.get(variable);
            let text = text.map(|text| text.trim()).filter(|it| !it.is_empty());
            if let Some(text) = text {
                self.search.found.push(FoundCredential {
                    public_id: public_id(&kind, text),
                    kind,
                    secret: Secret::new(text),
                    account: Some(account.clone()),
                    key: format!("environment {variable}"),
                    places: self.own_variable(text).into_iter().collect(),
                    exclusivity: secret.exclusivity,
                });
            } else if secret.exclusivity.is_exclusive() && ids.iter().any(|id| id == DEFAULT) {
                self.search.unset.push((account.clone(), variable));
            }
        }
    }

    /// The file that a login wrote, for channels that link a device.
    fn session(&mut self, channel: &str, id: &str, section: &Value) {
        for file in SESSION_FILES.iter().filter(|file| file.channel == channel) {
            let own = section
                .get("accounts")
                .and_then(|accounts| accounts.get(id));
            let directory = [own, (id == DEFAULT).then_some(section)];
            let directory = directory
                .into_iter()
                .flatten()
                .find_map(|section| section.get("authDir")?.as_str());
            let path = match directory {
                Some(directory) => self.context.place(directory).join("creds.json"),
                None if id.contains('/') || id.contains("..") => continue,
                None => self
                    .context
                    .state_directory
                    .join(file.path.replace("{}", id)),
            };
            self.search.files.push(SecretFile {
                key: format!("channels.{channel}"),
                path,
                kind: format!("{channel} session"),
                account: Some(format!("{channel}/{id}")),
                exclusivity: Exclusivity::OneSession,
                may_be_link: true,
                is_optional: true,
                part: Part::Pointers(file.pointers.iter().map(|it| (*it).to_owned()).collect()),
            });
        }
    }
}

/// What a channel's secret is: `telegram bot token`.
fn kind(channel: &str, key: &[&str]) -> String {
    let words: Vec<_> = key.iter().map(|key| words(key)).collect();
    format!("{channel} {}", words.join(" "))
}

/// The part of a secret that is public: of a Telegram token the bot's id before the colon, shortened.
pub(super) fn public_id(kind: &str, token: &str) -> String {
    if !kind.starts_with("telegram bot token") {
        return String::new();
    }
    let id = token.split_once(':').map(|(id, _)| id).unwrap_or_default();
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let ends = (
        id.get(..4),
        id.len().checked_sub(2).and_then(|at| id.get(at..)),
    );
    match (is_number, ends) {
        (true, (Some(first), Some(last))) if id.len() > 6 => format!("tg:{first}…{last}"),
        (true, _) => format!("tg:{id}"),
        (false, _) => String::new(),
    }
}

#[cfg(test)]
mod tests;
