//! Attaches the action and the path to an error where both are known.

use std::io;
use std::path::Path;

use super::{HostError, Result};

/// Turns errors of system calls into errors of this room.
pub(super) trait Context<T> {
    /// Says what was tried on which file. A link that was met where none is followed is [`HostError::Foreign`].
    fn on(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn on(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|error| file_error(action, path, error.into()))
    }
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> HostError {
    if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return foreign(path, "a symbolic link stands there or on the way");
    }
    HostError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Returns the error for something that ocmigrate did not make.
pub(super) fn foreign(path: &Path, what: impl Into<String>) -> HostError {
    HostError::Foreign {
        path: path.to_owned(),
        what: what.into(),
    }
}
