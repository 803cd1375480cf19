//! Carries extended attributes from the file that is replaced to the one that takes its place.

use std::fs::File;
use std::mem::MaybeUninit;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

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
