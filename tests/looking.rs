//! What scan and inspect do not do: run what a configuration names, or pass over in silence what they may not see.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files, starts programs and fails by panicking"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command};

/// nobody; base-passwd of Debian.
const NOBODY: u32 = 65534;

#[test]
fn a_program_that_a_secret_refers_to_is_never_run_and_not_shown() {
    let state = tempfile::tempdir().unwrap();
    let mark = state.path().join("mark");
    let config = format!(
        "{{secrets: {{providers: {{vault: {{source: 'exec', command: '/bin/sh', args: ['-c', 'echo Sekret7 | tee {mark}']}}}}}},
        gateway: {{auth: {{token: {{source: 'exec', provider: 'vault', id: 'gate'}}}}}},
        channels: {{telegram: {{botToken: {{source: 'exec', provider: 'vault', id: 'bot'}}}}}}}}",
        mark = mark.display()
    );
    std::fs::write(state.path().join("openclaw.json"), config).unwrap();
    for json in [&["--json"][..], &[]] {
        let output = Command::new(env!("CARGO_BIN_EXE_ocmigrate"))
            .arg("inspect")
            .arg(state.path())
            .args(json)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        for key in ["gateway.auth.token", "channels.telegram.botToken"] {
            let told = format!("{key}: it comes from a program, which a scan never runs");
            assert!(said.contains(&told), "{said}");
        }
        assert!(!said.contains("Sekret7"), "{said}");
    }
    assert!(!mark.exists());
}

/// A process of this test's user that could be a gateway by its name.
struct Candidate(Child);

impl Candidate {
    fn start(room: &Path) -> Self {
        let program = room.join("node");
        std::fs::copy("/bin/sleep", &program).unwrap();
        Self(Command::new(program).arg("60").spawn().unwrap())
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_is_not_root_is_told_what_was_not_seen() {
    let room = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(room.path(), open).unwrap();
    let program = room.path().join("ocmigrate");
    std::fs::copy(env!("CARGO_BIN_EXE_ocmigrate"), &program).unwrap();
    let mut scan = Command::new(&program);
    scan.arg("scan").current_dir("/").env_clear();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        scan.uid(NOBODY).gid(NOBODY);
    }
    let candidate = Candidate::start(room.path());
    let output = scan.output().unwrap();
    drop(candidate);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let mut expected = vec!["other users: run as root to see them"];
    if is_root {
        expected.push("processes of other users that run node: run as root to see them");
    }
    for line in expected {
        assert!(said.contains(line), "{said}");
    }
}
