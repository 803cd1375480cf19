//! Extended attributes: carried from the file that is replaced to the one that takes its place, and listed for a census.

use std::cell::Cell;
use std::ffi::CStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::sched::CloneFlags;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr, llistxattr};
use rustix::io::Errno;
use rustix::process::fchdir;

/// The kernel's limit for one value and for the list of names; `XATTR_SIZE_MAX` of xattr(7).
const LIMIT_BYTES: usize = 64 * 1024;

/// Copies access lists, labels and the user's own attributes; capabilities belong to the old content and stay behind.
pub(super) fn carry(from: &File, to: &File) -> Result<(), Errno> {
    let mut buffer = vec![MaybeUninit::<u8>::uninit(); LIMIT_BYTES];
    let list = match flistxattr(from, buffer.as_mut_slice()) {
        Ok((list, _)) => list.to_vec(),
        Err(Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in list
        .split(|byte| *byte == 0)
        .filter(|name| is_carried(name))
    {
        let (value, _) = fgetxattr(from, name, buffer.as_mut_slice())?;
        fsetxattr(to, name, value, XattrFlags::empty())?;
    }
    Ok(())
}

fn is_carried(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name == b"system.posix_acl_access" || name == b"security.selinux"
}

/// Which kinds of extended attributes a file has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// An access list, its own or for what is made in it; acl(5).
    pub(super) has_access_list: bool,
    /// File capabilities; capabilities(7).
    pub(super) has_capabilities: bool,
    /// Others, labels of the system and of overlay file systems excepted.
    pub(super) has_others: bool,
}

thread_local! {
    static HAS_OWN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// Gives this thread a working directory of its own, which [`list`] then uses: for threads that end with their work, since
/// relative paths lead elsewhere in them. Where that is not allowed (containers), nothing changes.
pub(super) fn take_own_place() {
    let is_own = nix::sched::unshare(CloneFlags::CLONE_FS).is_ok();
    HAS_OWN_PLACE.set(is_own);
}

/// Lists the attributes of a name in a directory, of a link itself; nothing where they cannot be told.
///
/// There is no listxattrat(2) before Linux 6.13, so the directory is made the working directory of a thread that has one of
/// its own. Elsewhere `/proc/self/fd/N` leads to it, which takes several times as long. Either way stands wherever the
/// directory was moved, and behind it stands one component, which is not followed.
pub(super) fn list(directory: BorrowedFd<'_>, name: &CStr) -> Listed {
    let mut buffer = [MaybeUninit::<u8>::uninit(); NAMES_BYTES];
    if HAS_OWN_PLACE.get() {
        return match fchdir(directory) {
            Ok(()) => Listed::of(llistxattr(name, buffer.as_mut_slice())),
            Err(_) => Listed::default(),
        };
    }
    let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.to_bytes());
    Listed::of(llistxattr(path.as_slice(), buffer.as_mut_slice()))
}

/// Returns whether a name in a directory has file capabilities, as [`list`] would tell.
pub(super) fn has_capabilities(directory: BorrowedFd<'_>, name: &CStr) -> bool {
    list(directory, name).has_capabilities
}

/// Lists the attributes of an open file or directory.
pub(super) fn list_open(descriptor: BorrowedFd<'_>) -> Listed {
    let mut buffer = [MaybeUninit::<u8>::uninit(); NAMES_BYTES];
    Listed::of(flistxattr(descriptor, buffer.as_mut_slice()))
}

/// How many bytes of names are looked at; more of them are others for sure.
const NAMES_BYTES: usize = 1024;

impl Listed {
    fn of(answer: Result<(&mut [u8], &mut [MaybeUninit<u8>]), Errno>) -> Self {
        let names = match answer {
            Ok((names, _)) => &*names,
            Err(Errno::RANGE) => {
                return Self {
                    has_others: true,
                    ..Self::default()
                };
            }
            Err(_) => return Self::default(),
        };
        let mut listed = Self::default();
        for name in names.split(|byte| *byte == 0) {
            match name {
                b"system.posix_acl_access" | b"system.posix_acl_default" => {
                    listed.has_access_list = true;
                }
                b"security.capability" => listed.has_capabilities = true,
                b"" | b"security.selinux" | b"security.ima" | b"security.evm" => {}
                name if name.starts_with(b"trusted.overlay.") => {}
                _ => listed.has_others = true,
            }
        }
        listed
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "prepares real files; a test may panic"
)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_thread_with_a_place_of_its_own_lists_the_same_and_moves_nobody_else() {
        let room = tempfile::tempdir_in("/var/tmp").unwrap();
        for name in ["marked", "plain"] {
            fs::write(room.path().join(name), "").unwrap();
        }
        let marked = fs::File::open(room.path().join("marked")).unwrap();
        fsetxattr(&marked, "user.note", b"x", XattrFlags::empty()).unwrap();
        symlink("marked", room.path().join("link")).unwrap();
        let directory = fs::File::open(room.path()).unwrap();
        let listed =
            || [c"marked", c"plain", c"link", c"gone"].map(|it| list(directory.as_fd(), it));
        let by_path = listed();
        assert_eq!(by_path.map(|it| it.has_others), [true, false, false, false]);
        let here = fs::read_link("/proc/thread-self/cwd").unwrap();
        let by_place = std::thread::scope(|scope| {
            let own = scope.spawn(|| {
                take_own_place();
                assert!(HAS_OWN_PLACE.get(), "this machine forbids it");
                let listed = listed();
                let place = fs::read_link("/proc/thread-self/cwd").unwrap();
                assert_eq!(place, fs::canonicalize(room.path()).unwrap());
                listed
            });
            own.join().unwrap()
        });
        assert_eq!(by_place, by_path);
        assert_eq!(fs::read_link("/proc/thread-self/cwd").unwrap(), here);
        assert!(!HAS_OWN_PLACE.get());
    }
}
