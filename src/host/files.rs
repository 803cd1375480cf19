//! Reads and changes single files and directories by absolute paths; each change is durable when it returns.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RawDir, RenameFlags, ResolveFlags, Stat, Timespec,
    Timestamps, UTIME_OMIT, Uid, openat2, statat,
};
use rustix::io::Errno;

use super::beneath::{Place, find_directory};
use super::context::{Context, foreign};
use super::{FileMeta, FileState, Ownership, Result, Room, attributes};

/// The largest file that is read whole: 64 MiB.
pub const READ_LIMIT: u64 = 64 * 1024 * 1024;

/// Reads a regular file; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<FileState>> {
    let Some(place) = Place::find(path)? else {
        return Ok(None);
    };
    let Some((file, stat)) = open_file(&place)? else {
        return Ok(None);
    };
    if stat.st_size.unsigned_abs() > READ_LIMIT {
        return Err(foreign(path, "it is larger than 64 MiB"));
    }
    let mut bytes = Vec::new();
    file.take(READ_LIMIT)
        .read_to_end(&mut bytes)
        .on("read", path)?;
    let meta = meta_of(&stat);
    Ok(Some(FileState { bytes, meta }))
}

/// Reads the end of a regular file; `None` where there is none.
pub(super) fn read_tail(path: &Path, bytes: u64) -> Result<Option<FileState>> {
    let Some(place) = Place::find(path)? else {
        return Ok(None);
    };
    let Some((mut file, stat)) = open_file(&place)? else {
        return Ok(None);
    };
    let begin = stat.st_size.unsigned_abs().saturating_sub(bytes);
    file.seek(SeekFrom::Start(begin)).on("read", path)?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail).on("read", path)?;
    let meta = meta_of(&stat);
    Ok(Some(FileState { bytes: tail, meta }))
}

/// Puts a file in place by rename; a link or another kind of file that stands there is refused.
pub(super) fn replace(path: &Path, bytes: &[u8], meta: FileMeta) -> Result<()> {
    let place = Place::open(path)?;
    let old = open_file(&place)?;
    sweep(&place)?;
    let temporary = temporary_name(place.name);
    let written = write_temporary(
        &place,
        &temporary,
        bytes,
        meta,
        old.as_ref().map(|old| &old.0),
    )
    .and_then(|()| {
        let directory = &place.directory;
        rustix::fs::renameat(directory, &temporary, directory, place.name).on("replace", path)
    });
    if written.is_err() {
        let _ = rustix::fs::unlinkat(&place.directory, &temporary, AtFlags::empty());
    }
    written?;
    place.sync()
}

/// Removes a regular file, and what a dead `replace` left of it.
pub(super) fn remove(path: &Path) -> Result<()> {
    let Some(place) = Place::find(path)? else {
        return Ok(());
    };
    sweep(&place)?;
    match statat(&place.directory, place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return place.sync(),
        Err(error) => return Err(error).on("remove", path),
        Ok(stat) => refuse_unless_file(path, &stat)?,
    }
    rustix::fs::unlinkat(&place.directory, place.name, AtFlags::empty()).on("remove", path)?;
    place.sync()
}

/// Makes a directory and its parents, those as root:root 0755; one that stands there is left as it is.
pub(super) fn make_directory(path: &Path, ownership: Ownership) -> Result<()> {
    if find_directory(path)?.is_some() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        let parents = Ownership::of_root(0o755);
        make_directory(parent, parents)?;
    }
    let place = Place::open(path)?;
    sweep(&place)?;
    let temporary = temporary_name(place.name);
    // Made under another name: a directory that stands under its own name has its owner and mode.
    rustix::fs::mkdirat(&place.directory, &temporary, Mode::RWXU).on("make", path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = open_here(&place, &temporary, flags).on("open", path)?;
    set_owner(&directory, ownership.uid, ownership.gid, path)?;
    set_mode(&directory, ownership.mode, path)?;
    rustix::fs::fsync(&directory).on("make durable", path)?;
    rename_new(&place, &temporary)?;
    place.sync()
}

