//! `lab exec`: a command in a box.

use std::error::Error;
use std::io::{self, Write};

use clap::Args;
use ocmigrate_lab::server::Server;

/// Run a command in a box and print what it printed
#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// Name of the box
    #[arg(long = "box", value_name = "NAME", default_value = "lab")]
    name: String,
    /// Run as USER, with the environment of a login [default: root]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs the command; one that fails is an error.
pub(crate) fn run(arguments: &Exec) -> Result<(), Box<dyn Error>> {
    let server = Server::attach(&arguments.name)?;
    let output = match &arguments.user {
        Some(user) => server.exec_as(user, &arguments.command)?,
        None => server.exec(&arguments.command)?,
    };
    io::stdout().lock().write_all(output.stdout.as_bytes())?;
    io::stderr().lock().write_all(output.stderr.as_bytes())?;
    output.checked()?;
    Ok(())
}
