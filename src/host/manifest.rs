//! The manifest of an owner change: which file had which owner, on disk before the first change.
//!
//! Format, fixed numbers little-endian: the line `ocmigrate owners 2`; a line of JSON (the new owner, the roots in hex);
//! blocks of directories, each its length in bytes `u32` and as many bytes, see [`block`]; at last a length of 0, the
//! number of entries `u64` and the BLAKE3 hash of everything before it. A file whose hash does not match is torn and is
//! not used.
//!
//! It holds no names of files: an entry is known by its directory, its inode number and a time that it was born before. On
//! a tidy tree that takes two bytes an entry, and a file that was renamed in its directory is still found. Modes are not
//! held: what would change its mode with its owner keeps both; nor devices, which may have other numbers after a reboot.

mod block;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::beneath::Place;
use super::context::{Context, foreign};
use super::{Result, files};

pub(super) use block::{Noted, Packer, Unpacker};

const MAGIC: &[u8] = b"ocmigrate owners 2\n";
const HASH_BYTES: u64 = 32;
const END_BYTES: u64 = 4 + 8 + HASH_BYTES;

/// Whom everything is given to, below which directories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) uid: u32,
    pub(super) gid: u32,
    roots: Vec<String>,
}

impl Header {
    pub(super) fn new(uid: u32, gid: u32, roots: &[PathBuf]) -> Self {
        let roots = roots
            .iter()
            .map(|root| hex::encode(root.as_os_str().as_bytes()));
        Self {
            uid,
            gid,
            roots: roots.collect(),
        }
    }

    pub(super) fn roots(&self) -> io::Result<Vec<PathBuf>> {
        let decode =
            |root: &String| hex::decode(root).map(|bytes| OsString::from_vec(bytes).into());
        self.roots
            .iter()
            .map(decode)
            .collect::<Result<_, _>>()
            .map_err(io::Error::other)
    }
}

/// Returns the name under which a manifest is written. A file that stands there is the room that it will have.
#[must_use]
pub fn unfinished(manifest: &Path) -> PathBuf {
    files::beside(manifest, ".partial")
}

/// Writes a manifest under a temporary name; [`Writer::finish`] puts it in place.
pub(super) struct Writer<'a> {
    path: &'a Path,
    temporary: PathBuf,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    entries: u64,
}

impl<'a> Writer<'a> {
    /// What stands under the temporary name already is written over, so that its blocks are there where the disk is full.
    pub(super) fn create(path: &'a Path, header: &Header) -> Result<Self> {
        let temporary = unfinished(path);
        let place = Place::open(&temporary)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file =
            rustix::fs::openat(&place.directory, place.name, flags, mode).on("write", path)?;
        let mut writer = Self {
            path,
            temporary: temporary.clone(),
            out: BufWriter::new(file.into()),
            hasher: blake3::Hasher::new(),
            entries: 0,
        };
        let mut line = serde_json::to_vec(header)
            .map_err(io::Error::other)
            .on("write", path)?;
        line.push(b'\n');
        writer
            .put(MAGIC)
            .and_then(|()| writer.put(&line))
            .on("write", path)?;
        Ok(writer)
    }

    /// Adds what was packed, if anything was.
    pub(super) fn add(&mut self, packer: &mut Packer) -> Result<()> {
        let Some((block, entries)) = packer.take() else {
            return Ok(());
        };
        self.entries += entries;
        let length = u32::try_from(block.len()).map_err(io::Error::other);
        length
            .and_then(|length| self.put(&length.to_le_bytes()))
            .and_then(|()| self.put(&block))
            .on("write", self.path)
    }

    /// Makes the manifest durable and puts it in place.
    pub(super) fn finish(mut self) -> Result<()> {
        self.put(&0_u32.to_le_bytes())
            .and_then(|()| self.put(&self.entries.to_le_bytes()))
            .and_then(|()| self.out.write_all(self.hasher.finalize().as_bytes()))
            .and_then(|()| self.out.stream_position())
            .and_then(|length| self.out.get_ref().set_len(length))
            .and_then(|()| self.out.get_ref().sync_all())
            .on("write", self.path)?;
        let place = Place::open(self.path)?;
        let temporary = self.temporary.file_name().unwrap_or_default();
        rustix::fs::renameat(&place.directory, temporary, &place.directory, place.name)
            .on("put in place", self.path)?;
        place.sync()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Reads a complete manifest, block after block.
pub(super) struct Reader {
    pub(super) header: Header,
    /// How many entries it holds.
    pub(super) entries: u64,
    input: BufReader<File>,
    is_at_end: bool,
}

impl Reader {
    /// Opens a manifest and checks it to its end; `None` where there is none, [`super::HostError::Foreign`] if it is torn
    /// or of another format.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let Some(mut file) = open(path)? else {
            return Ok(None);
        };
        let Some(entries) = check(&mut file).on("check", path)? else {
            return Err(foreign(path, "it is no complete manifest of owners"));
        };
        file.rewind().on("read", path)?;
        let mut input = BufReader::new(file);
        let Some(header) = read_header(&mut input).on("read", path)? else {
            return Err(foreign(path, "it is a manifest of another format"));
        };
        Ok(Some(Self {
            header,
            entries,
            input,
            is_at_end: false,
        }))
    }

    /// Returns the next block, for an [`Unpacker`]; `None` at the end and ever after.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.is_at_end {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length == 0 {
            self.is_at_end = true;
            return Ok(None);
        }
        let mut block = Vec::new();
        let mut bytes = Read::by_ref(&mut self.input).take(u64::from(length));
        bytes.read_to_end(&mut block)?;
        Ok(Some(block))
    }
}

fn open(path: &Path) -> Result<Option<File>> {
    let Some(place) = Place::find(path)? else {
        return Ok(None);
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat2(
        &place.directory,
        place.name,
        flags,
        Mode::empty(),
        ResolveFlags::NO_SYMLINKS,
    ) {
        Err(Errno::NOENT) => Ok(None),
        other => other
            .on("open", path)
            .map(|descriptor| Some(descriptor.into())),
    }
}

/// Compares the hash; returns the number of entries of a whole manifest.
fn check(file: &mut File) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    let Some(hashed) = size.checked_sub(HASH_BYTES) else {
        return Ok(None);
    };
    if size < MAGIC.len() as u64 + END_BYTES {
        return Ok(None);
    }
    let mut sum = blake3::Hasher::new();
    sum.update_reader(Read::by_ref(file).take(hashed))?;
    let mut hash = [0; 32];
    file.read_exact(&mut hash)?;
    if sum.finalize() != hash {
        return Ok(None);
    }
    let mut entries = [0; 8];
    file.read_exact_at(&mut entries, hashed - 8)?;
    Ok(Some(u64::from_le_bytes(entries)))
}

/// Reads the first two lines; `None` where the first is another one.
fn read_header(input: &mut BufReader<File>) -> io::Result<Option<Header>> {
    let mut line = Vec::new();
    io::BufRead::read_until(input, b'\n', &mut line)?;
    if line != MAGIC {
        return Ok(None);
    }
    line.clear();
    io::BufRead::read_until(input, b'\n', &mut line)?;
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(io::Error::other)
}
