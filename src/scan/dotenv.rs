//! The `.env` file of a state directory: variables for a gateway that its environment does not set.

use std::fmt;

/// The most bytes of such a file that are read.
pub(super) const FILE_LIMIT: u64 = 256 * 1024;
/// The most variables of one that count.
pub(super) const VARIABLES_LIMIT: usize = 1_000;

/// A variable and its line.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: u32,
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}=…", self.line, self.name)
    }
}

/// Reads `NAME=value` lines: `export` before the name, quotes around the value and comments are understood.
pub(super) fn parse(text: &str) -> Vec<Assignment> {
    let lines = text.lines().zip(1..);
    let assignments = lines.filter_map(|(line, number)| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Assignment {
            name: name.to_owned(),
            value: unquoted(value.trim()).to_owned(),
            line: number,
        })
    });
    assignments.collect()
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        if let Some((inner, _)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote))
        {
            return inner;
        }
    }
    value
        .split_once(" #")
        .map_or(value, |(before, _)| before)
        .trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_and_exports_are_understood() {
        let text = "# A=0\nA=1\nexport B=\"two # words\" # x\nC='3'\n D = 4 # four\nbroken\n=5\nE F=6\nG=a#b\n";
        let read: Vec<_> = parse(text)
            .into_iter()
            .map(|it| (it.name, it.value, it.line))
            .collect();
        let expected = [
            ("A", "1", 2),
            ("B", "two # words", 3),
            ("C", "3", 4),
            ("D", "4", 5),
            ("G", "a#b", 9),
        ];
        assert_eq!(
            read,
            expected.map(|(name, value, line)| (name.to_owned(), value.to_owned(), line))
        );
    }
}
