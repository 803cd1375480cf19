//! What OpenClaw in a container logs in with: read from its files where the host has them. Nothing runs in the container.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{config, credentials, family, gateway, sighting, tokens};
use crate::host::reader::{Glance, Kind, Reader};
use crate::inventory::{Credential, GatewayName, Place};
use crate::openclaw::layout;
use crate::secret::Hasher;

/// The home of a process whose environment names none: root's, whom containers start as.
const HOME: &str = "/root";

/// What was read of a container.
#[derive(Default)]
pub(super) struct Inside {
    /// The host's path of the state directory.
    pub(super) state_directory: Option<PathBuf>,
    /// The credentials that it starts with, each once.
    pub(super) credentials: Vec<Credential>,
    pub(super) unseen: Vec<String>,
}

/// Reads the configuration of a container's OpenClaw. Absolute paths in it are taken as the host's.
pub(super) fn read(reader: &Reader, process: &Glance, name: &str, hasher: &Hasher) -> Inside {
    let unseen = |why: &str| Inside {
        unseen: vec![format!("container {name}: its configuration was not {why}")],
        ..Inside::default()
    };
    let Some(found) = find(reader, process) else {
        return unseen("understood");
    };
    let (state, home) = (found.state_directory.clone(), found.home);
    let mut sighting = sighting::of_files(reader, &state, &found.config, found.variables);
    sighting.name = GatewayName(format!("container {name}"));
    sighting.user.home = home;
    sighting.directory = found.directory;
    let Some(facts) = config::read(reader, &sighting, hasher).facts else {
        return unseen("understood");
    };
    let mut ledger = credentials::ledger(reader, &sighting, &facts, hasher);
    ledger
        .credentials
        .retain(|it| tokens::is_started(&facts.accounts, it));
    for credential in ledger
        .credentials
        .iter_mut()
        .filter(|it| it.places.is_empty())
    {
        let path = format!("/proc/{}/environ", process.id.pid).into();
        credential.places.push(Place { path, line: None });
    }
    Inside {
        unseen: gateway::unseen(&sighting, Some(&facts), &ledger),
        credentials: ledger.credentials,
        state_directory: Some(state),
    }
}

struct Found {
    state_directory: PathBuf,
    config: PathBuf,
    home: PathBuf,
    directory: PathBuf,
    variables: BTreeMap<String, String>,
}

fn find(reader: &Reader, process: &Glance) -> Option<Found> {
    let details = reader.details(std::slice::from_ref(process)).pop()?;
    let variables = sighting::texts(&details.environment);
    let home = PathBuf::from(variables.get("HOME").map_or(HOME, String::as_str));
    let directory = reader.directory(process.id).unwrap_or("/".into());
    let on_host = |path: &Path| reader.host_path(process.id, path);
    let opened = family::state_directory(&details.files).into_iter();
    let mut named = opened.chain(layout::state_directories(&variables, &home, &directory));
    let (inside, state_directory) = named.find_map(|path| {
        let there = on_host(&path)?;
        (reader.kind(&there) == Some(Kind::Directory)).then_some((path, there))
    })?;
    let configs = layout::configs(&variables, &home, &directory, &inside);
    let mut configs = configs.iter().filter_map(|path| on_host(path));
    Some(Found {
        config: configs.find(|path| reader.kind(path).is_some())?,
        state_directory,
        home,
        directory,
        variables,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test starts a process")]
mod tests {
    use super::*;

    /// Reads a process with these variables and this configuration, as if it ran in a container.
    fn told(config: &str, variables: &[(&str, &str)]) -> Inside {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("openclaw.json"), config).unwrap();
        let mut sleeper = std::process::Command::new("sleep")
            .arg("60")
            .env_clear()
            .env("OPENCLAW_STATE_DIR", state.path())
            .envs(variables.iter().copied())
            .spawn()
            .unwrap();
        let reader = Reader::new();
        let pid = i32::try_from(sleeper.id()).unwrap();
        let glances = reader.glance();
        let glance = glances.iter().find(|it| it.id.pid == pid).unwrap();
        let inside = read(&reader, glance, "claw", &Hasher::for_machine("m"));
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        inside
    }

    #[test]
    fn logins_of_the_file_and_of_the_environment_are_read_and_disabled_ones_are_not() {
        let config = "{channels: {telegram: {accounts: {a: {botToken: '${T}'}, b: {enabled: false, botToken: '73:BBB'}}}}}";
        let inside = told(config, &[("T", "72:AAA")]);
        let accounts: Vec<_> = inside
            .credentials
            .iter()
            .map(|it| it.account.clone())
            .collect();
        assert_eq!(accounts, [Some("telegram/a".to_owned())]);
        assert!(inside.state_directory.is_some());
        assert_eq!(inside.unseen, [""; 0]);
    }

    #[test]
    fn what_could_not_be_read_is_said() {
        let inside = told("{", &[]);
        assert_eq!(
            inside.unseen,
            ["container claw: its configuration was not understood"]
        );
    }
}
