//! What one run of a program costs.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// A program and its arguments.
pub(crate) type Argv = Vec<String>;

/// What a driver of ocmigrate's own says at its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Said {
    /// How many things it dealt with.
    pub(crate) count: u64,
    /// Its own peak of memory.
    pub(crate) peak_kib: u64,
}

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Time on processors, of the program and all its children.
    pub(crate) cpu: Duration,
    pub(crate) said: Option<Said>,
}

/// Runs a program to its end; its output goes nowhere.
pub(crate) fn run(argv: &Argv) -> Outcome<Cost> {
    run_into(argv, Stdio::null()).map(|(cost, _)| cost)
}

/// Runs a driver, which says what it did.
pub(crate) fn run_driver(argv: &Argv) -> Outcome<Cost> {
    let (cost, text) = run_into(argv, Stdio::piped())?;
    Ok(Cost {
        said: Some(serde_json::from_slice(&text)?),
        ..cost
    })
}

/// Runs a shell's line that is not measured.
pub(crate) fn shell(line: &str) -> Outcome {
    run(&in_shell(line)).map(drop)
}

/// Returns the argv of a shell's line.
pub(crate) fn in_shell(line: &str) -> Argv {
    ["sh", "-ec", line].map(str::to_owned).into()
}

fn run_into(argv: &Argv, stdout: Stdio) -> Outcome<(Cost, Vec<u8>)> {
    let (program, arguments) = argv.split_first().ok_or("no program")?;
    let before = on_processors()?;
    let start = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(File::options().append(true).open("/dev/stderr")?)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let output = child.wait_with_output()?;
    let wall = start.elapsed();
    if !output.status.success() {
        return Err(format!("`{}`: {}", argv.join(" "), output.status).into());
    }
    let cost = Cost {
        wall,
        cpu: on_processors()?.saturating_sub(before),
        said: None,
    };
    Ok((cost, output.stdout))
}

/// The time on processors of all children that were waited for, and of theirs; getrusage(2).
fn on_processors() -> Outcome<Duration> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.unsigned_abs()))
}
