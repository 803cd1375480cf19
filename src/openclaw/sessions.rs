//! Whether turns run in a gateway that cannot be asked: told by the ends of its sessions' files, and by the messages that
//! its channel keeps until their turn.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How much of a session's end is looked at.
pub const TAIL_BYTES: u64 = 256 * 1024;
/// How old the last entry of a turn that still runs can be: 2026.2.9 gives a turn ten minutes where nobody set more.
pub const TURN_MS: i64 = 600_000;

/// Returns the directory of the agents.
#[must_use]
pub fn agents_directory(state_directory: &Path) -> PathBuf {
    state_directory.join("agents")
}

/// Returns the directory of one agent's sessions.
#[must_use]
pub fn directory(state_directory: &Path, agent: &Path) -> PathBuf {
    agents_directory(state_directory)
        .join(agent)
        .join("sessions")
}

/// Returns the directory of what Telegram's channel keeps: how far it has heard, written once a message had its turn
/// (2026.2.9), and the spools of its accounts (2026.5.28).
#[must_use]
pub fn telegram_directory(state_directory: &Path) -> PathBuf {
    state_directory.join("telegram")
}

/// Returns whether an entry of that directory is an account's spool.
#[must_use]
pub fn is_spool(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"ingress-spool-")
}

/// Counts the messages of a spool that wait or have their turn; one that failed for good stays beside its `.failed`.
#[must_use]
pub fn count_waiting(names: &[OsString]) -> u64 {
    let names: Vec<_> = names.iter().filter_map(|name| name.to_str()).collect();
    let message = |name: &&str| {
        let name = name.strip_suffix(".processing").unwrap_or(name);
        name.strip_suffix(".json").map(|_| name.to_owned())
    };
    let has_failed = |name: &String| names.contains(&format!("{name}.failed").as_str());
    let waiting = names.iter().filter_map(message);
    waiting.filter(|name| !has_failed(name)).count() as u64
}

/// Returns whether a session's file ends within a turn: its last message is a user's or a tool's, or calls a tool.
///
/// 2026.2.9 writes the user's message when the turn begins and the assistant's when it ends, one JSON object a line; what
/// is cut off at the beginning of `tail` is not looked at.
#[must_use]
pub fn is_turn_open(tail: &[u8]) -> bool {
    let mut lines = tail.rsplit(|byte| *byte == b'\n');
    let message = lines.find_map(|line| {
        let entry: Value = serde_json::from_slice(line).ok()?;
        entry
            .get("message")
            .filter(|_| entry.get("type") == Some(&"message".into()))
            .cloned()
    });
    let Some(message) = message else { return false };
    let says = |key: &str| {
        message
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    says("role") != "assistant" || says("stopReason") == "toolUse"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_holds_what_waits_and_what_has_its_turn() {
        let count = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(OsString::from).collect();
            count_waiting(&names)
        };
        assert_eq!(count(&["7.json", "8.json.processing", "8.json.1.tmp"]), 2);
        assert_eq!(count(&["7.json.processing", "7.json.failed"]), 0);
        assert_eq!(count(&[]), 0);
        assert!(is_spool(OsStr::new("ingress-spool-default")));
        assert!(!is_spool(OsStr::new("update-offset-default.json")));
    }

    #[test]
    fn a_session_is_open_until_the_assistant_has_answered() {
        let line = |rest: &str| format!("{{\"type\":\"message\",\"message\":{{{rest}}}}}\n");
        let user = line(r#""role":"user","content":"x""#);
        let tool = line(r#""role":"assistant","stopReason":"toolUse""#);
        let result = line(r#""role":"toolResult""#);
        let answer = line(r#""role":"assistant","stopReason":"stop""#);
        let note = "{\"type\":\"custom\",\"customType\":\"model-snapshot\"}\n";
        let is_open = |lines: &[&str]| is_turn_open(lines.concat().as_bytes());
        assert!(is_open(&[&answer, &user]));
        assert!(is_open(&[&user, &tool]) && is_open(&[&user, &tool, &result, note]));
        assert!(!is_open(&[&user, &answer]) && !is_open(&[&user, &answer, note]));
        assert!(!is_open(&["torn\":1}\n", note]) && !is_open(&[]));
    }
}
