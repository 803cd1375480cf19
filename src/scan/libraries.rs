//! The shared libraries that node and native modules are linked with, read from their ELF headers; nothing is loaded.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64, Machine};
use object::read::ReadCache;
use object::read::elf::FileHeader as _;

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
    for module in reader.files_ending(&release.package, ".node") {
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
    let data = ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(&data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, &data).ok()?;
    let dynamic = sections.dynamic_table(endian, &data).ok()?;
    let names = dynamic.iter().filter(|it| it.tag == DT_NEEDED);
    let names = names.filter_map(|it| dynamic.string(it).ok());
    let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
    Some((header.e_machine(endian), names.collect()))
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
}
