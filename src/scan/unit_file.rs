//! What a unit file of systemd says of the gateway that it would start; systemd.service(5), systemd.syntax(7).

use std::fmt;
use std::path::{Path, PathBuf};

/// The parts of a `[Service]` section that matter.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct UnitFile {
    /// The words of the first `ExecStart=`.
    pub(super) command: Vec<String>,
    /// The assignments of `Environment=`, each with its line.
    pub(super) environment: Vec<(String, String, u32)>,
    /// The files of `EnvironmentFile=`, with whether each may be missing.
    pub(super) environment_files: Vec<(PathBuf, bool)>,
    /// `User=`.
    pub(super) user: Option<String>,
}

/// Commands and variables hold tokens, so only how many there are is shown.
impl fmt::Debug for UnitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, variables) = (self.command.len(), self.environment.len());
        write!(f, "UnitFile({words} words, {variables} variables)")
    }
}

impl UnitFile {
    /// Returns whether the unit starts a gateway of OpenClaw.
    pub(super) fn starts_gateway(&self) -> bool {
        let is_openclaw = self
            .command
            .iter()
            .any(|word| super::starter::mentions_openclaw(word.as_bytes()));
        is_openclaw && self.command.iter().any(|word| word == "gateway")
    }

    /// Returns the value of `--port`, in either of its forms.
    pub(super) fn port(&self) -> Option<u16> {
        let mut words = self.command.iter();
        let separate = words.clone().skip_while(|word| *word != "--port").nth(1);
        let joined = words.find_map(|word| word.strip_prefix("--port="));
        joined.or(separate.map(String::as_str))?.parse().ok()
    }
}

/// Reads a unit file. Of the specifiers only `%h` and `%%` are known; other directives are passed over.
pub(super) fn parse(text: &str, home: &Path) -> UnitFile {
    let mut unit = UnitFile::default();
    let mut is_service = false;
    for (line, number) in joined_lines(text) {
        if line.starts_with('[') {
            is_service = line == "[Service]";
        }
        let Some((key, value)) = line.split_once('=').filter(|_| is_service) else {
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "ExecStart" if unit.command.is_empty() => {
                unit.command = words(value.trim_start_matches(['-', '@', ':', '+', '!']), home);
            }
            "Environment" if value.is_empty() => unit.environment.clear(),
            "Environment" => unit
                .environment
                .extend(words(value, home).iter().filter_map(|word| {
                    let (name, value) = word.split_once('=')?;
                    Some((name.to_owned(), value.to_owned(), number))
                })),
            "EnvironmentFile" if value.is_empty() => unit.environment_files.clear(),
            "EnvironmentFile" => {
                let (may_be_missing, path) = match value.strip_prefix('-') {
                    Some(path) => (true, path),
                    None => (false, value),
                };
                let path = words(path, home).into_iter().next().map(PathBuf::from);
                unit.environment_files
                    .extend(path.map(|path| (path, may_be_missing)));
            }
            "User" => unit.user = Some(value.to_owned()).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    unit
}

/// Returns the lines without comments, continued ones joined, each with the number of its first line.
fn joined_lines(text: &str) -> Vec<(String, u32)> {
    let mut lines: Vec<(String, u32)> = Vec::new();
    let mut is_continued = false;
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        let part = line.strip_suffix('\\').unwrap_or(line);
        match lines.last_mut().filter(|_| is_continued) {
            Some((joined, _)) => {
                joined.push(' ');
                joined.push_str(part);
            }
            None => lines.push((part.to_owned(), number)),
        }
        is_continued = line.ends_with('\\');
    }
    lines
}

/// Splits a value into words as systemd does: quotes around the whole or a part of a word, backslash escapes.
fn words(value: &str, home: &Path) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (end, Some(begin)) if end == begin => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            ('\\', _) => word.get_or_insert_default().extend(characters.next()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    let home = home.to_string_lossy();
    let specifiers = |word: String| {
        let parts: Vec<_> = word
            .split("%%")
            .map(|part| part.replace("%h", &home))
            .collect();
        parts.join("%")
    };
    words.into_iter().map(specifiers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "[Unit]\nUser=nobody\n[Service]\n# ExecStart=/old\nExecStart=-\"/usr/bin/node\" \\\n  \
        %h/lib/openclaw/dist/index.js gateway --port 18789\nUser=joe\n\
        Environment=A=1 \"B=two words\" 'C=100%%'\nEnvironment=D=x\\\"y\n[Install]\nUser=nobody\n";

    #[test]
    fn a_gateways_unit_is_read() {
        let unit = parse(UNIT, Path::new("/home/joe"));
        let command = [
            "/usr/bin/node",
            "/home/joe/lib/openclaw/dist/index.js",
            "gateway",
            "--port",
            "18789",
        ];
        assert_eq!(unit.command, command);
        assert_eq!(
            (unit.user.as_deref(), unit.port()),
            (Some("joe"), Some(18789))
        );
        let entry = |name: &str, value: &str, line| (name.to_owned(), value.to_owned(), line);
        let expected = [
            entry("A", "1", 8),
            entry("B", "two words", 8),
            entry("C", "100%", 8),
            entry("D", "x\"y", 9),
        ];
        assert_eq!(unit.environment, expected);
        assert!(unit.starts_gateway());
    }

    #[test]
    fn environment_files_are_named() {
        let text = "[Service]\nEnvironmentFile=/old\nEnvironmentFile=\nEnvironmentFile=-%h/a.env\nEnvironmentFile=/b\n";
        let unit = parse(text, Path::new("/home/joe"));
        let expected = [("/home/joe/a.env".into(), true), ("/b".into(), false)];
        assert_eq!(unit.environment_files, expected);
    }

    #[test]
    fn a_unit_that_starts_something_else_is_told_apart() {
        let starts =
            |line: &str| parse(&format!("[Service]\n{line}"), Path::new("/h")).starts_gateway();
        assert!(starts("ExecStart=/usr/bin/openclaw gateway run"));
        assert!(!starts("ExecStart=/usr/bin/openclaw-watch"));
        assert!(!starts("ExecStart=/usr/bin/gateway"));
        assert!(!starts(""));
        assert_eq!(
            parse("[Service]\nExecStart=a --port=7", Path::new("/h")).port(),
            Some(7)
        );
        assert_eq!(
            parse("[Service]\nExecStart=a --port", Path::new("/h")).port(),
            None
        );
    }
}
