//! Lines of crontabs that start a gateway; crontab(5), cron(8).
//!
//! Not read: at(1), anacron(8), and the scripts of `/etc/cron.daily` and its like.

use std::path::{Path, PathBuf};

use super::launch::{Launches, Source};
use super::unit_file::Assigned;
use super::{script, users};
use crate::display;
use crate::host::reader::Reader;
use crate::inventory::{CronStarter, Place, Starter, User, When};

/// The table of the system, with a column for the user.
const SYSTEM: &str = "/etc/crontab";
/// More of them, one a package.
const PACKAGES: &str = "/etc/cron.d";
/// The users' own tables, named for them: Debian's, then Red Hat's.
const USERS: [&str; 2] = ["/var/spool/cron/crontabs", "/var/spool/cron"];
/// The most lines of a table that are read.
const LINES_LIMIT: usize = 10_000;

/// A line that runs something.
#[derive(Clone, PartialEq, Eq)]
struct Line {
    number: u32,
    schedule: String,
    /// The user's column, where the table has one.
    user: Option<String>,
    command: String,
    /// The variables set above it. They may be secrets.
    environment: Vec<(String, String, u32)>,
}

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
    !parse(text, false).is_empty()
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
    for line in parse(&String::from_utf8_lossy(&text), owner.is_none()) {
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

/// Reads a table. Comments and lines that cron would not understand run nothing.
fn parse(text: &str, has_user: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut environment: Vec<(String, String, u32)> = Vec::new();
    for (text, number) in text.lines().zip(1..).take(LINES_LIMIT) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = assignment(text) {
            environment.push((name, value, number));
            continue;
        }
        let count = if text.starts_with('@') { 1 } else { 5 };
        let Some((fields, rest)) = fields(text, count) else {
            continue;
        };
        if !is_schedule(&fields) {
            continue;
        }
        let (user, command) = match self::fields(rest, 1).filter(|_| has_user) {
            Some((user, command)) => (user.into_iter().next(), command),
            None => (None, rest),
        };
        lines.push(Line {
            number,
            schedule: fields.join(" "),
            user: user.map(str::to_owned),
            command: before_percent(command),
            environment: environment.clone(),
        });
    }
    lines
}

/// Returns whether fields are a schedule. What is none runs nothing, and is shown nowhere: it could hold a secret.
fn is_schedule(fields: &[&str]) -> bool {
    let known = [
        "@reboot",
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    if let [word] = fields {
        return known.contains(word);
    }
    let is_number = |field: &str| field.bytes().all(|byte| b"0123456789*,/-~".contains(&byte));
    let is_name = |part: &str| part.len() == 3 && part.bytes().all(|it| it.is_ascii_alphabetic());
    // Months and days of the week have names of three letters.
    let is_named = |field: &str| {
        let mut parts = field.split(['-', ',', '/']);
        parts.all(|part| is_number(part) || is_name(part))
    };
    let (numbers, names) = fields.split_at(fields.len().min(3));
    numbers.iter().all(|field| is_number(field)) && names.iter().all(|field| is_named(field))
}

fn assignment(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim().trim_matches(['"', '\'']);
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    is_name.then(|| (name.to_owned(), unquoted.unwrap_or(value).to_owned()))
}

/// Returns the first fields of a line, and what follows them.
fn fields(text: &str, count: usize) -> Option<(Vec<&str>, &str)> {
    let (mut fields, mut rest) = (Vec::new(), text);
    for _ in 0..count {
        let (field, after) = rest.split_once(char::is_whitespace)?;
        fields.push(field);
        rest = after.trim_start();
    }
    (!rest.is_empty()).then_some((fields, rest))
}

/// Returns the command: what follows the first `%` that is not escaped is its standard input; crontab(5).
fn before_percent(command: &str) -> String {
    let mut kept = String::new();
    for part in command.split_inclusive('%') {
        kept.push_str(part.strip_suffix('%').unwrap_or(part));
        if !part.ends_with('%') || !kept.ends_with('\\') {
            break;
        }
        kept.pop();
        kept.push('%');
    }
    kept
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#[expect(clippy::disallowed_methods, reason = "the test makes a table")]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn variables_count_for_the_lines_below_them_and_a_percent_sign_ends_a_command() {
        let lines = parse(
            "A=1\n@reboot a %b\nB = 'two words'\n@reboot c \\%d%e\n",
            false,
        );
        assert_eq!(lines[0].environment, [("A".to_owned(), "1".to_owned(), 1)]);
        assert_eq!(
            lines[1].environment[1],
            ("B".to_owned(), "two words".to_owned(), 3)
        );
        assert_eq!(
            (lines[0].command.as_str(), lines[1].command.as_str()),
            ("a ", "c %d")
        );
    }

    #[test]
    fn a_line_without_a_schedule_runs_nothing_and_is_not_shown() {
        let text = "export TOKEN=geheim ; true && openclaw gateway\n@geheim openclaw gateway\n\
            geheim 1 2 3 4 openclaw gateway\n0 9 * jan,dec mon-fri openclaw gateway\n";
        assert_eq!(found(text, true), ["4 0 9 * jan,dec mon-fri on a schedule"]);
    }

    proptest! {
        #[test]
        fn any_table_is_read_to_its_end(text in "[ -~\n\\PC]{0,300}", has_user in any::<bool>()) {
            let _ = parse(&text, has_user);
        }
    }
}
