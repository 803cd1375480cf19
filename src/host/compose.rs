//! Asks an installed docker-compose(1) what it makes of a file.

#![expect(
    clippy::disallowed_methods,
    reason = "this room runs the host's programs"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Result, program};

/// Returns the hash that docker-compose gives a service; `None` where it is not installed.
pub(super) fn hash(file: &Path, project: &str, service: &str) -> Result<Option<String>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_installed =
        std::env::split_paths(&path).any(|directory| directory.join("docker-compose").is_file());
    if !is_installed {
        return Ok(None);
    }
    let mut command = Command::new("docker-compose");
    command
        .arg("--file")
        .arg(file)
        .args(["--project-name", project, "config"]);
    command.arg(format!("--hash={service}"));
    let output = program::succeed(command, Duration::from_mins(1))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(service)?.strip_prefix(' '));
    Ok(line.map(|hash| hash.trim().to_owned()))
}
