//! The values of a configuration that no message may show.

use serde_json::Value;

use super::Document;
use crate::secret::Secret;

/// Words of keys whose values are secret; docs/reference/secretref-credential-surface.md.
const SECRET_WORDS: [&str; 5] = ["token", "secret", "password", "key", "account"];
/// Shorter values are words of everyday text.
const SHORTEST: usize = 6;

/// Returns the texts under keys of a configuration that speak of secrets; none where it cannot be read.
#[must_use]
pub fn known_secrets(config: &[u8]) -> Vec<Secret> {
    let mut secrets = Vec::new();
    if let Ok(document) = Document::parse(config) {
        collect(&document.value(), false, &mut secrets);
    }
    secrets
}

/// Returns whether a name speaks of a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Returns the value as a secret, unless it is too short to be one.
pub(super) fn long_enough(value: &str) -> Option<Secret> {
    (value.len() >= SHORTEST).then(|| Secret::new(value))
}

fn collect(value: &Value, is_secret: bool, secrets: &mut Vec<Secret>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                // A group of accounts is named so, and holds more than secrets.
                collect(member, is_secret_name(name) && !member.is_object(), secrets);
            }
        }
        Value::Array(members) => members
            .iter()
            .for_each(|member| collect(member, is_secret, secrets)),
        Value::String(text) if is_secret => secrets.extend(long_enough(text)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_under_secret_names_are_known_and_others_are_not() {
        let config = br#"{ gateway: { auth: { mode: "token-mode", token: "s3cret-1" } }, models: { a: { apiKey: 's3cret-2',
            api: "openai" } }, channels: { t: { accounts: { x: { botToken: "s3cret-3" } } } } }"#;
        let known = known_secrets(config);
        let known: Vec<_> = known.iter().map(Secret::expose).collect();
        assert_eq!(known, ["s3cret-1", "s3cret-2", "s3cret-3"]);
        assert!(known_secrets(b"{").is_empty());
    }
}
