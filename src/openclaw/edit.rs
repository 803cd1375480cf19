//! Changing one value of a configuration, every other byte kept: the comments, the line ends, the odd spaces.
//!
//! Each edit is checked after it was made: the text is parsed again, and its meaning must differ in just that value.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Document;
use super::tree::{Node, Property};

/// A replaced stretch of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextEdit {
    /// The byte at which it starts, counted from 0 in the file as the edits before this one left it.
    pub at: usize,
    /// What stood there.
    pub old: String,
    /// What stands there now.
    pub new: String,
}

impl TextEdit {
    /// Returns the text with this edit made; `None` where the old stretch does not stand there.
    #[must_use]
    pub fn apply(&self, text: &[u8]) -> Option<Vec<u8>> {
        splice(text, self.at, self.old.as_bytes(), self.new.as_bytes())
    }

    /// Returns the text with this edit taken back; `None` where the new stretch does not stand there.
    #[must_use]
    pub fn take_back(&self, text: &[u8]) -> Option<Vec<u8>> {
        splice(text, self.at, self.new.as_bytes(), self.old.as_bytes())
    }
}

/// Sets the value at a path, making the objects on the way; `None` where the text has no safe place for it.
pub(super) fn set(document: &Document, path: &[&str], value: &Value) -> Option<Vec<TextEdit>> {
    let mut node = document.root();
    let mut rest = path;
    while let Some((key, after)) = rest.split_first() {
        match node.property(key) {
            Some(property) => (node, rest) = (&property.value, after),
            None => break,
        }
    }
    let edits = match rest.split_first() {
        None => vec![replace(document, node.span.clone(), value.to_string())],
        Some((key, below)) => insert(document, node, key, &nested(below, value))?,
    };
    let mut expected = document.value();
    *place(&mut expected, path)? = value.clone();
    check(document, edits, &expected)
}

/// Removes a key; `None` where it is not there or stands in a form that cannot be taken out safely.
pub(super) fn remove(document: &Document, path: &[&str]) -> Option<Vec<TextEdit>> {
    let (key, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(document.root(), |node, key| {
        Some(&node.property(key)?.value)
    })?;
    let properties = parent.properties()?;
    let index = properties
        .iter()
        .position(|property| property.name == **key)?;
    let property = properties.get(index)?;
    let previous = index.checked_sub(1).and_then(|index| properties.get(index));
    let mut expected = document.value();
    let parent_value = parents
        .iter()
        .try_fold(&mut expected, |value, key| value.get_mut(key))?;
    parent_value.as_object_mut()?.remove(*key);
    check(
        document,
        removal(document, parent, property, previous),
        &expected,
    )
}

/// Makes edits one after the other.
pub(super) fn apply_all(text: &[u8], edits: &[TextEdit]) -> Option<Vec<u8>> {
    edits
        .iter()
        .try_fold(text.to_vec(), |text, edit| edit.apply(&text))
}

/// Takes edits back, the last first.
pub(super) fn take_back_all(text: &[u8], edits: &[TextEdit]) -> Option<Vec<u8>> {
    edits
        .iter()
        .rev()
        .try_fold(text.to_vec(), |text, edit| edit.take_back(&text))
}

fn splice(text: &[u8], at: usize, old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (before, rest) = text.split_at_checked(at)?;
    let after = rest.strip_prefix(old)?;
    Some([before, new, after].concat())
}

fn check(document: &Document, edits: Vec<TextEdit>, expected: &Value) -> Option<Vec<TextEdit>> {
    let before = document.to_bytes();
    let after = apply_all(&before, &edits)?;
    let means_it = Document::parse(&after).ok()?.value() == *expected;
    let is_reversible = take_back_all(&after, &edits)? == before;
    (means_it && is_reversible).then_some(edits)
}

fn place<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, key| {
        let object = value.as_object_mut()?;
        Some(
            object
                .entry(*key)
                .or_insert_with(|| Value::Object(serde_json::Map::new())),
        )
    })
}

fn nested(path: &[&str], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, key| {
        Value::Object([((*key).to_owned(), inner)].into_iter().collect())
    })
}

fn replace(document: &Document, span: Range<usize>, new: String) -> TextEdit {
    TextEdit {
        at: span.start + document.mark_bytes(),
        old: slice(document, span).to_owned(),
        new,
    }
}

