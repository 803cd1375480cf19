//! The change that a gateway needs to be reached in a container: `gateway.bind` becomes `lan`, and back.
//!
//! What is kept for the way back ([`Rewrite`]) goes into a journal: it holds the changed stretches, never the file.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Document;
use super::config::ConfigError;
pub use super::edit::TextEdit;
use super::edit::{apply_all, remove, set, take_back_all};
use super::merged::Merged;
use super::release::{Version, needs_allowed_origins};
use crate::inventory::Place;
use crate::secret::{Hasher, KeyedHash};

const BIND: [&str; 2] = ["gateway", "bind"];
const TAILSCALE: [&str; 3] = ["gateway", "tailscale", "mode"];
const ORIGINS: [&str; 3] = ["gateway", "controlUi", "allowedOrigins"];

/// Says why the bind cannot be rewritten.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RewriteError {
    /// The file does not parse.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key on the way stands twice.
    #[error("line {line}: `{key}` stands there a second time")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the second one.
        line: u32,
    },
    /// Something on the way is no object.
    #[error("line {line}: `{key}` is no object")]
    NotAnObject {
        /// The key.
        key: String,
        /// Its line.
        line: u32,
    },
    /// The gateway is bound in a way that has no equal in a container.
    #[error("line {line}: `{key}` ties the gateway to an address of this host")]
    Tied {
        /// The key.
        key: String,
        /// Its line.
        line: u32,
    },
    /// The bind is no mode of OpenClaw's.
    #[error("line {line}: `gateway.bind` is no mode that OpenClaw knows")]
    UnknownBind {
        /// Its line.
        line: u32,
    },
    /// An edit did not come out as intended, so none is made.
    #[error("`{key}` could not be set without touching anything else")]
    Unsafe {
        /// The key.
        key: String,
    },
}

/// A rewritten text and the way back.
pub struct Rewritten {
    /// The whole new file; it holds the secrets of the old one.
    pub text: Vec<u8>,
    /// What was changed.
    pub rewrite: Rewrite,
}

/// What was changed in a configuration, without anything else of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The changed stretches, in the order in which they are made.
    pub edits: Vec<TextEdit>,
    /// The same as values, in the same order.
    pub changes: Vec<Change>,
    /// The keyed hash of the file before.
    pub before: KeyedHash,
    /// The keyed hash of the file after.
    pub after: KeyedHash,
}

/// A changed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// How many of these keys, from the left, led to something before.
    pub stood: usize,
    /// What stood there; `None` where nothing did.
    pub old: Option<Value>,
    /// What stands there now.
    pub new: Value,
}

/// A text after the way back.
pub struct UndoneText {
    /// The whole file.
    pub text: Vec<u8>,
    /// What was left as it is, because somebody else changed it since; one sentence each, without values.
    pub left: Vec<String>,
}

/// Rewrites a configuration so that its gateway can be reached from outside its container.
///
/// `bind` is `gateway.bind` as it counts, included files put in; what the file itself says goes before. A bind that is
/// `lan` already gives an empty rewrite. Included files are left alone, for other gateways may include them too: a key
/// beside an `$include` counts more than what is included (docs/gateway/configuration/common-tasks.md; 2026.9.6).
pub fn for_container(
    text: &[u8],
    bind: Option<&str>,
    port: u16,
    version: &Version,
    hasher: &Hasher,
) -> Result<Rewritten, RewriteError> {
    let document = Document::parse(text)?;
    refuse_hard_forms(&document)?;
    let mut draft = Draft {
        text: text.to_vec(),
        edits: Vec::new(),
        changes: Vec::new(),
    };
    let bind = document.get(&BIND).or_else(|| bind.map(Value::from));
    if bind != Some(json!("lan")) {
        draft.set(&BIND, json!("lan"))?;
        if needs_allowed_origins(version) && document.get(&ORIGINS).is_none() {
            let origin = |host| format!("http://{host}:{port}");
            draft.set(&ORIGINS, json!([origin("localhost"), origin("127.0.0.1")]))?;
        }
    }
    let Draft {
        text: new_text,
        edits,
        changes,
    } = draft;
    let (before, after) = (hasher.hash(text), hasher.hash(&new_text));
    Ok(Rewritten {
        text: new_text,
        rewrite: Rewrite {
            edits,
            changes,
            before,
            after,
        },
    })
}

