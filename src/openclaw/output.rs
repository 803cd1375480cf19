//! What OpenClaw's own commands print: the check of a configuration, and the state of the channels.

use serde_json::Value;
use std::fmt;

use super::release::Health;

/// What `config validate --json` said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validation {
    /// Whether the configuration is valid.
    pub valid: bool,
    /// The keys that are wrong. OpenClaw's own messages may quote values and are left out.
    pub keys: Vec<String>,
    /// The warnings about plugins and channels: it starts without those that it does not find.
    pub missing: Vec<Warning>,
}

/// A warning of OpenClaw's, which can be compared with another. Its words may quote values and are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Warning {
    key: String,
    words: String,
}

impl Warning {
    /// Returns the key that it is about, safe to print.
    #[must_use]
    pub fn key(&self) -> String {
        crate::display::text(&self.key)
    }

    fn of(said: &Value) -> Option<Self> {
        let text = |key: &str| Some(said.get(key)?.as_str()?.to_owned());
        let (key, words) = (text("path")?, text("message")?);
        let is_about_parts = key.starts_with("plugins") || key.starts_with("channels");
        is_about_parts.then_some(Self { key, words })
    }
}

impl fmt::Debug for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a warning about {}", self.key())
    }
}

/// Reads what `config validate --json` printed; `None` where it printed no verdict.
#[must_use]
pub fn parse_validation(stdout: &[u8]) -> Option<Validation> {
    let said = find_json(stdout, "valid")?;
    let issues = said.get("issues").and_then(Value::as_array);
    let keys = issues
        .into_iter()
        .flatten()
        .filter_map(|issue| issue.get("path")?.as_str());
    let warnings = said.get("warnings").and_then(Value::as_array);
    let warnings = warnings.into_iter().flatten();
    Some(Validation {
        valid: said.get("valid")?.as_bool()?,
        keys: keys.map(crate::display::text).collect(),
        missing: warnings.filter_map(Warning::of).collect(),
    })
}

/// What a running gateway says of one channel account.
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags of OpenClaw's own answer"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatus {
    /// The channel.
    pub channel: String,
    /// The account.
    pub account: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it was started; true also while it cannot connect.
    pub running: bool,
    /// Whether it is connected.
    pub connected: bool,
    /// `ready` once it serves.
    pub lifecycle: Option<String>,
    /// When it was started, in milliseconds since 1970.
    pub last_start_ms: Option<i64>,
    /// When it last heard from the channel; moves at the end of every poll.
    pub last_transport_ms: Option<i64>,
    /// Whether it has an error. The text may quote a token and is left out.
    pub has_error: bool,
}

impl AccountStatus {
    /// Returns whether the account has polled since it was started, as far as its release tells.
    #[must_use]
    pub fn is_polling(&self, health: Health) -> bool {
        let has_heard = match (self.last_transport_ms, self.last_start_ms) {
            (Some(heard), Some(started)) => heard > started,
            _ => false,
        };
        let is_ready = self.lifecycle.as_deref() == Some("ready");
        let runs = self.running && !self.has_error && self.last_start_ms.is_some();
        match health {
            Health::Port => runs,
            Health::Endpoints => runs && self.connected && has_heard,
            Health::Stages => runs && self.connected && has_heard && is_ready,
        }
    }
}

/// Reads what `channels status --json` printed; `None` where no running gateway answered.
#[must_use]
pub fn parse_channels_status(stdout: &[u8]) -> Option<Vec<AccountStatus>> {
    let said = find_json(stdout, "channelAccounts")?;
    let channels = said.get("channelAccounts")?.as_object()?;
    let accounts = channels.iter().flat_map(|(channel, accounts)| {
        let accounts = accounts.as_array().into_iter().flatten();
        accounts.filter_map(|account| status(channel, account))
    });
    Some(accounts.collect())
}

fn status(channel: &str, said: &Value) -> Option<AccountStatus> {
    let is = |key: &str| said.get(key) == Some(&Value::Bool(true));
    let time = |key: &str| said.get(key).and_then(Value::as_i64);
    Some(AccountStatus {
        channel: channel.to_owned(),
        account: said.get("accountId")?.as_str()?.to_owned(),
        enabled: is("enabled"),
        running: is("running"),
        connected: is("connected"),
        lifecycle: said
            .get("lifecycle")
            .and_then(Value::as_str)
            .map(str::to_owned),
        last_start_ms: time("lastStartAt"),
        last_transport_ms: time("lastTransportActivityAt"),
        has_error: said.get("lastError").is_some_and(|error| !error.is_null()),
    })
}

/// Words of a log that call for an end, and what they mean. A second poller is told as `getUpdates conflict: … (409:
/// Conflict…)` by 2026.2.9 and 2026.9.6 alike; the rest is node's.
const ALARMS: [(&str, &str); 4] = [
    (
        "getUpdates conflict",
        "another process polls one of its bots (409 in its log)",
    ),
    (
        "409: Conflict",
        "another process polls one of its bots (409 in its log)",
    ),
    ("JavaScript heap out of memory", "it ran out of memory"),
    ("safe mode", "it runs in safe mode, in which bots are deaf"),
];

/// Finds what in a gateway's log says that it cannot go on like this.
#[must_use]
pub fn find_alarm(log: &str) -> Option<&'static str> {
    let found = ALARMS.iter().find(|(words, _)| log.contains(words));
    found.map(|(_, meaning)| *meaning)
}

/// What comes of it that a gateway is closed for new turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspension {
    /// Nothing is under way any more.
    Ready,
    /// Turns are.
    Busy {
        /// How many.
        turns: u64,
    },
    /// It wants to be asked again later, because it was asked too often or is held by somebody else.
    Later,
}

