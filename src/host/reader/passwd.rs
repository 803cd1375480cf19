//! The users of `/etc/passwd`; passwd(5).

use std::path::{Path, PathBuf};

use super::Reader;
use crate::inventory::User;

impl Reader {
    /// Returns the users of `/etc/passwd`, in its order. Users of a directory service are not in it; nss(5).
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        let text = self.file(Path::new("/etc/passwd")).ok().flatten();
        let text = text.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().filter_map(user).collect()
    }

    /// Looks a user up; one that the user database does not know gets its number as its name.
    ///
    /// The C library, which may ask a directory service over the network, is called only for users that are not in `/etc/passwd`.
    #[must_use]
    pub fn user(&self, uid: u32, gid: u32) -> User {
        let local = self.users().into_iter().find(|user| user.uid == uid);
        let found = local.or_else(|| {
            let user = nix::unistd::User::from_uid(uid.into()).ok()??;
            Some(User {
                name: user.name,
                uid,
                gid: user.gid.as_raw(),
                home: user.dir,
            })
        });
        found.map_or_else(
            || User {
                name: uid.to_string(),
                uid,
                gid,
                home: PathBuf::from("/"),
            },
            |user| User {
                home: self.resolve(&user.home),
                ..user
            },
        )
    }
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
    }

    #[test]
    fn root_is_known_and_a_stranger_is_a_number() {
        let reader = Reader::new();
        assert_eq!(reader.user(0, 0).name, "root");
        let stranger = reader.user(3_999_999_999, 7);
        assert_eq!((stranger.name.as_str(), stranger.gid), ("3999999999", 7));
    }
}
