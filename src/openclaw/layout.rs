//! Where OpenClaw keeps things, and how its processes and locks are recognised.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// The port without any setting.
pub const DEFAULT_PORT: u16 = 18789;

/// Returns the ports that a gateway takes, or may take, beside its own: the browser's control and the browsers; the
/// former was seen at +3 with 2026.2.9 (ss(8)); +2 and the range are what the documentation of 2026.9.6 says.
#[must_use]
pub fn derived_ports(version: Option<&super::Version>, port: u16) -> Vec<u16> {
    let is_old = version.is_some_and(|version| *version < super::release::BROWSER_CONTROL_AT_2);
    let control = if is_old { 3 } else { 2 };
    let offsets = std::iter::once(control).chain(11..=110);
    offsets
        .filter_map(|offset| port.checked_add(offset))
        .collect()
}

/// The state directory's names below HOME, the newest first; 2026.2.9 knows all, 2026.9.6 the first two.
const STATE_NAMES: [&str; 4] = [".openclaw", ".clawdbot", ".moltbot", ".moldbot"];
/// The configuration's names, in the same order.
pub const CONFIG_NAMES: [&str; 4] = [
    "openclaw.json",
    "clawdbot.json",
    "moltbot.json",
    "moldbot.json",
];
/// What makes a directory a state directory: a configuration, or agents.
pub const STATE_MARKS: [&str; 5] = [
    "openclaw.json",
    "clawdbot.json",
    "moltbot.json",
    "moldbot.json",
    "agents",
];

/// Folders of a state directory that a start can do without: caches, logs, locks, and media that were sent; 2026.9.6.
pub const NOT_NEEDED_TO_START: [&str; 4] = ["cache", "logs", "media", "tmp"];

/// Returns whether a directory of this name can be a state directory: `.openclaw`, `.openclaw-PROFILE`, or an old name.
#[must_use]
pub fn is_state_name(name: &str) -> bool {
    STATE_NAMES.iter().any(|known| {
        let rest = name.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']))
    })
}

/// Returns the state directory that a gateway's configuration file lies in, where its directory is named like one.
///
/// `--profile` sets no variable in the gateway's own environment, and the lock of 2026.2.9 and 2026.5.28 names the
/// configuration only.
#[must_use]
pub fn state_directory_of(config: &Path) -> Option<PathBuf> {
    let directory = config.parent()?;
    let name = directory.file_name()?.to_str()?;
    is_state_name(name).then(|| directory.to_path_buf())
}

/// Returns the state directories that an environment can mean, the likeliest first; the first that exists is it.
///
/// `resolveStateDir` of 2026.9.6 (`OPENCLAW_STATE_DIR`, the profile's, `.openclaw`, `.clawdbot`), and the older
/// `.moltbot` of 2026.2.9. `directory` is the one that the gateway is started in.
#[must_use]
pub fn state_directories(
    environment: &BTreeMap<String, String>,
    home: &Path,
    directory: &Path,
) -> Vec<PathBuf> {
    let home = match set(environment, "OPENCLAW_HOME") {
        Some(own) => place(own, home, directory),
        None => home.to_owned(),
    };
    if let Some(own) = set(environment, "OPENCLAW_STATE_DIR") {
        return vec![place(own, &home, directory)];
    }
    // Releases before the name changed; 2026.2.9 still honours it, 2026.9.6 does not.
    if let Some(own) = set(environment, "CLAWDBOT_STATE_DIR") {
        let own = place(own, &home, directory);
        return [vec![own], usual(environment, &home)].concat();
    }
    usual(environment, &home)
}

/// Returns the state directories without a setting of their own.
fn usual(environment: &BTreeMap<String, String>, home: &Path) -> Vec<PathBuf> {
    match set(environment, "OPENCLAW_PROFILE")
        .filter(|profile| !profile.eq_ignore_ascii_case("default"))
    {
        Some(profile) => vec![home.join(format!(".openclaw-{profile}"))],
        None => STATE_NAMES.map(|name| home.join(name)).into(),
    }
}

/// Returns the configuration files that a state directory can have, the likeliest first.
#[must_use]
pub fn configs(
    environment: &BTreeMap<String, String>,
    home: &Path,
    directory: &Path,
    state_directory: &Path,
) -> Vec<PathBuf> {
    let own = set(environment, "OPENCLAW_CONFIG_PATH");
    match own.or_else(|| set(environment, "CLAWDBOT_CONFIG_PATH")) {
        Some(own) => vec![place(own, home, directory)],
        None => CONFIG_NAMES.map(|name| state_directory.join(name)).into(),
    }
}

