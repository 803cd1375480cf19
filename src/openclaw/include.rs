//! `$include`: a configuration that consists of several files, put together as OpenClaw does it.
//!
//! The rules are those of `config/includes` of 2026.9.6 (docs/gateway/configuration/common-tasks.md): a name or a list of
//! names, relative to the including file; a list is merged in its order, the keys beside an include are merged over it;
//! ten files deep at most; no file outside the directory of the configuration or `OPENCLAW_INCLUDE_ROOTS`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Document;
use super::config::{ConfigError, MAX_DEPTH};
use super::layout::expand;
use super::merged::{At, Item, ItemKind, Merged};
use super::tree::{Kind, Node};
use crate::inventory::Place;

/// The key.
pub(super) const INCLUDE: &str = "$include";
/// The largest file that OpenClaw includes, in bytes: 2 MiB.
pub const MAX_INCLUDE_BYTES: usize = 2 * 1024 * 1024;
/// How many files deep includes may be nested.
const MAX_FILES_DEEP: usize = 10;
/// The shortest name that is too long, in bytes.
const MAX_NAME: usize = 4096;
/// The most problems that are told.
const MAX_PROBLEMS: usize = 100;
/// The most bytes of all included files together.
const MAX_INCLUDED_BYTES: usize = 10 * 1024 * 1024;
/// The most inclusions that are followed, so that files which include each other many times over cannot hold a scan up.
const MAX_INCLUSIONS: usize = 1000;

/// Reads the files that a configuration includes.
pub trait IncludeReader {
    /// Returns the path with its links resolved, or as it is where nothing stands there.
    fn resolve(&self, path: &Path) -> PathBuf;
    /// Reads a file of at most [`MAX_INCLUDE_BYTES`]; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Says why in a few words, which never quote the file.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, String>;
}

/// Where a configuration stands.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The file as OpenClaw is told of it: what it includes is relative to its directory, links not resolved.
    pub named: &'a Path,
    /// The file itself, links resolved.
    pub path: &'a Path,
    /// More directories from which files may be included.
    pub roots: &'a [PathBuf],
}

/// Something wrong with an include.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludeProblem {
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub error: IncludeError,
}

/// Says why a file is not included; without its name, which stands at the place.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum IncludeError {
    /// The name leads out of the directories that OpenClaw includes from.
    #[error("$include leads out of the directory of the configuration")]
    Outside,
    /// Neither a text nor a list of texts, or a name that no file has.
    #[error("$include is neither the name of a file nor a list of names")]
    NoName,
    /// There is no such file.
    #[error("$include names a file that does not exist")]
    Missing,
    /// It cannot be read.
    #[error("$include names a file that cannot be read: {0}")]
    Unreadable(String),
    /// It does not parse; the place is in that file.
    #[error("the included file does not parse: {0}")]
    Config(ConfigError),
    /// The file includes itself, maybe by way of others.
    #[error("$include names a file that this one is included by")]
    Circular,
    /// Includes are nested too deep.
    #[error("$include is nested deeper than 10 files")]
    TooDeep,
    /// There are too many of them.
    #[error("more than 1000 files, or more than 10 MiB, are included")]
    TooMany,
    /// Keys stand beside it, and the file holds something else than an object.
    #[error("keys stand beside an $include whose file holds no object")]
    NoObject,
}

/// Returns the directories of `OPENCLAW_INCLUDE_ROOTS`, separated by colons; `~` is the home directory.
#[must_use]
pub fn include_roots(environment: &BTreeMap<String, String>, home: &Path) -> Vec<PathBuf> {
    let listed = environment.get("OPENCLAW_INCLUDE_ROOTS");
    let names = listed.iter().flat_map(|listed| listed.split(':'));
    let paths = names.map(|name| expand(name.trim(), home));
    paths.filter(|path| path.is_absolute()).collect()
}

/// Puts what a configuration includes in its place. What cannot be included counts as not there, and is a problem.
#[must_use]
pub fn merge(document: &Document, origin: &Origin<'_>, reader: &dyn IncludeReader) -> Merged {
    let directory = origin.named.parent().unwrap_or(Path::new("/"));
    let roots = std::iter::once(directory).chain(origin.roots.iter().map(PathBuf::as_path));
    let roots = roots.map(|root| (normal(root), normal(&reader.resolve(root))));
    let mut merging = Merging {
        reader,
        roots: roots.collect(),
        files: vec![origin.path.to_owned()],
        problems: Vec::new(),
        inclusions: 0,
        bytes: 0,
    };
    let source = Source {
        file: 0,
        chain: &[normal(origin.named)],
        lines: &document.lines(),
    };
    let root = merging.item(&source, document.root(), MAX_DEPTH);
    Merged {
        root,
        files: merging.files,
        problems: merging.problems,
    }
}

struct Merging<'a> {
    reader: &'a dyn IncludeReader,
    /// The directories to include from, as they are named and with links resolved.
    roots: Vec<(PathBuf, PathBuf)>,
    files: Vec<PathBuf>,
    problems: Vec<IncludeProblem>,
    inclusions: usize,
    bytes: usize,
}

/// The file that is being read.
struct Source<'a> {
    file: usize,
    /// The files that lead here, the outermost first and this one last, as they are named.
    chain: &'a [PathBuf],
    lines: &'a super::config::Lines,
}

impl Source<'_> {
    fn at(&self, node: &Node) -> At {
        At {
            file: self.file,
            line: self.lines.line_at(node.span.start),
        }
    }
}

