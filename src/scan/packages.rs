//! Which Debian packages own files of this host: read from dpkg's lists, nothing is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::reader::Reader;

/// Where dpkg keeps a list of files for each package; dpkg(1).
const LISTS: &str = "/var/lib/dpkg/info";

/// Returns the packages that own some files, by the path as it was asked for.
pub(super) fn owners(reader: &Reader, paths: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    let mut wanted: BTreeMap<PathBuf, &PathBuf> = BTreeMap::new();
    for path in paths {
        for alias in aliases(path) {
            wanted.insert(alias, path);
        }
    }
    let mut owners = BTreeMap::new();
    if wanted.is_empty() {
        return owners;
    }
    let directory = Path::new(LISTS);
    for name in reader.list(directory) {
        let Some(package) = name.to_str().and_then(|name| name.strip_suffix(".list")) else {
            continue;
        };
        let text = reader.file(&directory.join(&name)).ok().flatten();
        for line in String::from_utf8_lossy(&text.unwrap_or_default()).lines() {
            if let Some(path) = wanted.get(Path::new(line)) {
                // `libc6:amd64` where several architectures may be installed.
                let package = package.split(':').next().unwrap_or(package);
                owners.insert((*path).clone(), crate::display::text(package));
            }
        }
    }
    owners
}

/// A path as packages may have it: before and after `/bin`, `/sbin` and `/lib*` went into `/usr`.
fn aliases(path: &Path) -> Vec<PathBuf> {
    let merged = ["bin", "sbin", "lib", "lib64", "lib32"];
    let mut aliases = vec![path.to_owned()];
    for name in merged {
        let (new, old) = (Path::new("/usr").join(name), Path::new("/").join(name));
        for (from, to) in [(&new, &old), (&old, &new)] {
            aliases.extend(path.strip_prefix(from).map(|rest| to.join(rest)));
        }
    }
    aliases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_this_host_has_its_package_under_both_of_its_paths() {
        let paths = ["/bin/cat", "/usr/bin/cat", "/usr/bin/env", "/nonexistent"].map(PathBuf::from);
        let owners = owners(&Reader::new(), &paths);
        let shown: Vec<_> = owners
            .iter()
            .map(|(path, package)| format!("{} {package}", path.display()))
            .collect();
        assert!(
            shown.contains(&"/usr/bin/env coreutils".to_owned()),
            "{shown:?}"
        );
        assert!(shown.iter().any(|it| it.ends_with("/cat coreutils")));
        assert!(!shown.iter().any(|it| it.contains("nonexistent")));
    }
}
