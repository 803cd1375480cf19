//! The manifest of an owner change: which file had which owner, on disk before the first change.
//!
//! Format, all numbers little-endian: the line `ocmigrate owners 1`; a line of JSON (the new owner, the roots in hex);
//! then for each entry the byte 1, root `u16`, bytes shared with the path before `u32`, bytes that follow `u32`, those
//! bytes, device, inode and time of birth `u64`, uid, gid and mode `u32`; at last the byte 0, the number of entries `u64`
//! and the BLAKE3 hash of everything before it. A file whose hash does not match is torn and is not used.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::beneath::Place;
use super::context::{Context, foreign};
use super::entry::Identity;
use super::{Result, files};

const MAGIC: &[u8] = b"ocmigrate owners 1\n";
const HASH_BYTES: u64 = 32;
const END_BYTES: u64 = 1 + 8 + HASH_BYTES;

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

/// One entry and what it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The index of its root in the header.
    pub(super) root: u16,
    /// Its path relative to the root.
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Kind and permission bits.
    pub(super) mode: u32,
}

/// Writes a manifest under a temporary name; [`Writer::finish`] puts it in place.
pub(super) struct Writer<'a> {
    path: &'a Path,
    temporary: PathBuf,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    previous: Vec<u8>,
    count: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn create(path: &'a Path, header: &Header) -> Result<Self> {
        let temporary = files::beside(path, ".partial");
        files::remove(&temporary)?;
        let place = Place::open(&temporary)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file =
            rustix::fs::openat(&place.directory, place.name, flags, mode).on("write", path)?;
        let mut writer = Self {
            path,
            temporary: temporary.clone(),
            out: BufWriter::new(file.into()),
            hasher: blake3::Hasher::new(),
            previous: Vec::new(),
            count: 0,
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

    pub(super) fn push(&mut self, record: &Record) -> Result<()> {
        self.put_record(record).on("write", self.path)
    }

    /// Makes the manifest durable and puts it in place.
    pub(super) fn finish(mut self) -> Result<()> {
        self.put(&[0])
            .and_then(|()| self.put(&self.count.to_le_bytes()))
            .and_then(|()| self.out.write_all(self.hasher.finalize().as_bytes()))
            .and_then(|()| self.out.flush())
            .and_then(|()| self.out.get_ref().sync_all())
            .on("write", self.path)?;
        let place = Place::open(self.path)?;
        let temporary = self.temporary.file_name().unwrap_or_default();
        rustix::fs::renameat(&place.directory, temporary, &place.directory, place.name)
            .on("put in place", self.path)?;
        place.sync()
    }

    fn put_record(&mut self, record: &Record) -> io::Result<()> {
        let Record {
            root,
            path,
            identity,
            uid,
            gid,
            mode,
        } = record;
        let path = path.as_os_str().as_bytes();
        let same = path
            .iter()
            .zip(&self.previous)
            .take_while(|(new, old)| new == old);
        let shared = same.count();
        let rest = path.get(shared..).unwrap_or_default();
        self.put(&[1])?;
        self.put(&root.to_le_bytes())?;
        self.put(&length(shared)?)?;
        self.put(&length(rest.len())?)?;
        self.put(rest)?;
        let Identity {
            device,
            inode,
            born_ns,
        } = identity;
        for number in [device, inode, born_ns] {
            self.put(&number.to_le_bytes())?;
        }
        for number in [uid, gid, mode] {
            self.put(&number.to_le_bytes())?;
        }
        self.previous.truncate(shared);
        self.previous.extend_from_slice(rest);
        self.count += 1;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

fn length(length: usize) -> io::Result<[u8; 4]> {
    u32::try_from(length)
        .map(u32::to_le_bytes)
        .map_err(io::Error::other)
}

/// Reads a complete manifest, record after record.
pub(super) struct Reader {
    pub(super) header: Header,
    input: BufReader<File>,
    previous: Vec<u8>,
}

impl Reader {
    /// Opens a manifest and checks it to its end; `None` where there is none, [`super::HostError::Foreign`] if it is torn.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let Some(mut file) = open(path)? else {
            return Ok(None);
        };
        if !is_whole(&mut file).on("check", path)? {
            return Err(foreign(path, "it is no complete manifest of owners"));
        }
        file.rewind().on("read", path)?;
        let mut input = BufReader::new(file);
        let header = read_header(&mut input).on("read", path)?;
        Ok(Some(Self {
            header,
            input,
            previous: Vec::new(),
        }))
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        let [tag] = self.take::<1>()?;
        if tag == 0 {
            return Ok(None);
        }
        let root = u16::from_le_bytes(self.take()?);
        let shared = u32::from_le_bytes(self.take()?) as usize;
        let more = u64::from(u32::from_le_bytes(self.take()?));
        self.previous.truncate(shared);
        self.input
            .by_ref()
            .take(more)
            .read_to_end(&mut self.previous)?;
        let identity = Identity {
            device: u64::from_le_bytes(self.take()?),
            inode: u64::from_le_bytes(self.take()?),
            born_ns: u64::from_le_bytes(self.take()?),
        };
        Ok(Some(Record {
            root,
            path: OsString::from_vec(self.previous.clone()).into(),
            identity,
            uid: u32::from_le_bytes(self.take()?),
            gid: u32::from_le_bytes(self.take()?),
            mode: u32::from_le_bytes(self.take()?),
        }))
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map(|()| bytes)
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

fn is_whole(file: &mut File) -> io::Result<bool> {
    let size = file.metadata()?.len();
    let Some(hashed) = size.checked_sub(HASH_BYTES) else {
        return Ok(false);
    };
    if size < MAGIC.len() as u64 + END_BYTES {
        return Ok(false);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(Read::by_ref(file).take(hashed))?;
    let mut hash = [0; 32];
    file.read_exact(&mut hash)?;
    Ok(hasher.finalize() == hash)
}

fn read_header(input: &mut BufReader<File>) -> io::Result<Header> {
    let mut line = Vec::new();
    io::BufRead::read_until(input, b'\n', &mut line)?;
    if line != MAGIC {
        return Err(io::Error::other("another format"));
    }
    line.clear();
    io::BufRead::read_until(input, b'\n', &mut line)?;
    serde_json::from_slice(&line).map_err(io::Error::other)
}
