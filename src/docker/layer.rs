//! Reads files and trees of the host into the tar of an image layer. The tar is the same for the same tree: sorted by
//! name, owners as numbers, times of change with their nanoseconds, links kept as links; sockets, pipes and devices are
//! left out. The directories above an entry are not written: the engine makes those that the base lacks, root:root 0755.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use walkdir::{DirEntry, WalkDir};

use super::{LayerEntry, Weight};
use crate::units::Bytes;

const READ_BUFFER: usize = 1024 * 1024;
/// What is hashed and handed on at a time: a header alone has 512 bytes.
const WRITE_BUFFER: usize = 256 * 1024;
/// How many of these wait to be hashed.
const HASH_BUFFERS: usize = 4;

/// What a layer's tar comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measure {
    /// Its size in bytes.
    pub(super) size: u64,
    /// `sha256:…` of its bytes, the layer's diff id.
    pub(super) digest: String,
}

/// Opens an archive of the host for reading.
#[expect(
    clippy::disallowed_methods,
    reason = "a layer is read where it is written to the engine"
)]
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| at(path, &error))
}

/// Writes the tar that a layer of these entries is, and returns its size.
pub fn write_tar(entries: &[LayerEntry], sink: impl Write) -> io::Result<u64> {
    write(entries, sink).map(|measure| measure.size)
}

/// Writes the layer's tar and returns what it came to.
pub(super) fn write(entries: &[LayerEntry], sink: impl Write) -> io::Result<Measure> {
    let sink = BufWriter::with_capacity(WRITE_BUFFER, Measured::new(sink));
    let mut tar = Builder::new(sink);
    tar.sparse(false);
    for entry in entries {
        match entry {
            LayerEntry::Tree { path } => write_tree(&mut tar, path)?,
            LayerEntry::Link { path, target } => write_link(&mut tar, path, target)?,
            LayerEntry::File { path, text, mode } => write_file(&mut tar, path, text, *mode)?,
        }
    }
    let written = tar.into_inner()?.into_inner();
    let mut measured = written.map_err(io::IntoInnerError::into_error)?;
    measured.flush()?;
    measured.finish()
}

/// Weighs what a layer of these entries will hold, without reading it.
pub(super) fn weigh(entries: &[LayerEntry]) -> io::Result<Weight> {
    let mut weight = Weight {
        bytes: Bytes(0),
        files: 0,
    };
    for entry in entries {
        match entry {
            LayerEntry::Tree { path } => {
                for found in WalkDir::new(path) {
                    weight.bytes.0 += found?.metadata()?.len();
                    weight.files += 1;
                }
            }
            LayerEntry::Link { .. } => weight.files += 1,
            LayerEntry::File { text, .. } => {
                weight.bytes.0 += text.len() as u64;
                weight.files += 1;
            }
        }
    }
    Ok(weight)
}

fn write_tree(tar: &mut Builder<impl Write>, root: &Path) -> io::Result<()> {
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry?;
        write_found(tar, &entry).map_err(|error| at(entry.path(), &error))?;
    }
    Ok(())
}

fn write_found(tar: &mut Builder<impl Write>, entry: &DirEntry) -> io::Result<()> {
    let (path, metadata) = (entry.path(), entry.metadata()?);
    if metadata.is_dir() {
        let mut header = header_of(tar, &metadata, EntryType::Directory)?;
        tar.append_data(&mut header, inside(path), io::empty())
    } else if metadata.is_symlink() {
        let mut header = header_of(tar, &metadata, EntryType::Symlink)?;
        tar.append_link(&mut header, inside(path), read_link(path)?)
    } else if metadata.is_file() {
        let file = Exact::open(path)?;
        let mut header = header_of(tar, &file.metadata, EntryType::Regular)?;
        header.set_size(file.left);
        tar.append_data(&mut header, inside(path), file)
    } else {
        Ok(())
    }
}

fn write_link(tar: &mut Builder<impl Write>, path: &Path, target: &Path) -> io::Result<()> {
    let mut header = root_header(EntryType::Symlink, 0o777);
    tar.append_link(&mut header, inside(path), target)
}

fn write_file(tar: &mut Builder<impl Write>, path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut header = root_header(EntryType::Regular, mode);
    header.set_size(text.len() as u64);
    tar.append_data(&mut header, inside(path), text.as_bytes())
}

/// Returns the header of a file of the host. The nanoseconds of its time go ahead of it, as a pax record of tar(5).
fn header_of(
    tar: &mut Builder<impl Write>,
    metadata: &Metadata,
    kind: EntryType,
) -> io::Result<Header> {
    let (seconds, nanoseconds) = (metadata.mtime().max(0), metadata.mtime_nsec());
    if nanoseconds != 0 {
        let time = format!("{seconds}.{nanoseconds:09}");
        tar.append_pax_extensions([("mtime", time.as_bytes())])?;
    }
    let mut header = root_header(kind, metadata.mode() & 0o7777);
    header.set_uid(metadata.uid().into());
    header.set_gid(metadata.gid().into());
    header.set_mtime(seconds.unsigned_abs());
    Ok(header)
}

fn root_header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header
}

