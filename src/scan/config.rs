//! A gateway's configuration: read, parsed, and what is wrong with it.

use crate::display;
use crate::host::reader::{Kind, Reader};
use crate::inventory::{Auth, Config, Finding, GatewayName, Place, catalogued};
use crate::openclaw::{
    Context, Document, Facts, RewriteError, Version, facts, for_container, meaning,
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
    if reader.kind(&sighting.config) == Some(Kind::Link) {
        let summary = format!("it is a link to {}", display::path(&path));
        let finding = Finding::new(&catalogued::LINKED_CONFIG, &sighting.name, summary);
        findings.push(finding.at(display::path(&sighting.config)));
    }
    let text = match reader.file(&path) {
        Ok(Some(text)) => text,
        Ok(None) => {
            findings.push(bad(sighting, "there is no such file"));
            Vec::new()
        }
        Err(error) => {
            findings.push(bad(sighting, &error.to_string()));
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
        config: &path,
        environment: &sighting.variables,
    };
    let facts = document.as_ref().map(|document| facts(document, &context));
    let meaning = document.as_ref().map_or_else(|| text.clone(), meaning);
    Reading {
        config: config(path, hasher.hash(&meaning), facts.as_ref()),
        facts,
        text,
        findings,
    }
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
    path: std::path::PathBuf,
    meaning: crate::secret::KeyedHash,
    facts: Option<&Facts>,
) -> Config {
    Config {
        path,
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
    let error = for_container(&reading.text, port, &version, hasher).err()?;
    let line = match &error {
        RewriteError::Duplicate { line, .. }
        | RewriteError::NotAnObject { line, .. }
        | RewriteError::Included { line, .. }
        | RewriteError::Tied { line, .. }
        | RewriteError::UnknownBind { line } => Some(*line),
        RewriteError::Config(_) | RewriteError::Unsafe { .. } => None,
    };
    let place = Place {
        path: reading.config.path.clone(),
        line,
    };
    Some(
        Finding::new(
            &catalogued::UNEDITABLE_BIND,
            name,
            display::text(&error.to_string()),
        )
        .at(place),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
