//! The users whose files are looked at.

use std::path::{Path, PathBuf};

use crate::host::reader::Reader;
use crate::inventory::User;

/// Returns the users of `/etc/passwd`, each id once. Users of a directory service are not in it; passwd(5), nss(5).
pub(super) fn all(reader: &Reader) -> Vec<User> {
    let text = reader.file(Path::new("/etc/passwd")).ok().flatten();
    let text = text.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut users: Vec<_> = text.lines().filter_map(user).collect();
    users.sort_by_key(|user| user.uid);
    users.dedup_by_key(|user| user.uid);
    users
}

/// Parts users into those whose files may be seen, and the number of the others.
pub(super) fn visible(reader: &Reader, users: &[User]) -> (Vec<User>, usize) {
    let own = rustix::process::geteuid().as_raw();
    let may_be_seen = |user: &&User| reader.sees_everything() || user.uid == own;
    let (seen, hidden): (Vec<_>, Vec<_>) = users.iter().partition(may_be_seen);
    (seen.into_iter().cloned().collect(), hidden.len())
}

/// Returns the user of this name.
pub(super) fn named<'a>(users: &'a [User], name: &str) -> Option<&'a User> {
    users
        .iter()
        .find(|user| user.name == name || user.uid.to_string() == name)
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
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_is_read() {
        let joe = user("joe:x:1001:1002:Joe,,,:/home/joe:/bin/bash").unwrap();
        assert_eq!((joe.name.as_str(), joe.uid, joe.gid), ("joe", 1001, 1002));
        assert_eq!(joe.home, Path::new("/home/joe"));
        assert!(user("+::::::").is_none() && user("").is_none());
        assert!(named(std::slice::from_ref(&joe), "1001").is_some());
    }
}
