//! A configuration with the files that it includes put in; every value still knows its file and line.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::include::IncludeProblem;
use crate::inventory::Place;

/// Keys that OpenClaw leaves out where it merges; `infra/deep-merge` of 2026.9.6.
const BLOCKED: [&str; 3] = ["__proto__", "prototype", "constructor"];

/// What a configuration and its included files say together.
pub struct Merged {
    pub(super) root: Item,
    pub(super) files: Vec<PathBuf>,
    pub(super) problems: Vec<IncludeProblem>,
}

/// A value and where it stands.
pub(super) struct Item {
    pub(super) at: At,
    pub(super) kind: ItemKind,
}

/// The number of a file in [`Merged::files`], and a line, counted from 1.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) file: usize,
    pub(super) line: u32,
}

pub(super) enum ItemKind {
    /// Each key once.
    Object(Vec<(String, Item)>),
    Array(Vec<Item>),
    Scalar(Value),
}

impl Merged {
    /// Returns the value at a path of keys. Numbers in the path count elements of arrays.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<Value> {
        self.find(path).map(Item::to_value)
    }

    /// Returns where the value at a path stands.
    #[must_use]
    pub fn place_of(&self, path: &[&str]) -> Option<Place> {
        self.find(path).map(|item| self.place(item.at))
    }

    /// Returns what all files together mean.
    #[must_use]
    pub fn value(&self) -> Value {
        self.root.to_value()
    }

    /// Returns the files that were included, links resolved, each once.
    #[must_use]
    pub fn includes(&self) -> &[PathBuf] {
        self.files.get(1..).unwrap_or_default()
    }

    /// Returns what is wrong with the includes, in the order of the files.
    #[must_use]
    pub fn problems(&self) -> &[IncludeProblem] {
        &self.problems
    }

    /// Visits every text, with the keys that lead to it.
    pub(super) fn texts(&self, visit: &mut dyn FnMut(&[String], &str, At)) {
        self.root.texts(&mut Vec::new(), visit);
    }

    pub(super) fn place(&self, at: At) -> Place {
        Place {
            path: self.files.get(at.file).cloned().unwrap_or_default(),
            line: Some(at.line),
        }
    }

    pub(super) fn find(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(&self.root, |item, key| item.get(key))
    }
}

impl Item {
    pub(super) fn empty(at: At) -> Self {
        Self {
            at,
            kind: ItemKind::Object(Vec::new()),
        }
    }

    fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            ItemKind::Object(entries) => {
                let mut entries = entries.iter();
                entries.find(|(name, _)| name == key).map(|(_, item)| item)
            }
            ItemKind::Array(elements) => elements.get(key.parse::<usize>().ok()?),
            ItemKind::Scalar(_) => None,
        }
    }

    fn texts(&self, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String], &str, At)) {
        let mut below = |name: String, item: &Self| {
            path.push(name);
            item.texts(path, visit);
            path.pop();
        };
        match &self.kind {
            ItemKind::Object(entries) => {
                let entries = entries.iter();
                entries.for_each(|(name, item)| below(name.clone(), item));
            }
            ItemKind::Array(elements) => {
                let elements = elements.iter().enumerate();
                elements.for_each(|(index, item)| below(index.to_string(), item));
            }
            ItemKind::Scalar(Value::String(text)) => visit(path, text, self.at),
            ItemKind::Scalar(_) => {}
        }
    }

    /// Returns how many entries or elements it has.
    pub(super) fn len(&self) -> usize {
        match &self.kind {
            ItemKind::Object(entries) => entries.len(),
            ItemKind::Array(elements) => elements.len(),
            ItemKind::Scalar(_) => 0,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.kind, ItemKind::Object(_))
    }

    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            ItemKind::Object(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, item)| (name.clone(), item.to_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            ItemKind::Array(elements) => {
                Value::Array(elements.iter().map(Self::to_value).collect())
            }
            ItemKind::Scalar(value) => value.clone(),
        }
    }

    /// Puts a value over this one: arrays are joined, objects merged, anything else is replaced.
    pub(super) fn merge(self, over: Self) -> Self {
        let at = over.at;
        match (self.kind, over.kind) {
            (ItemKind::Object(base), ItemKind::Object(over)) => Self {
                at,
                kind: ItemKind::Object(merge_entries(base, over)),
            },
            (ItemKind::Array(mut base), ItemKind::Array(over)) => {
                base.extend(over);
                Self {
                    at,
                    kind: ItemKind::Array(base),
                }
            }
            (_, kind) => Self { at, kind },
        }
    }

    /// The value without blocked keys, in objects of objects only: arrays are taken as they are.
    fn sanitized(self) -> Self {
        let kind = match self.kind {
            ItemKind::Object(entries) => ItemKind::Object(sanitized(entries).collect()),
            other => other,
        };
        Self { at: self.at, kind }
    }
}

fn sanitized(entries: Vec<(String, Item)>) -> impl Iterator<Item = (String, Item)> {
    let entries = entries.into_iter();
    let allowed = entries.filter(|(name, _)| !BLOCKED.contains(&name.as_str()));
    allowed.map(|(name, item)| (name, item.sanitized()))
}

fn merge_entries(base: Vec<(String, Item)>, over: Vec<(String, Item)>) -> Vec<(String, Item)> {
    let mut merged: Vec<(String, Option<Item>)> = sanitized(base)
        .map(|(name, item)| (name, Some(item)))
        .collect();
    let index: HashMap<String, usize> = merged
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (name.clone(), at))
        .collect();
    for (name, item) in over {
        if BLOCKED.contains(&name.as_str()) {
            continue;
        }
        match index.get(&name).and_then(|at| merged.get_mut(*at)) {
            Some((_, slot)) => {
                let known = slot.take();
                *slot = Some(match known {
                    Some(known) if known.is_object() || !item.is_object() => known.merge(item),
                    Some(_) | None => item.sanitized(),
                });
            }
            None => merged.push((name, Some(item.sanitized()))),
        }
    }
    let entries = merged.into_iter();
    entries
        .filter_map(|(name, item)| Some((name, item?)))
        .collect()
}

#[cfg(test)]
impl Merged {
    /// A configuration of one file, for tests.
    pub(crate) fn alone(text: &str) -> Self {
        let path = std::path::Path::new("/home/joe/.openclaw/openclaw.json");
        let origin = super::Origin {
            named: path,
            path,
            roots: &[],
        };
        let document = super::Document::parse(text.as_bytes()).expect("parses");
        super::merge(&document, &origin, &super::include::tests::Tree::default())
    }
}
