//! The end of a gateway's log in a message, without its secrets.

use std::path::Path;

use super::Context;
use crate::openclaw;
use crate::secret::{self, Secret};

/// How many lines of a container's log are read; blank ones are not quoted.
const READ: u32 = 40;
/// How many lines a message quotes.
const LINES: usize = 12;

impl Context<'_> {
    /// Returns the end of a container's own log in the same way; empty where there is none.
    pub(super) fn container_log(&self, container: &str, config: &Path) -> String {
        let log = self.docker.log_tail(container, READ).unwrap_or_default();
        self.log_tail(container, config, &log)
    }

    /// Returns the end of a log as lines below a message; empty where it is empty. What the group's environment and the
    /// gateway's configuration hold as secrets is masked, and what looks like one.
    pub(super) fn log_tail(&self, group: &str, config: &Path, log: &str) -> String {
        let mut known = Vec::new();
        if let Ok(Some(file)) = self.host.read(config) {
            known.extend(openclaw::known_secrets(&file.bytes));
        }
        let environment = self.paths.group_etc(group).join("environment");
        if let Ok(Some(file)) = self.host.read(&environment) {
            known.extend(openclaw::environment::known_secrets(&file.bytes));
        }
        quoted(log, &known)
    }
}

fn quoted(log: &str, known: &[Secret]) -> String {
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(LINES);
    let tail = lines.into_iter().skip(skipped);
    let mut text = String::new();
    for line in tail {
        let line = crate::display::text(&secret::masked(line, known));
        text += &format!("\n    | {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_quoted_without_secrets_and_control_characters() {
        let known = [Secret::new("hunter2hunter2")];
        let log = "first\n\nlogin hunter2hunter2 \u{1b}[31m 7214000031:AAH-abcdefghijklmnopqrstuvwxyz12345\n";
        assert_eq!(
            quoted(log, &known),
            "\n    | first\n    | login … \\u{1b}[31m …"
        );
        assert_eq!(quoted("", &known), "");
    }
}
