//! One run over a list of steps.

use crate::execute::Event;
use crate::journal::{Direction, Journal, JournalError, Outcome, Record};
use crate::step::{Context, Step, StepError};

/// Why a run did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A step failed, and everything before it was undone.
    #[error("{reason}")]
    RolledBack {
        /// Why.
        reason: String,
        /// What to do, where there is something.
        hint: Option<String>,
        /// Whether anything had been changed at all.
        changed: bool,
    },
    /// A step could not be undone: a person must look.
    #[error("could not undo `{step}`: {source}")]
    Stuck {
        /// The step's id.
        step: String,
        /// Why.
        source: StepError,
    },
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal belongs to another list of steps.
    #[error("the journal was begun with other steps; it belongs to another plan or version")]
    OtherSteps,
}

/// A run over one group's steps.
pub struct Run<'a> {
    /// The steps.
    pub steps: &'a [Step],
    /// What their verbs get.
    pub context: &'a Context<'a>,
    /// Where every intent is written first.
    pub journal: &'a mut Journal,
    /// Takes what happens.
    pub tell: &'a dyn Fn(Event),
    /// Says whether the user wants to stop.
    pub is_interrupted: &'a dyn Fn() -> bool,
    /// Is asked once, when all that can be proven is proven and the next step makes the bots silent.
    pub before_silence: &'a dyn Fn() -> Result<(), StepError>,
}

