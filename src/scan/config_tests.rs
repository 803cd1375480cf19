#![expect(clippy::disallowed_methods, reason = "the tests make configurations")]

use super::*;
use crate::scan::sighting::tests::at_rest;

/// Reads a configuration with the files beside it; `openclaw.json` is the first.
fn read_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Reading) {
    let home = tempfile::tempdir().expect("a directory");
    let state = home.path().join(".openclaw");
    std::fs::create_dir(&state).expect("made");
    for (name, text) in files {
        std::fs::write(state.join(name), text).expect("written");
    }
    let sighting = at_rest(home.path(), "");
    let reading = read(&Reader::new(), &sighting, &Hasher::for_machine("m"));
    (home, reading)
}

/// Returns ids, file names and lines of what is found.
fn found(reading: &Reading) -> Vec<String> {
    let findings = reading.findings.iter();
    findings
        .map(|finding| {
            let place = finding.place.rsplit('/').next().unwrap_or_default();
            format!("{} {place}", finding.id)
        })
        .collect()
}

#[test]
fn a_path_from_the_directory_of_the_start_leads_there_and_is_found_where_that_is_not_the_home() {
    let told = |unit: &str| {
        let home = tempfile::tempdir().expect("a directory");
        let state = home.path().join(".openclaw");
        std::fs::create_dir(&state).expect("made");
        let text =
            "{agents: {defaults: {\nworkspace: './w'}}, skills: {load: {extraDirs: ['./s']}}}";
        std::fs::write(state.join("openclaw.json"), text).expect("written");
        let sighting = at_rest(home.path(), unit);
        let reading = read(&Reader::new(), &sighting, &Hasher::for_machine("m"));
        let summaries = reading.findings.iter().map(|it| it.summary.clone());
        let summaries = summaries.collect::<Vec<_>>().join(",");
        let agents = reading.facts.as_ref().expect("parses").agents.clone();
        let workspace = agents.first().expect("an agent").workspace.clone();
        let below = workspace.strip_prefix(home.path()).unwrap_or(&workspace);
        (below.display().to_string(), found(&reading), summaries)
    };
    let expected = ("w".to_owned(), Vec::new(), String::new());
    assert_eq!(told("[Service]\nExecStart=openclaw gateway\n"), expected);
    assert_eq!(told("[Service]\nWorkingDirectory=~\n"), expected);
    let (workspace, found, summary) = told("[Service]\nWorkingDirectory=-/srv/claw\n");
    assert_eq!(workspace, "/srv/claw/w");
    assert_eq!(found, ["OM-C009 openclaw.json:2"]);
    let expected = "agents.defaults.workspace and 1 more begins at /srv/claw";
    assert_eq!(summary, expected);
}

/// Where `b` works, of a gateway of this release with a default workspace in which there are, or are not, both directories.
fn work_of_b(release: Option<&str>, is_older_there: bool) -> String {
    let home = tempfile::tempdir().expect("a directory");
    let make = |name: &str| std::fs::create_dir_all(home.path().join(name)).expect("made");
    let write = |name: &str, text: &str| {
        std::fs::write(home.path().join(name), text).expect("written");
    };
    make(".openclaw");
    make("lib/dist");
    if is_older_there {
        make(".openclaw/workspace-b");
    }
    let text = "{agents: {defaults: {workspace: '~/work'}, list: [{id: 'a'}, {id: 'b'}]}}";
    write(".openclaw/openclaw.json", text);
    write("lib/node", "");
    write("lib/dist/index.js", "");
    if let Some(release) = release {
        let package = format!("{{\"name\": \"openclaw\", \"version\": \"{release}\"}}");
        write("lib/package.json", &package);
    }
    let unit = "[Service]\nExecStart=%h/lib/node %h/lib/dist/index.js gateway\n";
    let sighting = at_rest(home.path(), unit);
    let reading = read(&Reader::new(), &sighting, &Hasher::for_machine("m"));
    let agents = reading.facts.expect("parses").agents;
    let shown = agents
        .get(1)
        .expect("two agents")
        .workspace
        .display()
        .to_string();
    shown.replace(&format!("{}/", home.path().display()), "")
}

#[test]
fn agents_without_a_workspace_work_where_the_release_puts_them() {
    let (older, newer) = (".openclaw/workspace-b", "work/b");
    for (release, is_older_there, expected) in [
        (Some("2026.2.9"), false, older),
        (Some("2026.5.28"), true, newer),
        (Some("2026.4.1"), true, older),
        (Some("2026.4.1"), false, newer),
        (None, true, older),
    ] {
        assert_eq!(work_of_b(release, is_older_there), expected, "{release:?}");
    }
}

