//! The walls of the house: which room may use which, read from the `use` lines and paths of the source itself.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the source tree and fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;

/// What each room may use of this crate, beside itself and the small rooms that know nothing.
const ALLOWED: &[(&str, &[&str])] = &[
    ("inventory", &[]),
    ("openclaw", &["host", "inventory"]),
    ("host", &["inventory"]),
    ("docker", &["inventory"]),
    ("scan", &["host", "inventory", "openclaw"]),
    ("plan", &["inventory", "openclaw"]),
    ("step", &["docker", "host", "inventory", "openclaw", "plan"]),
    ("journal", &[]),
    ("execute", &["journal", "step"]),
    ("report", &["inventory", "journal", "plan", "step"]),
    (
        "cli",
        &[
            "docker",
            "execute",
            "host",
            "inventory",
            "journal",
            "openclaw",
            "plan",
            "report",
            "scan",
            "step",
        ],
    ),
];

/// Rooms that every other may use.
const COMMON: &[&str] = &["display", "lines", "secret", "units"];

/// Words that only one room may say.
const WALLED: &[(&str, &str)] = &[
    ("bollard", "docker"),
    ("tokio", "docker"),
    ("netlink_sys", "host"),
    ("jsonc_parser", "openclaw"),
    ("clap", "cli"),
    ("dialoguer", "cli"),
    ("indicatif", "cli"),
    ("std::process::Command", "host"),
];

fn sources(room: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    walkdir::WalkDir::new(directory)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "rs"))
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            // Test modules stand at the end of a file and may do as they like.
            let text = text
                .split("#[cfg(test)]")
                .next()
                .unwrap_or_default()
                .to_owned();
            (entry.path().display().to_string(), text)
        })
        .collect()
}

/// The rooms that a source names by `crate::ROOM`, comments left out.
fn rooms_used(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let named = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    code.split("crate::").skip(1).map(named).collect()
}

#[test]
fn data_flows_one_way_between_the_rooms() {
    for (room, allowed) in ALLOWED {
        for (path, text) in sources(room) {
            for used in rooms_used(&text) {
                let fits = used == *room
                    || COMMON.contains(&used.as_str())
                    || allowed.contains(&used.as_str());
                assert!(fits, "{path} in room `{room}` uses room `{used}`");
            }
        }
    }
}

#[test]
fn every_room_has_its_walls() {
    let known: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_known = !entry.path().is_dir() || known.contains_key(name.as_str());
        assert!(is_known, "room `{name}` has no walls");
    }
}

#[test]
fn only_one_room_speaks_to_docker_the_terminal_and_programs() {
    for (word, room) in WALLED {
        for (other, _) in ALLOWED.iter().filter(|(other, _)| other != room) {
            for (path, text) in sources(other) {
                assert!(
                    !text.contains(word),
                    "{path} says `{word}`, which is room `{room}`'s"
                );
            }
        }
    }
}

#[test]
fn the_pure_rooms_touch_nothing() {
    for room in ["inventory", "openclaw", "plan", "report"] {
        for (path, text) in sources(room) {
            for word in [
                "std::fs",
                "std::net::Tcp",
                "std::env::",
                "std::time::SystemTime",
                "rustix",
                " nix::",
            ] {
                assert!(!text.contains(word), "{path} says `{word}`");
            }
        }
    }
}
