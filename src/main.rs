//! The `ocmigrate` command: parse, run, render the error.

use std::process::ExitCode;

fn main() -> ExitCode {
    ocmigrate::cli::main()
}
