//! The conversation at a terminal or from a file of answers: asks what the engine asks, and tells it what was answered.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::failure::{Code, Failure};
use crate::cli::prompt::{self, Reply};
use crate::cli::terminal::Terminal;
use crate::display;
use crate::plan::{Answer, Choice, Conversation, Form, Plan, Question};
use crate::report;
use crate::step;

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

/// A conversation at a terminal, or without anybody.
pub(super) struct Talk<'a> {
    pub(super) terminal: &'a Terminal,
    pub(super) who: Who,
}

impl Talk<'_> {
    /// Goes through the conversation, until a person says that the plan may be written.
    pub(super) fn hold<'b>(
        &self,
        mut conversation: Conversation<'b>,
        mut prepared: BTreeMap<String, Answer>,
        path: &Path,
    ) -> Result<Conversation<'b>, Failure> {
        if self.who == Who::Person {
            self.terminal.say(GREETING);
        }
        loop {
            self.converse(&mut conversation, &mut prepared)?;
            self.all_were_asked(&prepared)?;
            if self.who != Who::Person || self.may_write(&conversation, path)? {
                return Ok(conversation);
            }
            conversation.back();
        }
    }

    /// Answers one question after the other, until there is none; what stays in `prepared` was not asked.
    fn converse(
        &self,
        conversation: &mut Conversation,
        prepared: &mut BTreeMap<String, Answer>,
    ) -> Result<(), Failure> {
        while let Some(question) = conversation.next() {
            let answer = match (prepared.remove(&question.id), self.who) {
                (Some(answer), _) => answer,
                (None, Who::Proposal) => question.default,
                (None, Who::Nobody) => return Err(unanswered(&question)),
                (None, Who::Person) => {
                    self.ask(conversation, &question)?;
                    continue;
                }
            };
            let given = conversation.give(&answer);
            given.map_err(|reason| refused(&question.id, &reason))?;
        }
        Ok(())
    }

    /// An answer to a question that does not come up is a misunderstanding; a person sees it, a script stops.
    fn all_were_asked(&self, left: &BTreeMap<String, Answer>) -> Result<(), Failure> {
        let Some(id) = left.keys().next() else {
            return Ok(());
        };
        let message = format!(
            "the answer to `{}` is of no use: with the other answers that is not asked",
            display::text(id)
        );
        if self.who == Who::Person {
            self.say_wrapped(&message, "");
            return Ok(());
        }
        Err(Failure::new(Code::Usage, message).hint("take it out of the file of answers"))
    }

    fn may_write(&self, conversation: &Conversation, path: &Path) -> Result<bool, Failure> {
        self.show(conversation.draft());
        let remarks = report::remarks(conversation.draft());
        self.terminal.say(remarks.trim_end());
        let text = format!("All is decided. Write {}", display::path(path));
        let why = "Writing the plan changes nothing else on this host. execute carries it out, after a dry run and a \
                   question of its own.";
        let options = ["yes".to_owned()];
        let chosen = self.settled(why, || prompt::choose(&text, &options, 0))?;
        Ok(chosen.is_some())
    }

    /// Asks one question until it is answered, or until the question before is wanted.
    fn ask(&self, conversation: &mut Conversation, question: &Question) -> Result<(), Failure> {
        loop {
            let Some(answer) = self.answer(conversation, question)? else {
                if conversation.back().is_none() {
                    self.terminal.say("this is the first question");
                }
                return Ok(());
            };
            let before = report::overview(conversation.draft());
            if let Err(reason) = conversation.give(&answer) {
                self.say_wrapped(&format!("not taken: {reason}"), "");
                continue;
            }
            let said = format!("{}: {}", question.text, shown(question, &answer));
            self.say_wrapped(&said, "");
            let after = report::overview(conversation.draft());
            if question.form != Form::Groups && after != before {
                self.terminal.say(after.trim_end());
            }
            return Ok(());
        }
    }

    /// Asks a question; `None` where the one before is wanted.
    fn answer(
        &self,
        conversation: &Conversation,
        question: &Question,
    ) -> Result<Option<Answer>, Failure> {
        let Question { text, default, .. } = question;
        let why = question.explanation.as_str();
        Ok(match (&question.form, default) {
            (Form::Groups, Answer::Groups(grouping)) => self
                .regroup(conversation, why, grouping)?
                .map(Answer::Groups),
            (Form::One(choices), Answer::Text(default)) => {
                let start = choices.iter().position(|choice| choice.key == *default);
                let texts = marked(conversation, choices, |key| {
                    Answer::Text(key.unwrap_or(default).to_owned())
                });
                let ask = || prompt::choose(text, &texts, start.unwrap_or(0));
                self.settled(why, ask)?
                    .map(|index| Answer::Text(key(choices, index)))
            }
            (Form::Several(choices), Answer::Several(default)) => {
                let marked: Vec<bool> = choices
                    .iter()
                    .map(|choice| default.contains(&choice.key))
                    .collect();
                let texts = self::marked(conversation, choices, |key| {
                    Answer::Several(key.map(str::to_owned).into_iter().collect())
                });
                let ask = || prompt::mark(text, &texts, &marked);
                let keys = |all: Vec<usize>| all.into_iter().map(|index| key(choices, index));
                self.settled(why, ask)?
                    .map(|all| Answer::Several(keys(all).collect()))
            }
            (Form::Flag, Answer::Flag(default)) => {
                let options = ["yes".to_owned(), "no".to_owned()];
                let ask = || prompt::choose(text, &options, usize::from(!default));
                self.settled(why, ask)?
                    .map(|index| Answer::Flag(index == 0))
            }
            (_, default) => {
                let default = shown(question, default);
                if !prompt::fits(text, &default) {
                    self.say_wrapped(&format!("proposed: {}", display::text(&default)), "  ");
                }
                let ask = || prompt::line(text, &default);
                self.settled(why, ask)?.map(Answer::Text)
            }
        })
    }

    /// Asks again after an explanation, and after a quit that was not meant; `None` where the question before is wanted.
    pub(super) fn settled<T>(
        &self,
        why: &str,
        ask: impl Fn() -> Result<Reply<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        loop {
            match ask()? {
                Reply::Answer(answer) => return Ok(Some(answer)),
                Reply::Back => return Ok(None),
                Reply::Explain => self.say_wrapped(why, "  "),
                Reply::Quit => {
                    if prompt::confirm("Quit without writing the plan?")? {
                        return Err(Failure::new(Code::Blocked, "quit; nothing was written"));
                    }
                }
            }
        }
    }

    pub(super) fn say_wrapped(&self, text: &str, indent: &str) {
        let width = prompt::columns().saturating_sub(1).min(100);
        self.terminal.say(&display::wrap(text, width, indent));
    }

    pub(super) fn show(&self, plan: &Plan) {
        let overview = report::overview(plan);
        self.terminal.say(overview.trim_end());
    }
}

