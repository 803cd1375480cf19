//! Reads and writes files that the user named on the command line: these are the user's own, and links are followed.

#![expect(
    clippy::disallowed_methods,
    reason = "the user named these files, as for any other program"
)]

use std::fs;
use std::io::Write;
use std::path::Path;

use super::Result;
use super::context::Context;

/// Reads a text file that the user named.
pub fn read_given(path: &Path) -> Result<String> {
    fs::read_to_string(path).on("read", path)
}

/// Makes the directory of a file that the user let this program name, where it is missing.
pub fn make_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).on("make", parent),
        None => Ok(()),
    }
}

/// Writes a file that the user named, whole or not at all; through to a pipe or device that stands there.
///
/// A new file can be read by its owner alone: paths, users and ports of a host are nobody else's business. One that was
/// there keeps its mode.
pub fn write_given(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = fs::metadata(&target).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return fs::write(&target, bytes).on("write", path);
    }
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    let mode = old.map_or(mode, |old| old.permissions());
    let mut file = tempfile::NamedTempFile::new_in(parent).on("write", path)?;
    file.write_all(bytes).on("write", path)?;
    file.as_file().set_permissions(mode).on("write", path)?;
    file.as_file().sync_all().on("write", path)?;
    file.persist(&target)
        .map_err(|error| error.error)
        .on("write", path)?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_link_is_written_through_and_a_device_stays() {
        let room = tempfile::tempdir().unwrap();
        let (file, link) = (room.path().join("plan.json"), room.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_given(&link, b"new").unwrap();
        assert_eq!(read_given(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let new = room.path().join("new.json");
        write_given(&new, b"new").unwrap();
        assert_eq!(
            fs::metadata(&new).unwrap().permissions().mode() & 0o777,
            0o600
        );
        write_given(Path::new("/dev/null"), b"new").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
