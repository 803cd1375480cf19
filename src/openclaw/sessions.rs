//! Whether turns run in a gateway that cannot be asked: told by the ends of its sessions' files.

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
