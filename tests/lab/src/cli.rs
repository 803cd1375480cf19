//! The command line of the lab.

mod down;
mod exec;
mod ledger;
mod register;
mod send;
mod services;
mod summary;
mod traffic;
mod up;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ocmigrate_lab::bot_api::client::Client;
use ocmigrate_lab::services::lab_address;
use serde::Serialize;

/// What a subcommand comes to.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Runs the lab of ocmigrate: servers outside the box, and what is in it
#[derive(Debug, Parser)]
#[command(name = "lab")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Up(up::Up),
    Down(down::Down),
    Exec(exec::Exec),
    Services(services::Services),
    Register(register::Register),
    Send(send::Send),
    Traffic(traffic::Traffic),
    Ledger(ledger::Ledger),
    Summary(summary::Summary),
}

impl Arguments {
    /// Does what was asked for.
    pub(crate) fn run(self) -> Outcome {
        match self.task {
            Task::Up(task) => up::run(&task),
            Task::Down(task) => down::run(&task),
            Task::Exec(task) => exec::run(&task),
            Task::Services(task) => task.run(),
            Task::Register(task) => task.run(),
            Task::Send(task) => task.run(),
            Task::Traffic(task) => task.run(),
            Task::Ledger(task) => task.run(),
            Task::Summary(task) => task.run(),
        }
    }
}

/// Where the Bot API server is.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Ask the Bot API server at URL
    #[arg(long, value_name = "URL", default_value_t = format!("http://{}:9600", lab_address()))]
    server: String,
}

impl Server {
    fn client(&self) -> Client {
        Client::new(&self.server)
    }
}

/// Writes the failure of a subcommand with its causes and turns it into an exit code.
pub(crate) fn report(outcome: Outcome) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "lab: {text}");
    ExitCode::FAILURE
}

/// Writes a value as JSON to standard output.
fn print_json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value)?;
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}
