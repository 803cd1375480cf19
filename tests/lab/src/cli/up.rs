//! `lab up`: a box with a fleet in it.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use ocmigrate_lab::fleet::Fleet;
use ocmigrate_lab::server::{SERVER_IMAGE, Server, base_image_tar};

/// Boot a box, load the base image and settle a fleet
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Name of the box
    #[arg(default_value = "lab")]
    name: String,
    /// Settle the fleet of FILE
    #[arg(long, value_name = "FILE", conflicts_with = "empty")]
    fleet: Option<PathBuf>,
    /// Leave the box without users
    #[arg(long)]
    empty: bool,
    /// Boot IMAGE, a snapshot for example
    #[arg(long, value_name = "IMAGE", default_value = SERVER_IMAGE)]
    image: String,
}

/// Boots the box; it stays until `lab down`.
pub(crate) fn run(arguments: &Up) -> Result<(), Box<dyn Error>> {
    // Read first: a fleet that does not parse costs no boot.
    let fleet = match &arguments.fleet {
        Some(path) => Fleet::read(path)?,
        None => Fleet::named("first-light")?,
    };
    let mut server = Server::boot(&arguments.name, &arguments.image)?;
    server.load_image(&base_image_tar())?;
    if !arguments.empty {
        fleet.settle(&server)?;
    }
    server.keep();
    Ok(())
}
