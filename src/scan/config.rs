//! A gateway's configuration: read, parsed, and what is wrong with it.

use std::path::{Path, PathBuf};

use super::include;
use super::release::release;
use crate::display;
use crate::host::reader::{Kind, Reader};
use crate::inventory::{Auth, Config, Finding, GatewayName, Place, catalogued};
use crate::openclaw::release::{Placing, placing};
use crate::openclaw::{
    Context, Document, Facts, MAX_BYTES, Merged, Origin, RewriteError, Version, facts,
    find_included_tie, for_container, include_roots, meaning, merge,
};
use crate::secret::Hasher;

use super::sighting::Sighting;

/// What reading a configuration came to.
pub(super) struct Reading {
    pub(super) config: Config,
    /// What it says; `None` where it does not parse.
    pub(super) facts: Option<Facts>,
    /// Its text, which holds secrets.
    pub(super) text: Vec<u8>,
    pub(super) findings: Vec<Finding>,
}

/// Reads a gateway's configuration.
pub(super) fn read(reader: &Reader, sighting: &Sighting, hasher: &Hasher) -> Reading {
    let path = reader.resolve(&sighting.config);
    let mut findings = Vec::new();
    findings.extend(uneditable_link(reader, sighting, &path));
    let text = match reader.file_within(&path, MAX_BYTES as u64) {
        Ok(Some(text)) => text,
        Ok(None) => {
            findings.push(bad(sighting, "there is no such file"));
            Vec::new()
        }
        Err(error) => {
            findings.push(bad(sighting, &error.with_cause()));
            Vec::new()
        }
    };
    let document = match Document::parse(&text) {
        Ok(document) => Some(document),
        Err(error) => {
            if findings
                .iter()
                .all(|finding| finding.id != catalogued::BAD_CONFIG.id)
            {
                findings.push(bad(sighting, &error.to_string()));
            }
            None
        }
    };
    let context = Context {
        home: &sighting.user.home,
        state_directory: &sighting.state_directory,
        environment: &sighting.variables,
    };
    let merged = document.map(|document| merged(reader, sighting, &path, &document));
    if let Some(merged) = &merged {
        findings.extend(include::findings(sighting, merged));
        let tie = find_included_tie(merged);
        findings.extend(tie.map(|(error, place)| uneditable_at(&sighting.name, &error, place)));
    }
    let mut facts = merged.as_ref().map(|merged| facts(merged, &context));
    if let Some(facts) = &mut facts {
        settle_workspaces(reader, sighting, facts);
    }
    let meaning = merged.as_ref().map_or_else(|| text.clone(), meaning);
    let includes = merged.map_or_else(Vec::new, |merged| merged.includes().to_vec());
    Reading {
        config: config(path, includes, hasher.hash(&meaning), facts.as_ref()),
        facts,
        text,
        findings,
    }
}

/// Puts agents without a workspace of their own where the gateway's release does; where the release does not tell, to the
/// one of both directories that is there.
fn settle_workspaces(reader: &Reader, sighting: &Sighting, facts: &mut Facts) {
    if facts.older_workspaces.is_empty() {
        return;
    }
    let version = release(reader, sighting).and_then(|it| it.version.parse().ok());
    let placing = version.as_ref().map_or(Placing::Unknown, placing);
    for agent in &mut facts.agents {
        let Some(older) = facts.older_workspaces.get(&agent.id) else {
            continue;
        };
        let is_there = |path: &Path| reader.kind(path).is_some();
        let is_older = match placing {
            Placing::InState => true,
            Placing::BelowDefault => false,
            Placing::Unknown => !is_there(&agent.workspace) && is_there(older),
        };
        if is_older {
            agent.workspace.clone_from(older);
        }
    }
}

/// A link in the state directory to a file of the gateway's own user is edited where it leads; any other is not: what an
/// agent could point at somebody else's file is not root's to write, and the check of the edited configuration sees the
/// state directory.
fn uneditable_link(reader: &Reader, sighting: &Sighting, path: &Path) -> Option<Finding> {
    if reader.kind(&sighting.config) != Some(Kind::Link) {
        return None;
    }
    let directory = sighting
        .config
        .parent()
        .map(|parent| reader.resolve(parent));
    let is_in_state = directory.as_ref() == Some(&sighting.state_directory);
    let is_own = reader
        .owner(path)
        .is_some_and(|(uid, _)| uid == sighting.user.uid);
    if is_in_state && is_own {
        return None;
    }
    let summary = format!("it is a link to {}", display::path(path));
    let finding = Finding::new(&catalogued::LINKED_CONFIG, &sighting.name, summary);
    Some(finding.at(display::path(&sighting.config)))
}

fn merged(reader: &Reader, sighting: &Sighting, path: &Path, document: &Document) -> Merged {
    let origin = Origin {
        named: &sighting.config,
        path,
        roots: &include_roots(&sighting.variables, &sighting.user.home),
    };
    merge(document, &origin, &include::Files(reader))
}

fn bad(sighting: &Sighting, problem: &str) -> Finding {
    let place = display::path(&sighting.config);
    let place = match place_in(problem) {
        Some(place_in) => format!("{place}:{place_in}"),
        None => place,
    };
    Finding::new(&catalogued::BAD_CONFIG, &sighting.name, problem).at(place)
}

/// Turns `line 3, column 7: …` into `3:7`, and `line 3: …` into `3`.
fn place_in(problem: &str) -> Option<String> {
    let (place, _) = problem.strip_prefix("line ")?.split_once(':')?;
    Some(place.replace(", column ", ":"))
}

fn config(
    path: PathBuf,
    includes: Vec<PathBuf>,
    meaning: crate::secret::KeyedHash,
    facts: Option<&Facts>,
) -> Config {
    Config {
        path,
        includes,
        meaning,
        bind: facts.and_then(|facts| facts.bind.clone()),
        port: facts.and_then(|facts| facts.port),
        auth: facts.map_or(
            Auth {
                mode: None,
                has_secret: false,
            },
            |facts| facts.auth.clone(),
        ),
        allowed_origins: facts.and_then(|facts| facts.allowed_origins.clone()),
    }
}

/// Says where the bind could not be rewritten for a container, without rewriting anything.
pub(super) fn uneditable(
    name: &GatewayName,
    reading: &Reading,
    port: u16,
    version: Option<&str>,
    hasher: &Hasher,
) -> Option<Finding> {
    reading.facts.as_ref()?;
    let version: Version = version?.parse().ok()?;
    let error = for_container(
        &reading.text,
        reading.config.bind.as_deref(),
        port,
        &version,
        hasher,
    )
    .err()?;
    let line = match &error {
        RewriteError::Duplicate { line, .. }
        | RewriteError::NotAnObject { line, .. }
        | RewriteError::Tied { line, .. }
        | RewriteError::UnknownBind { line } => Some(*line),
        RewriteError::Config(_) | RewriteError::Unsafe { .. } => None,
    };
    let place = Place {
        path: reading.config.path.clone(),
        line,
    };
    Some(uneditable_at(name, &error, place))
}

fn uneditable_at(name: &GatewayName, error: &RewriteError, place: Place) -> Finding {
    let summary = display::text(&error.to_string());
    Finding::new(&catalogued::UNEDITABLE_BIND, name, summary).at(place)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make configurations")]
mod tests {
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
        let main =
            "{\na: {$include: 'none.json'},\nb: {$include: '../x.json'},\nc: {$include: 'c'}}";
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
}
