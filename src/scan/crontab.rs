//! Lines of crontabs that start a gateway; crontab(5), cron(8).
//!
//! Not read: at(1), anacron(8), and the scripts of `/etc/cron.daily` and its like.

use std::path::{Path, PathBuf};

use super::launch::{Launches, Source};
use super::unit_file::Assigned;
use super::{script, users};
use crate::display;
use crate::host::crontab::{LINES_LIMIT, lines};
use crate::host::reader::Reader;
use crate::inventory::{CronStarter, Place, Starter, User, When};

/// The table of the system, with a column for the user.
const SYSTEM: &str = "/etc/crontab";
/// More of them, one a package.
const PACKAGES: &str = "/etc/cron.d";
/// The users' own tables, named for them: Debian's, then Red Hat's.
const USERS: [&str; 2] = ["/var/spool/cron/crontabs", "/var/spool/cron"];

/// Finds the lines of all tables that start a gateway.
pub(super) fn find(reader: &Reader, all: &[User], launches: &mut Launches) {
    let packages = reader.list(Path::new(PACKAGES)).into_iter();
    let packages = packages
        .filter_map(|name| name.into_string().ok())
        .filter(|name| is_read(name));
    let packages = packages.map(|name| Path::new(PACKAGES).join(name));
    for file in [PathBuf::from(SYSTEM)].into_iter().chain(packages) {
        table(reader, &file, None, all, launches);
    }
    for directory in USERS {
        for name in reader.list(Path::new(directory)) {
            let owner = name.to_str().and_then(|name| users::named(all, name));
            if let Some(owner) = owner {
                table(
                    reader,
                    &Path::new(directory).join(&name),
                    Some(owner),
                    all,
                    launches,
                );
            }
        }
    }
}

/// Returns whether cron reads a file of this name in `/etc/cron.d`: no dot, so no `.bak`; cron(8), Debian.
fn is_read(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// Returns whether a text is a crontab: some line of it has a schedule.
pub(super) fn is_table(text: &str) -> bool {
    !lines(text, false).is_empty()
}

/// Finds the lines of one table that start a gateway. Without an owner the table has a column for the user.
pub(super) fn table(
    reader: &Reader,
    file: &Path,
    owner: Option<&User>,
    all: &[User],
    launches: &mut Launches,
) {
    let Ok(Some(text)) = reader.file(file) else {
        return;
    };
    if text
        .split(|byte| *byte == b'\n')
        .nth(LINES_LIMIT + 1)
        .is_some()
    {
        let why = format!(
            "`{}`: lines after the first {LINES_LIMIT}",
            display::path(file)
        );
        reader.refuse(file, &why);
    }
    for line in lines(&String::from_utf8_lossy(&text), owner.is_none()) {
        let column = line.user.as_deref();
        let Some(user) = owner.or_else(|| users::named(all, column?)) else {
            continue;
        };
        let starter = Starter::Cron(CronStarter {
            file: file.to_path_buf(),
            line: line.number,
            user: user.name.clone(),
            schedule: line.schedule.clone(),
        });
        let environment = line
            .environment
            .iter()
            .map(|(name, value, number)| Assigned {
                name: name.clone(),
                value: value.clone(),
                place: Place {
                    path: file.to_path_buf(),
                    line: Some(*number),
                },
            });
        let environment: Vec<_> = environment.collect();
        let source = Source {
            starter: &starter,
            when: when(&line.schedule),
            user,
            directory: &user.home,
            environment: &environment,
            place: format!("{}:{}", display::path(file), line.number),
        };
        let outcome = script::in_text(reader, &line.command, &user.home);
        launches.take(outcome, &source, all);
    }
}

fn when(schedule: &str) -> When {
    if schedule == "@reboot" {
        When::AtBoot
    } else {
        When::OnSchedule
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test makes a table")]
mod tests {
    use super::*;

    fn joe(home: &Path) -> User {
        User {
            name: "joe".into(),
            uid: 7,
            gid: 7,
            home: home.into(),
        }
    }

    /// Returns what a user's table, or the system's, comes to.
    fn found(text: &str, is_users: bool) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("table");
        std::fs::write(&file, text).unwrap();
        std::fs::write(
            home.path().join("watch.sh"),
            "#!/bin/sh\nopenclaw gateway status || openclaw gateway run\n",
        )
        .unwrap();
        let joe = joe(home.path());
        let mut launches = Launches::default();
        let owner = is_users.then_some(&joe);
        table(
            &Reader::new(),
            &file,
            owner,
            std::slice::from_ref(&joe),
            &mut launches,
        );
        let shown = launches.found.iter().map(|it| match &it.starter {
            Starter::Cron(line) => format!("{} {} {}", line.line, line.schedule, it.when),
            _ => panic!("a line"),
        });
        shown.collect()
    }

    #[test]
    fn reboot_lines_and_watchdogs_are_found_and_comments_are_not() {
        let text = "# @reboot openclaw gateway start\nOPENCLAW_PROFILE=work\n@reboot openclaw gateway start\n\
            */5 * * * * $HOME/watch.sh >/dev/null 2>&1\n0 3 * * * tar czf /b.tgz .openclaw\n@daily\n* * *\n";
        assert_eq!(
            found(text, true),
            ["3 @reboot at boot", "4 */5 * * * * on a schedule"]
        );
    }

    #[test]
    fn the_systems_table_names_the_user() {
        let text = "PATH=/usr/bin\n@reboot joe openclaw gateway\n@reboot nobody-here openclaw gateway\n\
            1 2 3 4 5 joe\topenclaw gateway run\n";
        assert_eq!(
            found(text, false),
            ["2 @reboot at boot", "4 1 2 3 4 5 on a schedule"]
        );
        assert!(is_read("claw-watch") && !is_read("claw.bak") && !is_read(""));
    }

    #[test]
    fn a_line_without_a_schedule_runs_nothing_and_is_not_shown() {
        let text = "export TOKEN=geheim ; true && openclaw gateway\n@geheim openclaw gateway\n\
            geheim 1 2 3 4 openclaw gateway\n0 9 * jan,dec mon-fri openclaw gateway\n";
        assert_eq!(found(text, true), ["4 0 9 * jan,dec mon-fri on a schedule"]);
    }
}
