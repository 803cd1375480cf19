//! How long the bots of a group were silent during a run, as its journal tells it, and how much of that was ocmigrate's own.

use std::fmt::Write as _;

use serde::Serialize;

use crate::journal::{Entry, Record};
use crate::step::Step;

/// The silence of a run that ended in the container, seen from inside: the polls themselves are not seen from here.
///
/// A bot's last native poll ends within the step that stops its gateway, and its first poll from the container begins within
/// the step that confirms it. So the steps from the one to the other hold the silence, and what lies between the two is
/// neither the native gateway's own stop nor the container's own boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "silence")]
pub struct Silence {
    /// The steps that hold it, in order.
    pub steps: Vec<Took>,
    /// From the begin of the first of them to the end of the last, in milliseconds: no bot was silent for longer.
    pub at_most_ms: i64,
    /// From the last native gateway seen dead to the last container started, in milliseconds: ocmigrate's own share.
    pub own_ms: i64,
}

/// How long a step took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Took {
    /// The step's id.
    pub id: String,
    /// From its intent to its end, in milliseconds.
    pub took_ms: i64,
}

impl Silence {
    /// Reads a run's silence out of its journal; `None` unless every step that holds it is done.
    ///
    /// The journal keeps the times of a run that was cut off and resumed as well.
    #[must_use]
    pub fn find(steps: &[Step], entries: &[Entry]) -> Option<Self> {
        let is_stop = |step: &Step| matches!(step, Step::StopGateway(_));
        let is_look = |step: &Step| matches!(step, Step::ConfirmContainer(_));
        let first = steps.iter().position(is_stop)?;
        let stopped = steps.iter().rposition(is_stop)?;
        let looking = steps.iter().position(is_look)?;
        let last = steps.iter().rposition(is_look)?;
        let took = (first..=last).map(|index| {
            Some(Took {
                id: steps.get(index)?.describe().id,
                took_ms: done(entries, index)? - started(entries, index)?,
            })
        });
        Some(Self {
            steps: took.collect::<Option<_>>()?,
            at_most_ms: done(entries, last)? - started(entries, first)?,
            own_ms: started(entries, looking)? - done(entries, stopped)?,
        })
    }
}

fn started(entries: &[Entry], index: usize) -> Option<i64> {
    entries.iter().find_map(|entry| match entry.record {
        Record::Started { step, .. } if step == index => Some(entry.at_ms),
        _ => None,
    })
}

fn done(entries: &[Entry], index: usize) -> Option<i64> {
    entries.iter().find_map(|entry| match entry.record {
        Record::Done { step } if step == index => Some(entry.at_ms),
        _ => None,
    })
}

/// Renders the silence: its upper bound, what it is made of, and ocmigrate's own share.
#[must_use]
pub fn silence_text(silence: &Silence) -> String {
    let Silence {
        steps,
        at_most_ms,
        own_ms,
    } = silence;
    let mut text = format!(
        "no bot was silent for longer than {}; it is polled while its turns finish:\n",
        seconds(*at_most_ms)
    );
    for Took { id, took_ms } in steps {
        let _ = writeln!(text, "  {:>7}  {id}", seconds(*took_ms));
    }
    let _ = writeln!(
        text,
        "  {:>7}  of it are ocmigrate's own, between that stop and that start",
        seconds(*own_ms)
    );
    text
}

/// Tenths of a second, rounded.
fn seconds(ms: i64) -> String {
    let tenths = (ms + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}
