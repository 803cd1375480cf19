//! Whether a gateway that cannot be asked is at work, told by the files that it writes.

use std::ffi::OsString;
use std::path::Path;

use super::Context;
use crate::display;
use crate::host::FileState;
use crate::openclaw::sessions;

/// How long nothing may have been written before the gateway counts as quiet: a message needs a moment from its channel to
/// its session, 2 s at most in the lab, with 2026.2.9 on two busy processors.
const QUIET_MS: i64 = 3_000;

/// What a gateway's files tell.
#[derive(Default)]
struct Signs {
    /// Turns whose session waits for the assistant.
    turns: u64,
    /// Messages that were taken from a channel and wait for their turn.
    messages: u64,
    /// When something was written last.
    written_ms: Option<i64>,
}

/// Returns what a gateway is at, as words; `None` when it is quiet. What cannot be read says nothing.
pub(super) fn find_work(context: &Context, state_directory: &Path) -> Option<String> {
    let signs = Signs::of(context, state_directory);
    let now_ms = context.host.now_ms();
    let is_recent = |written_ms: i64| (0..QUIET_MS).contains(&(now_ms - written_ms));
    if signs.turns > 0 {
        Some(display::count(signs.turns, "turn runs", "turns run"))
    } else if signs.messages > 0 {
        let (one, many) = ("message waits", "messages wait");
        Some(display::count(signs.messages, one, many))
    } else {
        let was_at_work = signs.written_ms.is_some_and(is_recent);
        was_at_work.then(|| format!("waiting for {} s of quiet", QUIET_MS / 1000))
    }
}

impl Signs {
    fn of(context: &Context, state_directory: &Path) -> Self {
        let mut signs = Self::default();
        let agents = sessions::agents_directory(state_directory);
        for agent in list(context, &agents) {
            let directory = sessions::directory(state_directory, Path::new(&agent));
            for name in list(context, &directory) {
                signs.see_session(context, &directory.join(name));
            }
        }
        let channel = sessions::telegram_directory(state_directory);
        for name in list(context, &channel) {
            let path = channel.join(&name);
            if sessions::is_spool(&name) {
                signs.messages += sessions::count_waiting(&list(context, &path));
            } else {
                signs.see_file(context, &path);
            }
        }
        signs
    }

    /// Takes in when a file was written; says whether a turn that was begun then may still run.
    fn see_file(&mut self, context: &Context, path: &Path) -> bool {
        let Some(file) = read(context, path, 0) else {
            return false;
        };
        let written_ms = file.meta.mtime_ns.unwrap_or_default() / 1_000_000;
        let written_ms = i64::try_from(written_ms).unwrap_or_default();
        self.written_ms = self.written_ms.max(Some(written_ms));
        written_ms > context.host.now_ms() - sessions::TURN_MS
    }

    fn see_session(&mut self, context: &Context, path: &Path) {
        let may_run = self.see_file(context, path);
        if may_run && path.extension().is_some_and(|end| end == "jsonl") {
            let tail = read(context, path, sessions::TAIL_BYTES);
            self.turns += u64::from(tail.is_some_and(|tail| sessions::is_turn_open(&tail.bytes)));
        }
    }
}

/// Lists a directory. Agents write in these: one that is no directory hides no other.
fn list(context: &Context, path: &Path) -> Vec<OsString> {
    context.host.list(path).unwrap_or_default()
}

fn read(context: &Context, path: &Path, bytes: u64) -> Option<FileState> {
    context.host.read_tail(path, bytes).ok().flatten()
}
