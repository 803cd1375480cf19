//! Releases of OpenClaw: their calendar versions, what they need, and how their programs are called.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::inventory::Release;

/// The releases that ocmigrate's tests move.
const TRIED: [Version; 3] = [
    Version::new(2026, 2, 9),
    Version::new(2026, 5, 28),
    Version::new(2026, 9, 6),
];
/// From here on a bind beyond loopback needs `gateway.controlUi.allowedOrigins`; openclaw issue 29385.
const FIRST_WITH_ORIGINS: Version = Version::new(2026, 2, 26);
/// From here on the gateway seeds them for itself at every start, without writing its configuration; seen with 2026.9.6.
const FIRST_SEEDING_ORIGINS: Version = Version::new(2026, 9, 6);
/// From here on the browser's control is at +2 and no longer at +3; seen with 2026.2.9, and not with 2026.5 and 2026.9.6.
pub(super) const BROWSER_CONTROL_AT_2: Version = Version::new(2026, 3, 0);

/// Seen to answer `/readyz`; 2026.2.9 answers every path with its page.
const FIRST_READY: Version = Version::new(2026, 5, 28);
/// Variables with which a gateway starts without its channels and its clock; 2026.2.9, 2026.5.28, 2026.9.6.
pub const IDLE: [(&str, &str); 2] = [("OPENCLAW_SKIP_CHANNELS", "1"), ("OPENCLAW_SKIP_CRON", "1")];

/// Seen to take a suspension; 2026.5.28 does not know of it.
const FIRST_SUSPENDING: Version = Version::new(2026, 9, 6);

/// A calendar version, for example `2026.9.6` or `2026.1.24-3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    year: u32,
    month: u32,
    day: u32,
    again: u32,
}

/// Says that a text is no version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{}` is no version of OpenClaw", crate::display::text(.0))]
pub struct VersionError(String);

impl Version {
    const fn new(year: u32, month: u32, day: u32) -> Self {
        Self {
            year,
            month,
            day,
            again: 0,
        }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text).ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            again,
        } = self;
        write!(f, "{year}.{month}.{day}")?;
        match again {
            0 => Ok(()),
            again => write!(f, "-{again}"),
        }
    }
}

fn parse(text: &str) -> Option<Version> {
    let (date, again) = text.split_once('-').unwrap_or((text, "0"));
    let mut parts = date.split('.').map(number);
    let version = Version {
        year: parts.next()??,
        month: parts.next()??,
        day: parts.next()??,
        again: number(again)?,
    };
    parts.next().is_none().then_some(version)
}

fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Returns whether ocmigrate's tests moved this release.
#[must_use]
pub fn is_tried(version: &Version) -> bool {
    TRIED.contains(version)
}

/// Where a release puts agents that have no workspace of their own, where a default is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// `workspace-ID` in the state directory; `resolveAgentWorkspaceDir` of 2026.2.9.
    InState,
    /// A directory below the default workspace; the same of 2026.5.28 and 2026.9.6.
    BelowDefault,
    /// One of both: a release between those that were seen.
    Unknown,
}

/// Returns where a release puts agents that have no workspace of their own.
#[must_use]
pub fn placing(version: &Version) -> Placing {
    match version {
        version if *version <= Version::new(2026, 2, 9) => Placing::InState,
        version if *version >= FIRST_READY => Placing::BelowDefault,
        _ => Placing::Unknown,
    }
}

/// What a release tells of its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Health {
    /// Its port answers, and its accounts say that they run; 2026.2.9 sends its control page on every path.
    Port,
    /// `/healthz` and `/readyz` too, and when an account last heard from its channel; 2026.5.28.
    Endpoints,
    /// The stage that each account has come to, too; 2026.9.6.
    Stages,
}

/// Returns what a release tells of its health; one between those that were seen tells what the older of them does.
#[must_use]
pub fn health(version: &Version) -> Health {
    match version {
        version if *version >= Version::new(2026, 9, 6) => Health::Stages,
        version if *version >= Version::new(2026, 5, 28) => Health::Endpoints,
        _ => Health::Port,
    }
}

/// Returns whether the release can check a configuration without a gateway; in 2026.2.9 `config validate` opens a wizard.
#[must_use]
pub fn can_validate(version: &Version) -> bool {
    health(version) >= Health::Endpoints
}

/// Returns whether the gateway can be closed for new turns by [`suspend_argv`]. One that cannot is stopped when it is quiet:
/// after SIGTERM 2026.2.9 is gone within five seconds, and 2026.5.28 waits for turns only where it restarts
/// (`runGatewayLoop` of both).
#[must_use]
pub fn can_suspend(version: &Version) -> bool {
    *version >= FIRST_SUSPENDING
}

/// Returns whether a bind beyond loopback needs `gateway.controlUi.allowedOrigins` in this release.
#[must_use]
pub fn needs_allowed_origins(version: &Version) -> bool {
    *version >= FIRST_WITH_ORIGINS && *version < FIRST_SEEDING_ORIGINS
}

/// Returns the path that tells over HTTP whether the gateway is ready: `/readyz` says so in JSON; `/` answers at all.
#[must_use]
pub fn ready_path(version: &Version) -> &'static str {
    if *version >= FIRST_READY {
        "/readyz"
    } else {
        "/"
    }
}

/// A `package.json` of OpenClaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `openclaw`, or one of the names that it had before.
    pub name: String,
    /// Its version, as it stands there.
    pub version: String,
    /// The packages that it loads; the first thousand.
    pub dependencies: Vec<String>,
}

