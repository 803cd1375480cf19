//! Why something of the host could not be read.

use std::io;
use std::path::PathBuf;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system said no.
    #[error("read `{}`", crate::display::path(.path))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A pipe, device, socket or directory stands where a file should be.
    #[error("read `{}`: not a regular file", crate::display::path(.path))]
    NotRegular {
        /// What stands there.
        path: PathBuf,
    },
    /// The file is larger than its limit.
    #[error("read `{}`: larger than {} bytes", crate::display::path(.path), .limit)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit that it exceeds.
        limit: u64,
    },
    /// A program could not be run, said no, or took too long.
    #[error("run `{program}`: {said}")]
    Program {
        /// The program with its main arguments.
        program: String,
        /// What it said, or why it could not run.
        said: String,
    },
}

impl ReadError {
    /// Says it in one line, with what the system said.
    #[must_use]
    pub fn with_cause(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            Self::NotRegular { .. } | Self::TooLarge { .. } | Self::Program { .. } => {
                self.to_string()
            }
        }
    }
}

/// A `Result` of the reader.
pub type Result<T, E = ReadError> = std::result::Result<T, E>;