/// Returns the port that a gateway would listen on: the environment's, else the configuration's, else the default.
///
/// A `--port` argument beats all of them and is not seen here.
#[must_use]
pub fn port(environment: &BTreeMap<String, String>, configured: Option<u16>) -> u16 {
    let exported = set(environment, "OPENCLAW_GATEWAY_PORT").and_then(|port| port.parse().ok());
    exported.or(configured).unwrap_or(DEFAULT_PORT)
}

/// Returns a path as OpenClaw reads it, from the directory that its process was started in: `resolveUserPath` of 2026.9.6.
#[must_use]
pub fn place(path: &str, home: &Path, directory: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in directory.join(expand(path, home)).components() {
        match component {
            Component::ParentDir if resolved.file_name().is_some() => {
                resolved.pop();
            }
            component => resolved.push(component),
        }
    }
    resolved
}

/// Returns a path with the home directory for `~`.
#[must_use]
pub fn expand(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// Returns the directories in which a user's gateways write logs, and keep locks before 2026.9.
#[must_use]
pub fn log_directories(uid: u32) -> [PathBuf; 2] {
    [
        PathBuf::from("/tmp/openclaw"),
        PathBuf::from(format!("/tmp/openclaw-{uid}")),
    ]
}

/// Returns the directory of a gateway's own locks, since 2026.9.
#[must_use]
pub fn lock_directory(state_directory: &Path, uid: u32) -> PathBuf {
    state_directory.join(format!("tmp/openclaw-{uid}"))
}

/// What a gateway's lock file says. The file alone proves nothing: the process must live, with this start time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The process id, in the name space of that process.
    pub pid: i32,
    /// Kernel clock ticks since boot; field 22 of `proc_pid_stat(5)`.
    pub start_time: Option<u64>,
    /// The configuration file.
    pub config_path: Option<PathBuf>,
    /// The state directory; since 2026.9.
    pub state_directory: Option<PathBuf>,
    /// The port; since 2026.9.
    pub port: Option<u16>,
}

/// Reads a lock file; what follows its first JSON value is not looked at.
#[must_use]
pub fn parse_lock(text: &[u8]) -> Option<Lock> {
    let lock: Value = serde_json::Deserializer::from_slice(text)
        .into_iter()
        .next()?
        .ok()?;
    let path = |key: &str| lock.get(key).and_then(Value::as_str).map(PathBuf::from);
    let pid = lock
        .get("pid")?
        .as_i64()
        .and_then(|pid| i32::try_from(pid).ok())?;
    Some(Lock {
        pid: Some(pid).filter(|pid| *pid > 0)?,
        start_time: lock.get("startTime").and_then(Value::as_u64),
        config_path: path("configPath"),
        state_directory: path("stateDir"),
        port: lock
            .get("port")
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok()),
    })
}

/// Returns how long the last start took, from the process's start to the line `ready` of a log of JSON lines.
///
/// `started_ms` is in milliseconds since 1970: the first lines of the log come seconds after the start.
#[must_use]
pub fn boot_time(log: &[u8], started_ms: i64) -> Option<Duration> {
    let lines = log.split(|byte| *byte == b'\n');
    let ready = lines
        .filter_map(ready_ms)
        .find(|ready| *ready >= started_ms)?;
    Some(Duration::from_millis(
        u64::try_from(ready - started_ms).ok()?,
    ))
}

fn ready_ms(line: &[u8]) -> Option<i64> {
    let line: Value = serde_json::from_slice(line).ok()?;
    matches!(line.get("message")?.as_str()?, "gateway ready" | "ready").then_some(())?;
    let time: jiff::Timestamp = line.get("time")?.as_str()?.parse().ok()?;
    Some(time.as_millisecond())
}

/// Returns whether a process of this name is worth a closer look; `proc_pid_comm(5)`.
#[must_use]
pub fn is_candidate(comm: &[u8]) -> bool {
    let exact: [&[u8]; 9] = [
        b"openclaw",
        b"clawdbot",
        b"moltbot",
        b"node",
        b"nodejs",
        b"node-MainThread",
        b"MainThread",
        b"bun",
        b"npm",
    ];
    let prefixes: [&[u8]; 3] = [b"openclaw-", b"clawdbot-", b"moltbot-"];
    exact.contains(&comm) || prefixes.iter().any(|prefix| comm.starts_with(prefix))
}

