//! How errors cross to exit codes and to what the user sees: one line, `caused by:`, `hint:`.

use crate::docker::DockerError;
use crate::execute::ExecuteError;
use crate::host::HostError;
use crate::journal::{JournalError, LockError};
use crate::plan::PlanError;
use crate::step::{DECLINED, ListError, StepError};

/// The exit codes beside 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// Failed, nothing left half-done.
    Failed = 1,
    /// The command line or a file that the user gave is wrong.
    Usage = 2,
    /// Blocked: an inhibitor, a stale plan, declined, drift.
    Blocked = 3,
    /// Failed and rolled back.
    RolledBack = 4,
    /// A person must look.
    Stuck = 5,
    /// Ctrl-C.
    Interrupted = 130,
}

/// Why the command did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) causes: Vec<String>,
    pub(super) hint: Option<String>,
    /// The reader of stdout went away: nothing is said.
    pub(super) is_quiet: bool,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            is_quiet: false,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Takes an error and its chain of causes.
    pub(super) fn of(code: Code, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(code, error.to_string());
        let mut cause = error.source();
        while let Some(source) = cause {
            failure.causes.push(source.to_string());
            cause = source.source();
        }
        failure
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::of(Code::Failed, &error)
    }
}

impl From<DockerError> for Failure {
    fn from(error: DockerError) -> Self {
        let failure = Self::of(Code::Blocked, &error);
        match error {
            DockerError::Unreachable { .. } => {
                failure.hint("install and start Docker: apt-get install docker.io")
            }
            _ => Self {
                code: Code::Failed,
                ..failure
            },
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let failure = Self::of(Code::Blocked, &error);
        match error {
            LockError::Held { .. } => {
                failure.hint("wait until it has ended; ocmigrate status shows where it stands")
            }
            LockError::File { .. } => failure,
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match &error {
            // Reading changes nothing.
            JournalError::File { action: "read", .. } => Self::of(Code::Failed, &error)
                .hint("--state-dir names the directory that holds the journals"),
            JournalError::Needed { .. } => {
                Self::of(Code::Blocked, &error).hint("ocmigrate status tells where it stands")
            }
            _ => Self::of(Code::Stuck, &error),
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let hint = match &error {
            PlanError::Contradiction { hint, .. } => hint.clone(),
            PlanError::Syntax { .. } | PlanError::Format { .. } => {
                "correct that line, or make a new plan: ocmigrate plan --yes".to_owned()
            }
        };
        Self::of(Code::Usage, &error).hint(hint)
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        let (code, hint) = match &error {
            ListError::NoGroup { .. } => (Code::Usage, "choose one of these, or edit the plan"),
            ListError::NotBuilt { .. } => (
                Code::Blocked,
                "ocmigrate plan --edit PLAN changes it: one whole gateway a group, under its own user, companions left native",
            ),
            ListError::NotMovable { .. } => (Code::Blocked, "ocmigrate scan tells more about it"),
        };
        Self::of(code, &error).hint(hint)
    }
}

/// A step that refuses before anything was begun.
impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        let mut failure = Self::of(Code::Blocked, &error);
        failure.hint = error.hint().map(str::to_owned);
        failure
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::RolledBack { reason, hint, changed } => {
                let (code, end) = if reason == "interrupted" {
                    (Code::Interrupted, "everything is native as before")
                } else if reason == DECLINED {
                    (Code::Blocked, "everything is as before")
                } else if changed {
                    (Code::RolledBack, "rolled back, everything is native as before")
                } else {
                    (Code::Failed, "nothing was changed")
                };
                // The end of a log may stand below the reason.
                let (first, log) = reason.split_once('\n').unwrap_or((&reason, ""));
                let log = if log.is_empty() { String::new() } else { format!("\n{log}") };
                let mut failure = Self::new(code, format!("{first}; {end}{log}"));
                failure.hint = hint;
                failure
            }
            ExecuteError::Stuck { .. } => Self::of(Code::Stuck, &error)
                .hint("mend the cause, then run ocmigrate rollback for this group again; it goes on where it stopped"),
            ExecuteError::Journal(error) => error.into(),
            ExecuteError::OtherSteps => Self::of(Code::Stuck, &error)
                .hint("use the version of ocmigrate that began it; the journal's first line names it"),
        }
    }
}
