//! Files that hold a credential: named by a key, by a provider of secrets, or written by a channel's login.

use std::path::PathBuf;

use serde_json::Value;

use super::credentials::{FoundCredential, public_id};
use crate::inventory::Exclusivity;
use crate::secret::Secret;

/// The largest file that OpenClaw reads a secret from, in bytes: 1 MiB, docs/gateway/secrets/secretref-contract.md.
const MAX_SECRET_BYTES: usize = 1024 * 1024;

/// A file that holds a credential, to be read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The keys that lead to its name, or the channel whose login writes it.
    pub key: String,
    /// The file.
    pub path: PathBuf,
    /// What the credential is, for example `telegram bot token`.
    pub kind: String,
    /// The channel account that it serves, as `channel/account`.
    pub account: Option<String>,
    /// How many processes may hold it.
    pub exclusivity: Exclusivity,
    /// Whether OpenClaw reads it through a link.
    pub may_be_link: bool,
    /// Whether it may be missing: there was no login then.
    pub is_optional: bool,
    pub(super) part: Part,
}

/// Which part of a file is the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, without blanks around it.
    Whole,
    /// The first of these JSON pointers (RFC 6901) that leads to something.
    Pointers(Vec<String>),
}

impl SecretFile {
    /// Takes the credential out of the file's text; its places are left to the caller.
    ///
    /// # Errors
    ///
    /// Says why there is none, in words that never quote the file.
    pub fn credential(&self, text: &[u8]) -> Result<FoundCredential, &'static str> {
        if text.len() > MAX_SECRET_BYTES {
            return Err("the file is larger than 1 MiB");
        }
        let text = str::from_utf8(text).map_err(|_| "the file is not UTF-8")?;
        let secret = match &self.part {
            Part::Whole => text.trim().to_owned(),
            Part::Pointers(pointers) => pointed(text, pointers)?,
        };
        if secret.is_empty() {
            return Err("there is nothing in the file");
        }
        Ok(FoundCredential {
            kind: self.kind.clone(),
            public_id: public_id(&self.kind, &secret),
            secret: Secret::new(secret),
            account: self.account.clone(),
            key: self.key.clone(),
            places: Vec::new(),
            exclusivity: self.exclusivity,
        })
    }
}

fn pointed(text: &str, pointers: &[String]) -> Result<String, &'static str> {
    let text = text.trim_start_matches('\u{feff}');
    let file: Value = serde_json::from_str(text).map_err(|_| "the file is not JSON")?;
    let mut values = pointers.iter().filter_map(|pointer| file.pointer(pointer));
    match values.find(|value| !value.is_null()) {
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(other) => Ok(other.to_string()),
        None => Err("the file does not have that key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(part: Part) -> SecretFile {
        SecretFile {
            key: "k".into(),
            path: "/f".into(),
            kind: "telegram bot token".into(),
            account: Some("telegram/default".into()),
            exclusivity: Exclusivity::OnePoller,
            may_be_link: false,
            is_optional: false,
            part,
        }
    }

    fn read(part: Part, text: &[u8]) -> Result<String, &'static str> {
        let found = file(part).credential(text)?;
        Ok(found.secret.expose().to_owned())
    }

    #[test]
    fn a_whole_file_is_a_secret_without_the_blanks_around_it() {
        assert_eq!(read(Part::Whole, b" 72:AAA\n").as_deref(), Ok("72:AAA"));
        assert_eq!(
            read(Part::Whole, b"\n"),
            Err("there is nothing in the file")
        );
        assert_eq!(read(Part::Whole, b"\xff"), Err("the file is not UTF-8"));
        let huge = vec![b'a'; MAX_SECRET_BYTES + 1];
        assert_eq!(
            read(Part::Whole, &huge),
            Err("the file is larger than 1 MiB")
        );
        let found = file(Part::Whole).credential(b"72:AAA").expect("a token");
        assert_eq!(found.public_id, "tg:72");
    }

    #[test]
    fn a_pointer_leads_to_a_part_of_a_file() {
        let pointers =
            |all: &[&str]| Part::Pointers(all.iter().map(|it| (*it).to_owned()).collect());
        let text = br#"{"a/b": {"c": "x"}, "n": {"d": 1}}"#;
        assert_eq!(read(pointers(&["/a~1b/c"]), text).as_deref(), Ok("x"));
        assert_eq!(
            read(pointers(&["/none", "/n"]), text).as_deref(),
            Ok("{\"d\":1}")
        );
        assert_eq!(
            read(pointers(&["/none"]), text),
            Err("the file does not have that key")
        );
        assert_eq!(
            read(pointers(&["/a"]), b"SEKRET"),
            Err("the file is not JSON")
        );
    }
}
