//! What is written where: stdout for data, stderr for everything else, a spinner on a terminal, a line now and then in a
//! pipe, and silence when the reader goes away.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::counter::Counter;
use super::failure::{Code, Failure};
use super::fold::fold;
use crate::execute::Event;

/// How often a note is printed where there is no terminal.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// The two streams of this process.
pub(super) struct Terminal {
    spinner: RefCell<Option<ProgressBar>>,
    last_note: RefCell<Option<Instant>>,
    is_terminal: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self {
            spinner: RefCell::new(None),
            last_note: RefCell::new(None),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Writes data to stdout.
    pub(super) fn data(&self, text: &str) -> Result<(), Failure> {
        self.end_note();
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| {
                let mut failure = Failure::of(Code::Failed, &error);
                failure.is_quiet = error.kind() == io::ErrorKind::BrokenPipe;
                failure
            })
    }

    /// Writes text for people to stdout, folded to a terminal's width.
    pub(super) fn text(&self, text: &str) -> Result<(), Failure> {
        self.data(&folded(text, &Term::stdout()))
    }

    /// Writes lines to stderr, folded to a terminal's width; nobody reading them is no failure.
    pub(super) fn say(&self, lines: &str) {
        self.end_note();
        let _ = writeln!(io::stderr().lock(), "{}", folded(lines, &Term::stderr()));
    }

    /// Shows what goes on right now, in place of the last such note.
    pub(super) fn note(&self, text: &str) {
        if self.is_terminal {
            let mut spinner = self.spinner.borrow_mut();
            let bar = spinner.get_or_insert_with(new_spinner);
            bar.set_message(text.to_owned());
            return;
        }
        let mut last = self.last_note.borrow_mut();
        if last.is_none_or(|last| last.elapsed() >= NOTE_EVERY) {
            *last = Some(Instant::now());
            let _ = writeln!(io::stderr().lock(), "        {text}");
        }
    }

    /// Shows a count that threads report, until it is dropped.
    pub(super) fn counter(&self) -> Counter {
        self.end_note();
        Counter::new(self.is_terminal)
    }

    fn end_note(&self) {
        if let Some(spinner) = self.spinner.borrow_mut().take() {
            spinner.finish_and_clear();
        }
    }

    /// Says why the command failed and returns its exit code.
    pub(super) fn fail(&self, failure: &Failure) -> ExitCode {
        let Failure {
            code,
            message,
            causes,
            hint,
            is_quiet,
        } = failure;
        if *is_quiet {
            return ExitCode::SUCCESS;
        }
        self.say(&format!("error: {message}"));
        for cause in causes {
            self.say(&format!("caused by: {cause}"));
        }
        if let Some(hint) = hint {
            self.say(&format!("hint: {hint}"));
        }
        ExitCode::from(*code as u8)
    }

    /// Asks for a line of text.
    pub(super) fn ask_for(&self, question: &str) -> Result<String, Failure> {
        self.end_note();
        if !io::stdin().is_terminal() {
            return Err(Failure::new(Code::Usage, "there is no terminal to ask at")
                .hint("add --yes-i-mean GROUP"));
        }
        catch(signal_hook::consts::SIGINT);
        let answer = dialoguer::Input::new()
            .with_prompt(question)
            .interact_text();
        answer.map_err(|_| Failure::new(Code::Interrupted, "interrupted; nothing was changed"))
    }

    /// Asks a yes-or-no question; the default is no.
    pub(super) fn ask(&self, question: &str) -> Result<bool, Failure> {
        self.end_note();
        if !io::stdin().is_terminal() {
            return Err(
                Failure::new(Code::Usage, "there is no terminal to ask at").hint("add --yes")
            );
        }
        super::prompt::confirm(question)
    }
}

/// Folds text to the width of the terminal that a stream is; a pipe or a file gets whole lines.
fn folded<'a>(text: &'a str, stream: &Term) -> Cow<'a, str> {
    match stream.size_checked() {
        Some((_, width)) if stream.is_term() => fold(text, usize::from(width)).into(),
        _ => text.into(),
    }
}

fn new_spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("        {spinner} {elapsed} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

impl Terminal {
    /// Shows an event of a run: on stderr for a person, one JSON object a line on stdout for a program.
    pub(super) fn event(&self, event: &Event, as_json: bool) {
        if as_json {
            // A program that stops reading does not stop the run.
            let _ = self.data(&(serde_json::to_string(event).unwrap_or_default() + "\n"));
            return;
        }
        match event {
            Event::Started { number, of, step } => {
                self.say(&format!("{number:>2}/{of} {}", step.what));
            }
            Event::Note { text } => self.note(text),
            Event::Done { took_ms, .. } => self.say(&format!("      done  {}", seconds(*took_ms))),
            Event::Turned { reason } => self.say(&format!("going back: {reason}")),
            Event::Undoing { id } => self.say(&format!("undo  {id}")),
            Event::Undone { took_ms, .. } => {
                self.say(&format!("      undone  {}", seconds(*took_ms)));
            }
            Event::Settled | Event::Restored => self.end_note(),
        }
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C and SIGTERM turn the run back at the next step instead of killing it.
pub(super) fn catch_interrupts() {
    catch(signal_hook::consts::SIGINT);
    catch(signal_hook::consts::SIGTERM);
}

pub(super) fn catch(signal: i32) {
    let flag = INTERRUPTED.get_or_init(|| Arc::new(AtomicBool::new(false)));
    // Without the handler the signal kills, which resume copes with.
    let _ = signal_hook::flag::register(signal, Arc::clone(flag));
}

/// Returns whether one of them came.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}
