//! One run at a time: an advisory lock on a file of the state directory, gone with the process that holds it.
#![expect(
    clippy::disallowed_methods,
    reason = "the lock file is this room's own"
)]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("another ocmigrate is at work on this host{holder}")]
    Held {
        /// ` (pid N)`, or empty.
        holder: String,
    },
    /// The file could not be used.
    #[error("lock `{}`", crate::display::path(.path))]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state directory without waiting.
    ///
    /// # Errors
    ///
    /// Names the process that holds it.
    pub fn take(state: &Path) -> Result<Self, LockError> {
        let path = state.join("lock");
        let failed = |source| LockError::File {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        write!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(20).read_to_string(&mut text);
    text.parse::<u32>()
        .map_or_else(|_| String::new(), |pid| format!(" (pid {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_and_named_until_the_first_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = Lock::take(directory.path()).expect("is free");
        let error = Lock::take(directory.path())
            .expect_err("is held")
            .to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        assert!(Lock::take(directory.path()).is_ok());
    }
}