/// Appends a key to an object: a comma after the last value, the key on its own line where the object has lines.
fn insert(document: &Document, object: &Node, key: &str, value: &Value) -> Option<Vec<TextEdit>> {
    let properties = object.properties()?;
    let style = Style::of(document, object);
    let brace = object.span.end.checked_sub(1)?;
    let last_end = properties.last().map(|last| last.value.span.end);
    let has_comma = last_end.is_some_and(|end| comma_after(document, end).is_some());
    let inside = last_end.unwrap_or(object.span.start + 1)..brace;
    let at = insertion_point(document, inside);
    let comma_behind = if has_comma { "," } else { "" };
    let mut edits = vec![replace(
        document,
        at..at,
        format!(
            "{}{}{comma_behind}",
            style.before,
            style.property(key, value)
        ),
    )];
    // After the later edit, so that its own place still counts in the text as it was.
    if let Some(end) = last_end.filter(|_| !has_comma) {
        edits.push(replace(document, end..end, ",".to_owned()));
    }
    Some(edits)
}

/// How an object is written.
struct Style {
    before: String,
    colon: &'static str,
    is_bare: bool,
}

impl Style {
    fn of(document: &Document, object: &Node) -> Self {
        let properties = object.properties().unwrap_or_default();
        let sample = properties
            .last()
            .or(document.root().properties().unwrap_or_default().last());
        let is_tight = sample.is_some_and(|sample| {
            slice(document, sample.name_span.end..sample.value.span.start) == ":"
        });
        Self {
            before: before_key(document, object, is_tight),
            colon: if is_tight { ":" } else { ": " },
            is_bare: sample.is_some_and(|sample| sample.is_bare),
        }
    }

    fn property(&self, key: &str, value: &Value) -> String {
        format!("{}{}{}", self.key(key), self.colon, self.value(value))
    }

    fn key(&self, key: &str) -> String {
        if self.is_bare {
            key.to_owned()
        } else {
            format!("\"{key}\"")
        }
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Object(object) => {
                let inner: Vec<_> = object
                    .iter()
                    .map(|(key, value)| self.property(key, value))
                    .collect();
                format!(
                    "{{{}}}",
                    inner.join(if self.colon == ":" { "," } else { ", " })
                )
            }
            other => other.to_string(),
        }
    }
}

fn before_key(document: &Document, object: &Node, is_tight: bool) -> String {
    let text = slice(document, object.span.clone());
    let properties = object.properties().unwrap_or_default();
    let Some(line_end) = ["\r\n", "\n", "\r"]
        .into_iter()
        .find(|end| text.contains(end))
    else {
        let gap = if properties.is_empty() || is_tight {
            ""
        } else {
            " "
        };
        return gap.to_owned();
    };
    let own_line = properties
        .last()
        .and_then(|last| indent_at(document, last.name_span.start));
    let indent = own_line.map_or_else(
        || format!("{}  ", line_indent(document, object.span.end - 1)),
        str::to_owned,
    );
    format!("{line_end}{indent}")
}

/// Before the first line end of the spaces in front of the brace; comments keep their lines.
fn insertion_point(document: &Document, inside: Range<usize>) -> usize {
    let text = slice(document, inside.clone());
    let spaces = text.trim_end_matches([' ', '\t', '\r', '\n']).len();
    let run = text.get(spaces..).unwrap_or_default();
    inside.start + spaces + run.find(['\r', '\n']).unwrap_or(0)
}

/// The spaces before a place, where nothing else stands before it on its line.
fn indent_at(document: &Document, at: usize) -> Option<&str> {
    let before = slice(document, 0..at);
    let line_start = before.rfind(['\n', '\r'])? + 1;
    let indent = before.get(line_start..)?;
    indent
        .chars()
        .all(|c| c == ' ' || c == '\t')
        .then_some(indent)
}

fn line_indent(document: &Document, at: usize) -> &str {
    let before = slice(document, 0..at);
    let line_start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let line = before.get(line_start..).unwrap_or_default();
    let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..indent).unwrap_or_default()
}

/// The edits that take a property out, from the back to the front.
fn removal(
    document: &Document,
    parent: &Node,
    property: &Property,
    previous: Option<&Property>,
) -> Vec<TextEdit> {
    let mut spans = Vec::new();
    let mut body = property.name_span.start..property.value.span.end;
    let comma = comma_after(document, body.end);
    match comma {
        Some(comma) if slice(document, body.end..comma).trim().is_empty() => body.end = comma + 1,
        Some(comma) => spans.push(comma..comma + 1),
        None => {}
    }
    spans.push(with_blank_line(document, body, parent));
    let comma_before = previous.and_then(|previous| comma_after(document, previous.value.span.end));
    if let (None, Some(comma)) = (comma, comma_before) {
        spans.push(comma..comma + 1);
    }
    spans
        .into_iter()
        .map(|span| replace(document, span, String::new()))
        .collect()
}

