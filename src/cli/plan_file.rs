//! The plan that a subcommand works on: the one named, or that of this host in the usual place.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::setting;
use crate::host::Reader;
use crate::plan::{self, Plan};

/// Reads and checks a plan; without a path `plans/HOSTNAME.json`.
pub(super) fn read(path: Option<&Path>) -> Result<Plan, Failure> {
    let path = self::path(path);
    let text = setting::read_given(&path)
        .map_err(|failure| failure.hint("ocmigrate plan --yes writes one"))?;
    plan::parse(&text).map_err(|error| {
        let mut failure = Failure::from(error);
        failure.message = format!("{}: {}", crate::display::path(&path), failure.message);
        failure
    })
}

/// Returns where the plan is.
pub(super) fn path(named: Option<&Path>) -> PathBuf {
    let usual = || plan::default_path(&Reader::new().machine().name);
    named.map_or_else(usual, Path::to_owned)
}