#[test]
fn included_files_are_read_and_count() {
    let main = "{gateway: {$include: './gateway.json5'}}";
    let (home, one) = read_files(&[("openclaw.json", main), ("gateway.json5", "{port: 1}")]);
    assert_eq!((one.config.port, found(&one)), (Some(1), vec![]));
    let include = home.path().join(".openclaw/gateway.json5");
    assert_eq!(one.config.includes, [Reader::new().resolve(&include)]);
    let (_, other) = read_files(&[("openclaw.json", main), ("gateway.json5", "{port: 2}")]);
    assert_ne!(one.config.meaning, other.config.meaning);
    let (_, alone) = read_files(&[("openclaw.json", "{gateway: {port: 1}}")]);
    assert_eq!(one.config.meaning, alone.config.meaning);
}

#[test]
fn a_bind_from_an_include_is_overruled_and_an_included_tie_is_found() {
    let read = |bind: &str| {
        let all = format!("{{gateway: {{\nbind: '{bind}'}}}}");
        let (_home, reading) = read_files(&[
            ("openclaw.json", "{$include: ['all.json']}"),
            ("all.json", &all),
        ]);
        let name = GatewayName("joe/.openclaw".into());
        let hasher = Hasher::for_machine("m");
        let editable = uneditable(&name, &reading, 18789, Some("2026.9.6"), &hasher).is_none();
        (reading, editable)
    };
    let (reading, editable) = read("loopback");
    assert_eq!(reading.config.bind.as_deref(), Some("loopback"));
    assert!(editable && reading.findings.is_empty());
    assert_eq!(found(&read("tailnet").0), ["OM-C003 all.json:2"]);
}

#[test]
fn bad_and_outside_includes_are_found_at_their_line() {
    let main = "{\na: {$include: 'none.json'},\nb: {$include: '../x.json'},\nc: {$include: 'c'}}";
    let (_home, reading) = read_files(&[("openclaw.json", main), ("c", "{\n\n]")]);
    let expected = [
        "OM-C005 openclaw.json:2",
        "OM-C006 openclaw.json:3",
        "OM-C005 c:3",
    ];
    assert_eq!(found(&reading), expected);
}

#[test]
fn an_include_from_a_shared_directory_is_read_and_found() {
    let shared = tempfile::tempdir().expect("a directory");
    let file = shared.path().join("all.json");
    std::fs::write(&file, "{gateway: {port: 5}}").expect("written");
    let main = format!("{{$include: '{}'}}", file.display());
    let roots = format!("OPENCLAW_INCLUDE_ROOTS={}", shared.path().display());
    let (_home, reading) = read_files(&[("openclaw.json", &main), (".env", &roots)]);
    assert_eq!(reading.config.port, Some(5));
    assert_eq!(found(&reading), ["OM-C006 all.json"]);
}

#[test]
fn a_file_that_openclaw_would_not_include_is_found() {
    let main = "{$include: ['big', 'linked', 'directory']}";
    let (home, _) = read_files(&[("openclaw.json", main)]);
    let state = home.path().join(".openclaw");
    std::fs::write(
        state.join("big"),
        vec![b' '; crate::openclaw::MAX_INCLUDE_BYTES + 1],
    )
    .expect("written");
    std::fs::write(state.join("linked"), "{}").expect("written");
    std::fs::hard_link(state.join("linked"), state.join("again")).expect("linked");
    std::fs::create_dir(state.join("directory")).expect("made");
    let sighting = at_rest(home.path(), "");
    let reading = read(&Reader::new(), &sighting, &Hasher::for_machine("m"));
    let summaries: Vec<_> = reading
        .findings
        .iter()
        .map(|it| it.summary.as_str())
        .collect();
    let reasons = ["larger than 2 MiB", "hard links", "no regular file"];
    assert_eq!(summaries.len(), reasons.len());
    assert!(
        summaries
            .iter()
            .zip(reasons)
            .all(|(summary, reason)| summary.contains(reason))
    );
}

#[test]
fn a_bad_and_a_linked_configuration_are_found() {
    let (_home, reading) = read_files(&[("openclaw.json", "{\n  a: SEKRET\n}")]);
    assert_eq!(found(&reading), ["OM-C001 openclaw.json:2:6"]);
    let (home, _) = read_files(&[("real.json", "{}")]);
    let state = home.path().join(".openclaw");
    std::os::unix::fs::symlink("real.json", state.join("openclaw.json")).expect("linked");
    let mut sighting = at_rest(home.path(), "");
    let read = |sighting: &Sighting| {
        found(&read(&Reader::new(), sighting, &Hasher::for_machine("m"))).join(" ")
    };
    sighting.user.uid = nix::unistd::getuid().as_raw();
    assert_eq!(read(&sighting), "");
    sighting.user.uid += 1;
    assert_eq!(read(&sighting), "OM-C002 openclaw.json");
}

#[test]
fn the_place_is_taken_out_of_the_parsers_words() {
    assert_eq!(
        place_in("line 3, column 7: expected a comma").as_deref(),
        Some("3:7")
    );
    assert_eq!(place_in("line 3: not UTF-8").as_deref(), Some("3"));
    assert_eq!(place_in("the file is empty"), None);
}
