//! Keeps how a native gateway was started that no manager knows, and on the way back starts it so again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::freeze_loop::find_loop;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{FileMeta, GatewayTrace, RunningProcess, crontab};
use crate::inventory::{CronStarter, LoopStarter, ProcessId, User};
use crate::openclaw::environment;

/// What cron sets for every line, beside the user's names and directory; crontab(5), Debian 12.
const CRONS: [(&str, &str); 2] = [("SHELL", "/bin/sh"), ("PATH", "/usr/bin:/bin")];

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

/// A start: with these variables, in this directory, this command.
struct Start {
    environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    argv: Vec<OsString>,
    output: Option<PathBuf>,
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
        let path = self.script(context);
        let Some(first) = context.host.find_gateway(&self.trace)?.first().copied() else {
            if context.host.read(&path)?.is_some() {
                return Ok(());
            }
            return Err(StepError::unmet(
                "the native gateway does not run, so how it was started cannot be read",
            ));
        };
        let start = match (&self.start, before.shell) {
            (NativeStart::Line(line), _) => self.of_line(line, context)?,
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
        Ok(context.host.replace(&path, &to_script(&start), meta)?)
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        context.refuse_while_it_runs(&self.container)?;
        let (path, begun) = (self.script(context), self.begun(context));
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
        let path = self.script(context);
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
    fn script(&self, context: &Context) -> PathBuf {
        context.paths.group_etc(&self.group).join("native")
    }

    /// Returns the mark that a start was begun.
    fn begun(&self, context: &Context) -> PathBuf {
        context.paths.group_etc(&self.group).join("native.begun")
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

    /// Returns what cron(8) does with a line.
    fn of_line(&self, line: &CronStarter, context: &Context) -> Result<Start> {
        let table = context.host.read(&line.file)?;
        let text = table.map(|table| String::from_utf8_lossy(&table.bytes).into_owned());
        let lines = crontab::lines(
            &text.unwrap_or_default(),
            !super::disarm_cron::is_users(line),
        );
        let found = lines.into_iter().find(|found| found.number == line.line);
        let found = found.ok_or_else(|| {
            let table = crate::display::path(&line.file);
            StepError::unmet(format!("{table}:{} is no line of cron", line.line))
        })?;
        let User { name, home, .. } = &self.user;
        let home = home.to_string_lossy().into_owned();
        let named = [("HOME", home.as_str()), ("LOGNAME", name), ("USER", name)];
        let usual = CRONS.into_iter().chain(named);
        let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let own = found
            .environment
            .into_iter()
            .map(|(name, value, _)| (name, value));
        let all: Vec<_> = usual.chain(own).collect();
        let last = |wanted: &str| {
            let mut set = all.iter().rev();
            set.find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        Ok(Start {
            directory: last("HOME").unwrap_or_default().into(),
            argv: vec![
                last("SHELL").unwrap_or_default().into(),
                "-c".into(),
                found.command.into(),
            ],
            environment: all
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            output: None,
        })
    }
}

fn of_process(process: ProcessId, context: &Context) -> Result<Start> {
    let found = context
        .host
        .process(process.pid)?
        .filter(|found| found.id == process);
    let RunningProcess {
        arguments,
        directory,
        output,
        ..
    } = found.ok_or_else(|| StepError::unmet(format!("process {} has ended", process.pid)))?;
    Ok(Start {
        environment: context.host.environment(process)?,
        directory,
        argv: arguments,
        output,
    })
}

/// Writes a start as a script for a POSIX shell. It holds secrets.
fn to_script(start: &Start) -> Vec<u8> {
    let quote = |path: &Path| environment::quote(path.as_os_str());
    let mut script =
        b"# Written by ocmigrate: starts the native gateway as it was started.\n".to_vec();
    script.extend(environment::to_shell(&start.environment).text);
    script.extend(
        [
            b"cd ",
            quote(&start.directory).as_slice(),
            b" || exit 1\nexec",
        ]
        .concat(),
    );
    for word in &start.argv {
        script.extend([b" ", environment::quote(word).as_slice()].concat());
    }
    let output = start.output.as_deref().unwrap_or(Path::new("/dev/null"));
    script.extend([b" >>", quote(output).as_slice(), b" 2>&1\n"].concat());
    script
}