/// How many of a package's dependencies are looked for; 2026.9.6 has 76.
const DEPENDENCIES_LIMIT: usize = 1000;

/// Reads a `package.json`; `None` where it is not OpenClaw's.
#[must_use]
pub fn parse_package(text: &[u8]) -> Option<Package> {
    let package: Value = serde_json::from_slice(text).ok()?;
    let name = package.get("name")?.as_str()?;
    let version = package.get("version")?.as_str()?;
    let dependencies = package.get("dependencies").and_then(Value::as_object);
    let dependencies = dependencies.into_iter().flat_map(|them| them.keys());
    matches!(name, "openclaw" | "clawdbot" | "moltbot").then(|| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        dependencies: dependencies.take(DEPENDENCIES_LIMIT).cloned().collect(),
    })
}

/// Returns the command that serves in the foreground.
#[must_use]
pub fn gateway_argv(release: &Release) -> Vec<OsString> {
    argv(release, "dist/index.js", &["gateway", "run"])
}

/// Returns the command that checks the configuration without a gateway; it prints JSON for [`super::output`].
#[must_use]
pub fn validate_argv(release: &Release) -> Vec<OsString> {
    argv(release, "openclaw.mjs", &["config", "validate", "--json"])
}

/// Asks the running gateway for its accounts.
const CHANNELS: &str = include_str!("channels.mjs");

/// Returns the command that asks the running gateway for its accounts; it prints JSON for [`super::output`].
///
/// It is OpenClaw's own client where there is one: the command line takes twice the processor, and is asked while a
/// gateway that has just started answers what has waited for it.
#[must_use]
pub fn channels_status_argv(release: &Release, version: &Version) -> Vec<OsString> {
    if can_suspend(version) {
        let wish = json!({ "package": release.package.to_string_lossy() });
        return script_argv(&release.node, CHANNELS, &wish);
    }
    argv(release, "openclaw.mjs", &["channels", "status", "--json"])
}

/// How a gateway is closed for new turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspend {
    /// At an instant in which none runs.
    WhenIdle,
    /// At once. Running turns finish, but one that has not come to its model yet ends with an error.
    AtOnce,
}

/// Closes a gateway, and says each second in a line for [`super::output`] what runs.
const SUSPEND: &str = include_str!("suspend.mjs");

/// Returns the command that closes a gateway for new turns and waits for so long until none runs; it prints lines of JSON for
/// [`super::output`]. The gateway takes the suspension back by itself after two minutes. A suspended gateway goes on polling
/// and keeps what arrives for the next start; 2026.9.6.
///
/// It is OpenClaw's own client, started once: each start of the command line takes a second or more of a processor that the
/// gateway needs for its turns. `gateway suspend --wait` would not do: it looks for an idle instant each twenty seconds only,
/// which a busy gateway hardly has, and one that is stopped with turns waiting drains for five minutes; seen with 2026.9.6.
#[must_use]
pub fn suspend_argv(
    node: &Path,
    package: &Path,
    suspend: Suspend,
    patience: Duration,
) -> Vec<OsString> {
    let wish = json!({
        "package": package.to_string_lossy(),
        "at_once": suspend == Suspend::AtOnce,
        "patience_ms": patience.as_millis(),
    });
    script_argv(node, SUSPEND, &wish)
}

fn script_argv(node: &Path, script: &str, wish: &Value) -> Vec<OsString> {
    let wish = wish.to_string();
    vec![
        node.into(),
        "--input-type=module".into(),
        "-e".into(),
        script.into(),
        wish.into(),
    ]
}

fn argv(release: &Release, script: &str, arguments: &[&str]) -> Vec<OsString> {
    let program: [&Path; 2] = [&release.node, &release.package.join(script)];
    let program = program.into_iter().map(|path| path.as_os_str().to_owned());
    program.chain(arguments.iter().map(Into::into)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn versions_compare_by_the_calendar() {
        assert!(version("2026.9.6") < version("2026.10.1"));
        assert!(version("2026.1.24") < version("2026.1.24-3"));
        assert!(version("2026.2.9") < version("2026.2.26"));
        assert_eq!(version("2026.1.24-3").to_string(), "2026.1.24-3");
        for bad in [
            "",
            "2026",
            "2026.9",
            "2026.9.6.1",
            "v2026.9.6",
            "2026.9.6-beta.1",
            "2026..6",
            "+1.2.3",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_are_needed_since_the_end_of_february() {
        assert!(!needs_allowed_origins(&version("2026.2.25")));
        assert!(needs_allowed_origins(&version("2026.2.26")));
        assert!(is_tried(&version("2026.9.6")) && !is_tried(&version("2026.9.6-1")));
    }

    #[test]
    fn only_openclaws_package_is_taken() {
        let package = |name| format!(r#"{{"name":"{name}","version":"2026.9.6"}}"#).into_bytes();
        assert_eq!(
            parse_package(&package("clawdbot")).expect("ours").version,
            "2026.9.6"
        );
        assert_eq!(parse_package(&package("express")), None);
        assert_eq!(parse_package(b"{"), None);
    }

    #[test]
    fn the_gateway_runs_in_the_foreground() {
        let release = Release {
            version: "2026.9.6".into(),
            package: "/usr/lib/node_modules/openclaw".into(),
            node: "/usr/bin/node".into(),
            modules: None,
        };
        let expected = [
            "/usr/bin/node",
            "/usr/lib/node_modules/openclaw/dist/index.js",
            "gateway",
            "run",
        ];
        assert_eq!(gateway_argv(&release), expected);
    }
}