/// Widens a span over the spaces before it, and over its line end where nothing else stands on the line.
fn with_blank_line(document: &Document, span: Range<usize>, parent: &Node) -> Range<usize> {
    let before = slice(document, parent.span.start + 1..span.start);
    let after = slice(document, span.end..parent.span.end);
    let spaces = before.len() - before.trim_end_matches([' ', '\t']).len();
    let ends_line = after
        .trim_start_matches([' ', '\t'])
        .starts_with(['\r', '\n']);
    let line_end = match before.get(..before.len() - spaces) {
        Some(rest) if ends_line && rest.ends_with("\r\n") => 2,
        Some(rest) if ends_line && rest.ends_with(['\n', '\r']) => 1,
        _ => 0,
    };
    span.start - spaces - line_end..span.end
}

/// Where the comma after a value stands, comments skipped.
fn comma_after(document: &Document, end: usize) -> Option<usize> {
    let text = document.text();
    let mut at = end;
    loop {
        let rest = text.get(at..)?;
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        at += match trimmed.get(..2) {
            Some("//") => trimmed.find(['\n', '\r'])?,
            Some("/*") => trimmed.find("*/")? + 2,
            _ => return trimmed.starts_with(',').then_some(at),
        };
    }
}

fn slice(document: &Document, span: Range<usize>) -> &str {
    document.text().get(span).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after_set(text: &str, path: &[&str]) -> String {
        let document = Document::parse(text.as_bytes()).expect("parses");
        let edits = set(&document, path, &json!("v")).expect("can be set");
        String::from_utf8(apply_all(text.as_bytes(), &edits).expect("applies")).expect("text")
    }

    fn after_removal(text: &str, path: &[&str]) -> String {
        let document = Document::parse(text.as_bytes()).expect("parses");
        let edits = remove(&document, path).expect("can be removed");
        String::from_utf8(apply_all(text.as_bytes(), &edits).expect("applies")).expect("text")
    }

    #[test]
    fn a_key_is_appended_in_the_style_of_its_object() {
        assert_eq!(after_set("{}", &["k"]), r#"{"k": "v"}"#);
        assert_eq!(after_set("{ a: 1 }", &["k"]), "{ a: 1, k: \"v\" }");
        assert_eq!(after_set(r#"{"a":1}"#, &["k"]), r#"{"a":1,"k":"v"}"#);
        assert_eq!(
            after_set("{\r\n\ta: 1, // one\r\n}", &["k"]),
            "{\r\n\ta: 1, // one\r\n\tk: \"v\",\r\n}"
        );
        assert_eq!(
            after_set("{\n  \"a\": 1 // one\n}", &["k"]),
            "{\n  \"a\": 1, // one\n  \"k\": \"v\"\n}"
        );
        assert_eq!(
            after_set("{a: {}}", &["a", "b", "k"]),
            "{a: {b: {k: \"v\"}}}"
        );
    }

    #[test]
    fn a_value_is_replaced_in_its_place() {
        assert_eq!(
            after_set("{ a: 'x' /* y */ , }", &["a"]),
            "{ a: \"v\" /* y */ , }"
        );
    }

    #[test]
    fn a_removed_key_takes_its_line_and_comma_along() {
        assert_eq!(
            after_removal("{\n  a: 1, // one\n  k: 2\n}", &["k"]),
            "{\n  a: 1 // one\n}"
        );
        assert_eq!(
            after_removal("{\n  k: 2,\n  a: 1,\n}", &["k"]),
            "{\n  a: 1,\n}"
        );
        assert_eq!(after_removal("{\"a\":1,\"k\":2}", &["k"]), "{\"a\":1}");
        assert_eq!(
            after_removal("{ k: 2 /* c */, a: 1 }", &["k"]),
            "{ /* c */ a: 1 }"
        );
        assert_eq!(after_removal("{ k: 2 }", &["k"]), "{ }");
    }

    #[test]
    fn nothing_is_set_below_a_value_that_is_no_object() {
        let document = Document::parse(b"{a: [1]}").expect("parses");
        assert_eq!(set(&document, &["a", "k"], &json!(1)), None);
    }
}