const GREETING: &str = "Enter takes what is proposed. At every question: ? explains it, < goes back,\n\
                        q quits without writing. Nothing on this host changes before `execute`.\n";

/// The most options that are tried out; there can be an edge for every pair of agents.
const TRIED: usize = 50;

/// The options of the next question; those that only execute would refuse say so. `answer` makes an answer of an option, and
/// one of none.
fn marked(
    conversation: &Conversation,
    choices: &[Choice],
    answer: impl Fn(Option<&str>) -> Answer,
) -> Vec<String> {
    let refusals = |key: Option<&str>| {
        let mut trial = conversation.clone();
        trial.give(&answer(key)).ok()?;
        let draft = trial.draft();
        let groups = draft.groups.iter();
        let refusals = groups.map(|group| step::unbuilt(draft, group).len());
        Some(refusals.sum::<usize>())
    };
    let tried = choices.iter().take(TRIED);
    let counts: Vec<Option<usize>> = tried.map(|it| refusals(Some(&it.key))).collect();
    let least = counts
        .iter()
        .copied()
        .chain([refusals(None)])
        .flatten()
        .min();
    let counts = counts.into_iter().chain(std::iter::repeat(None));
    let options = choices.iter().zip(counts);
    options
        .map(|(choice, count)| {
            if count > least {
                format!("{} (planned only)", choice.text)
            } else {
                choice.text.clone()
            }
        })
        .collect()
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
    let message = format!(
        "the answer to `{}` is not taken: {reason}",
        display::text(id)
    );
    Failure::new(Code::Usage, message)
        .hint("correct it in the file of answers, or take it out and answer at a terminal")
}

fn unanswered(question: &Question) -> Failure {
    let message = format!(
        "nobody answers `{}`: there is no terminal to ask at",
        question.id
    );
    Failure::new(Code::Usage, message)
        .hint("add --yes to take what is proposed, or --answers FILE with an answer to it")
}
