//! The append-only intent log of one group: every record is on disk before the effect that it announces, and what may
//! follow what is one transition table. Also the lock that lets one run at a time change the host.

mod file;
mod lock;
mod reserve;
mod state;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use file::{Entry, Journal, JournalError, read};
pub use lock::{Lock, LockError};
pub use state::{Direction, IllegalRecord, Outcome, State};

/// One announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "record", deny_unknown_fields)]
pub enum Record {
    /// A run begins.
    Opened {
        /// The run's id.
        run: String,
        /// The version of ocmigrate.
        made_by: String,
        /// The hash of the list of steps, which lies beside the journal.
        list: String,
        /// The ids of all steps, in order.
        steps: Vec<String>,
    },
    /// A step is about to be applied; what was there before.
    Started {
        /// The step's place in the list.
        step: usize,
        /// What the step captured.
        before: Value,
    },
    /// A step was applied.
    Done {
        /// The step's place in the list.
        step: usize,
    },
    /// All steps are done: the container owns the gateway.
    Settled,
    /// From here on everything is undone.
    Turned {
        /// Why.
        reason: String,
    },
    /// A step is about to be undone.
    Undoing {
        /// The step's place in the list.
        step: usize,
    },
    /// A step was undone.
    Undone {
        /// The step's place in the list.
        step: usize,
    },
    /// Everything is undone: the host owns the gateway.
    Restored,
    /// A person gave up the way back.
    Finalized,
}
