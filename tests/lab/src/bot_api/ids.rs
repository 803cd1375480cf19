//! The clock and the numbers made from it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time in unix milliseconds.
#[must_use]
pub fn now_ms() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// Gives out numbers that never repeat, not even after a restart of the server.
///
/// A number is the time in unix milliseconds, or the last one plus one when that is more. `OpenClaw` drops
/// updates whose id is below the offset it has stored, so a counter that starts anew would lose messages.
#[derive(Debug, Default)]
pub struct Ids {
    last: AtomicI64,
}

impl Ids {
    /// Returns a number greater than every one before.
    pub fn next(&self) -> i64 {
        self.next_at(now_ms())
    }

    fn next_at(&self, now_ms: u64) -> i64 {
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let step = |last: i64| now.max(last + 1);
        let last = self
            .last
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(step(last)))
            .unwrap_or_else(|last| last);
        step(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_goes_back() {
        let ids = Ids::default();
        let drawn = [
            ids.next_at(50),
            ids.next_at(50),
            ids.next_at(40),
            ids.next_at(90),
        ];
        assert_eq!(drawn, [50, 51, 52, 90]);
    }
}
