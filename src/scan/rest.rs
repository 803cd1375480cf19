//! Gateways that do not run but would be started: enabled units in the directories of systemd; systemd.unit(5).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::sighting::{self, Sighting, read_unit};
use crate::host::reader::{Kind, Reader};
use crate::inventory::{Starter, UnitScope, UnitStarter, User};

const SYSTEM_UNITS: &str = "/etc/systemd/system";
const USER_UNITS: &str = ".config/systemd/user";

/// Finds the enabled units of gateways that none of the running ones was started by.
pub(super) fn resting(
    reader: &Reader,
    running: &[Sighting],
    unseen: &mut Vec<String>,
) -> Vec<Sighting> {
    let users = users(reader);
    let own = rustix::process::geteuid().as_raw();
    let (seen, hidden): (Vec<_>, Vec<_>) = users
        .iter()
        .partition(|user| reader.sees_everything() || user.uid == own);
    if !hidden.is_empty() {
        unseen.push(format!(
            "units of {} other users: run as root to see them",
            hidden.len()
        ));
    }
    let places = seen.into_iter().map(|user| {
        (
            user.home.join(USER_UNITS),
            UnitScope::User { uid: user.uid },
            user,
        )
    });
    let root = reader.user(0, 0);
    let places = places.chain([(PathBuf::from(SYSTEM_UNITS), UnitScope::System, &root)]);
    let units = places
        .flat_map(|(directory, scope, user)| units_in(reader, &directory, scope, user, &users));
    units
        .filter(|unit| {
            !running
                .iter()
                .any(|it| it.starter == unit.starter || is_same_file(it, unit))
        })
        .collect()
}

fn is_same_file(one: &Sighting, other: &Sighting) -> bool {
    match (&one.starter, &other.starter) {
        (Starter::Unit(one), Starter::Unit(other)) => one.file == other.file,
        _ => false,
    }
}

fn units_in(
    reader: &Reader,
    directory: &Path,
    scope: UnitScope,
    user: &User,
    users: &[User],
) -> Vec<Sighting> {
    let names = reader.list(directory);
    let wants: Vec<_> = names
        .iter()
        .filter(|name| name.as_bytes().ends_with(b".wants"))
        .collect();
    let enabled: Vec<OsString> = wants
        .iter()
        .flat_map(|wants| reader.list(&directory.join(wants)))
        .collect();
    let services = names
        .iter()
        .filter(|name| name.as_bytes().ends_with(b".service") && enabled.contains(name));
    services
        .filter_map(|name| unit(reader, &directory.join(name), scope, user, users))
        .collect()
}

fn unit(
    reader: &Reader,
    file: &Path,
    scope: UnitScope,
    user: &User,
    users: &[User],
) -> Option<Sighting> {
    // A link to /dev/null is a masked unit.
    let is_file = reader.kind(&reader.resolve(file)) == Some(Kind::File);
    let text = is_file
        .then(|| reader.file(file).ok().flatten())
        .flatten()?;
    let unit = crate::openclaw::command::is_mentioned(&text)
        .then(|| read_unit(reader, file, &user.home))
        .flatten()?;
    if !unit.starts_gateway() {
        return None;
    }
    let named = unit
        .user
        .as_ref()
        .and_then(|name| users.iter().find(|user| user.name == *name));
    let runs_as = match scope {
        UnitScope::System => named.unwrap_or(user).clone(),
        UnitScope::User { .. } => user.clone(),
    };
    let starter = Starter::Unit(UnitStarter {
        name: file
            .file_name()
            .unwrap_or(OsStr::new(""))
            .to_string_lossy()
            .into_owned(),
        scope,
        file: file.to_path_buf(),
        enablement: "enabled".to_owned(),
    });
    Some(sighting::resting(reader, runs_as, starter, unit))
}

/// Returns the users of passwd(5) that have a directory of units or are named in it; each once.
fn users(reader: &Reader) -> Vec<User> {
    let text = reader
        .file(Path::new("/etc/passwd"))
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut users: Vec<_> = String::from_utf8_lossy(&text)
        .lines()
        .filter_map(user)
        .collect();
    users.sort_by_key(|user| user.uid);
    users.dedup_by_key(|user| user.uid);
    users
}

fn user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = PathBuf::from(fields.nth(1)?);
    Some(User {
        name,
        uid,
        gid,
        home,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the tests make unit files")]
mod tests {
    use super::*;

    const UNIT: &str =
        "[Service]\nExecStart=/usr/bin/node /x/openclaw/dist/index.js gateway --port 19000\n";

    /// Returns the names found after a unit was written and, maybe, enabled.
    fn found(text: &str, is_enabled: bool) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join(USER_UNITS);
        std::fs::create_dir_all(directory.join("default.target.wants")).unwrap();
        let file = directory.join("openclaw-gateway.service");
        std::fs::write(&file, text).unwrap();
        if is_enabled {
            std::os::unix::fs::symlink(
                &file,
                directory.join("default.target.wants/openclaw-gateway.service"),
            )
            .unwrap();
        }
        let user = User {
            name: "joe".into(),
            uid: 7,
            gid: 7,
            home: home.path().into(),
        };
        let units = units_in(
            &Reader::new(),
            &directory,
            UnitScope::User { uid: 7 },
            &user,
            &[],
        );
        units.into_iter().map(|unit| unit.name.0).collect()
    }

    #[test]
    fn an_enabled_unit_of_a_gateway_is_found() {
        assert_eq!(found(UNIT, true), ["joe/.openclaw"]);
        assert_eq!(
            found(&format!("{UNIT}Environment=OPENCLAW_PROFILE=work\n"), true),
            ["joe/.openclaw-work"]
        );
    }

    #[test]
    fn a_disabled_unit_or_one_of_something_else_is_not() {
        assert_eq!(found(UNIT, false), [""; 0]);
        assert_eq!(
            found("[Service]\nExecStart=/usr/bin/openclaw-watch\n", true),
            [""; 0]
        );
        assert_eq!(found("", true), [""; 0]);
    }

    #[test]
    fn a_line_of_passwd_is_read() {
        let joe = user("joe:x:1001:1002:Joe,,,:/home/joe:/bin/bash").unwrap();
        assert_eq!((joe.name.as_str(), joe.uid, joe.gid), ("joe", 1001, 1002));
        assert_eq!(joe.home, Path::new("/home/joe"));
        assert!(user("+::::::").is_none() && user("").is_none());
    }
}