/// Reads a line that the command of [`super::release::suspend_argv`] printed; `None` where it is none.
#[must_use]
pub fn parse_suspension(line: &[u8]) -> Option<Suspension> {
    let said: Value = serde_json::from_slice(line).ok()?;
    match said.get("status")?.as_str()? {
        "ready" => Some(Suspension::Ready),
        "later" => Some(Suspension::Later),
        "busy" => Some(Suspension::Busy {
            turns: said.get("turns")?.as_u64()?,
        }),
        _ => None,
    }
}

/// Finds the first JSON object with a key among lines of a log: each line that starts with a brace is tried.
fn find_json(stdout: &[u8], key: &str) -> Option<Value> {
    let mut line_start = 0;
    for line in stdout.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_start().starts_with(b"{") {
            let rest = stdout.get(line_start..)?;
            let first = serde_json::Deserializer::from_slice(rest)
                .into_iter::<Value>()
                .next();
            if let Some(value) = first
                .and_then(Result::ok)
                .filter(|value| value.get(key).is_some())
            {
                return Some(value);
            }
        }
        line_start += line.len();
    }
    None
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;

    const READY: &str = r#"{"accountId":"default","enabled":true,"running":true,"connected":true,"lifecycle":"ready",
        "lastStartAt":10,"lastTransportActivityAt":20,"lastError":null}"#;
    const STARTING: &str = r#"{"accountId":"work","enabled":true,"running":true,"connected":false,
        "lifecycle":"starting","lastStartAt":10,"lastTransportActivityAt":null,"lastError":null}"#;

    #[test]
    fn an_account_polls_once_it_has_heard_from_the_channel() {
        let said = format!(
            "[log] {{x}}\n{{not json\n{{\n \"channelAccounts\":{{\"telegram\":[{READY},{STARTING}]}}}}\n"
        );
        let accounts = parse_channels_status(said.as_bytes()).expect("an answer");
        let polling: Vec<_> = accounts
            .iter()
            .map(|one| (one.account.as_str(), one.is_polling(Health::Stages)))
            .collect();
        assert_eq!(polling, [("default", true), ("work", false)]);
    }

    #[test]
    fn an_older_release_is_believed_what_it_can_tell() {
        let v5 = READY.replace("\"lifecycle\":\"ready\",", "");
        let v2 = r#"{"accountId":"default","enabled":true,"running":true,"lastStartAt":10,"lastError":null}"#;
        let told = |account: &str, health| {
            let said = format!("{{\"channelAccounts\":{{\"telegram\":[{account}]}}}}");
            parse_channels_status(said.as_bytes()).expect("an answer")[0].is_polling(health)
        };
        assert!(told(&v5, Health::Endpoints) && !told(&v5, Health::Stages));
        assert!(told(v2, Health::Port) && !told(v2, Health::Endpoints));
        let broken = v2.replace("null", "\"401\"");
        assert!(!told(&broken, Health::Port));
    }

    #[test]
    fn a_sign_from_before_the_start_is_no_poll() {
        let old = READY.replace(
            "\"lastTransportActivityAt\":20",
            "\"lastTransportActivityAt\":5",
        );
        let said = format!("{{\"channelAccounts\":{{\"telegram\":[{old}]}}}}");
        assert!(
            !parse_channels_status(said.as_bytes()).expect("an answer")[0]
                .is_polling(Health::Stages)
        );
    }

    #[test]
    fn an_answer_from_the_file_only_is_no_answer() {
        let said =
            br#"{"gatewayReachable":false,"configOnly":true,"configuredChannels":["telegram"]}"#;
        assert_eq!(parse_channels_status(said), None);
    }

    #[test]
    fn a_gateway_is_busy_suspended_or_wants_to_be_asked_later() {
        let said = |text: &str| parse_suspension(text.as_bytes());
        let busy = said(r#"{"status":"busy","turns":2}"#);
        assert_eq!(busy, Some(Suspension::Busy { turns: 2 }));
        assert_eq!(said(r#"{"status":"ready"}"#), Some(Suspension::Ready));
        assert_eq!(said(r#"{"status":"later"}"#), Some(Suspension::Later));
        assert_eq!(said("Node.js v26.10.0"), None);
    }

    #[test]
    fn a_warning_about_a_part_that_is_missing_names_its_key_and_no_more() {
        let said = br#"{"valid":true,"warnings":[
            {"path":"plugins.load.paths","message":"Configured plugin load path is unavailable: /srv/SEKRET"},
            {"path":"gateway.auth","message":"weak"}]}"#;
        let missing = parse_validation(said).expect("a verdict").missing;
        let keys: Vec<_> = missing.iter().map(Warning::key).collect();
        assert_eq!(keys, ["plugins.load.paths"]);
        assert!(!format!("{missing:?}").contains("SEKRET"));
    }

    #[test]
    fn a_verdict_names_keys_and_no_values() {
        let said = br#"{"ok":false,"valid":false,"issues":[{"path":"gateway.mode","message":"got SEKRET"}]}"#;
        let verdict = parse_validation(said).expect("a verdict");
        assert_eq!(
            verdict,
            Validation {
                valid: false,
                keys: vec!["gateway.mode".into()],
                missing: Vec::new(),
            }
        );
        assert!(
            parse_validation(b"{\"valid\":true,\"warnings\":[]}")
                .expect("a verdict")
                .valid
        );
        assert_eq!(parse_validation(b"Config valid"), None);
    }
}
