//! The journal's file, written, read back, torn, damaged, put aside.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn opened() -> Record {
    Record::Opened {
        run: "r".to_owned(),
        made_by: "0".to_owned(),
        list: "l".to_owned(),
        steps: vec!["a".to_owned()],
    }
}

fn started() -> Record {
    Record::Started {
        step: 0,
        before: serde_json::json!({"b": 1, "a": 2}),
    }
}

fn written() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal.jsonl");
    let mut journal = Journal::open(&path).expect("opens");
    journal.append(1, opened()).expect("appends");
    journal.append(2, started()).expect("appends");
    (directory, path)
}

#[test]
fn what_was_written_is_read_back() {
    let (_directory, path) = written();
    let (entries, state) = read(&path).expect("reads");
    assert_eq!(
        entries
            .iter()
            .map(|entry| &entry.record)
            .collect::<Vec<_>>(),
        [&opened(), &started()]
    );
    assert_eq!(state, *Journal::open(&path).expect("opens").state());
    let mode = std::fs::metadata(&path)
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_torn_last_line_is_cut_at_every_length() {
    let (_directory, path) = written();
    let whole = std::fs::read(&path).expect("reads");
    let first = whole
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("two lines")
        + 1;
    for length in first..whole.len() {
        std::fs::write(&path, whole.get(..length).expect("shorter")).expect("writes");
        let mut journal = Journal::open(&path).expect("opens");
        journal.append(2, started()).expect("goes on");
        assert_eq!(std::fs::read(&path).expect("reads"), whole);
    }
}

/// Two executes at once: the one that waited for the other's end must not take its journal for a finished one.
#[test]
fn only_the_journal_of_a_run_that_ended_native_is_put_aside() {
    let (_directory, path) = written();
    let aside = path.with_file_name("journal-r.jsonl");
    for record in [
        Record::Done { step: 0 },
        Record::Settled,
        Record::Turned {
            reason: String::new(),
        },
        Record::Undoing { step: 0 },
        Record::Undone { step: 0 },
    ] {
        let refused = Journal::put_aside(&path);
        assert!(
            matches!(refused, Err(JournalError::Needed { .. })),
            "before {record:?}: {refused:?}"
        );
        let mut journal = Journal::open(&path).expect("opens");
        journal.append(3, record).expect("appends");
    }
    let mut journal = Journal::open(&path).expect("opens");
    journal.append(4, Record::Restored).expect("appends");
    let written = std::fs::read(&path).expect("reads");
    Journal::put_aside(&path).expect("is finished");
    assert_eq!(std::fs::read(&aside).expect("reads"), written);
    Journal::put_aside(&path).expect("there is none");
    assert!(!path.exists());
}

#[test]
fn a_damaged_line_is_named() {
    let (_directory, path) = written();
    let mut bytes = std::fs::read(&path).expect("reads");
    *bytes.get_mut(60).expect("long enough") ^= 1;
    std::fs::write(&path, bytes).expect("writes");
    let error = Journal::open(&path).expect_err("is damaged").to_string();
    assert!(error.contains("line 1"), "{error}");
}

#[test]
fn an_illegal_record_is_not_written() {
    let (_directory, path) = written();
    let before = std::fs::read(&path).expect("reads");
    let mut journal = Journal::open(&path).expect("opens");
    assert!(journal.append(3, Record::Settled).is_err());
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}
