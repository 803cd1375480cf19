//! Values of a configuration that stand for others: `${NAME}` in texts, and references to variables, files and programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use super::facts::Context;
use super::merged::Merged;

/// What a value that should be a text comes to.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A text, possibly from the environment.
    Text(String),
    /// A part of a file, to be read by the caller.
    File(FilePart),
    /// Nothing that can be told from here; why, without the value.
    Unresolved(String),
    /// No text at all, or an empty one.
    Nothing,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(part) => write!(f, "File({part:?})"),
            Self::Unresolved(why) => write!(f, "Unresolved({why:?})"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}

/// A file, and which part of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePart {
    pub(super) path: PathBuf,
    /// A JSON pointer (RFC 6901), or the whole text.
    pub(super) pointer: Option<String>,
}

/// Returns the environment that the configuration is read against: `env.vars` and `env` fill what is not set.
///
/// `config-env-vars` of 2026.9.6: values that refer to other variables, and empty ones, are not taken.
pub(super) fn environment(config: &Merged, context: &Context<'_>) -> BTreeMap<String, String> {
    let mut own = BTreeMap::new();
    for path in [&["env", "vars"][..], &["env"]] {
        let section = config.get(path).unwrap_or_default();
        for (name, value) in section.as_object().into_iter().flatten() {
            let value = value.as_str().filter(|value| is_plain(value));
            if let Some(value) = value.filter(|_| is_portable(name)) {
                own.insert(name.clone(), value.to_owned());
            }
        }
    }
    let mut all = context.environment.clone();
    for (name, value) in own {
        let known = all.entry(name).or_default();
        if known.trim().is_empty() {
            *known = value;
        }
    }
    all
}

fn is_plain(value: &str) -> bool {
    !value.trim().is_empty() && substitute(value, &BTreeMap::new()).is_ok()
}

fn is_portable(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_word)
}

/// Resolves a text with `${NAME}` in it, the shorthand `$NAME`, or a reference `{source, provider, id}`.
///
/// docs/gateway/configuration/environment-variables.md and docs/gateway/secrets/secretref-contract.md of 2026.9.6.
pub(super) fn resolve(value: &Value, config: &Merged, context: &Context<'_>) -> Resolved {
    let environment = context.environment;
    match value {
        Value::String(text) => match shorthand(text.trim()) {
            Some(name) => variable_of(name, environment),
            None => match substitute(text, environment) {
                Ok(text) if text.trim().is_empty() => Resolved::Nothing,
                Ok(text) => Resolved::Text(text.trim().to_owned()),
                Err(name) => unset(&name),
            },
        },
        Value::Object(reference) => {
            let part = |key: &str| reference.get(key).and_then(Value::as_str);
            match (part("source"), part("id")) {
                (Some(source), Some(id)) => {
                    reference_to(source, part("provider"), id, config, context)
                }
                _ => Resolved::Nothing,
            }
        }
        _ => Resolved::Nothing,
    }
}

/// `$NAME`, which is a reference where it is the whole text.
fn shorthand(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_uppercase());
    (starts_well && name.len() <= 128 && name.chars().all(is_name)).then_some(name)
}

