//! One call of the `docker` program, and what came of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use thiserror::Error;

use crate::bot_api::client::ClientError;

/// Why a box does not do what was asked.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The image was never built on this machine.
    #[error("no image `{image}` in the engine (hint: run scripts/lab-image as root)")]
    MissingImage {
        /// The image asked for.
        image: String,
    },
    /// A file of the machine cannot be read.
    #[error("read `{}` (hint: scripts/lab-image makes what is in the cache)", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The `docker` program did not run.
    #[error("run `{command}`")]
    Run {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("`{command}` ended with status {status}: {stderr}")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status; -1 where a signal ended it.
        status: i32,
        /// What it wrote to standard error, or to standard output where that is empty.
        stderr: String,
    },
    /// The lab's Bot API does not say what a box has to know.
    #[error(transparent)]
    BotApi(#[from] ClientError),
    /// Something awaited did not come.
    #[error("{what} did not happen within {} s: {last}", waited.as_secs())]
    Deadline {
        /// What was awaited.
        what: String,
        /// How long.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
}

/// What a program left: its status and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// The exit status; -1 where a signal ended the program.
    pub status: i32,
    /// Standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Output {
    /// Returns whether the program ended with status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == 0
    }

    /// Returns standard output, or an error where the program failed.
    ///
    /// # Errors
    /// [`ServerError::Failed`] for every status but 0.
    pub fn checked(self) -> Result<String, ServerError> {
        if self.is_success() {
            return Ok(self.stdout);
        }
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let stderr = said.trim().to_owned();
        Err(ServerError::Failed {
            command: self.command,
            status: self.status,
            stderr,
        })
    }
}

/// What goes into a program's standard input.
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

/// A call of `docker` that is being put together.
pub(super) struct DockerCall {
    arguments: Vec<OsString>,
    input: Input,
}

/// Begins a call of `docker`.
pub(super) fn docker<const N: usize>(arguments: [&str; N]) -> DockerCall {
    DockerCall {
        arguments: arguments.iter().map(OsString::from).collect(),
        input: Input::Nothing,
    }
}

impl DockerCall {
    pub(super) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(super) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self
    }

    pub(super) fn bytes_in(mut self, bytes: &[u8]) -> Self {
        self.input = Input::Bytes(bytes.to_vec());
        self
    }

    pub(super) fn file_in(mut self, file: File) -> Self {
        self.input = Input::File(file);
        self
    }

    pub(super) fn run(self) -> Result<Output, ServerError> {
        let Self { arguments, input } = self;
        let command = describe(&arguments);
        let output = spawn(&arguments, input).map_err(|source| ServerError::Run {
            command: command.clone(),
            source,
        })?;
        Ok(Output {
            command,
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

fn describe(arguments: &[OsString]) -> String {
    let words = arguments.iter().map(|argument| argument.to_string_lossy());
    std::iter::once("docker".into())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

fn spawn(arguments: &[OsString], input: Input) -> io::Result<std::process::Output> {
    let mut command = Command::new("docker");
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (stdin, bytes) = match input {
        Input::Nothing => (Stdio::null(), None),
        Input::File(file) => (Stdio::from(file), None),
        Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
    };
    let mut child = command.stdin(stdin).spawn()?;
    // Files that tests write are small, and none of the readers answers before the end: no pipe fills up.
    if let (Some(bytes), Some(mut pipe)) = (bytes, child.stdin.take()) {
        pipe.write_all(&bytes)?;
    }
    child.wait_with_output()
}
