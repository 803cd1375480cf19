//! Keeps how a native gateway was started that no manager knows, and on the way back starts it so again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::freeze_loop::find_loop;
use super::native_start::{of_line, of_process};
use super::{Context, Description, Drift, Kind, Paths, Result, Sign, StepError};
use crate::host::{FileMeta, GatewayTrace};
use crate::inventory::{CronStarter, LoopStarter, ProcessId, User};
use crate::openclaw::environment;

/// How long what was started may take until it can be told from other processes: a shell, perhaps a wrapper, then node.
const START_DEADLINE: Duration = Duration::from_mins(1);
/// How long a start that was begun by a run that died may still come to life.
const SETTLE: Duration = Duration::from_secs(15);
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes a script for `sh` beside the group's environment that starts the gateway as it was started: by the same command,
/// in the same directory, with the same environment. Only the gateway's user can read it.
///
/// `Before` holds the shell of a loop. Idempotent: the script is replaced whole, and kept once the gateway does not run.
/// Undone, as the last thing before the look at the native gateway, it starts the gateway unless something did so already;
/// the script stays until what it starts is seen, since a shell opens it some time after its start. A mark on disk says
/// that a start was begun: a run that finds it waits for that start before it begins another. It refuses while the
/// container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepNativeStart {
    /// The group.
    pub group: String,
    /// The gateway's name, for messages.
    pub gateway: String,
    /// The user that it runs as.
    pub user: User,
    /// What identifies its processes.
    pub trace: GatewayTrace,
    /// What its start is taken from.
    pub start: NativeStart,
    /// The container that must not run when it starts.
    pub container: String,
}

/// What a native start is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NativeStart {
    /// The command of a crontab's line.
    Line(CronStarter),
    /// The shell of a loop.
    Loop(LoopStarter),
    /// The gateway's process itself, whose arguments are lost: OpenClaw writes its title over them.
    Process {
        /// The command that serves in the foreground.
        argv: Vec<String>,
        /// What it comes back without, for example a window of tmux.
        lost: Option<String>,
    },
}

/// The shell of a loop.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    shell: Option<ProcessId>,
}

impl Kind for KeepNativeStart {
    type Before = Before;

    fn describe(&self) -> Description {
        let how = match &self.start {
            NativeStart::Line(line) => {
                let table = crate::display::path(&line.file);
                format!("the command of {table}:{}", line.line)
            }
            NativeStart::Loop(_) => "its loop, in the same directory and environment".to_owned(),
            NativeStart::Process { lost: None, .. } => {
                "by the same environment and directory".to_owned()
            }
            NativeStart::Process {
                lost: Some(lost), ..
            } => format!("by itself, NOT {lost}"),
        };
        Description {
            id: "keep-native-start".to_owned(),
            sign: Sign::Add,
            what: format!("files  how {} starts: {how}", self.gateway),
            why: "no manager could start it again on the way back".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let shell = match &self.start {
            NativeStart::Loop(shell) => Some(find_loop(shell, &self.trace, context)?),
            NativeStart::Line(_) | NativeStart::Process { .. } => None,
        };
        Ok(Before { shell })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        let path = self.script(context.paths);
        let Some(first) = context.host.find_gateway(&self.trace)?.first().copied() else {
            if context.host.read(&path)?.is_some() {
                return Ok(());
            }
            return Err(StepError::unmet(
                "the native gateway does not run, so how it was started cannot be read",
            ));
        };
        let start = match (&self.start, before.shell) {
            (NativeStart::Line(line), _) => of_line(line, &self.user, first, context)?,
            (NativeStart::Loop(_), shell) => of_process(shell.unwrap_or(first), context)?,
            (NativeStart::Process { argv, .. }, _) => {
                let mut start = of_process(first, context)?;
                start.argv = argv.iter().map(OsString::from).collect();
                environment::name_gateway(&mut start.environment, &self.user.home, &self.trace);
                start
            }
        };
        let meta = FileMeta {
            uid: self.user.uid,
            gid: self.user.gid,
            mode: 0o400,
            mtime_ns: None,
        };
        Ok(context.host.replace(&path, &start.to_script(), meta)?)
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        context.refuse_while_it_runs(&self.container)?;
        let (path, begun) = (self.script(context.paths), self.begun(context.paths));
        if context.host.read(&path)?.is_some() {
            let was_begun = context.host.read(&begun)?.is_some();
            let lives = was_begun && self.comes_to_life(before, context, SETTLE)?;
            if !lives && !self.lives(before, context)? {
                context
                    .host
                    .replace(&begun, b"", FileMeta::of_root(0o600))?;
                let argv = ["/bin/sh".into(), path.clone().into_os_string()];
                context.host.start_detached(&self.user, &argv)?;
                if !self.comes_to_life(before, context, START_DEADLINE)? {
                    return Err(StepError::unmet(format!(
                        "the native gateway was started by `{}` and is not there after {} s",
                        crate::display::path(&path),
                        START_DEADLINE.as_secs()
                    )));
                }
            }
        }
        context.host.remove(&path)?;
        Ok(context.host.remove(&begun)?)
    }

    fn verify(&self, _before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let path = self.script(context.paths);
        let is_there = context.host.read(&path)?.is_some();
        let drift = || {
            Drift::new(
                format!(
                    "`{}` is gone: a rollback could not start the native gateway",
                    crate::display::path(&path)
                ),
                "keep at hand how it was started; a rollback stops there",
            )
        };
        Ok((!is_there).then(drift).into_iter().collect())
    }
}

impl KeepNativeStart {
    pub(super) fn script(&self, paths: &Paths) -> PathBuf {
        paths.group_etc(&self.group).join("native")
    }

    /// Returns the mark that a start was begun.
    pub(super) fn begun(&self, paths: &Paths) -> PathBuf {
        paths.group_etc(&self.group).join("native.begun")
    }

    /// Waits until the gateway or its loop runs; says whether it does.
    fn comes_to_life(
        &self,
        before: &Before,
        context: &Context,
        patience: Duration,
    ) -> Result<bool> {
        let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        let end = context.host.now_ms().saturating_add(patience);
        loop {
            if self.lives(before, context)? {
                return Ok(true);
            }
            if context.host.now_ms() >= end {
                return Ok(false);
            }
            context.host.sleep(PAUSE);
        }
    }

    /// Returns whether the gateway runs, or its loop, which will start it.
    fn lives(&self, before: &Before, context: &Context) -> Result<bool> {
        if let Some(shell) = before.shell
            && context.host.is_alive(shell)?
        {
            return Ok(true);
        }
        Ok(!context.host.find_gateway(&self.trace)?.is_empty())
    }
}
