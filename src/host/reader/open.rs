//! Opens what a scan reads: regular files, and nothing else, not even for a look.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::{ReadError, Result};

/// The device number of `/dev/null`, 1:3; null(4), makedev(3).
const NULL_DEVICE: u64 = 0x103;

/// Reads a regular file of at most `limit` bytes; `None` where there is none.
pub(super) fn whole(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let Some((file, length)) = open(path)? else {
        return Ok(None);
    };
    // With room for it the kernel is asked twice, and not for each doubling of 32 bytes.
    let room = usize::try_from(length.min(limit)).unwrap_or_default() + 64;
    let mut bytes = Vec::with_capacity(room);
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| io_error(path, source))?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge {
            path: path.into(),
            limit,
        });
    }
    Ok(Some(bytes))
}

/// Reads at most `limit` bytes from where the file stands.
pub(super) fn first(file: File, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| io_error(path, source))?;
    Ok(bytes)
}

/// Opens a regular file for reading, and tells its length; `None` where there is none.
///
/// A descriptor that only names what stands there is looked at first, open(2), `O_PATH`: to open a pipe or a device does
/// something already, and a watchdog that was opened restarts the machine.
pub(super) fn open(path: &Path) -> Result<Option<(File, u64)>> {
    let named = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let named = match named.map(File::from).map_err(io::Error::from) {
        Ok(named) => named,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(source) => return Err(io_error(path, source)),
    };
    let metadata = named.metadata().map_err(|source| io_error(path, source))?;
    if metadata.is_file() {
        let same = format!("/proc/self/fd/{}", named.as_raw_fd());
        // Another's lease on it would hold us up for 45 seconds; fcntl(2), `F_SETLEASE`.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(same)
            .map_err(|source| io_error(path, source))?;
        return Ok(Some((file, metadata.len())));
    }
    // A unit is masked by a link to it.
    if metadata.file_type().is_char_device() && metadata.rdev() == NULL_DEVICE {
        return Ok(None);
    }
    Err(ReadError::NotRegular { path: path.into() })
}

/// Returns whether the error only says that there is nothing; a vanished process says so with `ESRCH`.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

fn io_error(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io {
        path: path.into(),
        source,
    }
}
