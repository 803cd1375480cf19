//! Every finding of the catalogue is explained, documented in `FINDINGS.md`, and produced by a test: the tests of the scanner
//! and the planner name each id. `UPDATE_FINDINGS=1 cargo test --test catalogue` writes `FINDINGS.md` anew.
//!
//! Read from the source, so it proves that a test speaks of the id; that the test fails without the rule is for its author.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the source tree and fails by panicking"
)]

use std::path::Path;

use ocmigrate::inventory::catalogued;

/// The tests below `src/scan`: what follows the mark of a test module, and files of tests; and those of a plan's concerns.
fn tests_of_findings() -> String {
    let scan = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scan");
    let files = walkdir::WalkDir::new(scan).into_iter().map(Result::unwrap);
    let sources = files.filter(|entry| entry.path().extension().is_some_and(|end| end == "rs"));
    let tests = sources.filter_map(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        if entry.path().to_string_lossy().ends_with("_tests.rs") {
            return Some(text);
        }
        Some(text.split_once("#[cfg(test)]")?.1.to_owned())
    });
    let lines: Vec<_> = tests
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    lines.join("\n") + include_str!("concerns.rs")
}

#[test]
fn every_finding_is_produced_by_a_test() {
    let tests = tests_of_findings();
    let ids = catalogued::ALL.iter().map(|kind| kind.id);
    let missing: Vec<_> = ids.filter(|id| !tests.contains(id)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn no_text_of_a_finding_has_a_gap_or_a_broken_line() {
    let texts = catalogued::ALL
        .iter()
        .flat_map(|kind| [(kind.id, kind.remedy), (kind.id, kind.explanation)]);
    let torn: Vec<_> = texts
        .filter(|(_, text)| text.contains("  ") || text.contains('\n') || text.trim() != *text)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(torn, [""; 0]);
}

#[test]
fn every_finding_is_explained_and_documented() {
    let mut text = "# Findings\n\nWhat `scan`, `inspect` and `plan` tell, by id; `ocmigrate explain ID` says the same.\n\
        An inhibitor blocks `execute`.\n"
        .to_owned();
    for kind in catalogued::ALL {
        assert!(
            !kind.explanation.is_empty() && !kind.remedy.is_empty(),
            "{}",
            kind.id
        );
        let severity = format!("{:?}", kind.severity).to_lowercase();
        let (id, explanation, remedy) = (kind.id, kind.explanation, kind.remedy);
        text += &format!("\n## {id} ({severity})\n\n{explanation}\n\nFix: {remedy}.\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FINDINGS.md");
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(
        published == text,
        "FINDINGS.md is behind: UPDATE_FINDINGS=1 cargo test --test catalogue"
    );
}
