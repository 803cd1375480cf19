//! The `lab` command: dispatches to one module a subcommand.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::report(cli::Arguments::parse().run())
}
