//! The only caller of apply and undo: walks a list of steps forward, resumes, or goes back, under a journal, and tells
//! what happens as events. Dry run walks the same list and only describes.

mod run;

use serde::Serialize;

pub use run::{ExecuteError, Run};

use crate::step::Description;

/// What happens, as it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A step begins.
    Started {
        /// Its number, counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        #[serde(flatten)]
        step: Description,
    },
    /// A slow step says what it does right now.
    Note {
        /// What.
        text: String,
    },
    /// A step is done.
    Done {
        /// The step's id.
        id: String,
        /// How long it took, in milliseconds.
        took_ms: i64,
    },
    /// From here on everything is undone.
    Turned {
        /// Why.
        reason: String,
    },
    /// A step begins to be undone.
    Undoing {
        /// The step's id.
        id: String,
    },
    /// A step is undone.
    Undone {
        /// The step's id.
        id: String,
        /// How long it took, in milliseconds.
        took_ms: i64,
    },
    /// The container owns the gateway.
    Settled,
    /// The host owns the gateway.
    Restored,
}
