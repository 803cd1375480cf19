//! The files that a configuration includes: read through the door, and what is wrong with them.

use std::path::{Path, PathBuf};

use super::sighting::Sighting;
use crate::display;
use crate::host::reader::{Kind, Reader};
use crate::inventory::{Finding, Place, catalogued};
use crate::openclaw::{IncludeError, IncludeReader, MAX_INCLUDE_BYTES, Merged};

/// Included files, read from the host.
pub(super) struct Files<'a>(pub(super) &'a Reader);

impl IncludeReader for Files<'_> {
    fn resolve(&self, path: &Path) -> PathBuf {
        self.0.resolve(path)
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        match self.0.kind(path) {
            None => return Ok(None),
            Some(Kind::File) => {}
            Some(Kind::Directory | Kind::Link | Kind::Other) => {
                return Err("it is no regular file".to_owned());
            }
        }
        if self.0.names(path).is_some_and(|names| names > 1) {
            return Err("it has several names (hard links), which OpenClaw refuses".to_owned());
        }
        let text = self.0.file(path).map_err(|error| error.with_cause())?;
        match text {
            Some(text) if text.len() > MAX_INCLUDE_BYTES => {
                Err("it is larger than 2 MiB".to_owned())
            }
            text => Ok(text),
        }
    }
}

/// Returns what is wrong with the includes of a configuration.
pub(super) fn findings(sighting: &Sighting, merged: &Merged) -> Vec<Finding> {
    let problems = merged.problems().iter().map(|problem| {
        let kind = match &problem.error {
            IncludeError::Outside => &catalogued::OUTSIDE_INCLUDE,
            _ => &catalogued::BAD_INCLUDE,
        };
        let summary = display::text(&problem.error.to_string());
        Finding::new(kind, &sighting.name, summary).at(&problem.place)
    });
    problems.chain(unmounted(sighting, merged)).collect()
}

/// Included files that `OPENCLAW_INCLUDE_ROOTS` allows: the check of the edited configuration, which sees its directory
/// alone, would not find them.
fn unmounted(sighting: &Sighting, merged: &Merged) -> Vec<Finding> {
    let directory = sighting.config.parent().unwrap_or(Path::new("/"));
    let mounted = [directory, sighting.state_directory.as_path()];
    let outside = merged
        .includes()
        .iter()
        .filter(|path| !mounted.iter().any(|root| path.starts_with(root)));
    let findings = outside.map(|path| {
        let summary = format!("it includes {}, outside its directory", display::path(path));
        let place = Place {
            path: path.clone(),
            line: None,
        };
        Finding::new(&catalogued::OUTSIDE_INCLUDE, &sighting.name, summary).at(place)
    });
    findings.collect()
}
