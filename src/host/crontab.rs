//! Tables of cron as text: their lines, and the edit that makes a comment of one; crontab(5).

/// A line that runs something.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the table, counted from 1.
    pub number: u32,
    /// When it runs, for example `@reboot` or `*/5 * * * *`.
    pub schedule: String,
    /// The user's column, where the table has one.
    pub user: Option<String>,
    /// What it runs. It may hold secrets.
    pub command: String,
    /// The variables set above it, with their lines. They may be secrets.
    pub environment: Vec<(String, String, u32)>,
}

/// The most lines of a table that are read; each that runs something keeps the variables above it.
pub const LINES_LIMIT: usize = 1_000;

/// Reads a table. Comments and lines that cron would not understand run nothing.
///
/// `has_user` says whether the table has a column for the user, as the system's have.
#[must_use]
pub fn lines(text: &str, has_user: bool) -> Vec<Line> {
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

/// Returns a line of a table as it stands, without its end; lines are counted from 1.
#[must_use]
pub fn line_at(table: &[u8], number: u32) -> Option<&[u8]> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let line = table.split_inclusive(|byte| *byte == b'\n').nth(index)?;
    Some(without_end(line))
}

/// Makes comments of the lines that are meant: `mark` is put before each of them.
#[must_use]
pub fn disarm(table: &[u8], mark: &str, is_meant: &dyn Fn(&[u8]) -> bool) -> Vec<u8> {
    let lines = table.split_inclusive(|byte| *byte == b'\n');
    let edited = lines.flat_map(|line| {
        let mark = is_meant(without_end(line)).then_some(mark.as_bytes());
        [mark.unwrap_or_default(), line]
    });
    edited.flatten().copied().collect()
}

/// Takes `mark` away from the lines that are meant and have it.
#[must_use]
pub fn arm(table: &[u8], mark: &str, is_meant: &dyn Fn(&[u8]) -> bool) -> Vec<u8> {
    let lines = table.split_inclusive(|byte| *byte == b'\n');
    let edited = lines.flat_map(|line| {
        let unmarked = line.strip_prefix(mark.as_bytes());
        unmarked
            .filter(|rest| is_meant(without_end(rest)))
            .unwrap_or(line)
    });
    edited.copied().collect()
}

/// Returns whether a line that is meant stands in a table, marked.
#[must_use]
pub fn is_disarmed(table: &[u8], mark: &str, is_meant: &dyn Fn(&[u8]) -> bool) -> bool {
    let mut lines = table.split(|byte| *byte == b'\n');
    lines.any(|line| line.strip_prefix(mark.as_bytes()).is_some_and(is_meant))
}

/// Returns whether a line that is meant stands in a table, unmarked.
#[must_use]
pub fn is_armed(table: &[u8], is_meant: &dyn Fn(&[u8]) -> bool) -> bool {
    let mut lines = table.split(|byte| *byte == b'\n');
    lines.any(is_meant)
}

fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn variables_count_for_the_lines_below_them_and_a_percent_sign_ends_a_command() {
        let lines = lines(
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

    const MARK: &str = "#ocmigrate oc-joe: ";

    #[test]
    fn a_disarmed_line_runs_nothing_and_comes_back_among_others_edits() {
        let table = b"A=1\n@reboot claw\n# x\n@reboot claw";
        let is_meant = |line: &[u8]| line == b"@reboot claw";
        let disarmed = disarm(table, MARK, &is_meant);
        assert_eq!(
            self::lines(&String::from_utf8_lossy(&disarmed), false).len(),
            0
        );
        assert_eq!(disarm(&disarmed, MARK, &is_meant), disarmed);
        assert!(is_disarmed(&disarmed, MARK, &is_meant) && !is_armed(&disarmed, &is_meant));
        assert_eq!(arm(&disarmed, MARK, &is_meant), table);
        let edited = [b"@daily backup\n", disarmed.as_slice()].concat();
        assert_eq!(
            arm(&edited, MARK, &is_meant),
            [b"@daily backup\n", &table[..]].concat()
        );
        assert_eq!(line_at(table, 4), Some(&b"@reboot claw"[..]));
        assert_eq!((line_at(table, 0), line_at(table, 5)), (None, None));
    }

    proptest! {
        #[test]
        fn any_table_is_read_to_its_end(text in "[ -~\n\\PC]{0,300}", has_user in any::<bool>()) {
            let _ = lines(&text, has_user);
        }

        #[test]
        fn what_was_disarmed_is_armed_byte_for_byte(table in prop::collection::vec(any::<u8>(), 0..200), number in 1_u32..9) {
            let Some(line) = line_at(&table, number) else { return Ok(()) };
            prop_assume!(!line.starts_with(MARK.as_bytes()));
            let is_meant = |other: &[u8]| other == line;
            let disarmed = disarm(&table, MARK, &is_meant);
            prop_assert!(!is_armed(&disarmed, &is_meant));
            prop_assert_eq!(arm(&disarmed, MARK, &is_meant), table.clone());
        }
    }
}
