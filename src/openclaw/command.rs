//! Commands that start a gateway, recognised in argument lists and in the text of scripts and crontabs.
//!
//! A script is read as words, never run: what stands in variables and functions is not followed. Where that hides which
//! gateway is meant, the command says so.

use std::ffi::OsString;
use std::fmt;

/// The names that OpenClaw's command had: npm `openclaw`, `clawdbot` and `moltbot`.
const PROGRAMS: [&str; 3] = ["openclaw", "clawdbot", "moltbot"];
/// How deep a quoted command is looked into: `su joe -c "sh -c 'openclaw gateway'"`.
const DEPTH: u32 = 3;
/// The most words of one command that are kept.
const WORDS_LIMIT: usize = 1000;

/// A command that starts a gateway, or asks something else to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GatewayCommand {
    /// All its words. They may hold secrets.
    pub words: Vec<String>,
    /// The variables that are set for it. They may hold secrets.
    pub environment: Vec<(String, String)>,
    /// The user that it becomes, where it changes.
    pub user: Option<String>,
    /// The unit of systemd that it asks to start, where it is no gateway itself.
    pub asks: Option<String>,
    /// Whether no variable of a shell hides which gateway is meant.
    pub is_plain: bool,
}

impl fmt::Debug for GatewayCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command that starts a gateway")
    }
}

impl GatewayCommand {
    /// Returns the value of an option in either of its forms, `--name value` and `--name=value`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        option(&self.words, name)
    }

    /// Returns the profile that its options name.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        let is_development = self.words.iter().any(|word| word == "--dev");
        self.option("--profile").or(is_development.then_some("dev"))
    }

    /// Returns the port that its options name.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.option("--port")?.parse().ok()
    }
}

/// Returns the value of an option in a list of words.
fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let joined = words
        .iter()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let mut after = words.iter().skip_while(|word| *word != name);
    joined.or_else(|| after.nth(1).map(String::as_str))
}

/// Returns whether a variable can say which gateway is meant.
#[must_use]
pub fn is_setting(name: &str) -> bool {
    name == "HOME" || name.starts_with("OPENCLAW_") || name.starts_with("CLAWDBOT_")
}

