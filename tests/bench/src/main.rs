//! The `bench` command: runs pieces of ocmigrate's work and the field's programs for the same work in turns, and prints
//! how they compare. It needs root, and leaves nothing behind.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench makes the trees, processes and files that it measures with"
)]

mod arguments;
mod drive;
mod measure;
mod row;
mod rows;
mod sleepers;
mod table;
mod tree;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

/// What a part of the bench comes to.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match arguments::Arguments::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // With standard error closed there is nobody left to tell.
            let _ = writeln!(io::stderr().lock(), "bench: {error}");
            ExitCode::from(2)
        }
    }
}