/// Removes a directory if it is empty; says whether it is gone.
pub(super) fn remove_empty_directory(path: &Path) -> Result<bool> {
    let Some(place) = Place::find(path)? else {
        return Ok(true);
    };
    match rustix::fs::unlinkat(&place.directory, place.name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => place.sync().map(|()| true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(Errno::NOTDIR) => Err(foreign(path, "it is no directory")),
        Err(error) => Err(error).on("remove the directory", path),
    }
}

/// Lists a directory's entries by name, sorted.
pub(super) fn list(path: &Path) -> Result<Vec<OsString>> {
    match find_directory(path)? {
        Some(directory) => names(&directory).on("list", path),
        None => Ok(Vec::new()),
    }
}

/// Returns what root can still write at a path; one that is not there yet counts as its parent. A file system that makes
/// inodes as it needs them, such as btrfs, has none in statvfs(3), and as many as one likes.
pub(super) fn free_room(path: &Path) -> Result<Room> {
    for ancestor in path.ancestors() {
        if let Some(directory) = find_directory(ancestor)? {
            let room = rustix::fs::fstatvfs(&directory).on("ask the free space of", ancestor)?;
            return Ok(Room {
                bytes: room.f_bfree.saturating_mul(room.f_frsize),
                inodes: if room.f_files == 0 {
                    u64::MAX
                } else {
                    room.f_ffree
                },
            });
        }
    }
    Err(Errno::NOENT).on("ask the free space of", path)
}

fn open_file(place: &Place<'_>) -> Result<Option<(File, Stat)>> {
    // NONBLOCK: a pipe that somebody put there must not hold us up before it is refused.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let descriptor = match open_here(place, place.name, flags) {
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NXIO) => return Err(foreign(place.path, "it is no regular file")),
        other => other.on("open", place.path)?,
    };
    let stat = rustix::fs::fstat(&descriptor).on("look at", place.path)?;
    refuse_unless_file(place.path, &stat)?;
    Ok(Some((File::from(descriptor), stat)))
}

fn open_here(place: &Place<'_>, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(&place.directory, name, flags, Mode::empty(), resolve)
}

fn write_temporary(
    place: &Place<'_>,
    temporary: &OsStr,
    bytes: &[u8],
    meta: FileMeta,
    old: Option<&File>,
) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let descriptor =
        rustix::fs::openat(&place.directory, temporary, flags, mode).on("write", place.path)?;
    let mut file = File::from(descriptor);
    file.write_all(bytes).on("write", place.path)?;
    // The owner changes first: it clears capabilities and setuid bits. The mode comes after an ACL, whose mask it sets.
    set_owner(&file, meta.uid, meta.gid, place.path)?;
    if let Some(old) = old {
        attributes::carry(old, &file).on("carry over the attributes of", place.path)?;
    }
    set_mode(&file, meta.mode, place.path)?;
    if let Some(mtime_ns) = meta.mtime_ns {
        set_mtime(&file, mtime_ns).on("set the time of", place.path)?;
    }
    rustix::fs::fsync(&file).on("make durable", place.path)
}

fn rename_new(place: &Place<'_>, temporary: &OsStr) -> Result<()> {
    let directory = &place.directory;
    let flags = RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(directory, temporary, directory, place.name, flags) {
        Err(Errno::EXIST) => {
            let _ = rustix::fs::unlinkat(directory, temporary, AtFlags::REMOVEDIR);
            Err(foreign(place.path, "somebody else made it just now"))
        }
        other => other.on("make", place.path),
    }
}

fn refuse_unless_file(path: &Path, stat: &Stat) -> Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Symlink => Err(foreign(path, "it is a symbolic link")),
        FileType::Directory => Err(foreign(path, "it is a directory")),
        _ => Err(foreign(path, "it is no regular file")),
    }
}

fn set_owner(descriptor: impl AsFd, uid: u32, gid: u32, path: &Path) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::fs::fchown(descriptor, Some(uid), Some(gid)).on("set the owner of", path)
}

fn set_mode(descriptor: impl AsFd, mode: u32, path: &Path) -> Result<()> {
    rustix::fs::fchmod(descriptor, Mode::from_raw_mode(mode & 0o7777)).on("set the mode of", path)
}

fn set_mtime(file: &File, mtime_ns: i128) -> Result<(), Errno> {
    let second = 1_000_000_000;
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let whole = i64::try_from(mtime_ns.div_euclid(second)).map_err(|_| Errno::INVAL)?;
    let rest = i64::try_from(mtime_ns.rem_euclid(second)).map_err(|_| Errno::INVAL)?;
    let times = Timestamps {
        last_access: time(0, UTIME_OMIT),
        last_modification: time(whole, rest),
    };
    rustix::fs::futimens(file, &times)
}

fn meta_of(stat: &Stat) -> FileMeta {
    FileMeta {
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
        mtime_ns: Some(i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)),
    }
}

/// Removes what an earlier try for this very name left beside it.
fn sweep(place: &Place<'_>) -> Result<()> {
    let prefix = temporary_prefix(place.name);
    for name in names(&place.directory).on("list the directory of", place.path)? {
        if !name.as_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        let unlink = |flags| rustix::fs::unlinkat(&place.directory, &name, flags);
        match unlink(AtFlags::empty()) {
            Err(Errno::ISDIR) => unlink(AtFlags::REMOVEDIR).on("tidy up beside", place.path)?,
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error).on("tidy up beside", place.path),
        }
    }
    Ok(())
}

/// Names of this form are ours: the hash of the final name tells whose they were.
fn temporary_prefix(name: &OsStr) -> String {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!(".ocmigrate-{}-", hash.get(..16).unwrap_or_default())
}

fn temporary_name(name: &OsStr) -> OsString {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos());
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), now);
    format!("{}{random:016x}", temporary_prefix(name)).into()
}

pub(super) fn names(directory: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the path of a file beside another one, for work that is renamed into place when it is done.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
