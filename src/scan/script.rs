//! What a command starts, itself or through a script: one level deep, at most [`SCRIPTS_LIMIT`] scripts of
//! [`SCRIPT_LIMIT`] bytes. Nothing is run.

use std::path::{Path, PathBuf};

use crate::host::reader::Reader;
use crate::openclaw::command::{self, GatewayCommand};

/// The most bytes of a script that are read.
const SCRIPT_LIMIT: u64 = 256 * 1024;
/// The most words of a command that are tried as scripts.
const SCRIPTS_LIMIT: usize = 8;
/// Where a bare name is looked for, beside the user's own directories.
const SMALL: [&str; 2] = ["/usr/local/bin", "/usr/local/sbin"];
/// The directory of the distribution's programs: it has thousands, and is not listed to look for one.
const LARGE: &str = "/usr/bin";

/// What a command comes to.
#[derive(Debug, Default)]
pub(super) struct Started {
    /// The commands that start a gateway.
    pub(super) commands: Vec<GatewayCommand>,
    /// The script in which they stand, or which could not be understood.
    pub(super) script: Option<PathBuf>,
    /// Whether a script speaks of OpenClaw's gateway in a way that was not understood.
    pub(super) is_unclear: bool,
    /// Whether it brings back what pm2 has in its dump.
    pub(super) resurrects: bool,
}

/// Tells what an argument list starts, when run by a user with this home directory.
pub(super) fn in_words(reader: &Reader, words: &[String], home: &Path) -> Started {
    let commands = command::in_words(words);
    let resurrects = command::resurrects(words);
    if commands.is_empty() && !resurrects {
        return in_scripts(reader, words, home).or_wrapped(|| command::in_wrapper(words));
    }
    Started {
        commands,
        resurrects,
        ..Started::default()
    }
}

/// Tells what a line of shell starts, when run in this home directory.
pub(super) fn in_text(reader: &Reader, text: &str, home: &Path) -> Started {
    let words: Vec<_> = command::commands(text).into_iter().flatten().collect();
    let commands = command::in_text(text);
    let resurrects = command::resurrects(&words);
    if commands.is_empty() && !resurrects {
        return in_scripts(reader, &words, home).or_wrapped(|| {
            let commands = command::commands(text).into_iter();
            commands
                .flat_map(|words| command::in_wrapper(&words))
                .collect()
        });
    }
    Started {
        commands,
        resurrects,
        ..Started::default()
    }
}

impl Started {
    /// Returns whether nothing of a gateway is started.
    pub(super) fn is_nothing(&self) -> bool {
        self.commands.is_empty() && !self.is_unclear && !self.resurrects
    }

    /// Where no script tells what is started, the name of the program may; a script that it is stays named.
    fn or_wrapped(self, commands: impl Fn() -> Vec<GatewayCommand>) -> Self {
        if !self.commands.is_empty() {
            return self;
        }
        let commands = commands();
        Self {
            is_unclear: self.is_unclear && commands.is_empty(),
            commands,
            ..self
        }
    }
}

fn in_scripts(reader: &Reader, words: &[String], home: &Path) -> Started {
    let paths = words.iter().take(SCRIPTS_LIMIT);
    let paths = paths.flat_map(|word| candidates(reader, word, home));
    let mut unclear = Started::default();
    for path in paths {
        let Some(text) = text(reader, &path) else {
            continue;
        };
        let commands = command::in_text(&text);
        if !commands.is_empty() {
            return Started {
                commands,
                script: Some(path),
                ..Started::default()
            };
        }
        if command::is_unclear(&text) && !unclear.is_unclear {
            unclear.script = Some(path);
            unclear.is_unclear = true;
        }
    }
    unclear
}

/// Returns whether a text runs something again and again.
pub(super) fn loops(text: &str) -> bool {
    let commands = command::commands(text);
    let mut first = commands.iter().filter_map(|command| command.first());
    first.any(|word| ["while", "until", "for"].contains(&word.as_str()))
}

