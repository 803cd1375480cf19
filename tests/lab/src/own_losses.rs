//! What OpenClaw loses by itself, so that a test can tell it from what was lost on the way there or back.

/// Returns whether OpenClaw took a message in and dropped it by itself, by the logs of its gateway.
///
/// In the first seconds after a start of 2026.9.6 the upkeep of its databases may hold the lock of the state for longer than
/// the five seconds that a turn waits for it. The turn fails, its message is tried again, and is then taken for one that was
/// answered. Seen in full once, on a server without a migration, with a message that met a gateway within a second of its start.
#[must_use]
pub fn is_dropped_at_start(logs: &str, mark: &str) -> bool {
    let Some((_, number)) = mark.rsplit_once('-') else {
        return false;
    };
    let failed = format!("spooled update {number} failed; keeping for retry");
    let message = format!("messageId={number} ");
    logs.lines().any(|line| {
        line.contains(&failed) && line.contains("another OpenClaw process owns state-lifecycle")
    }) && logs
        .lines()
        .any(|line| line.contains(&message) && line.contains("cause=skipped:duplicate"))
}

#[cfg(test)]
mod tests {
    use super::is_dropped_at_start;

    const FAILED: &str = "[telegram] spooled update 17 failed; keeping for retry: Failed to update plugin state entry. \
                          | another OpenClaw process owns state-lifecycle";
    const SKIPPED: &str = "[turn/execution] visible channel turn dispatched with no queued reply payloads: \
                           channel=telegram messageId=17 sessionKey=agent:main:main cause=skipped:duplicate";

    #[test]
    fn a_message_is_dropped_that_failed_for_the_lock_and_was_skipped_then() {
        let logs = format!("ready\n{FAILED}\n{SKIPPED}\n");
        assert!(is_dropped_at_start(&logs, "mark-lab2bot-17"));
    }

    #[test]
    fn nothing_else_is_excused() {
        let both = format!("{FAILED}\n{SKIPPED}\n");
        for other in ["mark-lab2bot-1", "mark-lab2bot-171", "mark-lab2bot-", ""] {
            assert!(!is_dropped_at_start(&both, other), "{other}");
        }
        let refused = FAILED.replace("another OpenClaw process owns state-lifecycle", "closed");
        for logs in [FAILED, SKIPPED, "", &format!("{refused}\n{SKIPPED}\n")] {
            assert!(!is_dropped_at_start(logs, "mark-lab2bot-17"), "{logs}");
        }
    }
}