impl Rewrite {
    /// Returns whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Returns the keys whose values are no longer as they were written; all of them where the text does not parse.
    #[must_use]
    pub fn find_lost(&self, now: &[u8]) -> Vec<String> {
        let document = Document::parse(now).ok();
        let stands = |change: &&Change| {
            let path: Vec<&str> = change.path.iter().map(String::as_str).collect();
            let value = document.as_ref().and_then(|document| document.get(&path));
            value.as_ref() != Some(&change.new)
        };
        let lost = self.changes.iter().filter(stands);
        lost.map(|change| change.path.join(".")).collect()
    }

    /// Returns the string values of the changes, old and new; a report may show these, and no others.
    #[must_use]
    pub fn spoken(&self) -> Vec<String> {
        let values = self
            .changes
            .iter()
            .flat_map(|change| change.old.iter().chain([&change.new]));
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// Makes the same edits again; `None` where the text is not the one that they were made for.
    #[must_use]
    pub fn redo(&self, now: &[u8], hasher: &Hasher) -> Option<Vec<u8>> {
        if hasher.hash(now) == self.after {
            return Some(now.to_vec());
        }
        let text = apply_all(now, &self.edits).filter(|_| hasher.hash(now) == self.before)?;
        (hasher.hash(&text) == self.after).then_some(text)
    }

    /// Takes the changes back: byte for byte where the file is as it was left, else only the values that are still ours.
    ///
    /// A second call changes nothing.
    pub fn undo(&self, now: &[u8], hasher: &Hasher) -> Result<UndoneText, RewriteError> {
        match self.undo_text(now, hasher) {
            Some(text) => Ok(UndoneText {
                text,
                left: Vec::new(),
            }),
            None => self.undo_values(now),
        }
    }

    fn undo_text(&self, now: &[u8], hasher: &Hasher) -> Option<Vec<u8>> {
        if hasher.hash(now) == self.before {
            return Some(now.to_vec());
        }
        let text = take_back_all(now, &self.edits).filter(|_| hasher.hash(now) == self.after)?;
        (hasher.hash(&text) == self.before).then_some(text)
    }

    fn undo_values(&self, now: &[u8]) -> Result<UndoneText, RewriteError> {
        let mut undone = UndoneText {
            text: now.to_vec(),
            left: Vec::new(),
        };
        for change in self.changes.iter().rev() {
            if let Some(text) = change.undo(&undone.text)? {
                undone.text = text;
            } else {
                let key = change.path.join(".");
                undone
                    .left
                    .push(format!("`{key}` was changed since and is left as it is"));
            }
        }
        Ok(undone)
    }
}

impl Change {
    /// Returns the text with the old value; `None` where somebody else changed it.
    fn undo(&self, text: &[u8]) -> Result<Option<Vec<u8>>, RewriteError> {
        let document = Document::parse(text)?;
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let now = document.get(&path);
        if now == self.old {
            return Ok(Some(text.to_vec()));
        }
        if now.as_ref() != Some(&self.new) {
            return Ok(None);
        }
        let edits = match &self.old {
            Some(old) => set(&document, &path, old),
            None => remove(&document, self.path_of_ours(&document, &path)),
        };
        let text = edits.and_then(|edits| apply_all(text, &edits));
        text.map(Some).ok_or_else(|| unsafe_edit(&path))
    }

