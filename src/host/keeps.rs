//! Which entries keep their owner, whatever is given to whom: one rule for what a census counts and what a change does.

use rustix::fs::FileType;

use super::entry::Stat;

/// Returns why an entry keeps its owner; `None` for one that may get another. Capabilities are asked for last, and of
/// regular files only: that costs more than everything else.
///
/// A file that runs as its owner would run as the new one, and the kernel clears its bits and capabilities, chown(2); an
/// immutable one would be refused; one with other names would change in all of them; a device is no agent's.
pub(super) fn reason(stat: &Stat, has_capabilities: impl FnOnce() -> bool) -> Option<&'static str> {
    let kind = FileType::from_raw_mode(stat.mode);
    let is_file = kind == FileType::RegularFile;
    Some(match () {
        () if matches!(kind, FileType::BlockDevice | FileType::CharacterDevice) => "it is a device",
        () if stat.is_immutable => "it is immutable",
        () if stat.is_append_only => "it can only be added to",
        () if is_file && stat.mode & 0o6000 != 0 => "it runs as its owner (setuid or setgid)",
        () if !stat.is_directory() && stat.links > 1 => "it has other names (hard links)",
        () if is_file && has_capabilities() => "it has capabilities",
        () => return None,
    })
}
