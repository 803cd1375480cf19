//! The shared libraries that node and native modules are linked with, read from their ELF headers; nothing is loaded.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64, Machine};
use object::read::elf::FileHeader as _;
use object::read::{ReadCache, ReadRef};

use crate::display;
use crate::host::reader::Reader;
use crate::inventory::{Need, NeedKind, Place, Release};

/// Modules for another C library than node's say so.
const OTHER_LIBC: &str = "libc.musl-";
/// Where ld.so(8) looks on Debian, `TRIPLET` put in.
const DIRECTORIES: [&str; 6] = [
    "/usr/lib/TRIPLET",
    "/lib/TRIPLET",
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
];

/// The most bytes of a file that are read in one piece: node's largest one has 300 KiB. A header can ask for any number.
const PIECE: u64 = 4 * 1024 * 1024;
/// The most libraries of one file.
const LIBRARIES: usize = 1_000;

/// Returns the libraries that node and the native modules of its package need, each with the first file that does.
pub(super) fn of_release(reader: &Reader, release: &Release) -> Vec<Need> {
    let Some((machine, own)) = reader.open(&release.node).and_then(linked) else {
        return Vec::new();
    };
    let mut needed: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut add = |file: &Path, names: Vec<String>| {
        for name in names {
            needed.entry(name).or_insert_with(|| file.to_owned());
        }
    };
    add(&release.node, own);
    for module in reader.files_ending(release.tree(), ".node") {
        match reader.open(&module).and_then(linked) {
            Some((other, names)) if other == machine => {
                if !names.iter().any(|name| name.starts_with(OTHER_LIBC)) {
                    add(&module, names);
                }
            }
            Some(_) | None => {}
        }
    }
    let needs = needed.into_iter().map(|(name, file)| Need {
        path: find(reader, &name, &file, machine),
        name: display::text(&name),
        kind: NeedKind::Library,
        package: None,
        place: Some(Place {
            path: file,
            line: None,
        }),
    });
    needs.collect()
}

/// Reads the machine of a 64-bit ELF file and the `DT_NEEDED` entries of its dynamic section; elf(5).
fn linked(file: File) -> Option<(Machine, Vec<String>)> {
    let cache = ReadCache::new(file);
    let data = Pieces(&cache);
    let header = FileHeader64::<Endianness>::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let dynamic = sections.dynamic_table(endian, data).ok()?;
    let names = dynamic.iter().filter(|it| it.tag == DT_NEEDED);
    let names = names
        .take(LIBRARIES)
        .filter_map(|it| dynamic.string(it).ok());
    let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
    Some((header.e_machine(endian), names.collect()))
}

/// A file of which no piece larger than [`PIECE`] is read.
#[derive(Clone, Copy)]
struct Pieces<'a>(&'a ReadCache<File>);

impl<'a> ReadRef<'a> for Pieces<'a> {
    fn len(self) -> Result<u64, ()> {
        self.0.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size > PIECE {
            return Err(());
        }
        self.0.read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        self.0.read_bytes_at_until(range, delimiter)
    }
}

fn find(reader: &Reader, name: &str, by: &Path, machine: Machine) -> Option<PathBuf> {
    let triplet = match machine {
        object::elf::EM_AARCH64 => "aarch64-linux-gnu",
        _ => "x86_64-linux-gnu",
    };
    let beside = by.parent().map(Path::to_owned);
    let usual = DIRECTORIES.map(|it| PathBuf::from(it.replace("TRIPLET", triplet)));
    beside
        .into_iter()
        .chain(usual)
        .map(|directory| directory.join(name))
        .find(|path| reader.kind(path).is_some())
        .map(|path| reader.resolve(&path))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test makes files and may panic"
)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_node_and_modules_are_found_and_what_is_no_elf_is_passed_over() {
        let room = tempfile::tempdir().unwrap();
        let own = std::env::current_exe().unwrap();
        std::fs::copy("/bin/ls", room.path().join("a.node")).unwrap();
        std::fs::write(room.path().join("b.node"), "\x7fELF nonsense").unwrap();
        let release = Release {
            modules: None,
            version: "2026.9.6".into(),
            package: room.path().into(),
            node: own.clone(),
        };
        let needs = of_release(&Reader::new(), &release);
        let place = |name: &str| {
            let need = needs.iter().find(|it| it.name == name).unwrap();
            assert!(need.path.is_some(), "{name}");
            need.place.clone().unwrap().path
        };
        assert_eq!(place("libc.so.6"), own);
        assert_eq!(place("libselinux.so.1"), room.path().join("a.node"));
    }

    /// A header, elf(5), with two sections: a dynamic table of this size behind it, without entries, and no strings for it.
    fn elf(size: u64) -> File {
        const SECTION: usize = 64;
        let mut bytes = vec![0_u8; 4 * SECTION];
        let mut put = |at: usize, value: &[u8]| {
            let there = bytes.get_mut(at..at + value.len()).unwrap();
            there.copy_from_slice(value);
        };
        let (executable, x86_64, dynamic, strings) = (2_u8, 62_u8, 6_u8, 3_u8);
        put(0, b"\x7fELF\x02\x01\x01");
        for (at, value) in [
            (16, executable),
            (18, x86_64),
            (40, 64),
            (58, 64),
            (60, 3),
            (62, 2),
        ] {
            put(at, &[value]);
        }
        put(2 * SECTION + 4, &[dynamic]);
        put(2 * SECTION + 24, &4096_u64.to_le_bytes());
        put(2 * SECTION + 32, &size.to_le_bytes());
        put(2 * SECTION + 40, &[2]);
        put(3 * SECTION + 4, &[strings]);
        put(3 * SECTION + 24, &4096_u64.to_le_bytes());
        put(3 * SECTION + 32, &[1]);
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        file.set_len(4096 + size).unwrap();
        file
    }

    #[test]
    fn a_header_that_asks_for_more_than_any_program_has_is_refused() {
        assert_eq!(linked(elf(160)).map(|(_, names)| names), Some(Vec::new()));
        assert!(linked(elf(PIECE + 16)).is_none());
    }
}
