//! The journal's file: one JSON object a line, chained by checksums, each made durable before the call returns.
#![expect(
    clippy::disallowed_methods,
    reason = "the journal is the one file that is appended to, by this room alone"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Direction, IllegalRecord, Outcome, Record, State};

/// The most bytes that a journal is read to; a run writes about 20 KB.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be used.
    #[error("{action} journal `{}`", crate::display::path(.path))]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A record that is not the last is damaged.
    #[error("journal `{}`, line {line}: {reason}", crate::display::path(.path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The journal of a group that is not native is to be put aside.
    #[error("journal `{}` is still needed: its group is not native", crate::display::path(.path))]
    Needed {
        /// The file.
        path: PathBuf,
    },
    /// The caller wants to write what may not follow.
    #[error(transparent)]
    Illegal(#[from] IllegalRecord),
}

/// A record with its time, as a line of the file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The record.
    #[serde(flatten)]
    pub record: Record,
}

/// A line: the entry's own JSON text and the checksum of the line before and this text.
#[derive(Serialize, Deserialize)]
struct Line {
    sum: String,
    entry: Box<serde_json::value::RawValue>,
}

/// An open journal of one group.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    sum: String,
    state: State,
    count: usize,
}

/// Reads a journal without changing it; a torn last line does not count. Empty where there is no file.
///
/// # Errors
///
/// Names the line that is damaged.
pub fn read(path: &Path) -> Result<(Vec<Entry>, State), JournalError> {
    let content = read_bytes(path)?;
    let parsed = parse(path, &content)?;
    Ok((parsed.entries, parsed.state))
}

impl Journal {
    /// Opens a journal, making the file (0600) where there is none and cutting a torn last line off.
    ///
    /// # Errors
    ///
    /// Names the line that is damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let content = read_bytes(path)?;
        let parsed = parse(path, &content)?;
        let failed = |action| {
            move |source| JournalError::File {
                action,
                path: path.to_owned(),
                source,
            }
        };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(failed("open"))?;
        file.set_len(parsed.length).map_err(failed("cut"))?;
        file.sync_all().map_err(failed("sync"))?;
        let kept = super::reserve::take(path);
        // A run that has begun goes on without; only a new one is refused.
        if parsed.state.direction == Direction::Unopened {
            kept.map_err(failed("keep room for"))?;
        }
        sync_directory(path).map_err(failed("sync the directory of"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            sum: parsed.sum,
            state: parsed.state,
            count: parsed.entries.len(),
        })
    }

    /// Returns where the run stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Writes a record; when this returns it is on disk.
    ///
    /// # Errors
    ///
    /// Refuses a record that may not follow, and writes nothing then.
    pub fn append(&mut self, at_ms: i64, record: Record) -> Result<(), JournalError> {
        let state = self.state.clone().follow(&record)?;
        let entry = serde_json::to_string(&Entry { at_ms, record }).map_err(io::Error::from);
        let failed = |source| JournalError::File {
            action: "write",
            path: self.path.clone(),
            source,
        };
        let entry = entry.map_err(failed)?;
        let sum = checksum(&self.sum, &entry);
        let line = format!("{{\"sum\":\"{sum}\",\"entry\":{entry}}}\n");
        fault::at(self.count, "before");
        self.write(line.as_bytes()).map_err(failed)?;
        fault::at(self.count, "after");
        self.sum = sum;
        self.state = state;
        self.count += 1;
        if self.state.direction == Direction::Ended(Outcome::Native) {
            super::reserve::release(&self.path).map_err(|source| JournalError::File {
                action: "give back the room of",
                path: self.path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// Writes a line durably; on a full disk in the room that was kept for it.
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        match self.try_write(line) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                super::reserve::release(&self.path)?;
                self.file.set_len(length)?;
                self.try_write(line)
            }
            other => other,
        }
    }

    fn try_write(&self, line: &[u8]) -> io::Result<()> {
        (&self.file).write_all(line)?;
        self.file.sync_data()
    }

    /// Puts the journal of a run that ended native aside under the run's id, so that a new run can begin; without a journal
    /// nothing happens.
    ///
    /// # Errors
    ///
    /// Refuses the journal of a group that is not native: rollback needs it. Says what could not be renamed.
    pub fn put_aside(path: &Path) -> Result<(), JournalError> {
        let state = read(path)?.1;
        let Some(run) = state.run else {
            return Ok(());
        };
        if state.direction != Direction::Ended(Outcome::Native) {
            return Err(JournalError::Needed {
                path: path.to_owned(),
            });
        }
        let run = run.id;
        let aside = path.with_file_name(format!("journal-{run}.jsonl"));
        std::fs::rename(path, &aside)
            .and_then(|()| sync_directory(path))
            .map_err(|source| JournalError::File {
                action: "put aside",
                path: path.to_owned(),
                source,
            })
    }
}

struct Parsed {
    entries: Vec<Entry>,
    state: State,
    sum: String,
    length: u64,
}

fn parse(path: &Path, content: &[u8]) -> Result<Parsed, JournalError> {
    let mut parsed = Parsed {
        entries: Vec::new(),
        state: State::default(),
        sum: String::new(),
        length: 0,
    };
    let lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
    for (index, bytes) in lines.iter().enumerate() {
        let is_last = index + 1 == lines.len();
        match parse_line(&parsed, bytes) {
            Ok((entry, sum, state)) => {
                parsed.entries.push(entry);
                parsed.sum = sum;
                parsed.state = state;
                parsed.length += bytes.len() as u64;
            }
            // A power cut tears the line that was being written: it announced nothing yet.
            Err(_) if is_last && !bytes.ends_with(b"\n") => break,
            Err(reason) => {
                return Err(JournalError::Damaged {
                    path: path.to_owned(),
                    line: index + 1,
                    reason,
                });
            }
        }
    }
    Ok(parsed)
}

fn parse_line(parsed: &Parsed, bytes: &[u8]) -> Result<(Entry, String, State), String> {
    if !bytes.ends_with(b"\n") {
        return Err("it does not end".to_owned());
    }
    let line: Line = serde_json::from_slice(bytes).map_err(|_| "it is no record".to_owned())?;
    let sum = checksum(&parsed.sum, line.entry.get());
    if sum != line.sum {
        return Err("its checksum is wrong".to_owned());
    }
    let entry: Entry = serde_json::from_str(line.entry.get())
        .map_err(|_| "it was written by another version of ocmigrate".to_owned())?;
    let state = parsed
        .state
        .clone()
        .follow(&entry.record)
        .map_err(|error| error.to_string())?;
    Ok((entry, sum, state))
}

/// Chains a line to the one before it.
fn checksum(previous: &str, entry: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous.as_bytes()).update(entry.as_bytes());
    let hash = hasher.finalize().to_hex();
    hash.as_str().get(..16).unwrap_or_default().to_owned()
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, JournalError> {
    let mut content = Vec::new();
    let result = match File::open(path) {
        Ok(file) => file.take(LIMIT).read_to_end(&mut content).map(|_| ()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    result.map_err(|source| JournalError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    Ok(content)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Kills this process at a record named by `OCMIGRATE_FAULT=before:N` or `after:N`, for the tests that do so.
#[cfg(feature = "fault-injection")]
mod fault {
    pub(super) fn at(count: usize, side: &str) {
        if std::env::var("OCMIGRATE_FAULT").is_ok_and(|wanted| wanted == format!("{side}:{count}"))
        {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Does nothing: this build has no faults.
#[cfg(not(feature = "fault-injection"))]
mod fault {
    pub(super) const fn at(_count: usize, _side: &str) {}
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