impl Run<'_> {
    /// Goes on from wherever the journal stands: forward if it goes forward, else back.
    ///
    /// # Errors
    ///
    /// [`ExecuteError::RolledBack`] when everything is native again, [`ExecuteError::Stuck`] when a person must look.
    pub fn resume(&mut self) -> Result<Outcome, ExecuteError> {
        self.check_steps()?;
        loop {
            match self.journal.state().direction.clone() {
                Direction::Unopened => return Err(ExecuteError::OtherSteps),
                Direction::Forward { done, started } => self.forward(done, started)?,
                Direction::Back { left, reason, .. } => {
                    self.back(left)?;
                    if reason == ASKED {
                        return Ok(Outcome::Native);
                    }
                    return Err(ExecuteError::RolledBack {
                        reason,
                        hint: None,
                        changed: true,
                    });
                }
                Direction::Ended(outcome) => return Ok(outcome),
            }
        }
    }

    /// Turns back, from wherever the journal stands, and undoes everything.
    ///
    /// # Errors
    ///
    /// [`ExecuteError::Stuck`] when a person must look; called again it goes on.
    pub fn rollback(&mut self) -> Result<Outcome, ExecuteError> {
        self.check_steps()?;
        match self.journal.state().direction {
            Direction::Ended(Outcome::Native) => return Ok(Outcome::Native),
            Direction::Back { .. } => {}
            _ => self.turn(ASKED)?,
        }
        if let Direction::Back { left, .. } = self.journal.state().direction {
            self.back(left)?;
        }
        Ok(Outcome::Native)
    }

    fn check_steps(&self) -> Result<(), ExecuteError> {
        let ids: Vec<_> = self.steps.iter().map(|step| step.describe().id).collect();
        match &self.journal.state().run {
            Some(run) if run.steps == ids => Ok(()),
            _ => Err(ExecuteError::OtherSteps),
        }
    }

    /// Applies the next step, or settles after the last; turns back when it fails.
    fn forward(&mut self, done: usize, started: bool) -> Result<(), ExecuteError> {
        let Some(step) = self.steps.get(done) else {
            self.record(Record::Settled)?;
            (self.tell)(Event::Settled);
            return Ok(());
        };
        if (self.is_interrupted)() {
            return self.fail(&StepError::unmet("interrupted"));
        }
        let is_edge = !started && step.describe().in_silence && !self.is_silent(done);
        if is_edge && let Err(error) = (self.before_silence)() {
            return self.fail(&error);
        }
        match self.apply(done, step, started) {
            Ok(()) => Ok(()),
            Err(Failure::Journal(error)) => Err(error.into()),
            Err(Failure::Step(error)) => self.fail(&error),
        }
    }

    /// Returns whether a step before this one made the bots silent.
    fn is_silent(&self, index: usize) -> bool {
        let mut before = self.steps.iter().take(index);
        before.any(|step| step.describe().in_silence)
    }

    fn apply(&mut self, index: usize, step: &Step, started: bool) -> Result<(), Failure> {
        let description = step.describe();
        let id = description.id.clone();
        (self.tell)(Event::Started {
            number: index + 1,
            of: self.steps.len(),
            step: description,
        });
        let begin = self.context.host.now_ms();
        let known = self.journal.state().befores.get(&index).cloned();
        let before = match known {
            Some(before) if started => before,
            _ => {
                let before = step.capture(self.context)?;
                // Durable before the effect: resume and rollback must find it.
                self.record(Record::Started {
                    step: index,
                    before: before.clone(),
                })?;
                before
            }
        };
        if step.needs_native_down() {
            self.check_native_is_down(index)?;
        }
        step.apply(&before, self.context)?;
        self.record(Record::Done { step: index })?;
        let took_ms = self.context.host.now_ms() - begin;
        (self.tell)(Event::Done { id, took_ms });
        Ok(())
    }

    /// Looks once more at everything that keeps the native gateway down: it may have been taken back since, while this run
    /// was cut off for example.
    fn check_native_is_down(&self, index: usize) -> Result<(), StepError> {
        let earlier = self.steps.iter().enumerate().take(index);
        for (index, step) in earlier.filter(|(_, step)| step.keeps_native_down()) {
            let before = self.journal.state().befores.get(&index).cloned();
            let drifts = step.verify(&before.unwrap_or_default(), self.context)?;
            if let Some(drift) = drifts.into_iter().next() {
                let hint = "find out who did that, then scan and plan again";
                return Err(StepError::unmet_with_hint(drift.what, hint));
            }
        }
        Ok(())
    }

    /// Turns back because of an error, and undoes everything.
    fn fail(&mut self, error: &StepError) -> Result<(), ExecuteError> {
        let reason = chain(error);
        let hint = error.hint().map(str::to_owned);
        // The end of a log is for the person, not for the journal.
        self.turn(reason.lines().next().unwrap_or_default())?;
        let left = match self.journal.state().direction {
            Direction::Back { left, .. } => left,
            _ => 0,
        };
        let changed = self
            .steps
            .iter()
            .take(left)
            .any(|step| step.describe().sign != crate::step::Sign::Look);
        self.back(left)?;
        Err(ExecuteError::RolledBack {
            reason,
            hint,
            changed,
        })
    }

    fn turn(&mut self, reason: &str) -> Result<(), ExecuteError> {
        self.record(Record::Turned {
            reason: reason.to_owned(),
        })?;
        (self.tell)(Event::Turned {
            reason: reason.to_owned(),
        });
        Ok(())
    }

    fn back(&mut self, left: usize) -> Result<(), ExecuteError> {
        for index in (0..left).rev() {
            let Some(step) = self.steps.get(index) else {
                return Err(ExecuteError::OtherSteps);
            };
            let id = step.describe().id;
            (self.tell)(Event::Undoing { id: id.clone() });
            let begin = self.context.host.now_ms();
            let before = self
                .journal
                .state()
                .befores
                .get(&index)
                .cloned()
                .unwrap_or_default();
            let is_announced = matches!(
                self.journal.state().direction,
                Direction::Back { left, undoing: true, .. } if left == index + 1
            );
            if !is_announced {
                self.record(Record::Undoing { step: index })?;
            }
            step.undo(&before, self.context)
                .map_err(|source| ExecuteError::Stuck {
                    step: id.clone(),
                    source,
                })?;
            self.record(Record::Undone { step: index })?;
            let took_ms = self.context.host.now_ms() - begin;
            (self.tell)(Event::Undone { id, took_ms });
        }
        self.record(Record::Restored)?;
        (self.tell)(Event::Restored);
        Ok(())
    }

    fn record(&mut self, record: Record) -> Result<(), JournalError> {
        self.journal.append(self.context.host.now_ms(), record)
    }
}

/// The reason of a rollback that the user asked for.
const ASKED: &str = "asked for";

enum Failure {
    Step(StepError),
    Journal(JournalError),
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Joins an error and its causes by colons.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = source.source();
    }
    text
}
