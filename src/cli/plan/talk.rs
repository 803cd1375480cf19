//! The conversation at a terminal or from a file of answers: asks what the engine asks, and tells it what was answered.

use std::collections::BTreeMap;

use crate::cli::failure::{Code, Failure};
use crate::cli::prompt::{self, Reply};
use crate::cli::terminal::Terminal;
use crate::display;
use crate::inventory::Inventory;
use crate::plan::{Answer, Choice, Conversation, Form, Question};
use crate::report;

/// Who answers what no file answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A person at the terminal.
    Person,
    /// The proposal: `--yes`.
    Proposal,
    /// Nobody: that is an error.
    Nobody,
}

/// Goes through the conversation; what stays in `prepared` was not asked.
pub(super) fn converse(
    terminal: &Terminal,
    inventory: &Inventory,
    conversation: &mut Conversation,
    prepared: &mut BTreeMap<String, Answer>,
    who: Who,
) -> Result<(), Failure> {
    while let Some(question) = conversation.next() {
        if let Some(answer) = prepared.remove(&question.id) {
            let given = conversation.give(&answer);
            given.map_err(|reason| refused(&question.id, &reason))?;
            continue;
        }
        match who {
            Who::Nobody => return Err(unanswered(&question)),
            Who::Proposal => {
                let given = conversation.give(&question.default);
                given.map_err(|reason| refused(&question.id, &reason))?;
            }
            Who::Person => ask(terminal, inventory, conversation, &question)?,
        }
    }
    Ok(())
}

/// Asks one question until it is answered, or until the question before is wanted.
fn ask(
    terminal: &Terminal,
    inventory: &Inventory,
    conversation: &mut Conversation,
    question: &Question,
) -> Result<(), Failure> {
    loop {
        let Some(answer) = answered(terminal, inventory, conversation, question)? else {
            if conversation.back().is_none() {
                terminal.say("this is the first question");
            }
            return Ok(());
        };
        let before = conversation.draft().clone();
        match conversation.give(&answer) {
            Err(reason) => terminal.say(&format!("not taken: {reason}")),
            Ok(()) => {
                terminal.say(&format!("{}: {}", question.text, shown(question, &answer)));
                if *conversation.draft() != before {
                    terminal.say(&report::overview(inventory, conversation.draft()));
                }
                return Ok(());
            }
        }
    }
}

/// Asks a question; `None` where the one before is wanted.
fn answered(
    terminal: &Terminal,
    inventory: &Inventory,
    conversation: &Conversation,
    question: &Question,
) -> Result<Option<Answer>, Failure> {
    let Question { text, default, .. } = question;
    let why = question.explanation.as_str();
    Ok(match (&question.form, default) {
        (Form::Groups, Answer::Groups(grouping)) => {
            super::regroup::regroup(terminal, inventory, conversation, why, grouping)?
                .map(Answer::Groups)
        }
        (Form::Several(choices), Answer::Several(keys)) => {
            let marked: Vec<_> = choices
                .iter()
                .map(|choice| keys.contains(&choice.key))
                .collect();
            settled(terminal, why, || {
                prompt::mark(text, &texts(choices), &marked)
            })?
            .map(|all| Answer::Several(all.into_iter().map(|index| key(choices, index)).collect()))
        }
        (Form::One(choices), Answer::Text(default)) => {
            let start = choices.iter().position(|choice| choice.key == *default);
            let ask = || prompt::choose(text, &texts(choices), start.unwrap_or(0));
            settled(terminal, why, ask)?.map(|index| Answer::Text(key(choices, index)))
        }
        (Form::Flag, Answer::Flag(default)) => {
            let ask = || {
                prompt::choose(
                    text,
                    &["yes".to_owned(), "no".to_owned()],
                    usize::from(!default),
                )
            };
            settled(terminal, why, ask)?.map(|index| Answer::Flag(index == 0))
        }
        (_, default) => {
            let ask = || prompt::line(text, &shown(question, default));
            settled(terminal, why, ask)?.map(Answer::Text)
        }
    })
}

/// Asks again after an explanation, and after a quit that was not meant; `None` where the question before is wanted.
pub(super) fn settled<T>(
    terminal: &Terminal,
    why: &str,
    ask: impl Fn() -> Result<Reply<T>, Failure>,
) -> Result<Option<T>, Failure> {
    loop {
        match ask()? {
            Reply::Answer(answer) => return Ok(Some(answer)),
            Reply::Back => return Ok(None),
            Reply::Explain => {
                let width = prompt::columns().saturating_sub(4).min(100);
                terminal.say(&display::wrap(why, width, "  "));
            }
            Reply::Quit => {
                if prompt::confirm("Quit without writing the plan?")? {
                    return Err(Failure::new(Code::Blocked, "quit; nothing was written"));
                }
            }
        }
    }
}

fn texts(choices: &[Choice]) -> Vec<String> {
    choices.iter().map(|choice| choice.text.clone()).collect()
}

fn key(choices: &[Choice], index: usize) -> String {
    choices
        .get(index)
        .map(|choice| choice.key.clone())
        .unwrap_or_default()
}

/// Shows an answer on one line.
fn shown(question: &Question, answer: &Answer) -> String {
    match answer {
        Answer::Flag(true) => "yes".to_owned(),
        Answer::Flag(false) => "no".to_owned(),
        Answer::Text(key) => match &question.form {
            Form::One(choices) => choices
                .iter()
                .find(|choice| choice.key == *key)
                .map_or_else(|| key.clone(), |choice| choice.text.clone()),
            _ => key.clone(),
        },
        Answer::Several(keys) if keys.is_empty() => "none".to_owned(),
        Answer::Several(keys) => keys.join(" "),
        Answer::Groups(grouping) => grouping.keys().cloned().collect::<Vec<_>>().join(" "),
    }
}

fn refused(id: &str, reason: &str) -> Failure {
    Failure::new(
        Code::Usage,
        format!(
            "the answer to `{}` is not taken: {reason}",
            display::text(id)
        ),
    )
    .hint("correct it in the file of answers, or leave it out and answer at the terminal")
}

fn unanswered(question: &Question) -> Failure {
    Failure::new(
        Code::Usage,
        format!(
            "nobody answers `{}`: there is no terminal to ask at",
            question.id
        ),
    )
    .hint("add --yes to take what is proposed, or --answers FILE with an answer to it")
}
