//! Makes the file system of a base image with debootstrap(8), from the package mirror that the host itself uses.

#![expect(
    clippy::disallowed_methods,
    reason = "works in a directory of its own beside the archive"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::beneath::{Place, find_directory};
use super::context::{Context, foreign};
use super::{Result, files, program};

const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// What an image has no use for; of the directories their content.
const EMPTIED: [&str; 7] = [
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "tmp",
];

/// What names the host that it was made on; the engine puts its own there.
const HOSTS_OWN: [&str; 2] = ["etc/resolv.conf", "etc/hostname"];

/// Makes the archive; a finished one is taken as it is, what a dead try left is removed first.
pub(super) fn make_base(codename: &str, packages: &[String], archive: &Path) -> Result<()> {
    if is_made(archive)? {
        return Ok(());
    }
    refuse_strange_words(codename, packages, archive)?;
    let tree = files::beside(archive, ".tree");
    let partial = files::beside(archive, ".partial");
    remove_tree(&tree)?;
    bootstrap(codename, packages, &tree)?;
    slim(&tree)?;
    pack(&tree, &partial)?;
    put_in_place(&partial, archive)?;
    remove_tree(&tree)
}

fn is_made(archive: &Path) -> Result<bool> {
    match fs::symlink_metadata(archive) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(foreign(archive, "it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).on("look at", archive),
    }
}

/// These words come from a plan, which anybody may have edited: none of them may be an option.
fn refuse_strange_words(codename: &str, packages: &[String], archive: &Path) -> Result<()> {
    let is_plain = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphanumeric())
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let words = packages.iter().map(String::as_str).chain([codename]);
    match words.into_iter().find(|word| !is_plain(word)) {
        Some(word) => Err(foreign(
            archive,
            format!(
                "`{}` is no name of a package or a release",
                crate::display::text(word)
            ),
        )),
        None => Ok(()),
    }
}

fn bootstrap(codename: &str, packages: &[String], tree: &Path) -> Result<()> {
    let mirror = find_mirror(codename);
    // In a mount namespace of its own, so that what debootstrap mounts is gone with it however it ends.
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--propagation",
            "private",
            "--",
            "debootstrap",
            "--variant=minbase",
        ])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C")
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        );
    if !packages.is_empty() {
        command.arg(format!("--include={}", packages.join(",")));
    }
    if let Some(mirror) = &mirror {
        command.arg(format!("--components={}", mirror.components.join(",")));
    }
    command.arg("--").arg(codename).arg(tree);
    command.args(mirror.map(|mirror| mirror.address));
    program::succeed(command, DEADLINE).map(drop)
}

fn slim(tree: &Path) -> Result<()> {
    for name in EMPTIED {
        let directory = tree.join(name);
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.on("list", &directory)?.path();
            let is_directory = fs::symlink_metadata(&path).on("look at", &path)?.is_dir();
            let removed = if is_directory {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.on("remove", &path)?;
        }
    }
    // apt(8) fails without these.
    for name in [
        "var/cache/apt/archives/partial",
        "var/lib/apt/lists/partial",
    ] {
        let directory = tree.join(name);
        fs::create_dir_all(&directory).on("make", &directory)?;
    }
    for name in HOSTS_OWN {
        files::remove(&tree.join(name))?;
    }
    Ok(())
}

fn pack(tree: &Path, partial: &Path) -> Result<()> {
    files::remove(partial)?;
    let mut command = Command::new("tar");
    command
        .args([
            "--create",
            "--format=pax",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
        ])
        .args(["--one-file-system", "--sort=name", "--file"])
        .arg(partial)
        .arg("--directory")
        .arg(tree)
        .arg(".");
    program::succeed(command, DEADLINE).map(drop)
}

fn put_in_place(partial: &Path, archive: &Path) -> Result<()> {
    let file = fs::File::open(partial).on("open", partial)?;
    file.sync_all().on("make durable", partial)?;
    let place = Place::open(archive)?;
    let name = partial.file_name().unwrap_or_default();
    rustix::fs::renameat(&place.directory, name, &place.directory, place.name)
        .on("put in place", archive)?;
    place.sync()
}

fn remove_tree(tree: &Path) -> Result<()> {
    if find_directory(tree)?.is_none() {
        return Ok(());
    }
    fs::remove_dir_all(tree).on("remove", tree)
}

/// A package mirror and what it offers.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    address: String,
    components: Vec<String>,
}

