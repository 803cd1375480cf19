//! Questions to a person at a terminal, on stderr. Every one of them can be explained, gone back from, and left.

use std::io::{self, IsTerminal};

use dialoguer::console::{Term, truncate_str};
use dialoguer::{Confirm, Input, MultiSelect, Select};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::failure::{Code, Failure};

/// What a person did at a question.
pub(super) enum Reply<T> {
    /// Answered it.
    Answer(T),
    /// Wants to know more.
    Explain,
    /// Wants the question before.
    Back,
    /// Wants out.
    Quit,
}

/// The entries below the options of every list.
const WAYS: [&str; 3] = ["? explain", "< back", "q quit without writing"];

/// Returns whether somebody can be asked.
pub(super) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for one of several options; returns its index.
pub(super) fn choose(
    text: &str,
    options: &[String],
    default: usize,
) -> Result<Reply<usize>, Failure> {
    let items: Vec<String> = options
        .iter()
        .map(String::as_str)
        .chain(WAYS)
        .map(fitted)
        .collect();
    let select = Select::new()
        .with_prompt(text)
        .items(&items)
        .default(default);
    let chosen = interact(|| select.report(false).interact_opt())?;
    Ok(
        match chosen.map(|index| index.checked_sub(options.len()).ok_or(index)) {
            Some(Err(index)) => Reply::Answer(index),
            Some(Ok(0)) => Reply::Explain,
            Some(Ok(1)) => Reply::Back,
            Some(Ok(_)) | None => Reply::Quit,
        },
    )
}

/// Asks for any number of several options; returns their indexes.
pub(super) fn mark(
    text: &str,
    options: &[String],
    marked: &[bool],
) -> Result<Reply<Vec<usize>>, Failure> {
    let items: Vec<String> = options.iter().map(|option| fitted(option)).collect();
    let prompt = format!("{text} (space marks, Enter takes, Esc for more)");
    loop {
        let select = MultiSelect::new()
            .with_prompt(&prompt)
            .items(&items)
            .defaults(marked);
        if let Some(chosen) = interact(|| select.report(false).interact_opt())? {
            return Ok(Reply::Answer(chosen));
        }
        match choose(text, &["go on marking".to_owned()], 0)? {
            Reply::Answer(_) => {}
            Reply::Explain => return Ok(Reply::Explain),
            Reply::Back => return Ok(Reply::Back),
            Reply::Quit => return Ok(Reply::Quit),
        }
    }
}

/// Returns whether a line asks and shows its proposal as well.
pub(super) fn fits(text: &str, default: &str) -> bool {
    text.len() + default.len() < columns().saturating_sub(14)
}

/// Asks for a line of text.
pub(super) fn line(text: &str, default: &str) -> Result<Reply<String>, Failure> {
    let input = Input::<String>::new()
        .with_prompt(format!("{text} (? < q)"))
        .default(default.to_owned())
        .show_default(fits(text, default));
    let written = interact(|| input.report(false).interact_text())?;
    Ok(match written.trim() {
        "?" => Reply::Explain,
        "<" => Reply::Back,
        "q" => Reply::Quit,
        text => Reply::Answer(text.to_owned()),
    })
}

/// Asks a yes-or-no question; the default is no.
pub(super) fn confirm(text: &str) -> Result<bool, Failure> {
    interact(|| Confirm::new().with_prompt(text).default(false).interact())
}

/// Lets a prompt run; Ctrl-C at it leaves a sane terminal.
fn interact<T>(prompt: impl FnOnce() -> dialoguer::Result<T>) -> Result<T, Failure> {
    // At Ctrl-C the prompt sends its own process a SIGINT, which would kill it with the cursor hidden.
    super::terminal::catch(signal_hook::consts::SIGINT);
    super::terminal::catch(signal_hook::consts::SIGTERM);
    let _keys = Keys::take();
    let answer = prompt().ok().filter(|_| !super::terminal::is_interrupted());
    answer.ok_or_else(|| {
        let terminal = Term::stderr();
        let _ = terminal
            .show_cursor()
            .and_then(|()| terminal.write_line(""));
        Failure::new(Code::Interrupted, "interrupted; nothing was changed")
    })
}

/// The keyboard, while a prompt has it.
///
/// The prompt reads single keys and gives the terminal back after each: a key typed in between would be echoed into the
/// picture, and Ctrl-C in between would be a signal that the prompt does not see. So for as long as a prompt runs keys are
/// neither echoed nor signals; termios(3).
struct Keys {
    before: Termios,
}

impl Keys {
    fn take() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut bare = before.clone();
        bare.local_modes -= LocalModes::ISIG | LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Drain, &bare).ok()?;
        Some(Self { before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Shortens an option to one line: the prompts count lines to clear them again.
fn fitted(option: &str) -> String {
    truncate_str(
        &crate::display::text(option),
        columns().saturating_sub(8),
        "…",
    )
    .into_owned()
}

/// The width of the terminal, in columns.
pub(super) fn columns() -> usize {
    usize::from(Term::stderr().size().1)
}
