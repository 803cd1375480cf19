//! The answers of a conversation as a file: written by `--save-answers`, replayed by `--answers`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::syntax;
use super::topic::is_question;
use super::{Grouping, PlanError};

/// The number of the JSON format of answers.
pub const ANSWERS_FORMAT: u32 = 1;

/// What a person answered, by the ids of the questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The number of this format; see [`ANSWERS_FORMAT`].
    pub format: u32,
    /// One answer a question, for example `group.oc-work.budget`.
    pub answers: BTreeMap<String, Answer>,
}

/// One answer; which of these a question takes follows from its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "an answer is a text, true or false, a list of texts, or the agents of every group"
)]
pub enum Answer {
    /// Yes or no.
    Flag(bool),
    /// A text, or one of several options.
    Text(String),
    /// Some of several options.
    Several(Vec<String>),
    /// The agents of every group.
    Groups(Grouping),
}

impl Answers {
    /// Gathers the answers of a conversation.
    #[must_use]
    pub fn of(answers: BTreeMap<String, Answer>) -> Self {
        Self {
            format: ANSWERS_FORMAT,
            answers,
        }
    }
}

/// Reads a file of answers.
///
/// # Errors
///
/// Names the line and column of what is no answer, or the format that this version does not read.
pub fn parse_answers(text: &str) -> Result<Answers, PlanError> {
    let answers: Answers = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    if answers.format != ANSWERS_FORMAT {
        return Err(PlanError::Format {
            found: answers.format,
            read: ANSWERS_FORMAT,
        });
    }
    if let Some((line, key)) = super::locate::repeated_key(text) {
        return Err(PlanError::Contradiction {
            line: Some(line),
            place: format!("`{}`", crate::display::text(&key)),
            reason: "it is answered twice".to_owned(),
            hint: "keep one of the two".to_owned(),
        });
    }
    match answers.answers.keys().find(|id| !is_question(id)) {
        None => Ok(answers),
        Some(id) => Err(PlanError::Contradiction {
            line: super::locate::line(text, &format!("answers.{id}")),
            place: format!("answers.{}", crate::display::text(id)),
            reason: "there is no such question".to_owned(),
            hint: "plan --save-answers writes a file with every id".to_owned(),
        }),
    }
}
