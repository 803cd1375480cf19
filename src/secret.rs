//! Secrets and their keyed hashes: a [`Secret`] has no `Display`, and what leaves this module is a [`KeyedHash`].

use std::fmt;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Separates this tool's hashes from every other use of the machine's id.
const CONTEXT: &str = "ocmigrate 2026-11-24 keyed hash of a credential";

/// A secret from the line it is read to the line it is written; it is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text in as a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// Returns the text itself, for hashing and for writing it back where it came from.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The length from which a word with letters and digits is taken for a secret: OpenClaw's and the providers' tokens are
/// longer, versions and times shorter.
const SECRET_LENGTH: usize = 20;

/// Returns the text with these secrets masked, and every word that looks like one.
#[must_use]
pub fn masked(text: &str, known: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in known {
        text = text.replace(secret.expose(), "…");
    }
    let is_inner =
        |character: char| character.is_ascii_alphanumeric() || "_-:+=".contains(character);
    let mut masked = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest
            .find(|character| !is_inner(character))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        masked.push_str(if looks_secret(word) { "…" } else { word });
        let mut after = after.chars();
        masked.extend(after.next());
        rest = after.as_str();
    }
    masked
}

/// Times hold no more letters than `T` and `Z`.
fn looks_secret(word: &str) -> bool {
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    let has_digit = word.contains(|character: char| character.is_ascii_digit());
    word.len() >= SECRET_LENGTH && has_digit && letters > 3
}

/// The first 16 hexadecimal digits of a keyed BLAKE3 hash: equal between runs on one host, different between hosts.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct KeyedHash(String);

impl KeyedHash {
    /// Returns the first four digits, enough for a person to compare two lines.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..4).unwrap_or(&self.0)
    }
}

impl fmt::Display for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.short())
    }
}

/// Makes keyed hashes for one host.
#[derive(Clone)]
pub struct Hasher {
    key: [u8; blake3::KEY_LEN],
}

impl Hasher {
    /// Derives the key from the content of `/etc/machine-id` (machine-id(5)), which is itself never shown.
    #[must_use]
    pub fn for_machine(machine_id: &str) -> Self {
        Self {
            key: blake3::derive_key(CONTEXT, machine_id.trim().as_bytes()),
        }
    }

    /// Hashes some bytes.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> KeyedHash {
        let digest = blake3::keyed_hash(&self.key, bytes).to_hex();
        KeyedHash(digest.as_str().get(..16).unwrap_or_default().to_owned())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_agrees_between_runs_and_differs_between_hosts() {
        let (one, other) = (Hasher::for_machine("a\n"), Hasher::for_machine("b"));
        assert_eq!(one.hash(b"token"), Hasher::for_machine("a").hash(b"token"));
        assert_ne!(one.hash(b"token"), other.hash(b"token"));
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
