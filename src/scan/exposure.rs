//! Secrets of a gateway in unit files that everybody can read.

use std::path::Path;

use super::sighting::Sighting;
use crate::host::reader::Reader;
use crate::inventory::{Finding, Starter, catalogued};

/// The variables that open a gateway; docs/help/environment.md.
const SECRETS: [&str; 4] = [
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "CLAWDBOT_GATEWAY_TOKEN",
    "CLAWDBOT_GATEWAY_PASSWORD",
];
/// The permission of everybody else to read a file, and to go through a directory; chmod(2).
const OTHERS_READ: u32 = 0o004;
const OTHERS_SEARCH: u32 = 0o001;

/// Returns a finding for every secret of the gateway in a file of its unit that everybody can read.
pub(super) fn findings(reader: &Reader, sighting: &Sighting) -> Vec<Finding> {
    let (Starter::Unit(_), Some(launch)) = (&sighting.starter, &sighting.launch) else {
        return Vec::new();
    };
    let set = launch.environment.iter();
    let secrets = set.filter(|it| SECRETS.contains(&it.name.as_str()) && !it.value.is_empty());
    let secrets = secrets.filter(|it| is_open(reader, &it.place.path));
    let findings = secrets.map(|it| {
        let summary = format!("every user of the host can read {} in its unit", it.name);
        Finding::new(&catalogued::EXPOSED_TOKEN, &sighting.name, summary).at(&it.place)
    });
    findings.collect()
}

/// Whether everybody can read a file: it and every directory above it let others in.
fn is_open(reader: &Reader, file: &Path) -> bool {
    let has = |path: &Path, bit: u32| reader.mode(path).is_some_and(|mode| mode & bit != 0);
    // What stands above a path from the current directory shows only once it is resolved.
    let file = &reader.resolve(file);
    has(file, OTHERS_READ)
        && file
            .ancestors()
            .skip(1)
            .all(|directory| has(directory, OTHERS_SEARCH))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make unit files")]
mod tests {
    use super::*;
    use crate::scan::sighting::tests::at_rest;
    use std::os::unix::fs::PermissionsExt as _;

    /// Returns the findings for a unit with this mode in a home with that mode.
    fn found(unit: &str, home_mode: u32, mode: u32) -> Vec<String> {
        let home = tempfile::tempdir().expect("a directory");
        let set = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
        };
        let file = home.path().join("openclaw-gateway.service");
        std::fs::write(&file, unit).expect("written");
        set(&file, mode);
        set(home.path(), home_mode);
        let findings = findings(&Reader::new(), &at_rest(home.path(), unit)).into_iter();
        findings
            .map(|it| {
                format!(
                    "{} {}",
                    it.id,
                    it.place.rsplit('/').next().unwrap_or_default()
                )
            })
            .collect()
    }

    const UNIT: &str =
        "[Service]\nEnvironment=HOME=/h\nEnvironment=OPENCLAW_GATEWAY_TOKEN=SEKRET\n";

    #[test]
    fn a_token_in_a_unit_that_everybody_can_read_is_found() {
        assert_eq!(
            found(UNIT, 0o755, 0o644),
            ["OM-C007 openclaw-gateway.service:3"]
        );
    }

    #[test]
    fn a_path_from_the_current_directory_is_looked_at_from_the_root_on() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("unit");
        std::fs::write(&file, "").expect("written");
        for path in [home.path(), file.as_path()] {
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(path, open).expect("changed");
        }
        let here = std::env::current_dir().expect("a directory");
        let up: std::path::PathBuf = here.ancestors().skip(1).map(|_| "..").collect();
        let below = file.strip_prefix("/").expect("absolute");
        assert!(is_open(&Reader::new(), &up.join(below)));
    }

    #[test]
    fn a_private_unit_a_private_home_and_a_unit_without_a_token_are_not() {
        assert_eq!(found(UNIT, 0o755, 0o600), [""; 0]);
        assert_eq!(found(UNIT, 0o700, 0o644), [""; 0]);
        assert_eq!(
            found("[Service]\nEnvironment=HOME=/h\n", 0o755, 0o644),
            [""; 0]
        );
    }
}