/// Returns whether a text speaks of OpenClaw, under any of its names.
#[must_use]
pub fn is_mentioned(text: &[u8]) -> bool {
    let is_name_at = |at: usize| {
        PROGRAMS.iter().any(|name| {
            let there = text.get(at..at + name.len());
            there.is_some_and(|there| there.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    // Few bytes of a text begin a name.
    let mut begins = text.iter().enumerate();
    begins.any(|(at, byte)| matches!(byte | 0x20, b'o' | b'c' | b'm') && is_name_at(at))
}

/// Returns what an argument list starts.
#[must_use]
pub fn in_words(words: &[String]) -> Vec<GatewayCommand> {
    let mut found = Vec::new();
    Search::default().command(words, DEPTH, &mut found);
    found
}

/// The title that a gateway gives itself once it serves; 2026.2.9, 2026.5.28, 2026.9.6.
const TITLE: &str = "openclaw-gateway";

/// Returns whether a process with these arguments serves, or is about to: they are those of a gateway's start, or its title.
#[must_use]
pub fn is_gateway(arguments: &[OsString]) -> bool {
    let words = arguments.iter().map(|it| it.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    words.first().is_some_and(|title| title == TITLE) || !in_words(&words).is_empty()
}

/// Returns what the text of a script, or the command of a crontab, starts. Comments start nothing.
#[must_use]
pub fn in_text(text: &str) -> Vec<GatewayCommand> {
    if can_start(text) {
        in_words_of(text)
    } else {
        Vec::new()
    }
}

fn in_words_of(text: &str) -> Vec<GatewayCommand> {
    let mut found = Vec::new();
    Search::default().text(text, DEPTH, &mut found);
    found
}

/// Returns whether a text has a word that every start has: one of the programs' names, or a verb after a variable that hides
/// them. A distribution has large scripts by the hundred, and to part one into words costs more than to read it.
fn can_start(text: &str) -> bool {
    ["gateway", "daemon"].iter().any(|verb| text.contains(verb)) || is_mentioned(text.as_bytes())
}

/// Returns what an argument list starts through a program that is named after OpenClaw and is not known:
/// `/srv/bin/openclaw-local gateway run`. What it sets for the gateway is not told.
#[must_use]
pub fn in_wrapper(words: &[String]) -> Vec<GatewayCommand> {
    let mut found = Vec::new();
    let search = Search {
        takes_wrappers: true,
        ..Search::default()
    };
    search.command(words, DEPTH, &mut found);
    found
}

/// Returns whether a script that speaks of OpenClaw may start a gateway in a way that its words do not tell: it has a
/// `gateway` of no known program, or calls another script.
#[must_use]
pub fn is_unclear(text: &str) -> bool {
    let is_script = |word: &String| {
        [".sh", ".bash", ".py"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    let hides = |command: &Vec<String>| {
        let is_clear = command.iter().any(|word| is_program(word));
        let speaks = command.iter().any(|word| word == "gateway");
        let mut leading = command.iter().take(3);
        (speaks && !is_clear) || leading.any(is_script)
    };
    is_mentioned(text.as_bytes()) && commands(text).iter().any(hides)
}

/// Returns whether a text brings back what pm2 has in its dump.
#[must_use]
pub fn resurrects(words: &[String]) -> bool {
    let mut after = words.iter().skip_while(|word| last_part(word) != "pm2");
    after.any(|word| word == "resurrect")
}

/// Returns the commands of a shell's text as words, without its comments.
#[must_use]
pub fn commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let (mut command, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (end, Some(begin)) if end == begin => quote = None,
            ('\\', None | Some('"')) => match characters.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            (inside, Some(_)) => word.get_or_insert_default().push(inside),
            ('"' | '\'' | '`', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => {
                while characters.next_if(|it| *it != '\n').is_some() {}
            }
            ('\n' | ';' | '&' | '|' | '(' | ')', None) => {
                // `$(` belongs to the word that it stands in.
                command.extend(word.take());
                if !command.is_empty() {
                    commands.push(std::mem::take(&mut command));
                }
            }
            (blank, None) if blank.is_whitespace() || ",[]".contains(blank) => {
                command.extend(word.take());
            }
            (other, None) => word.get_or_insert_default().push(other),
        }
    }
    command.extend(word);
    if !command.is_empty() {
        commands.push(command);
    }
    commands
}

/// What is known where a command stands: the variables set before it, and the user that it runs as.
#[derive(Debug, Clone, Default)]
struct Search {
    environment: Vec<(String, String)>,
    user: Option<String>,
    /// Whether programs count that only have OpenClaw in their names.
    takes_wrappers: bool,
}

impl Search {
    fn text(&mut self, text: &str, depth: u32, found: &mut Vec<GatewayCommand>) {
        for command in commands(text) {
            let is_setting = |word: &String| word == "export" || assignment(word).is_some();
            if command.iter().all(is_setting) {
                let set = command.iter().filter_map(|word| assignment(word));
                self.environment.extend(set);
            } else {
                self.command(&command, depth, found);
            }
        }
    }

    fn command(&self, words: &[String], depth: u32, found: &mut Vec<GatewayCommand>) {
        let words = words.get(..WORDS_LIMIT).unwrap_or(words);
        let set = words.iter().map_while(|word| {
            let is_before = last_part(word) == "env" || assignment(word).is_some();
            is_before.then(|| assignment(word))
        });
        let mut inner = self.clone();
        inner.environment.extend(set.flatten());
        inner.user = user_of(words).or_else(|| self.user.clone());
        let quoted = words
            .iter()
            .filter(|word| word.contains(char::is_whitespace));
        for text in quoted.filter(|text| depth > 0 && is_mentioned(text.as_bytes())) {
            inner.clone().text(text, depth - 1, found);
        }
        found.extend(inner.start(words));
    }

    /// Returns what one command starts, quoted commands in it aside.
    fn start(&self, words: &[String]) -> Option<GatewayCommand> {
        let manager = words
            .iter()
            .position(|word| matches!(last_part(word), "systemctl" | "service" | "pm2"));
        let (asks, before) = if let Some(at) = manager {
            (manager_starts(words.get(at..)?)?, at)
        } else {
            let at = words.iter().enumerate().position(|(at, word)| {
                let is_meant = is_program(word) || self.takes_wrappers && is_wrapper(word);
                is_meant && words.get(at + 1..).is_some_and(serves)
            })?;
            (None, at)
        };
        let mut environment = self.environment.clone();
        let set = words.iter().take(before);
        for pair in set.filter_map(|word| assignment(word)) {
            if !environment.contains(&pair) {
                environment.push(pair);
            }
        }
        for (_, value) in &mut environment {
            *value = value.replace("${HOME}", "~").replace("$HOME", "~");
        }
        let mut command = GatewayCommand {
            words: words.to_vec(),
            environment,
            user: self.user.clone(),
            asks,
            is_plain: manager.is_none() && !self.takes_wrappers,
        };
        let says_where = |(name, value): &(String, String)| is_setting(name) && value.contains('$');
        let is_hidden = command.environment.iter().any(says_where)
            || command.profile().is_some_and(|it| it.contains('$'));
        command.is_plain &= !is_hidden;
        Some(command)
    }
}

/// Returns whether what follows the program's name makes it serve: `gateway`, alone, with options, or with a verb that
/// starts. `gateway status`, `stop`, `install` and others do not.
fn serves(rest: &[String]) -> bool {
    let mut words = rest.iter();
    let Some(command) = words.find(|word| matches!(word.as_str(), "gateway" | "daemon")) else {
        return false;
    };
    match words.next().map(String::as_str) {
        Some("start" | "restart") => true,
        Some("run") | None => command == "gateway",
        Some(word) => {
            command == "gateway" && (word.starts_with(['-', '>', '<', '$']) || is_redirection(word))
        }
    }
}

/// Returns whether a word is a redirection with the number of its descriptor: `2>log`.
fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|c: char| c.is_ascii_digit())
        .starts_with(['>', '<'])
}

/// Returns whether a manager is told to start something of OpenClaw, and the unit where it is systemd's.
#[expect(
    clippy::option_option,
    reason = "outside: whether it starts; inside: a unit of systemd"
)]
fn manager_starts(words: &[String]) -> Option<Option<String>> {
    let starts = |word: &String| {
        let verbs = [
            "start",
            "restart",
            "reload-or-restart",
            "try-restart",
            "enable",
            "startOrRestart",
            "startOrReload",
            "reload",
        ];
        verbs.contains(&word.as_str())
    };
    let is_pm2 = words.first().is_some_and(|word| last_part(word) == "pm2");
    let named = words
        .iter()
        .skip(1)
        .find(|word| is_mentioned(word.as_bytes()) && !word.starts_with('-'))?;
    words
        .iter()
        .any(starts)
        .then(|| (!is_pm2).then(|| named.clone()))
}

/// Returns whether a word is OpenClaw's command, its script, a package of npx, or a variable that could be.
fn is_program(word: &str) -> bool {
    let name = last_part(word);
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let is_script = [".js", ".mjs", ".cjs"]
        .iter()
        .any(|end| name.ends_with(end));
    PROGRAMS.contains(&name)
        || (is_script && is_mentioned(word.as_bytes()))
        || word.starts_with('$')
}

/// Returns whether a word is a program with one of OpenClaw's names in its own: `openclaw-local`, `run_openclaw.sh`.
fn is_wrapper(word: &str) -> bool {
    let name = last_part(word);
    let name = [".sh", ".bash", ".py"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.chars().all(is_word) && name.split(['-', '_']).any(|part| PROGRAMS.contains(&part))
}

fn last_part(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

/// Returns the user that sudo(8), runuser(1) or su(1) makes of a command.
fn user_of(words: &[String]) -> Option<String> {
    let at = words
        .iter()
        .position(|word| matches!(last_part(word), "sudo" | "runuser" | "su"))?;
    let (program, rest) = (last_part(words.get(at)?), words.get(at + 1..)?);
    let short = rest.iter().position(|word| word == "-u");
    let named = option(rest, "--user").or_else(|| rest.get(short? + 1).map(String::as_str));
    let first = || rest.iter().find(|word| !word.starts_with('-'));
    match program {
        "sudo" => Some(named.unwrap_or("root").to_owned()),
        _ => named.map(str::to_owned).or_else(|| first().cloned()),
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
