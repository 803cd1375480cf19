//! The files of the host, beside its own directories, in which a gateway looks things up: names of hosts, certificates, and
//! files of secrets.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::host::reader::{Kind, Reader};
use crate::inventory::{Credential, EnvironmentVariable, User};

/// Names of hosts (hosts(5)), and the certificates of Debian and Red Hat: update-ca-certificates(8), update-ca-trust(8).
const USUAL: [&str; 5] = [
    "/etc/hosts",
    "/etc/pki/ca-trust/extracted",
    "/etc/ssl/certs",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
];
/// Variables that name a file of certificates: node(1), and openssl-env(7).
const NAMING: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];
/// Others may search a directory; inode(7).
const SEARCHED_BY_OTHERS: u32 = 0o001;

/// Returns those that are there, sorted. A file that a variable or the configuration names counts only where its user can get to
/// it by itself: a mount would open a closed directory, and an agent can edit what its configuration names.
pub(super) fn find(
    reader: &Reader,
    user: &User,
    started_with: &[(OsString, OsString)],
    secret_files: &[PathBuf],
) -> Vec<PathBuf> {
    let usual = USUAL.into_iter().map(PathBuf::from);
    let usual = usual.filter(|path| reader.kind(path).is_some());
    let named = started_with
        .iter()
        .filter(|(name, _)| NAMING.iter().any(|naming| name == OsStr::new(naming)))
        .map(|(_, value)| PathBuf::from(value))
        .chain(secret_files.iter().cloned())
        .filter(|path| is_reachable(reader, path, user));
    let mut found: Vec<_> = usual.chain(named).collect();
    found.sort();
    found.dedup();
    found
}

/// Returns the files outside of the state directory that are a secret as a whole, such as a `tokenFile`. What the
/// environment holds goes along with that.
pub(super) fn of_secrets(
    credentials: &[Credential],
    environment: &[EnvironmentVariable],
    state_directory: &Path,
) -> Vec<PathBuf> {
    let is_of_environment = |it: &Credential| environment.iter().any(|own| own.hash == it.hash);
    let in_files = credentials.iter().filter(|it| !is_of_environment(it));
    let places = in_files.flat_map(|it| &it.places);
    let is_whole = |path: &Path| !path.starts_with("/proc") && !path.starts_with(state_directory);
    let whole = places.filter(|it| it.line.is_none() && is_whole(&it.path));
    whole.map(|it| it.path.clone()).collect()
}

fn is_reachable(reader: &Reader, path: &Path, user: &User) -> bool {
    let resolved = reader.resolve(path);
    let is_open = |path: &Path| {
        path.ancestors().skip(1).all(|directory| {
            let is_own = reader
                .owner(directory)
                .is_some_and(|(uid, _)| uid == user.uid);
            let mode = reader.mode(directory).unwrap_or_default();
            is_own || mode & SEARCHED_BY_OTHERS != 0
        })
    };
    let is_plain = |component| !matches!(component, std::path::Component::ParentDir);
    path.is_absolute()
        && path.components().all(is_plain)
        && reader.kind(&resolved) == Some(Kind::File)
        && is_open(path)
        && is_open(&resolved)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test makes files")]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::inventory::{Exclusivity, Place};

    #[test]
    fn a_named_file_counts_where_its_user_gets_to_it_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let closed = directory.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::write(closed.join("ca.pem"), "").unwrap();
        let set = |mode| std::fs::set_permissions(&closed, Permissions::from_mode(mode)).unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let stranger = User {
            name: "eve".into(),
            uid: 4_000_000,
            gid: 4_000_000,
            home: "/home/eve".into(),
        };
        let named = |path: &Path| {
            let set = [("NODE_EXTRA_CA_CERTS".into(), path.as_os_str().to_owned())];
            let by_variable = find(&Reader::new(), &stranger, &set, &[]);
            let as_secret = find(&Reader::new(), &stranger, &[], &[path.to_path_buf()]);
            assert_eq!(by_variable, as_secret, "{}", path.display());
            by_variable.contains(&path.to_path_buf())
        };
        let file = closed.join("ca.pem");
        set(0o755);
        assert!(named(&file));
        assert!(!named(&closed), "a directory");
        assert!(!named(&closed.join("none.pem")));
        assert!(!named(&closed.join("../closed/ca.pem")));
        set(0o750);
        assert!(!named(&file), "behind a closed door");
    }

    #[test]
    fn names_of_hosts_are_always_looked_up() {
        let root = Reader::new().user(0, 0);
        let found = find(&Reader::new(), &root, &[], &[]);
        assert!(found.contains(&PathBuf::from("/etc/hosts")), "{found:?}");
    }

    #[test]
    fn a_file_is_of_secrets_where_it_is_one_as_a_whole_outside_of_state_and_environment() {
        let hasher = crate::secret::Hasher::for_machine("m");
        let credential = |value: &str, path: &str, line| Credential {
            kind: "telegram bot token".to_owned(),
            public_id: String::new(),
            hash: hasher.hash(value.as_bytes()),
            exclusivity: Exclusivity::OnePoller,
            account: None,
            places: vec![Place {
                path: path.into(),
                line,
            }],
        };
        let credentials = [
            credential("a", "/srv/openclaw/bot.token", None),
            credential("b", "/home/joe/.openclaw/openclaw.json", Some(3)),
            credential("c", "/home/joe/.config/openclaw.env", None),
            credential("d", "/proc/4711/environ", None),
            credential("e", "/home/joe/.openclaw/credentials/creds.json", None),
        ];
        let environment = [EnvironmentVariable {
            name: "TOKEN".to_owned(),
            hash: hasher.hash(b"c"),
        }];
        let found = of_secrets(&credentials, &environment, Path::new("/home/joe/.openclaw"));
        assert_eq!(found, [PathBuf::from("/srv/openclaw/bot.token")]);
    }
}
