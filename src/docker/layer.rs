//! The runtime's layer: files and trees of the host as one tar, the same bytes for the same files.
#![expect(clippy::disallowed_methods, reason = "a layer is read from the host straight into the engine, without a copy")]

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::LayerEntry;

/// How much of a file is read at once.
const BUFFER: usize = 1024 * 1024;

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Writes the layer's tar.
pub(super) fn write(entries: &[LayerEntry], sink: &mut dyn Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(sink);
    tar.sparse(false);
    for entry in entries {
        match entry {
            LayerEntry::Tree { path } => append_tree(&mut tar, path)?,
            LayerEntry::Link { path, target } => {
                let mut header = plain(tar::EntryType::Symlink, 0, 0o777);
                tar.append_link(&mut header, inside(path), target)?;
            }
            LayerEntry::File { path, text, mode } => {
                let mut header = plain(tar::EntryType::Regular, text.len() as u64, *mode);
                tar.append_data(&mut header, inside(path), text.as_bytes())?;
            }
        }
    }
    tar.into_inner()?.flush()
}

/// Appends a file or a whole directory, sorted by name. Sockets, pipes and devices are left out.
fn append_tree(tar: &mut tar::Builder<&mut dyn Write>, root: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        let kind = meta.file_type();
        if kind.is_file() {
            append_times(tar, &meta)?;
            let mut header = of(&meta, tar::EntryType::Regular, meta.len());
            let content = io::BufReader::with_capacity(BUFFER, File::open(path)?).take(meta.len());
            tar.append_data(&mut header, inside(path), Whole { content, left: meta.len() })?;
        } else if kind.is_dir() {
            append_times(tar, &meta)?;
            let mut header = of(&meta, tar::EntryType::Directory, 0);
            tar.append_data(&mut header, inside(path), io::empty())?;
        } else if kind.is_symlink() {
            let mut header = of(&meta, tar::EntryType::Symlink, 0);
            tar.append_link(&mut header, inside(path), std::fs::read_link(path)?)?;
        }
    }
    Ok(())
}

/// Times go in whole: OpenClaw's compile cache is keyed by the full time of its `package.json`.
fn append_times(tar: &mut tar::Builder<&mut dyn Write>, meta: &Metadata) -> io::Result<()> {
    let time = format!("{}.{:09}", meta.mtime(), meta.mtime_nsec());
    tar.append_pax_extensions([("mtime", time.as_bytes())])
}

fn of(meta: &Metadata, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = plain(kind, size, meta.mode() & 0o7777);
    header.set_uid(u64::from(meta.uid()));
    header.set_gid(u64::from(meta.gid()));
    header.set_mtime(u64::try_from(meta.mtime()).unwrap_or_default());
    header
}

fn plain(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Paths in a layer begin below its root.
fn inside(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// A file that must not turn out shorter than its header said.
struct Whole<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("a file became shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tree_gives_the_same_bytes_with_its_times_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("tree");
        std::fs::create_dir(&root).expect("makes");
        std::fs::write(root.join("b"), "two").expect("writes");
        std::os::unix::fs::symlink("b", root.join("a")).expect("links");
        let entries = [LayerEntry::Tree { path: root.clone() }];
        let written = || {
            let mut bytes = Vec::new();
            write(&entries, &mut bytes).expect("writes");
            bytes
        };
        let first = written();
        assert_eq!(first, written());
        let time = std::fs::metadata(root.join("b")).expect("is there").mtime_nsec();
        let digits = format!("{time:09}");
        assert!(first.windows(9).any(|window| window == digits.as_bytes()));
        let mut archive = tar::Archive::new(first.as_slice());
        let kinds: Vec<_> = archive
            .entries()
            .expect("a tar")
            .map(|entry| entry.expect("whole").header().entry_type())
            .collect();
        use tar::EntryType::{Directory, Regular, Symlink};
        assert_eq!(kinds, [Directory, Symlink, Regular]);
    }
}