fn candidates(reader: &Reader, word: &str, home: &Path) -> Vec<PathBuf> {
    let word = word.replace("${HOME}", "~").replace("$HOME", "~");
    match word.strip_prefix("~/") {
        Some(below) => vec![home.join(below)],
        None if word.starts_with(['-', '$']) || word.contains(['=', '\0']) => Vec::new(),
        None if word.contains('/') => vec![home.join(word)],
        None if home == Path::new("/") || home == Path::new("/usr") => {
            // Its own programs are the distribution's.
            named_programs(reader, &word, [].into_iter())
        }
        None => named_programs(reader, &word, own_programs(home)),
    }
}

fn named_programs(reader: &Reader, word: &str, own: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let small = own.chain(SMALL.map(PathBuf::from));
    let named = small.filter(|directory| reader.had_name(directory, word.as_ref()));
    named
        .chain([PathBuf::from(LARGE)])
        .map(|directory| directory.join(word))
        .collect()
}

/// Returns where a user's own programs are.
pub(super) fn own_programs(home: &Path) -> impl Iterator<Item = PathBuf> {
    [home.join("bin"), home.join(".local/bin")].into_iter()
}

/// Returns whether a command comes to the same for every user without programs of its own: it names no file from the user's
/// directory on.
pub(super) fn is_everybodys(words: &[String]) -> bool {
    let mut rest = words.iter().filter(|word| !word.starts_with(['-', '/']));
    rest.all(|word| !word.contains(['/', '$', '~']))
}

/// Reads a script: a file with an interpreter line, or with the ending of one.
pub(super) fn text(reader: &Reader, path: &Path) -> Option<String> {
    let begins = reader.head(path, 2).ok()??;
    let ends = path.extension().and_then(|it| it.to_str());
    let is_named = ends.is_some_and(|it| ["sh", "bash", "js", "cjs", "mjs", "py"].contains(&it));
    if begins != b"#!" && !is_named {
        return None;
    }
    let bytes = reader.head(path, SCRIPT_LIMIT).ok()??;
    // OpenClaw's own programs speak of gateways without starting one.
    let is_own = path
        .components()
        .any(|part| part.as_os_str() == "node_modules")
        || reader
            .resolve(path)
            .components()
            .any(|part| part.as_os_str() == "node_modules");
    (!is_own && !bytes.contains(&0)).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#[expect(clippy::disallowed_methods, reason = "the test makes scripts")]
mod tests {
    use super::*;

    fn started(script: &str) -> Started {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run.sh");
        std::fs::write(&path, script).unwrap();
        in_text(
            &Reader::new(),
            "sh $HOME/run.sh >/dev/null 2>&1",
            home.path(),
        )
    }

    #[test]
    fn a_script_is_read_one_level_deep() {
        let direct = started("#!/bin/sh\nopenclaw --profile work gateway run\n");
        assert_eq!(direct.commands[0].profile(), Some("work"));
        assert!(direct.script.unwrap().ends_with("run.sh"));
        let deeper = started("#!/bin/sh\n# openclaw\n./other.sh\n");
        assert!(deeper.commands.is_empty() && deeper.is_unclear);
        let backup = started("#!/bin/sh\ntar c ~/.openclaw | gzip >/backup/openclaw.tgz\n");
        assert!(backup.commands.is_empty() && !backup.is_unclear);
    }

    #[test]
    fn a_wrapper_counts_where_its_script_does_not_tell_what_it_starts() {
        let home = tempfile::tempdir().unwrap();
        let wrapper = home.path().join("openclaw-mine");
        let line = "~/openclaw-mine gateway run";
        let started = || in_text(&Reader::new(), line, home.path());
        assert!(!started().commands[0].is_plain && started().script.is_none());
        std::fs::write(&wrapper, "#!/bin/sh\nexec openclaw \"$@\" # the gateway\n").unwrap();
        assert!(!started().commands[0].is_plain && !started().is_unclear);
        std::fs::write(&wrapper, "#!/bin/sh\nexec openclaw gateway --port 7\n").unwrap();
        assert_eq!(started().commands[0].port(), Some(7));
        assert!(started().commands[0].is_plain);
    }

    #[test]
    fn a_pipe_in_the_place_of_a_script_holds_nothing_up() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("run.sh");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        let started = in_text(&Reader::new(), "~/run.sh", home.path());
        assert!(started.commands.is_empty());
        let resurrected = in_text(&Reader::new(), "sleep 5; pm2 resurrect", home.path());
        assert!(resurrected.resurrects);
    }
}
