//! What the binary prints for help and for wrong words, whole: both streams and the exit code.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test writes its own files and fails by panicking"
)]

use assert_cmd::Command;
use insta::assert_snapshot;

/// Runs the binary in an empty directory with a closed standard input.
fn ocmigrate(words: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("ocmigrate").unwrap();
    command
        .current_dir(directory.path())
        .env("COLUMNS", "80")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .args(words);
    let output = command.output().unwrap();
    let code = output.status.code().unwrap();
    format!(
        "{}{}exit code {code}\n",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    )
}

#[test]
fn help_names_every_subcommand() {
    assert_snapshot!(ocmigrate(&["--help"]));
}

#[test]
fn every_subcommand_has_help() {
    let subcommands = [
        "scan", "plan", "execute", "rollback", "recover", "finalize", "status", "verify", "explain",
    ];
    for subcommand in subcommands {
        assert_snapshot!(
            format!("help_{subcommand}"),
            ocmigrate(&[subcommand, "--help"])
        );
    }
}

#[test]
fn an_unknown_subcommand_and_an_unknown_option_are_usage_errors() {
    assert_snapshot!("unknown_subcommand", ocmigrate(&["migrate"]));
    assert_snapshot!("unknown_option", ocmigrate(&["scan", "--fast"]));
    assert_snapshot!("missing_group", ocmigrate(&["execute"]));
}

#[test]
fn explain_tells_the_story_or_what_ids_there_are() {
    assert_snapshot!("explained", ocmigrate(&["explain", "om-t001"]));
    assert!(ocmigrate(&["explain", "OM-X999"]).ends_with("exit code 2\n"));
}

#[test]
fn a_plan_needs_an_answer() {
    assert_snapshot!(ocmigrate(&["plan"]));
}

#[test]
fn a_missing_or_broken_plan_is_one_line_with_a_hint() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path().to_str().unwrap();
    let execute = |plan: &str| {
        let words = [
            "--state-dir",
            state,
            "execute",
            "--group",
            "oc-work",
            "--dry-run",
            "--plan",
            plan,
        ];
        ocmigrate(&words)
    };
    assert_snapshot!("missing_plan", execute("none.json"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{ \"format\": 1,\n  groups }").unwrap();
    let path = file.path().to_str().unwrap();
    assert_snapshot!("broken_plan", execute(path).replace(path, "plan.json"));
}

#[test]
fn status_and_rollback_without_an_engine_say_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path().to_str().unwrap();
    let said = |words: &[&str]| {
        let words = [&["--state-dir", state], words].concat();
        ocmigrate(&words)
    };
    assert_snapshot!("status_without_engine", said(&["status"]));
    assert_snapshot!(
        "rollback_without_engine",
        said(&["rollback", "--group", "oc-work", "--yes"])
    );
}

#[test]
fn colour_is_never_in_a_pipe() {
    for words in [&["--help"][..], &["explain", "OM-T001"], &["scan"]] {
        assert!(!ocmigrate(words).contains('\u{1b}'), "{words:?}");
    }
}
