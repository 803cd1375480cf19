//! What a conversation asks: a stable id, the words, the answers that fit, and the proposed one.

use super::Answer;

/// The id of the question what memory is left to the host.
pub const RESERVE: &str = "reserve";

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its stable id, for example `group.oc-work.budget`.
    pub id: String,
    /// The question, in one short line.
    pub text: String,
    /// Why it is asked, and what an answer brings about.
    pub explanation: String,
    /// Which answers fit.
    pub form: Form,
    /// The proposed answer.
    pub default: Answer,
}

/// Which answers a question takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The agents of every group.
    Groups,
    /// One of these.
    One(Vec<Choice>),
    /// Any number of these.
    Several(Vec<Choice>),
    /// A text.
    Text,
    /// Yes or no.
    Flag,
}

/// An option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// How answers name it.
    pub key: String,
    /// What a person reads.
    pub text: String,
}