impl Merging<'_> {
    fn item(&mut self, source: &Source<'_>, node: &Node, depth: usize) -> Item {
        let at = source.at(node);
        let Some(below) = depth.checked_sub(1) else {
            self.report(at, IncludeError::Config(ConfigError::TooDeep));
            return Item::empty(at);
        };
        let kind = match &node.kind {
            Kind::Object(_) => return self.object(source, node, below),
            Kind::Array(elements) => {
                let elements = elements.iter();
                ItemKind::Array(
                    elements
                        .map(|element| self.item(source, element, below))
                        .collect(),
                )
            }
            Kind::Scalar(value) => ItemKind::Scalar(value.clone()),
        };
        Item { at, kind }
    }

    fn object(&mut self, source: &Source<'_>, node: &Node, depth: usize) -> Item {
        let at = source.at(node);
        let mut properties = last_of_each(node);
        let include = properties.iter().position(|(name, _)| *name == INCLUDE);
        let include = include.map(|index| properties.remove(index).1);
        let included = include.and_then(|names| self.included(source, names, depth));
        let is_alone = properties.is_empty();
        let entries = properties.into_iter();
        let entries = entries
            .map(|(name, value)| (name.to_owned(), self.item(source, value, depth)))
            .collect();
        let own = Item {
            at,
            kind: ItemKind::Object(entries),
        };
        match included {
            None => own,
            Some(included) if is_alone => included,
            Some(included) if included.is_object() => included.merge(own),
            Some(_) => {
                self.report(at, IncludeError::NoObject);
                own
            }
        }
    }

    /// What an include comes to: one file as it is, or several merged in their order.
    fn included(&mut self, source: &Source<'_>, names: &Node, depth: usize) -> Option<Item> {
        let at = source.at(names);
        match &names.kind {
            Kind::Scalar(Value::String(name)) => self.file(source, name, at, depth),
            Kind::Array(elements) => {
                let mut merged = Item::empty(at);
                for element in elements {
                    let at = source.at(element);
                    match &element.kind {
                        Kind::Scalar(Value::String(name)) => {
                            if let Some(item) = self.file(source, name, at, depth) {
                                merged = merged.merge(item);
                            }
                        }
                        _ => self.report(at, IncludeError::NoName),
                    }
                }
                Some(merged)
            }
            _ => {
                self.report(at, IncludeError::NoName);
                None
            }
        }
    }

    fn file(&mut self, source: &Source<'_>, name: &str, at: At, depth: usize) -> Option<Item> {
        match self.load(source, name) {
            Ok(Loaded { named, path, text }) => {
                let file = self.number(path);
                match Document::parse(&text) {
                    Ok(document) => {
                        let chain = [source.chain, &[named]].concat();
                        let source = Source {
                            file,
                            chain: &chain,
                            lines: &document.lines(),
                        };
                        Some(self.item(&source, document.root(), depth))
                    }
                    Err(error) => {
                        let line = error.line().unwrap_or(1);
                        self.report(At { file, line }, IncludeError::Config(error));
                        None
                    }
                }
            }
            Err(error) => {
                self.report(at, error);
                None
            }
        }
    }

    fn load(&mut self, source: &Source<'_>, name: &str) -> Result<Loaded, IncludeError> {
        let (named, path) = self.locate(source, name)?;
        if source.chain.contains(&named) {
            return Err(IncludeError::Circular);
        }
        // The chain holds the configuration itself too.
        if source.chain.len() > MAX_FILES_DEEP {
            return Err(IncludeError::TooDeep);
        }
        self.inclusions += 1;
        if self.inclusions > MAX_INCLUSIONS || self.bytes > MAX_INCLUDED_BYTES {
            return Err(IncludeError::TooMany);
        }
        let text = self.reader.read(&path).map_err(IncludeError::Unreadable)?;
        let text = text.ok_or(IncludeError::Missing)?;
        self.bytes += text.len();
        Ok(Loaded { named, path, text })
    }

    /// Finds the file, as it is named and with links resolved; both must be inside.
    fn locate(&self, source: &Source<'_>, name: &str) -> Result<(PathBuf, PathBuf), IncludeError> {
        if name.is_empty() || name.contains('\0') || name.len() >= MAX_NAME {
            return Err(IncludeError::NoName);
        }
        let including = source.chain.last().and_then(|path| path.parent());
        let named = normal(&including.unwrap_or(Path::new("/")).join(name));
        if !self.roots.iter().any(|(root, _)| named.starts_with(root)) {
            return Err(IncludeError::Outside);
        }
        let path = normal(&self.reader.resolve(&named));
        let is_inside = |(root, real): &(PathBuf, PathBuf)| {
            path.starts_with(real) || path == named && path.starts_with(root)
        };
        if !self.roots.iter().any(is_inside) {
            return Err(IncludeError::Outside);
        }
        Ok((named, path))
    }

    fn number(&mut self, path: PathBuf) -> usize {
        let known = self.files.iter().position(|file| *file == path);
        known.unwrap_or_else(|| {
            self.files.push(path);
            self.files.len() - 1
        })
    }

    fn report(&mut self, at: At, error: IncludeError) {
        let place = Place {
            path: self.files.get(at.file).cloned().unwrap_or_default(),
            line: Some(at.line),
        };
        let problem = IncludeProblem { place, error };
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

struct Loaded {
    named: PathBuf,
    path: PathBuf,
    text: Vec<u8>,
}

/// The properties of an object, the last of duplicate keys in the place of the first, as in JavaScript.
fn last_of_each(node: &Node) -> Vec<(&str, &Node)> {
    let mut seen = HashMap::new();
    let mut last: Vec<(&str, &Node)> = Vec::new();
    for property in node.properties().unwrap_or_default() {
        let name = property.name.as_str();
        let index = *seen.entry(name).or_insert(last.len());
        match last.get_mut(index) {
            Some(slot) => slot.1 = &property.value,
            None => last.push((name, &property.value)),
        }
    }
    last
}

/// The path without `.` and `..`, links not looked at.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
pub(crate) mod tests;