    /// The path of the outermost object that this change made and that holds nothing else now.
    fn path_of_ours<'a>(&self, document: &Document, path: &'a [&'a str]) -> &'a [&'a str] {
        let holds_only_ours = |length: &usize| {
            let value = document.get(path.get(..*length).unwrap_or_default());
            value.is_some_and(|value| is_chain(&value, path.get(*length..).unwrap_or_default()))
        };
        let outermost = (self.stood + 1..path.len()).find(holds_only_ours);
        path.get(..outermost.unwrap_or(path.len())).unwrap_or(path)
    }
}

/// Whether every object down the path has one key only.
fn is_chain(value: &Value, path: &[&str]) -> bool {
    let Some((key, rest)) = path.split_first() else {
        return true;
    };
    let object = value.as_object().filter(|object| object.len() == 1);
    object
        .and_then(|object| object.get(*key))
        .is_some_and(|below| is_chain(below, rest))
}

struct Draft {
    text: Vec<u8>,
    edits: Vec<TextEdit>,
    changes: Vec<Change>,
}

impl Draft {
    fn set(&mut self, path: &[&str], new: Value) -> Result<(), RewriteError> {
        let document = Document::parse(&self.text)?;
        let edits = set(&document, path, &new).ok_or_else(|| unsafe_edit(path))?;
        self.text = apply_all(&self.text, &edits).ok_or_else(|| unsafe_edit(path))?;
        self.edits.extend(edits);
        let stands = |length: &usize| {
            document
                .get(path.get(..*length).unwrap_or_default())
                .is_some()
        };
        self.changes.push(Change {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            stood: (1..=path.len()).take_while(stands).count(),
            old: document.get(path),
            new,
        });
        Ok(())
    }
}

fn unsafe_edit(path: &[&str]) -> RewriteError {
    RewriteError::Unsafe {
        key: path.join("."),
    }
}

fn refuse_hard_forms(document: &Document) -> Result<(), RewriteError> {
    for path in [&BIND[..], &ORIGINS[..]] {
        for length in 0..path.len() {
            let (above, rest) = path.split_at(length);
            refuse_hard_object(document, above, rest.first().copied().unwrap_or_default())?;
        }
    }
    refuse_ties(&|path| document.get(path), &|path| document.line_of(path))
}

fn refuse_hard_object(document: &Document, path: &[&str], next: &str) -> Result<(), RewriteError> {
    let node = path.iter().try_fold(document.root(), |node, key| {
        Some(&node.property(key)?.value)
    });
    let Some(node) = node else { return Ok(()) };
    let key = path.join(".");
    let line = document.line_at(node.span.start);
    let Some(properties) = node.properties() else {
        return Err(RewriteError::NotAnObject { key, line });
    };
    match properties
        .iter()
        .filter(|property| property.name == next)
        .nth(1)
    {
        Some(second) => Err(RewriteError::Duplicate {
            key: next.to_owned(),
            line: document.line_at(second.name_span.start),
        }),
        None => Ok(()),
    }
}

/// Returns what ties a gateway to an address of this host and stands in an included file, and where.
#[must_use]
pub fn find_included_tie(config: &Merged) -> Option<(RewriteError, Place)> {
    [&BIND[..], &TAILSCALE[..]].into_iter().find_map(|path| {
        let place = config
            .place_of(path)
            .filter(|place| config.includes().contains(&place.path))?;
        let get = |asked: &[&str]| (asked == path).then(|| config.get(path)).flatten();
        let error = refuse_ties(&get, &|_| place.line).err()?;
        Some((error, place))
    })
}

fn refuse_ties(
    get: &dyn Fn(&[&str]) -> Option<Value>,
    line_of: &dyn Fn(&[&str]) -> Option<u32>,
) -> Result<(), RewriteError> {
    let line = |path: &[&str]| line_of(path).unwrap_or(1);
    let tied = |path: &[&str]| RewriteError::Tied {
        key: path.join("."),
        line: line(path),
    };
    match get(&BIND).as_ref().map(Value::as_str) {
        None | Some(Some("auto" | "lan" | "loopback" | "0.0.0.0")) => {}
        Some(Some("custom" | "tailnet")) => return Err(tied(&BIND)),
        Some(_) => return Err(RewriteError::UnknownBind { line: line(&BIND) }),
    }
    match get(&TAILSCALE).as_ref().and_then(Value::as_str) {
        Some("serve" | "funnel") => Err(tied(&TAILSCALE)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