fn is_name(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

fn variable_of(name: &str, environment: &BTreeMap<String, String>) -> Resolved {
    match environment.get(name) {
        Some(text) if !text.trim().is_empty() => Resolved::Text(text.trim().to_owned()),
        _ => unset(name),
    }
}

fn unset(name: &str) -> Resolved {
    Resolved::Unresolved(format!("variable {name} is not set"))
}

fn reference_to(
    source: &str,
    provider: Option<&str>,
    id: &str,
    config: &Merged,
    context: &Context<'_>,
) -> Resolved {
    let unresolved = |why: &str| Resolved::Unresolved(why.to_owned());
    let default = config.get(&["secrets", "defaults", source]);
    let default = default
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or("default");
    let provider = provider.unwrap_or(default);
    let settings = config.get(&["secrets", "providers", provider]);
    let settings = settings.filter(|it| it.get("source").and_then(Value::as_str) == Some(source));
    match (source, settings) {
        ("env", None) if provider != default => unresolved("its provider is not configured"),
        ("env", settings) => {
            let allowed = settings
                .as_ref()
                .and_then(|it| it.get("allowlist")?.as_array());
            if allowed.is_some_and(|allowed| !allowed.iter().any(|name| name == id)) {
                return unresolved("its provider does not allow this variable");
            }
            variable_of(id, context.environment)
        }
        ("file", None) => unresolved("its provider is not configured"),
        ("file", Some(settings)) => {
            let path = settings.get("path").and_then(Value::as_str);
            let Some(path) = path.and_then(|path| substitute(path, context.environment).ok())
            else {
                return unresolved("its provider names no file");
            };
            let is_whole = settings.get("mode").and_then(Value::as_str) == Some("singleValue");
            Resolved::File(FilePart {
                path: context.place(&path),
                pointer: (!is_whole).then(|| id.to_owned()),
            })
        }
        ("exec", _) => unresolved("it comes from a program, which a scan never runs"),
        ("store", _) => unresolved("it comes from OpenClaw's own store"),
        _ => unresolved("its source is not one that OpenClaw knows"),
    }
}

/// Puts variables in; an error is the name of the first one without a value.
///
/// Names are upper case, and `$${NAME}` is the text `${NAME}`; `config/env-substitution`, the same in 2026.2.9 and 2026.9.6.
/// Without a value 2026.2.9 does not start, 2026.9.6 leaves the text as it is and does without what needs it.
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
    (starts_well && name.chars().all(is_name)).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    const PROVIDERS: &str = "{env: {vars: {C: 'three', A: 'not', D: '${A}', 'x-y': '1'}, B: 'two', shellEnv: {}},
        secrets: {providers: {own: {source: 'env', allowlist: ['A']}, whole: {source: 'file', path: '~/w', mode: 'singleValue'},
                              parts: {source: 'file', path: '/s/${A}.json'}, none: {source: 'file'}}}}";

    fn text(value: &Value) -> Resolved {
        let config = Merged::alone(PROVIDERS);
        let set = BTreeMap::from([
            ("A".to_owned(), "one".to_owned()),
            ("E".to_owned(), String::new()),
        ]);
        let context = Context {
            home: Path::new("/home/joe"),
            directory: Path::new("/home/joe"),
            state_directory: Path::new("/home/joe/.openclaw"),
            environment: &set,
        };
        let environment = environment(&config, &context);
        let context = Context {
            environment: &environment,
            ..context
        };
        resolve(value, &config, &context)
    }

    fn is(text: &str) -> Resolved {
        Resolved::Text(text.to_owned())
    }

    fn unresolved(why: &str) -> Resolved {
        Resolved::Unresolved(why.to_owned())
    }

    #[test]
    fn variables_are_put_into_texts() {
        assert_eq!(text(&json!("x-${A}-${A}")), is("x-one-one"));
        assert_eq!(text(&json!("$${A}$${A}")), is("${A}${A}"));
        assert_eq!(text(&json!("$$${A} $$ $")), is("$${A} $$ $"));
        assert_eq!(
            text(&json!("${a} ${A:-b} ${ ${1}")),
            is("${a} ${A:-b} ${ ${1}")
        );
        assert_eq!(text(&json!("${x${A}")), is("${xone"));
        assert_eq!(text(&json!("${M}")), unresolved("variable M is not set"));
        assert_eq!(text(&json!("${E}")), unresolved("variable E is not set"));
        assert_eq!(text(&json!(" ")), Resolved::Nothing);
        assert_eq!(text(&json!(1)), Resolved::Nothing);
    }

    #[test]
    fn a_lone_name_after_a_dollar_is_a_reference() {
        assert_eq!(text(&json!("$A")), is("one"));
        assert_eq!(text(&json!("$M")), unresolved("variable M is not set"));
        assert_eq!(text(&json!("$a")), is("$a"));
        assert_eq!(text(&json!("$A B")), is("$A B"));
    }

    #[test]
    fn the_configurations_own_variables_fill_what_is_not_set() {
        assert_eq!(text(&json!("${A}${B}${C}")), is("onetwothree"));
        assert_eq!(text(&json!("${D}")), unresolved("variable D is not set"));
    }

    #[test]
    fn references_to_variables_need_their_provider() {
        let reference = |provider: &str, id: &str| {
            text(&json!({"source": "env", "provider": provider, "id": id}))
        };
        assert_eq!(text(&json!({"source": "env", "id": "A"})), is("one"));
        assert_eq!(reference("default", "A"), is("one"));
        assert_eq!(reference("own", "A"), is("one"));
        assert_eq!(
            reference("own", "B"),
            unresolved("its provider does not allow this variable")
        );
        assert_eq!(
            reference("other", "A"),
            unresolved("its provider is not configured")
        );
    }

    #[test]
    fn references_to_files_are_left_to_the_caller_and_programs_are_not_run() {
        let reference = |source: &str, provider: &str| {
            text(&json!({"source": source, "provider": provider, "id": "/a/b"}))
        };
        let file = |path: &str, pointer: Option<&str>| {
            Resolved::File(FilePart {
                path: path.into(),
                pointer: pointer.map(str::to_owned),
            })
        };
        assert_eq!(reference("file", "whole"), file("/home/joe/w", None));
        assert_eq!(
            reference("file", "parts"),
            file("/s/one.json", Some("/a/b"))
        );
        assert_eq!(
            reference("file", "own"),
            unresolved("its provider is not configured")
        );
        assert_eq!(
            reference("file", "none"),
            unresolved("its provider names no file")
        );
        assert_eq!(
            reference("exec", "vault"),
            unresolved("it comes from a program, which a scan never runs")
        );
        assert_eq!(
            reference("store", "x"),
            unresolved("it comes from OpenClaw's own store")
        );
        assert!(matches!(reference("odd", "x"), Resolved::Unresolved(_)));
        assert_eq!(text(&json!({"source": "env"})), Resolved::Nothing);
    }
}