/// Finds the mirror that apt(8) of this host takes a release from; `None` leaves the choice to debootstrap.
fn find_mirror(codename: &str) -> Option<Mirror> {
    let apt = Path::new("/etc/apt");
    let mut lists: Vec<PathBuf> = fs::read_dir(apt.join("sources.list.d"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    lists.sort();
    lists.insert(0, apt.join("sources.list"));
    lists.iter().find_map(|list| {
        let text = fs::read_to_string(list).ok()?;
        match list.extension()?.to_str()? {
            "list" => text.lines().find_map(|line| parse_line(line, codename)),
            "sources" => text
                .split("\n\n")
                .find_map(|stanza| parse_stanza(stanza, codename)),
            _ => None,
        }
    })
}

/// One line of sources.list(5).
fn parse_line(line: &str, codename: &str) -> Option<Mirror> {
    let rest = line.trim().strip_prefix("deb ")?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    let address = words.next()?;
    let is_wanted = words.next()? == codename && is_usable(address);
    let components = words
        .take_while(|word| !word.starts_with('#'))
        .map(str::to_owned);
    is_wanted.then(|| Mirror {
        address: address.to_owned(),
        components: components.collect(),
    })
}

/// One stanza in the deb822 form of sources.list(5).
fn parse_stanza(stanza: &str, codename: &str) -> Option<Mirror> {
    let field = |name: &str| {
        stanza.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim()
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let has = |name: &str, word: &str| {
        field(name).is_some_and(|value| value.split_whitespace().any(|one| one == word))
    };
    if !has("Types", "deb") || !has("Suites", codename) || has("Enabled", "no") {
        return None;
    }
    let address = field("URIs")?
        .split_whitespace()
        .find(|address| is_usable(address))?
        .to_owned();
    let components = field("Components")?
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    Some(Mirror {
        address,
        components,
    })
}

fn is_usable(address: &str) -> bool {
    ["http://", "https://", "file:"]
        .iter()
        .any(|scheme| address.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(address: &str, components: &[&str]) -> Option<Mirror> {
        let components = components.iter().map(|&name| name.to_owned()).collect();
        Some(Mirror {
            address: address.to_owned(),
            components,
        })
    }

    #[test]
    fn a_mirror_is_read_from_either_form() {
        let line = "deb [arch=amd64 signed-by=/k] http://m/debian bookworm main contrib # x";
        assert_eq!(
            parse_line(line, "bookworm"),
            mirror("http://m/debian", &["main", "contrib"])
        );
        assert_eq!(
            parse_line("# deb http://m/debian bookworm main", "bookworm"),
            None
        );
        assert_eq!(
            parse_line("deb http://m/debian bookworm-updates main", "bookworm"),
            None
        );
        assert_eq!(parse_line("deb cdrom:[x]/ bookworm main", "bookworm"), None);
        let stanza = "Types: deb deb-src\nURIs: mirror+file:/x http://m/u\nSuites: noble noble-updates\nComponents: main universe";
        assert_eq!(
            parse_stanza(stanza, "noble"),
            mirror("http://m/u", &["main", "universe"])
        );
        assert_eq!(
            parse_stanza(&format!("{stanza}\nEnabled: no"), "noble"),
            None
        );
    }

    #[test]
    fn options_in_place_of_packages_are_refused() {
        let archive = Path::new("/nowhere/base.tar");
        assert!(make_base("bookworm", &["git,--foo=/x".to_owned()], archive).is_err());
        assert!(make_base("--print-debs", &[], archive).is_err());
    }

    #[test]
    fn a_finished_archive_is_taken_as_it_is() {
        let room = tempfile::tempdir().unwrap();
        let archive = room.path().join("base.tar");
        fs::write(&archive, "done").unwrap();
        make_base("bookworm", &[], &archive).unwrap();
        assert_eq!(fs::read(&archive).unwrap(), b"done");
    }

    #[test]
    #[ignore = "fetches packages from a mirror; takes minutes"]
    fn a_base_is_made_after_a_dead_try() {
        let room = tempfile::tempdir_in("/var/tmp").unwrap();
        let archive = room.path().join("base.tar");
        fs::create_dir_all(files::beside(&archive, ".tree").join("left/over")).unwrap();
        make_base("bookworm", &["tini".to_owned()], &archive).unwrap();
        let listed = Command::new("tar")
            .arg("-tf")
            .arg(&archive)
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.lines().any(|line| line == "./usr/bin/tini"));
        assert!(!listed.contains("left/over") && !listed.contains("./etc/hostname"));
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }
}
