//! What is wrong with the Docker Engine.

use std::path::Path;

use crate::host::reader::Reader;
use crate::inventory::{Engine, Finding, catalogued};

/// The oldest API that was tried: Engine 20.10.
const OLDEST_API: (u32, u32) = (1, 41);

/// The engine's usual socket; dockerd(8), `--host`.
const SOCKET: &str = "/var/run/docker.sock";

/// Says that an engine may be there that does not answer this user.
pub(super) fn hidden(reader: &Reader, engine: Option<&Engine>) -> Option<String> {
    let is_there = reader.kind(Path::new(SOCKET)).is_some();
    let is_hidden = engine.is_none() && !reader.sees_everything() && is_there;
    is_hidden.then(|| {
        "the Docker Engine, whose socket is not for this user: run as root to see it".to_owned()
    })
}

pub(super) fn findings(engine: Option<&Engine>) -> Vec<Finding> {
    let about = "Docker Engine";
    let Some(engine) = engine else {
        return vec![Finding::new(
            &catalogued::NO_ENGINE,
            about,
            "no Docker Engine answers",
        )];
    };
    let mut findings = Vec::new();
    if api(&engine.api_version).is_none_or(|version| version < OLDEST_API) {
        let summary = format!("its newest API is {}", engine.api_version);
        findings.push(Finding::new(&catalogued::OLD_ENGINE, about, summary));
    }
    let remaps =
        |option: &&String| option.starts_with("name=rootless") || option.starts_with("name=userns");
    if let Some(option) = engine.security_options.iter().find(remaps) {
        let summary = format!("it runs with {option}");
        findings.push(Finding::new(&catalogued::REMAPPED_ENGINE, about, summary));
    }
    findings
}

fn api(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(api_version: &str, options: &[&str]) -> Vec<String> {
        let engine = Engine {
            version: "x".into(),
            api_version: api_version.into(),
            security_options: options.iter().map(|it| (*it).to_owned()).collect(),
            containerd_image_store: false,
            compose_version: None,
        };
        findings(Some(&engine))
            .into_iter()
            .map(|it| it.id)
            .collect()
    }

    #[test]
    fn a_missing_old_or_remapped_engine_is_found() {
        assert_eq!(findings(None).len(), 1);
        assert_eq!(ids("1.41", &["name=seccomp,profile=default"]), [""; 0]);
        assert_eq!(ids("1.100", &[]), [""; 0]);
        assert_eq!(ids("1.40", &["name=rootless"]), ["OM-D002", "OM-D003"]);
        assert_eq!(ids("1.41", &["name=userns"]), ["OM-D003"]);
        assert_eq!(ids("new", &[]), ["OM-D002"]);
    }
}
