//! What the text of a unit file and its drop-ins says; systemd.syntax(7), systemd.service(5), systemd.exec(5).
//!
//! Known are the specifiers `%h %i %I %j %n %N %p %P %t %u %U %%`, continued lines, quotes and C escapes. Not known:
//! `PassEnvironment=`, `UnsetEnvironment=`, and `[Unit]` dependencies.

use std::path::{Path, PathBuf};

use crate::inventory::Place;

/// A variable that a starter sets, and where that is written.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    pub(super) name: String,
    /// Its value. It may be a secret.
    pub(super) value: String,
    pub(super) place: Place,
}

impl std::fmt::Debug for Assigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=… at {}", self.name, self.place)
    }
}

/// The parts of a unit that matter.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct UnitFile {
    /// The words of `ExecStart=`, `ExecStartPre=` and `ExecStartPost=`, each command in its own list.
    pub(super) commands: Vec<Vec<String>>,
    /// `Environment=`, in order.
    pub(super) environment: Vec<Assigned>,
    /// `EnvironmentFile=`, in order.
    pub(super) environment_files: Vec<PathBuf>,
    /// `User=`.
    pub(super) user: Option<String>,
    /// `WorkingDirectory=`; `~` is the home of its user.
    pub(super) directory: Option<String>,
    /// Whether `[Install]` says what wants it; without that the unit is static.
    pub(super) is_installable: bool,
    /// `Unit=` of a timer or path unit.
    pub(super) activates: Option<String>,
}

/// What specifiers stand for; systemd.unit(5), "Specifiers". Under the system's manager they are root's, whatever `User=`.
#[derive(Debug, Clone, Default)]
pub(super) struct Specifiers {
    /// The unit's full name.
    pub(super) name: String,
    /// The manager's user.
    pub(super) user: String,
    /// The manager's user id.
    pub(super) uid: u32,
    /// The manager's home directory.
    pub(super) home: PathBuf,
}

impl Specifiers {
    fn expand(&self, word: &str) -> String {
        let (name, _) = self.name.rsplit_once('.').unwrap_or((&self.name, ""));
        let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
        let mut expanded = String::with_capacity(word.len());
        let mut characters = word.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                expanded.push(character);
                continue;
            }
            match characters.next() {
                Some('h') => expanded.push_str(&self.home.to_string_lossy()),
                Some('i') => expanded.push_str(instance),
                Some('I') => expanded.push_str(&unescaped(instance)),
                Some('j') => expanded.push_str(prefix.rsplit('-').next().unwrap_or(prefix)),
                Some('n') => expanded.push_str(&self.name),
                Some('N') => expanded.push_str(name),
                Some('p') => expanded.push_str(prefix),
                Some('P') => expanded.push_str(&unescaped(prefix)),
                Some('t') if self.uid == 0 => expanded.push_str("/run"),
                Some('t') => expanded.push_str(&format!("/run/user/{}", self.uid)),
                Some('u') => expanded.push_str(&self.user),
                Some('U') => expanded.push_str(&self.uid.to_string()),
                Some('%') | None => expanded.push('%'),
                Some(other) => expanded.extend(['%', other]),
            }
        }
        expanded
    }
}

/// Undoes systemd-escape(1): `-` is `/`, `\xNN` is a byte.
fn unescaped(name: &str) -> String {
    c_unescaped(&name.replace('-', "/"))
}

/// Reads a unit file and its drop-ins, in the order in which they count.
pub(super) fn parse<T: AsRef<str>>(texts: &[(PathBuf, T)], specifiers: &Specifiers) -> UnitFile {
    let mut unit = UnitFile::default();
    for (path, text) in texts {
        let mut section = String::new();
        for (line, number) in joined_lines(text.as_ref()) {
            if line.starts_with('[') {
                section.clone_from(&line);
            } else if let Some((key, value)) = line.split_once('=') {
                let place = Place {
                    path: path.clone(),
                    line: Some(number),
                };
                unit.take(&section, key.trim(), value.trim(), &place, specifiers);
            }
        }
    }
    unit.expand_variables();
    unit
}

