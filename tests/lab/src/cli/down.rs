//! `lab down`: the end of a box.

use std::error::Error;

use clap::Args;
use ocmigrate_lab::server::Server;

/// Remove a box and its volume
#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Name of the box
    #[arg(default_value = "lab")]
    name: String,
}

/// Removes the box, whatever is in it.
pub(crate) fn run(arguments: &Down) -> Result<(), Box<dyn Error>> {
    Ok(Server::attach(&arguments.name)?.remove()?)
}
