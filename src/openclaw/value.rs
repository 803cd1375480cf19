//! Values of a configuration that stand for others: `${NAME}` in texts, and references to variables.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a value that should be a text comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A text, possibly from the environment.
    Text(String),
    /// Nothing that can be told from here; why, without the value.
    Unresolved(String),
    /// No text at all, or an empty one.
    Nothing,
}

/// Resolves a text with `${NAME}` in it, or a reference `{source: "env", id: "NAME"}`.
///
/// Names are upper case, and `$${NAME}` is the text `${NAME}`; docs/gateway/configuration/environment-variables.md.
pub(super) fn resolve(value: &Value, environment: &BTreeMap<String, String>) -> Resolved {
    match value {
        Value::String(text) => match substitute(text, environment) {
            Ok(text) if text.trim().is_empty() => Resolved::Nothing,
            Ok(text) => Resolved::Text(text.trim().to_owned()),
            Err(name) => Resolved::Unresolved(format!("variable {name} is not set")),
        },
        Value::Object(reference) => {
            let part = |key: &str| reference.get(key).and_then(Value::as_str);
            match (part("source"), part("id")) {
                (Some("env"), Some(name)) => match environment.get(name) {
                    Some(text) if !text.trim().is_empty() => Resolved::Text(text.trim().to_owned()),
                    _ => Resolved::Unresolved(format!("variable {name} is not set")),
                },
                (Some("file" | "exec"), _) => {
                    Resolved::Unresolved("it comes from a file or a program".to_owned())
                }
                _ => Resolved::Nothing,
            }
        }
        _ => Resolved::Nothing,
    }
}

/// Puts variables in; an error is the name of the first one without a value.
pub(super) fn substitute(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from_dollar) = rest.split_at(at);
        done.push_str(before);
        let Some((name, after)) = variable(from_dollar) else {
            done.push_str("${");
            rest = from_dollar.get(2..).unwrap_or_default();
            continue;
        };
        if before.ends_with('$') {
            done.pop();
            done.extend(["${", name, "}"]);
        } else {
            let value = environment.get(name).filter(|value| !value.is_empty());
            done.push_str(value.ok_or_else(|| name.to_owned())?);
        }
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    let is_word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (starts_well && name.chars().all(is_word)).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_and_references_come_from_the_environment() {
        let environment = BTreeMap::from([("A".to_owned(), "one".to_owned())]);
        let text = |value| resolve(&value, &environment);
        assert_eq!(text(json!("x-${A}-y")), Resolved::Text("x-one-y".into()));
        assert_eq!(text(json!("$${A}")), Resolved::Text("${A}".into()));
        assert_eq!(
            text(json!("${a:-b} ${")),
            Resolved::Text("${a:-b} ${".into())
        );
        assert_eq!(
            text(json!("${B}")),
            Resolved::Unresolved("variable B is not set".into())
        );
        assert_eq!(
            text(json!({"source": "env", "id": "A"})),
            Resolved::Text("one".into())
        );
        assert!(matches!(
            text(json!({"source": "exec", "id": "A"})),
            Resolved::Unresolved(_)
        ));
        assert_eq!(text(json!(" ")), Resolved::Nothing);
        assert_eq!(text(json!(1)), Resolved::Nothing);
    }
}
