//! Faults on demand: a changing call that is refused, or in which the program dies.

use std::cell::Cell;

use crate::docker::{DockerError, Result};

/// The payload of the panic with which [`crash_at`](super::FakeDocker::crash_at) ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// The number of the changing call, counted from 1.
    pub call: u64,
    /// On which side of the effect.
    pub point: CrashPoint,
}

/// On which side of a call's effect the program dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing was done.
    Before,
    /// All was done, and the caller does not know.
    After,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    calls: Cell<u64>,
    fail: Cell<Option<u64>>,
    crash: Cell<Option<Crash>>,
}

impl Faults {
    pub(super) fn fail_at(&self, call: u64) {
        self.fail.set(Some(call));
    }

    pub(super) fn crash_at(&self, call: u64, point: CrashPoint) {
        self.crash.set(Some(Crash { call, point }));
    }

    pub(super) fn clear(&self) {
        self.calls.set(0);
        self.fail.set(None);
        self.crash.set(None);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// Runs a changing call, with the fault that is due.
    pub(super) fn change<T>(
        &self,
        action: &'static str,
        object: &str,
        effect: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let call = self.calls.get() + 1;
        self.calls.set(call);
        self.crash_if_due(call, CrashPoint::Before);
        if self.fail.get() == Some(call) {
            self.fail.set(None);
            return Err(DockerError::Refused {
                action,
                object: object.to_owned(),
                reason: "a fault on demand".to_owned(),
            });
        }
        let result = effect();
        self.crash_if_due(call, CrashPoint::After);
        result
    }

    fn crash_if_due(&self, call: u64, point: CrashPoint) {
        let crash = Crash { call, point };
        if self.crash.get() == Some(crash) {
            self.crash.set(None);
            std::panic::panic_any(crash);
        }
    }
}
