//! How far a count is: a spinner with the rate on a terminal, a line every few seconds in a pipe.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is printed where there is no terminal; nothing is printed of what takes less.
const EVERY: Duration = Duration::from_secs(5);

/// Shows a count that threads report. Dropping it clears the terminal.
pub(super) struct Counter {
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
}

impl Counter {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self {
            bar: is_terminal.then(new_bar),
            last: Mutex::new(Instant::now()),
        }
    }

    /// Says how many entries of something were counted.
    pub(super) fn tell(&self, what: &str, counted: u64) {
        let what = crate::display::text(what);
        if let Some(bar) = &self.bar {
            bar.set_message(what);
            bar.set_position(counted);
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            let _ = writeln!(
                std::io::stderr().lock(),
                "        {what}: {counted} entries counted"
            );
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let template = "        {spinner} {elapsed} {wide_msg} {human_pos} entries, {per_sec}";
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
