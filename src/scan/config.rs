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
        directory: &sighting.directory,
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
        findings.extend(relative_path(reader, sighting, facts));
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

/// A container starts its gateway in the home of the user: what begins elsewhere natively would lead elsewhere.
fn relative_path(reader: &Reader, sighting: &Sighting, facts: &Facts) -> Option<Finding> {
    let (key, place) = facts.relative_paths.first()?;
    let directory = &sighting.directory;
    let is_home = reader.resolve(directory) == reader.resolve(&sighting.user.home);
    if directory.as_os_str().is_empty() || is_home {
        return None;
    }
    let others = facts.relative_paths.len() - 1;
    let others = if others > 0 {
        format!(" and {others} more")
    } else {
        String::new()
    };
    let summary = format!("{key}{others} begins at {}", display::path(directory));
    let summary = display::text(&summary);
    Some(Finding::new(&catalogued::RELATIVE_PATH, &sighting.name, summary).at(place))
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
#[path = "config_tests.rs"]
mod tests;
