//! A configuration file: JSON5 text, and what it means. Errors name a place and never quote the text, which holds tokens.

use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::tree::{Kind, Node};

/// The largest text that is parsed: real ones have at most 40 KiB, and what is read takes eighty times its size in memory.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// The deepest nesting that is parsed, so that hostile input cannot exhaust the stack.
pub const MAX_DEPTH: usize = 200;

/// The most agents, bindings, accounts of a channel, or secrets that are looked at: a gateway has dozens, and a hostile file has no end.
pub const MAX_ENTRIES: usize = 500;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Says why a text is no configuration, without quoting it.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// There is no value in it.
    #[error("the file is empty")]
    Empty,
    /// It is larger than [`MAX_BYTES`].
    #[error("the file is larger than 2 MiB")]
    TooLarge,
    /// It is nested deeper than [`MAX_DEPTH`].
    #[error("the file is nested deeper than 200 levels")]
    TooDeep,
    /// It is not text.
    #[error("line {line}: the file is not UTF-8")]
    NotUtf8 {
        /// The line of the first bad byte, counted from 1.
        line: u32,
    },
    /// It is no JSON5.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// The line, counted from 1.
        line: u32,
        /// The column in characters, counted from 1.
        column: u32,
        /// The kind of problem.
        problem: String,
    },
}

impl ConfigError {
    /// Returns the line of the problem, counted from 1, where it has one.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        match self {
            Self::NotUtf8 { line } | Self::Syntax { line, .. } => Some(*line),
            Self::Empty | Self::TooLarge | Self::TooDeep => None,
        }
    }
}

/// Where the lines of a text begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Returns the line of a byte, counted from 1.
    pub(super) fn line_at(&self, at: usize) -> u32 {
        count(self.0.partition_point(|newline| *newline < at) + 1)
    }
}

/// A parsed configuration with its text.
pub struct Document {
    has_mark: bool,
    text: String,
    root: Node,
}

impl Document {
    /// Parses JSON5 as OpenClaw does; a byte-order mark is kept.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() > MAX_BYTES {
            return Err(ConfigError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| ConfigError::NotUtf8 {
            line: line_at(bytes, error.valid_up_to()),
        })?;
        let (has_mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Self {
            has_mark,
            root: parse_root(text)?,
            text: text.to_owned(),
        })
    }

    /// Returns the value at a path of keys; of duplicate keys the last counts, as in JavaScript.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<Value> {
        self.find(path).map(Node::to_value)
    }

    /// Returns the line of the value at a path, counted from 1. Numbers in the path count elements of arrays.
    #[must_use]
    pub fn line_of(&self, path: &[&str]) -> Option<u32> {
        self.find(path).map(|node| self.line_at(node.span.start))
    }

    /// Returns what the whole text means.
    #[must_use]
    pub fn value(&self) -> Value {
        self.root.to_value()
    }

    /// Returns the bytes that were parsed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mark = if self.has_mark { BYTE_ORDER_MARK } else { "" };
        [mark, &self.text].concat().into_bytes()
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// The text after the byte-order mark; the spans of the tree count in it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes before [`Self::text`].
    pub(super) fn mark_bytes(&self) -> usize {
        if self.has_mark {
            BYTE_ORDER_MARK.len()
        } else {
            0
        }
    }

    pub(super) fn line_at(&self, at: usize) -> u32 {
        line_at(self.text.as_bytes(), at)
    }

    pub(super) fn lines(&self) -> Lines {
        let bytes = self.text.bytes().enumerate();
        Lines(
            bytes
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    fn find(&self, path: &[&str]) -> Option<&Node> {
        path.iter()
            .try_fold(&self.root, |node, key| match &node.kind {
                Kind::Object(_) => node.property(key).map(|property| &property.value),
                Kind::Array(elements) => elements.get(key.parse::<usize>().ok()?),
                Kind::Scalar(_) => None,
            })
    }
}

fn parse_root(text: &str) -> Result<Node, ConfigError> {
    let options = ParseOptions {
        allow_missing_commas: false,
        ..ParseOptions::default()
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options);
    let root = parsed.map_err(|error| match error.kind() {
        ParseErrorKind::NestingDepthExceeded => ConfigError::TooDeep,
        kind => ConfigError::Syntax {
            line: count(error.line_display()),
            column: count(error.column_display()),
            problem: problem(kind),
        },
    })?;
    let root = root.value.ok_or(ConfigError::Empty)?;
    Node::from_ast(&root, MAX_DEPTH).ok_or(ConfigError::TooDeep)
}

/// The kind of a problem in lower case; problems in strings are not told apart, for their texts may quote the string.
fn problem(kind: &ParseErrorKind) -> String {
    match kind {
        ParseErrorKind::String(_) => "bad string".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

fn line_at(bytes: &[u8], at: usize) -> u32 {
    let before = bytes.get(..at).unwrap_or(bytes);
    count(before.split(|byte| *byte == b'\n').count())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(text: &[u8]) -> ConfigError {
        Document::parse(text).err().expect("must not parse")
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let document = Document::parse(b"{a: {b: 1},\n a: {b: 2}}").expect("parses");
        assert_eq!(document.get(&["a", "b"]), Some(json!(2)));
        assert_eq!(document.line_of(&["a", "b"]), Some(2));
        assert_eq!(document.value(), json!({"a": {"b": 2}}));
    }

    #[test]
    fn a_byte_order_mark_is_kept() {
        let text = "\u{feff}{a: [10, {b: 3}],}".as_bytes();
        let document = Document::parse(text).expect("parses");
        assert_eq!(document.to_bytes(), text);
        assert_eq!(document.get(&["a", "1", "b"]), Some(json!(3)));
    }

    #[test]
    fn empty_texts_are_refused() {
        for text in ["", "  \n", "// only a comment", "\u{feff}"] {
            assert_eq!(error(text.as_bytes()), ConfigError::Empty);
        }
    }

    #[test]
    fn an_error_has_a_place_and_no_source_text() {
        let texts = [
            "{\n  token: SEKRET\n}",
            "{\n  token: \"SEKRET\n}",
            "{\n  token: \"\\uSEKR\"\n}",
        ];
        for text in texts {
            let shown = error(text.as_bytes()).to_string();
            assert!(shown.starts_with("line 2, column 1"), "{shown}");
            assert!(!shown.to_uppercase().contains("SEKR"), "{shown}");
        }
        assert_eq!(
            error(b"{a: 1 b: 2}").to_string(),
            "line 1, column 6: expected comma"
        );
        assert_eq!(error(b"{\n\xff}"), ConfigError::NotUtf8 { line: 2 });
    }

    #[test]
    fn hostile_depth_and_size_are_refused() {
        assert_eq!(
            error("[".repeat(1_000_000).as_bytes()),
            ConfigError::TooDeep
        );
        let deep = format!("{}1{}", "[".repeat(250), "]".repeat(250));
        assert_eq!(error(deep.as_bytes()), ConfigError::TooDeep);
        assert_eq!(error(&vec![b' '; MAX_BYTES + 1]), ConfigError::TooLarge);
    }
}
