//! A terminal with `ocmigrate plan` in it, and what it left.

use std::process::Command;
use std::time::Duration;

use expectrl::{Expect, Regex, session::OsSession};

/// The seed's server: 20 cores, 62 GB, a fleet in four groups.
pub(crate) const FLEET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/t440.inventory.json");

/// Runs its arguments at 80x24, and says whether the terminal is then as it was before.
const IN_A_TERMINAL: &str = r#"
    stty sane cols 80 rows 24
    before=$(stty -g)
    "$@"
    echo "exit code $?"
    test "$before" = "$(stty -g)" && echo sane
"#;

/// Whatever waits for an answer, and the end; the arrow of an edge is no cursor.
const PROMPT: &str = "\\(\\? < q\\)|[^-]> [^\r\n]+[\r\n]|exit code ";

/// A terminal with `ocmigrate plan` in it.
pub(crate) struct Talk {
    session: OsSession,
    room: tempfile::TempDir,
    pub(crate) screen: String,
}

/// What was left when it ended.
pub(crate) struct End {
    pub(crate) code: String,
    pub(crate) screen: String,
    pub(crate) plan: Option<String>,
    pub(crate) answers: Option<String>,
    pub(crate) files: Vec<String>,
}

impl Talk {
    pub(crate) fn begin(words: &[&str]) -> Self {
        Self::about(FLEET, words)
    }

    /// Begins for an inventory.
    pub(crate) fn about(inventory: &str, words: &[&str]) -> Self {
        let room = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command
            .current_dir(room.path())
            .env("TERM", "xterm-256color")
            .args(["-c", IN_A_TERMINAL, "sh"])
            .arg(env!("CARGO_BIN_EXE_ocmigrate"))
            .args(["plan", "-i", inventory, "-o", "plan.json"])
            .args(["--save-answers", "answers.json"])
            .args(words);
        let mut session = OsSession::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(30)));
        Self {
            session,
            room,
            screen: String::new(),
        }
    }

    /// Waits until the terminal shows a text.
    #[track_caller]
    pub(crate) fn see(&mut self, text: &str) -> &mut Self {
        match self.session.expect(text) {
            Ok(found) => self.screen += &String::from_utf8_lossy(found.as_bytes()),
            Err(error) => panic!("no `{text}` after:\n{}\n{error}", self.screen),
        }
        self
    }

    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self
    }

    /// Goes down in a list to an entry and presses a key there.
    #[track_caller]
    pub(crate) fn at(&mut self, entry: &str, keys: &str) -> &mut Self {
        for _ in 0..60 {
            let line = self.find_last("> (?:\\[.\\] )?[^\r\n]+[\r\n]");
            if line.contains(entry) {
                return self.press(keys);
            }
            self.press("j");
        }
        panic!("no entry `{entry}` in:\n{}", self.screen);
    }

    /// Waits for a match and returns the last one: whatever the terminal shows by then is taken in one piece, with all that matches.
    #[track_caller]
    fn find_last(&mut self, regex: &str) -> String {
        let found = match self.session.expect(Regex(regex)) {
            Ok(found) => found,
            Err(error) => panic!("no `{regex}` after:\n{}\n{error}", self.screen),
        };
        self.screen += &String::from_utf8_lossy(found.as_bytes());
        let last = found.matches().last().unwrap();
        String::from_utf8_lossy(last).into_owned()
    }

    /// Has every question explained, whatever its form, and takes what is proposed; returns what was said as well.
    #[track_caller]
    pub(crate) fn explained_to_the_end(mut self) -> (End, Vec<String>) {
        let mut said = Vec::new();
        for _ in 0..100 {
            let asked = self.find_last(PROMPT);
            if asked == "exit code " {
                return (self.left(), said);
            }
            if asked.starts_with("(?") {
                self.press("?\r");
            } else if asked.contains("> [") {
                self.press("\x1b").at("? explain", "\r");
            } else {
                self.press("j").at("? explain", "\r");
            }
            let before = self.screen.len();
            self.find_last(PROMPT);
            said.push(self.screen[before..].to_owned());
            self.press("\r");
        }
        panic!("no end of:\n{}", self.screen);
    }

    /// Presses Enter until the plan is written.
    #[track_caller]
    pub(crate) fn enter_to_the_end(mut self) -> End {
        for _ in 0..200 {
            let found = self.find_last(PROMPT);
            if found == "exit code " {
                return self.left();
            }
            self.press("\r");
        }
        panic!("no end of:\n{}", self.screen);
    }

    #[track_caller]
    pub(crate) fn end(mut self) -> End {
        self.see("exit code ");
        self.left()
    }

    #[track_caller]
    pub(crate) fn left(mut self) -> End {
        let found = self.session.expect(expectrl::Eof).unwrap();
        let rest = String::from_utf8_lossy(found.as_bytes()).into_owned();
        assert!(rest.contains("sane"), "{rest}");
        let read = |name: &str| std::fs::read_to_string(self.room.path().join(name)).ok();
        let names = std::fs::read_dir(self.room.path()).unwrap();
        End {
            code: rest.lines().next().unwrap_or_default().to_owned(),
            plan: read("plan.json"),
            answers: read("answers.json"),
            files: names
                .map(|name| name.unwrap().file_name().into_string().unwrap())
                .collect(),
            screen: self.screen,
        }
    }
}

impl End {
    #[track_caller]
    pub(crate) fn is_empty_with(&self, code: &str) {
        assert_eq!(
            (self.code.as_str(), self.files.as_slice()),
            (code, [].as_slice()),
            "{}",
            self.screen
        );
    }

    pub(crate) fn plan(&self) -> ocmigrate::plan::Plan {
        ocmigrate::plan::parse(self.plan.as_ref().unwrap()).unwrap()
    }
}
