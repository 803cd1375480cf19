//! Failures and crashes on demand: the n-th changing call fails, or the program dies there.

/// When the program dies, relative to a changing call's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of the effect is there.
    Before,
    /// Of an owner change the manifest and half of the entries; of another call nothing.
    Midway,
    /// The whole effect is there; the caller never learned of it.
    After,
}

/// What a simulated death unwinds with; `catch_unwind` and `downcast_ref` tell it from a real panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// The number of the changing call, counted from 1.
    pub change: u64,
}

/// Which changing call goes wrong, and a log of all that were made.
#[derive(Debug, Default)]
pub struct Faults {
    calls: Vec<String>,
    fail_at: Option<u64>,
    crash_at: Option<(u64, Moment)>,
}

/// How a changing call shall go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// As always.
    Good,
    /// It returns an error and has no effect.
    Fail,
    /// The program dies.
    Crash(Moment, Crash),
}

impl Faults {
    /// Lets the n-th changing call return an error, counted from 1 since the world began.
    pub fn fail_at(&mut self, change: u64) {
        self.fail_at = Some(change);
    }

    /// Lets the program die at the n-th changing call, counted from 1 since the world began.
    pub fn crash_at(&mut self, change: u64, moment: Moment) {
        self.crash_at = Some((change, moment));
    }

    /// Takes all planned faults back.
    pub fn clear(&mut self) {
        self.fail_at = None;
        self.crash_at = None;
    }

    /// Returns the number of changing calls so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.calls.len() as u64
    }

    /// Returns the changing calls so far, each as a verb and its object.
    #[must_use]
    pub fn calls(&self) -> &[String] {
        &self.calls
    }

    /// Counts a changing call and says how it shall go.
    pub fn arrive(&mut self, call: String) -> Fate {
        self.calls.push(call);
        let change = self.count();
        if self.fail_at == Some(change) {
            return Fate::Fail;
        }
        match self.crash_at {
            Some((at, moment)) if at == change => Fate::Crash(moment, Crash { change }),
            _ => Fate::Good,
        }
    }
}

impl Crash {
    /// Dies: unwinds without the message that a panic prints.
    pub fn die(self) -> ! {
        std::panic::resume_unwind(Box::new(self))
    }
}
