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

/// Writes a file that the user named, whole or not at all; through to a pipe or device that stands there.
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
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
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
mod tests {
    use super::*;

    #[test]
    fn a_link_is_written_through_and_a_device_stays() {
        let room = tempfile::tempdir().unwrap();
        let (file, link) = (room.path().join("plan.json"), room.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_given(&link, b"new").unwrap();
        assert_eq!(read_given(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write_given(Path::new("/dev/null"), b"new").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
