//! Writes a JSON value as YAML in block style, for people to read. What could be read as anything but a string is quoted,
//! as JSON quotes it, which YAML 1.1 and 1.2 both take.

use std::fmt::Write;

use serde_json::Value;

/// Words that YAML 1.1 takes for something else.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Returns the document.
pub(super) fn block(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0);
    text.trim_start().to_owned()
}

/// Writes a value after its key or dash: a scalar on the same line, anything else on the lines below.
fn write_value(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(pairs) if !pairs.is_empty() => {
            for (key, value) in pairs {
                line(text, depth, &format!("{}:", scalar(key)));
                write_value(text, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                line(text, depth, "-");
                write_value(text, item, depth + 1);
            }
        }
        Value::String(plain) => write!(text, " {}", scalar(plain)).unwrap_or_default(),
        other => write!(text, " {other}").unwrap_or_default(),
    }
    if depth == 0 {
        text.push('\n');
    }
}

fn line(text: &mut String, depth: usize, start: &str) {
    let indent = "  ".repeat(depth);
    write!(text, "\n{indent}{start}").unwrap_or_default();
}

fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::new();
    for character in Value::from(text).to_string().chars() {
        match u32::from(character) {
            // Not printable in YAML, and not escaped by JSON.
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff | 0xfffe | 0xffff) => {
                write!(quoted, "\\u{code:04x}").unwrap_or_default();
            }
            _ => quoted.push(character),
        }
    }
    quoted
}

fn is_plain(text: &str) -> bool {
    let starts = |character: char| character.is_ascii_alphabetic() || character == '/';
    let goes_on = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    text.starts_with(starts)
        && text.chars().all(goes_on)
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_blocks() {
        let value = json!({ "a": { "list": ["x", { "k": 1 }], "none": [] }, "b": true });
        let wanted = "a:\n  list:\n    - x\n    -\n      k: 1\n  none: []\nb: true\n";
        assert_eq!(block(&value), wanted);
    }

    #[test]
    fn what_is_no_plain_word_is_quoted() {
        let value = json!(["no", "1:2", "", "#x", "a b", "del\u{7f}", "/usr/bin"]);
        let wanted =
            "- \"no\"\n- \"1:2\"\n- \"\"\n- \"#x\"\n- \"a b\"\n- \"del\\u007f\"\n- /usr/bin\n";
        assert_eq!(block(&value), wanted);
    }
}