/// Returns whether a process of this name is OpenClaw's own, by its title; `proc_pid_comm(5)`.
#[must_use]
pub fn is_openclaws(comm: &[u8]) -> bool {
    let names: [&[u8]; 3] = [b"openclaw", b"clawdbot", b"moltbot"];
    names.iter().any(|name| {
        let rest = comm.strip_prefix(*name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
    })
}

fn set<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let value = environment.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn directories(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        state_directories(
            &variables.collect(),
            Path::new("/home/joe"),
            Path::new("/srv"),
        )
    }

    #[test]
    fn the_state_directory_follows_the_environment() {
        assert_eq!(
            directories(&[]).first(),
            Some(&"/home/joe/.openclaw".into())
        );
        assert_eq!(
            directories(&[("OPENCLAW_PROFILE", "work")]),
            [Path::new("/home/joe/.openclaw-work")]
        );
        assert_eq!(
            directories(&[("OPENCLAW_STATE_DIR", "~/s")]),
            [Path::new("/home/joe/s")]
        );
        for relative in ["s", "./s", "x/../s", "../srv/s"] {
            let told = directories(&[("OPENCLAW_STATE_DIR", relative)]);
            assert_eq!(told, [Path::new("/srv/s")]);
        }
        let nested = directories(&[
            ("OPENCLAW_HOME", "~/.openclaw"),
            ("OPENCLAW_PROFILE", "Default"),
        ]);
        assert_eq!(
            nested.first(),
            Some(&"/home/joe/.openclaw/.openclaw".into())
        );
    }

    #[test]
    fn old_names_are_known() {
        let old = directories(&[("CLAWDBOT_STATE_DIR", "/old")]);
        assert_eq!(old.first(), Some(&"/old".into()));
        assert_eq!(directories(&[]).last(), Some(&"/home/joe/.moldbot".into()));
        for name in [".openclaw", ".openclaw-work", ".clawdbot", ".openclaw.bak"] {
            assert!(is_state_name(name), "{name}");
        }
        assert!(!is_state_name(".openclawed") && !is_state_name("openclaw"));
        let of = |path: &str| state_directory_of(Path::new(path));
        assert_eq!(
            of("/h/.openclaw-work/openclaw.json"),
            Some("/h/.openclaw-work".into())
        );
        assert_eq!(of("/etc/openclaw.json"), None);
    }

    #[test]
    fn the_environments_port_beats_the_configurations() {
        let exported = BTreeMap::from([("OPENCLAW_GATEWAY_PORT".to_owned(), "5".to_owned())]);
        assert_eq!(port(&exported, Some(6)), 5);
        assert_eq!(port(&BTreeMap::new(), Some(6)), 6);
        assert_eq!(port(&BTreeMap::new(), None), DEFAULT_PORT);
    }

    #[test]
    fn locks_of_every_release_are_read() {
        let old = br#"{"pid":27366,"createdAt":"2026-01-01T00:00:00Z","configPath":"/c","startTime":147045}"#;
        let lock = parse_lock(old).expect("a lock");
        assert_eq!(
            (lock.pid, lock.start_time, lock.port),
            (27366, Some(147_045), None)
        );
        let new =
            b"{\n \"pid\": 7, \"stateDir\": \"/s\", \"port\": 18789, \"startTime\": 9\n}\n\t \t \t";
        let lock = parse_lock(new).expect("a lock");
        assert_eq!(
            (lock.state_directory, lock.port),
            (Some("/s".into()), Some(18789))
        );
        assert_eq!(parse_lock(b""), None);
        assert_eq!(parse_lock(b"{\"pid\": -1}"), None);
    }

    #[test]
    fn the_boot_ends_with_the_first_ready_after_the_start() {
        let log =
            b"noise\n{\"time\":\"2026-11-24T00:32:01.000+00:00\",\"message\":\"gateway ready\"}\n\
            {\"time\":\"2026-11-24T00:32:22.550+00:00\",\"message\":\"gateway ready\"}\n";
        let started: jiff::Timestamp = "2026-11-24T00:32:12Z".parse().expect("a time");
        assert_eq!(
            boot_time(log, started.as_millisecond()),
            Some(Duration::from_millis(10_550))
        );
        assert_eq!(boot_time(log, started.as_millisecond() + 60_000), None);
    }

    #[test]
    fn gateways_are_candidates_whatever_their_title() {
        let names: [&[u8]; 4] = [b"openclaw-gatewa", b"node-MainThread", b"openclaw", b"node"];
        assert!(names.iter().all(|name| is_candidate(name)));
        assert!(is_openclaws(b"openclaw-gatewa") && !is_openclaws(b"node"));
        assert!(!is_candidate(b"nginx") && !is_candidate(b"nodemon"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_lock_or_none(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            pid in any::<i64>(),
            ticks in any::<i64>()
        ) {
            let _ = parse_lock(&bytes);
            let text = format!("{{\"pid\": {pid}, \"startTime\": {ticks}, \"configPath\": \"/c\"}} \t");
            let _ = parse_lock(text.as_bytes());
        }
    }
}
