//! `ocmigrate plan` at a terminal of 80 columns and 24 lines: a person answers, goes back, asks why, and leaves.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test starts the binary and fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use expectrl::{Expect, Regex, session::OsSession};

/// The seed's server: 20 cores, 62 GB, a fleet in four groups.
const FLEET: &str = "/tmp/talk.inventory.json";

const UP_TO_QUIT: &str = "Quit without writing the plan?";

/// Runs its arguments at 80x24, and says whether the terminal is then as it was before.
const IN_A_TERMINAL: &str = r#"
    stty sane cols 80 rows 24
    before=$(stty -g)
    "$@"
    echo "exit code $?"
    test "$before" = "$(stty -g)" && echo sane
"#;

/// A terminal with `ocmigrate plan` in it.
struct Talk {
    session: OsSession,
    room: tempfile::TempDir,
    screen: String,
}

/// What was left when it ended.
struct End {
    code: String,
    screen: String,
    plan: Option<String>,
    answers: Option<String>,
    files: Vec<String>,
}

impl Talk {
    fn begin(words: &[&str]) -> Self {
        let room = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command
            .current_dir(room.path())
            .env("TERM", "xterm-256color")
            .args(["-c", IN_A_TERMINAL, "sh"])
            .arg(env!("CARGO_BIN_EXE_ocmigrate"))
            .args(["plan", "-i", FLEET, "-o", "plan.json"])
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
    fn see(&mut self, text: &str) -> &mut Self {
        match self.session.expect(text) {
            Ok(found) => self.screen += &String::from_utf8_lossy(found.as_bytes()),
            Err(error) => panic!("no `{text}` after:\n{}\n{error}", self.screen),
        }
        self
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self
    }

    /// Goes down in a list to an entry and presses a key there.
    #[track_caller]
    fn at(&mut self, entry: &str, keys: &str) -> &mut Self {
        for _ in 0..60 {
            let found = self
                .session
                .expect(Regex("> (\\[.\\] )?[^\r\n]+[\r\n]"))
                .unwrap();
            self.screen += &String::from_utf8_lossy(found.as_bytes());
            if String::from_utf8_lossy(found.get(0).unwrap()).contains(entry) {
                return self.press(keys);
            }
            self.press("j");
        }
        panic!("no entry `{entry}` in:\n{}", self.screen);
    }

    /// Presses Enter until the plan is written.
    #[track_caller]
    fn enter_to_the_end(mut self) -> End {
        todo!()
    }

    #[track_caller]
    fn end(mut self) -> End {
        self.see("exit code ");
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

#[test]
fn control_c_leaves_no_file_and_a_sane_terminal() {
    let mut talk = Talk::begin(&[]);
    talk.see("Groups:").press("\x03");
    let end = talk.end();
    assert_eq!((end.code.as_str(), end.files), ("130", Vec::new()));
}
