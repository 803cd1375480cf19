//! The users whose files are looked at.

use crate::host::reader::Reader;
use crate::inventory::User;

/// Returns the users of `/etc/passwd`, each id once. Users of a directory service are not in it; passwd(5), nss(5).
pub(super) fn all(reader: &Reader) -> Vec<User> {
    let mut users = reader.users();
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let all = all(&Reader::new());
        assert_eq!(named(&all, "0").unwrap().name, "root");
        assert_eq!(named(&all, "root").unwrap().uid, 0);
        assert!(named(&all, "nobody-of-that-name").is_none());
    }
}
