//! What the kernel says of one directory entry: whose it is, and which file it is.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, makedev, statx};
use rustix::io::Errno;

/// Which file it is, even if its inode number was used anew: device, inode and time of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The device that the file lies on.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
    /// The time of birth in nanoseconds since 1970; 0 where the file system keeps none.
    pub born_ns: u64,
}

/// An entry's owner, kind and identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Which file it is.
    pub identity: Identity,
    /// The owner's user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// Kind and permission bits; `st_mode` of inode(7).
    pub mode: u32,
    /// The number of names that it has.
    pub links: u32,
    /// The size in bytes.
    pub size: u64,
    /// The mount that it was reached through; 0 on kernels before 5.8.
    pub mount: u64,
    /// Whether it is the root of a mount; never on kernels before 5.8.
    pub is_mount_root: bool,
    /// Whether it may not be changed by anybody; `STATX_ATTR_IMMUTABLE` of statx(2), where the file system tells.
    pub is_immutable: bool,
    /// Whether it may only be added to; `STATX_ATTR_APPEND`.
    pub is_append_only: bool,
}

impl Stat {
    /// Asks for a name in a directory, following no link and entering no automount.
    pub(super) fn of_name(directory: impl AsFd, name: &CStr) -> Result<Self, Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        statx(directory, name, flags, WANTED).map(|answer| Self::from_statx(&answer))
    }

    /// Asks for what a descriptor stands for.
    pub(super) fn of_descriptor(descriptor: impl AsFd) -> Result<Self, Errno> {
        statx(descriptor, c"", AtFlags::EMPTY_PATH, WANTED).map(|answer| Self::from_statx(&answer))
    }

    /// Returns whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::Directory
    }

    /// Returns whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::RegularFile
    }

    /// Returns the permission bits.
    #[must_use]
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    fn from_statx(answer: &Statx) -> Self {
        let born = &answer.stx_btime;
        let seconds = u64::try_from(born.tv_sec).unwrap_or(0);
        Self {
            identity: Identity {
                device: makedev(answer.stx_dev_major, answer.stx_dev_minor),
                inode: answer.stx_ino,
                born_ns: seconds * 1_000_000_000 + u64::from(born.tv_nsec),
            },
            uid: answer.stx_uid,
            gid: answer.stx_gid,
            mode: u32::from(answer.stx_mode),
            links: answer.stx_nlink,
            size: answer.stx_size,
            mount: answer.stx_mnt_id,
            is_mount_root: answer.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
            is_immutable: answer.stx_attributes.contains(StatxAttributes::IMMUTABLE),
            is_append_only: answer.stx_attributes.contains(StatxAttributes::APPEND),
        }
    }
}

const WANTED: StatxFlags = StatxFlags::BASIC_STATS
    .union(StatxFlags::BTIME)
    .union(StatxFlags::MNT_ID);