/// Returns the path as it stands in an archive of `/`.
fn inside(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    let path = crate::display::path(path);
    io::Error::new(error.kind(), format!("`{path}`: {error}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a layer is read where it is written to the engine"
)]
fn read_link(path: &Path) -> io::Result<PathBuf> {
    std::fs::read_link(path)
}

/// A file that yields exactly the bytes that it had when it was opened: a longer one is cut, a shorter one is an error.
struct Exact {
    file: BufReader<File>,
    metadata: Metadata,
    left: u64,
}

impl Exact {
    fn open(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let metadata = file.metadata()?;
        let left = metadata.len();
        let capacity = left.min(READ_BUFFER as u64).max(1);
        Ok(Self {
            file: BufReader::with_capacity(usize::try_from(capacity).unwrap_or(READ_BUFFER), file),
            metadata,
            left,
        })
    }
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.file).take(self.left).read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(changed());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Says that the tree is not what it was a moment ago.
pub(super) fn changed() -> io::Error {
    io::Error::other("it changed while it was read")
}

/// Passes bytes on and counts them, while a thread of its own hashes them.
struct Measured<W> {
    sink: W,
    size: u64,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    worker: JoinHandle<Sha256>,
}

impl<W: Write> Measured<W> {
    fn new(sink: W) -> Self {
        let (full, to_hash) = sync_channel::<Vec<u8>>(HASH_BUFFERS);
        let (hashed, empty) = channel();
        let worker = std::thread::spawn(move || {
            let mut hash = Sha256::new();
            for buffer in to_hash {
                hash.update(&buffer);
                // Nobody takes the last ones.
                let _ = hashed.send(buffer);
            }
            hash
        });
        Self {
            sink,
            size: 0,
            full,
            empty,
            worker,
        }
    }

    fn finish(self) -> io::Result<Measure> {
        drop(self.full);
        let hash = self.worker.join().map_err(|_| hasher_is_gone())?;
        Ok(Measure {
            size: self.size,
            digest: format!("sha256:{}", hex::encode(hash.finalize())),
        })
    }
}

fn hasher_is_gone() -> io::Error {
    io::Error::other("the thread that hashes the layer panicked")
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.empty.try_recv().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        self.full.send(buffer).map_err(|_| hasher_is_gone())?;
        self.sink.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes the trees it reads, and may panic"
)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, Vec<LayerEntry>) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("b"), "two").unwrap();
        std::fs::write(directory.path().join("a"), "one").unwrap();
        std::fs::create_dir(directory.path().join("n".repeat(150))).unwrap();
        std::os::unix::fs::symlink("a", directory.path().join("link")).unwrap();
        std::os::unix::net::UnixListener::bind(directory.path().join("socket")).unwrap();
        let path = directory.path().to_path_buf();
        (directory, vec![LayerEntry::Tree { path }])
    }

    fn names(bytes: &[u8]) -> Vec<String> {
        let name = |entry: io::Result<tar::Entry<'_, _>>| {
            let path = entry.unwrap().path().unwrap().into_owned();
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        let mut archive = tar::Archive::new(bytes);
        archive.entries().unwrap().map(name).skip(1).collect()
    }

    #[test]
    fn a_layer_is_sorted_and_leaves_sockets_out() {
        let (_directory, entries) = tree();
        let mut bytes = Vec::new();
        write(&entries, &mut bytes).unwrap();
        assert_eq!(names(&bytes), ["a", "b", "link", &"n".repeat(150)]);
    }

    #[test]
    fn the_same_tree_makes_the_same_layer() {
        let (_directory, entries) = tree();
        let mut bytes = Vec::new();
        let first = write(&entries, &mut bytes).unwrap();
        assert_eq!(first, write(&entries, io::sink()).unwrap());
        assert_eq!(first.size, bytes.len() as u64);
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        assert_eq!(first.digest, digest);
    }

    #[test]
    fn a_large_layer_is_hashed_whole_and_in_order() {
        let (directory, entries) = tree();
        let long: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(directory.path().join("a"), long).unwrap();
        let mut bytes = Vec::new();
        let measure = write(&entries, &mut bytes).unwrap();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        assert_eq!((measure.size, measure.digest), (bytes.len() as u64, digest));
    }

    #[test]
    fn an_engine_that_takes_no_more_is_an_error() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self
                    .0
                    .checked_sub(bytes.len())
                    .ok_or(io::ErrorKind::BrokenPipe)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (directory, entries) = tree();
        std::fs::write(directory.path().join("a"), vec![7; 10_000_000]).unwrap();
        let error = write(&entries, Full(4_000_000)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        let (directory, entries) = tree();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 123_456_789);
        let file = File::options()
            .append(true)
            .open(directory.path().join("a"));
        file.unwrap().set_modified(time).unwrap();
        let mut bytes = Vec::new();
        write(&entries, &mut bytes).unwrap();
        let wanted = b"mtime=1700000000.123456789";
        assert!(bytes.windows(wanted.len()).any(|window| window == wanted));
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let (directory, _) = tree();
        let path = directory.path().join("a");
        let mut file = Exact::open(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(file.read_to_end(&mut Vec::new()).is_err());
    }
}
