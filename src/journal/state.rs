//! What a journal's records add up to, and which record may follow which.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Record;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The run, once it is opened.
    pub run: Option<Run>,
    /// What the started steps captured, by their place in the list.
    pub befores: BTreeMap<usize, Value>,
    /// The direction, or the end, of the run.
    pub direction: Direction,
}

/// What a journal says of its run in the first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The hash of the list of steps.
    pub list: String,
    /// The ids of all steps.
    pub steps: Vec<String>,
}

/// Which way a run goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Direction {
    /// No record yet.
    #[default]
    Unopened,
    /// Forward: so many steps are done, and one more may be started.
    Forward {
        /// How many are done.
        done: usize,
        /// Whether the next one is started.
        started: bool,
    },
    /// Back: so many started steps are not undone yet.
    Back {
        /// How many are left.
        left: usize,
        /// Whether the last of them is being undone.
        undoing: bool,
        /// Why.
        reason: String,
    },
    /// At one of the two ends.
    Ended(Outcome),
}

/// The two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All in the container.
    InContainer,
    /// All in the container, and no way back.
    Final,
    /// All native.
    Native,
}

/// A record that must not stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record `{record}` cannot follow here")]
pub struct IllegalRecord {
    /// The kind of record.
    pub record: &'static str,
}

impl State {
    /// Takes one more record in; the transition table.
    ///
    /// # Errors
    ///
    /// Refuses a record that no run writes at this place.
    pub fn follow(mut self, record: &Record) -> Result<Self, IllegalRecord> {
        let all = self.run.as_ref().map_or(0, |run| run.steps.len());
        let next = self.direction.next(record, all);
        self.direction = next.ok_or(IllegalRecord {
            record: kind(record),
        })?;
        match record {
            Record::Opened {
                run,
                list,
                steps,
                made_by: _,
            } => {
                self.run = Some(Run {
                    id: run.clone(),
                    list: list.clone(),
                    steps: steps.clone(),
                });
            }
            // What was captured stays: it is what undo goes back to.
            Record::Started { step, before } => {
                self.befores.insert(*step, before.clone());
            }
            _ => {}
        }
        Ok(self)
    }
}

impl Direction {
    /// The transition table; `all` is the number of steps. `None` for a record that no run writes at this place.
    fn next(self, record: &Record, all: usize) -> Option<Self> {
        use Direction::{Back, Ended, Forward, Unopened};
        Some(match (self, record) {
            (Unopened, Record::Opened { .. }) => Forward {
                done: 0,
                started: false,
            },
            (
                Forward {
                    done,
                    started: false,
                },
                Record::Started { step, .. },
            ) if *step == done && done < all => Forward {
                done,
                started: true,
            },
            (
                Forward {
                    done,
                    started: true,
                },
                Record::Done { step },
            ) if *step == done => Forward {
                done: done + 1,
                started: false,
            },
            (
                Forward {
                    done,
                    started: false,
                },
                Record::Settled,
            ) if done == all => Ended(Outcome::InContainer),
            // A started step may have had its effect already, so it is undone as well.
            (Forward { done, started }, Record::Turned { reason }) => {
                back(done + usize::from(started), reason)
            }
            (Ended(Outcome::InContainer), Record::Turned { reason }) => back(all, reason),
            (Ended(Outcome::InContainer), Record::Finalized) => Ended(Outcome::Final),
            (
                Back {
                    left,
                    undoing: false,
                    reason,
                },
                Record::Undoing { step },
            ) if *step + 1 == left => Back {
                left,
                undoing: true,
                reason,
            },
            (
                Back {
                    left,
                    undoing: true,
                    reason,
                },
                Record::Undone { step },
            ) if *step + 1 == left => Back {
                left: left - 1,
                undoing: false,
                reason,
            },
            (
                Back {
                    left: 0,
                    undoing: false,
                    ..
                },
                Record::Restored,
            ) => Ended(Outcome::Native),
            _ => return None,
        })
    }
}

fn back(left: usize, reason: &str) -> Direction {
    Direction::Back {
        left,
        undoing: false,
        reason: reason.to_owned(),
    }
}

const fn kind(record: &Record) -> &'static str {
    match record {
        Record::Opened { .. } => "opened",
        Record::Started { .. } => "started",
        Record::Done { .. } => "done",
        Record::Settled => "settled",
        Record::Turned { .. } => "turned",
        Record::Undoing { .. } => "undoing",
        Record::Undone { .. } => "undone",
        Record::Restored => "restored",
        Record::Finalized => "finalized",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Record {
        Record::Opened {
            run: "r".to_owned(),
            made_by: "0".to_owned(),
            list: "l".to_owned(),
            steps: vec!["a".to_owned(), "b".to_owned()],
        }
    }

    fn started(step: usize) -> Record {
        Record::Started {
            step,
            before: Value::from(step),
        }
    }

    fn turned() -> Record {
        Record::Turned {
            reason: "asked".to_owned(),
        }
    }

    fn follow(records: &[Record]) -> Result<State, IllegalRecord> {
        records
            .iter()
            .try_fold(State::default(), |state, record| state.follow(record))
    }

    #[test]
    fn a_whole_run_there_and_back_is_legal() {
        let there = [
            opened(),
            started(0),
            Record::Done { step: 0 },
            started(1),
            Record::Done { step: 1 },
            Record::Settled,
        ];
        let back = [
            turned(),
            Record::Undoing { step: 1 },
            Record::Undone { step: 1 },
            Record::Undoing { step: 0 },
            Record::Undone { step: 0 },
            Record::Restored,
        ];
        let end = |records: &[Record]| follow(records).map(|state| state.direction);
        assert_eq!(end(&there), Ok(Direction::Ended(Outcome::InContainer)));
        assert_eq!(
            end(&[&there[..], &back].concat()),
            Ok(Direction::Ended(Outcome::Native))
        );
    }

    #[test]
    fn a_final_run_is_never_turned_back() {
        let settled = [
            opened(),
            started(0),
            Record::Done { step: 0 },
            started(1),
            Record::Done { step: 1 },
            Record::Settled,
        ];
        let then = |records: &[Record]| follow(&[&settled[..], records].concat());
        assert!(then(&[Record::Finalized]).is_ok());
        assert!(then(&[Record::Finalized, turned()]).is_err());
        assert!(follow(&[opened(), Record::Finalized]).is_err());
    }

    #[test]
    fn a_started_step_is_undone_as_well() {
        let state = follow(&[opened(), started(0), turned()]).map(|state| state.direction);
        assert!(matches!(state, Ok(Direction::Back { left: 1, .. })));
    }

    #[test]
    fn steps_are_not_skipped_repeated_or_settled_early() {
        assert!(follow(&[opened(), started(1)]).is_err());
        assert!(follow(&[opened(), started(0), started(0)]).is_err());
        assert!(
            follow(&[
                opened(),
                started(0),
                Record::Done { step: 0 },
                Record::Settled
            ])
            .is_err()
        );
        assert!(follow(&[started(0)]).is_err());
        assert!(follow(&[opened(), opened()]).is_err());
        assert!(follow(&[opened(), turned(), started(0)]).is_err());
    }
}