impl UnitFile {
    fn take(
        &mut self,
        section: &str,
        key: &str,
        value: &str,
        place: &Place,
        specifiers: &Specifiers,
    ) {
        let words = |value: &str| -> Vec<_> {
            let words = words(value).into_iter();
            words.map(|word| specifiers.expand(&word)).collect()
        };
        match (section, key) {
            ("[Service]", "ExecStart") if value.is_empty() => self.commands.clear(),
            ("[Service]", "ExecStart" | "ExecStartPre" | "ExecStartPost") => {
                let command = words(value.trim_start_matches(['-', '@', ':', '+', '!', '|']));
                self.commands
                    .extend(Some(command).filter(|command| !command.is_empty()));
            }
            ("[Service]", "Environment") if value.is_empty() => self.environment.clear(),
            ("[Service]", "Environment") => {
                let pairs = words(value);
                let pairs = pairs.iter().filter_map(|word| word.split_once('='));
                self.environment.extend(pairs.map(|(name, value)| Assigned {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    place: place.clone(),
                }));
            }
            ("[Service]", "EnvironmentFile") if value.is_empty() => self.environment_files.clear(),
            ("[Service]", "EnvironmentFile") => {
                let path = specifiers.expand(value.trim_start_matches('-'));
                self.environment_files.push(path.into());
            }
            ("[Service]", "User") => {
                self.user = Some(specifiers.expand(value)).filter(|name| !name.is_empty());
            }
            ("[Service]", "WorkingDirectory") => {
                let directory = specifiers.expand(value.trim_start_matches('-'));
                self.directory = Some(directory).filter(|it| !it.is_empty());
            }
            ("[Install]", "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias" | "Also") => {
                self.is_installable |= !value.is_empty();
            }
            ("[Timer]" | "[Path]", "Unit") => {
                self.activates = Some(specifiers.expand(value)).filter(|name| !name.is_empty());
            }
            _ => {}
        }
    }

    /// Puts the unit's own variables into its commands; systemd.service(5), "Command lines".
    fn expand_variables(&mut self) {
        for word in self
            .commands
            .iter_mut()
            .flatten()
            .filter(|word| word.contains('$'))
        {
            for Assigned { name, value, .. } in self.environment.iter().rev() {
                *word = word.replace(&format!("${{{name}}}"), value);
                if word.strip_prefix('$') == Some(name) {
                    word.clone_from(value);
                }
            }
        }
    }
}

/// Reads a file of `EnvironmentFile=`: quotes may span lines, `#` and `;` begin comments; systemd.exec(5).
pub(super) fn parse_environment(path: &Path, text: &str) -> Vec<Assigned> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim_start();
        let Some((name, rest)) = line
            .split_once('=')
            .filter(|_| !line.starts_with(['#', ';']))
        else {
            continue;
        };
        let mut raw = rest.trim_start().to_owned();
        while is_open(&raw) {
            let Some((next, _)) = lines.next() else { break };
            raw.push('\n');
            raw.push_str(next);
        }
        found.push(Assigned {
            name: name.trim().to_owned(),
            value: unquoted(&raw),
            place: Place {
                path: path.to_path_buf(),
                line: Some(number),
            },
        });
    }
    found
}

/// Returns whether a value goes on in the next line: a quote is open, or a backslash stands at its end.
fn is_open(raw: &str) -> bool {
    let (mut quote, mut is_escaped) = (None, false);
    for character in raw.chars() {
        match (character, quote) {
            _ if is_escaped => is_escaped = false,
            ('\\', None | Some('"')) => is_escaped = true,
            (end, Some(begin)) if end == begin => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            _ => {}
        }
    }
    quote.is_some() || is_escaped
}

fn unquoted(raw: &str) -> String {
    let (mut value, mut quote) = (String::new(), None);
    let mut characters = raw.trim_end().chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => match characters.next() {
                Some('\n') | None => {}
                Some(escaped) => value.push(escaped),
            },
            (end, Some(begin)) if end == begin => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            (other, _) => value.push(other),
        }
    }
    value
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

/// Splits a value into words as systemd does: quotes around the whole or a part of a word, C escapes.
fn words(value: &str) -> Vec<String> {
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
            ('\\', _) => {
                let escaped = word.get_or_insert_default();
                escaped.push('\\');
                escaped.extend(characters.next());
            }
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words.iter().map(|word| c_unescaped(word)).collect()
}

/// Undoes the escapes of systemd.syntax(7), table "Supported escapes"; an unknown one is the character itself.
fn c_unescaped(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.bytes());
        let number = |from: usize, to: usize, radix| {
            let digits = after.get(from..to)?;
            u8::from_str_radix(digits, radix)
                .ok()
                .map(|byte| (byte, to))
        };
        let known = match after.chars().next() {
            Some('x') => number(1, 3, 16),
            Some('0'..='3') => number(0, 3, 8),
            Some('a') => Some((7, 1)),
            Some('b') => Some((8, 1)),
            Some('f') => Some((12, 1)),
            Some('n') => Some((b'\n', 1)),
            Some('r') => Some((b'\r', 1)),
            Some('t') => Some((b'\t', 1)),
            Some('v') => Some((11, 1)),
            Some('s') => Some((b' ', 1)),
            _ => None,
        };
        let taken = if let Some((byte, taken)) = known {
            bytes.push(byte);
            taken
        } else {
            let first = after.chars().next().map_or(0, char::len_utf8);
            bytes.extend(after.bytes().take(first));
            first
        };
        rest = after.get(taken..).unwrap_or_default();
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "unit_file_tests.rs"]
mod tests;
