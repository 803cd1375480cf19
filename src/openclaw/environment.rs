//! Which variables of the old process go into the container, and the file that hands them to `sh`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::host::GatewayTrace;

use super::known_secrets::{is_secret_name, long_enough};
use crate::secret::Secret;
use crate::units::{Bytes, MIB};

/// Names that belong to the old starter: OpenClaw's own service markers, the user manager's session, and what
/// systemd.exec(5), "Environment Variables Set or Propagated by the Service Manager", sets for a unit itself.
const LEFT_BEHIND: [&str; 34] = [
    "OPENCLAW_SYSTEMD_UNIT",
    "OPENCLAW_WINDOWS_TASK_NAME",
    "OPENCLAW_WINDOWS_TASK_HIDDEN_LAUNCHER",
    "XDG_RUNTIME_DIR",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "MANAGERPID",
    "MANAGERPIDFDID",
    "MAINPID",
    "MAINPIDFDID",
    "NOTIFY_SOCKET",
    "SYSTEMD_EXEC_PID",
    "SYSTEMD_NSS_BYPASS_BUS",
    "CREDENTIALS_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
    "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "SERVICE_RESULT",
    "EXIT_CODE",
    "EXIT_STATUS",
    "PIDFILE",
    "FDSTORE",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "MONITOR_SERVICE_RESULT",
    "MONITOR_EXIT_CODE",
    "MONITOR_EXIT_STATUS",
    "MONITOR_INVOCATION_ID",
    "MONITOR_UNIT",
    "LOG_NAMESPACE",
    "PWD",
    "_",
];
const LEFT_BEHIND_PREFIXES: [&str; 8] = [
    "OPENCLAW_SERVICE_",
    "DBUS_",
    "LISTEN_",
    "WATCHDOG_",
    "MEMORY_PRESSURE_",
    "TRIGGER_",
    "NODE_CHANNEL_",
    "XDG_SESSION_",
];

/// Where node looks for options beside its arguments; nodejs.org/api/cli.html, "Environment variables".
const NODE_OPTIONS: &str = "NODE_OPTIONS";

/// Returns the variable by which every node process of a container has at most this heap, in whole MiB; node's command line,
/// "Useful V8 options".
#[must_use]
pub fn heap_limit(heap: Bytes) -> String {
    format!("{NODE_OPTIONS}=--max-old-space-size={}", heap.0 / MIB)
}

/// Adds the node options of a container to those of its gateway. They come last: of an option that stands there twice node
/// takes the last one (seen with 20.20), so that the container's limit counts and every other option stays.
pub fn add_node_options(variables: &mut Vec<(OsString, OsString)>, container: &[String]) {
    let mut lines = container.iter().filter_map(|line| line.split_once('='));
    let Some((_, options)) = lines.find(|(name, _)| *name == NODE_OPTIONS) else {
        return;
    };
    let own = variables.iter_mut().find(|(name, _)| name == NODE_OPTIONS);
    match own {
        Some((_, value)) if !value.is_empty() => {
            value.push(" ");
            value.push(options);
        }
        Some((_, value)) => value.push(options),
        None => variables.push((NODE_OPTIONS.into(), options.into())),
    }
}

/// Returns whether a variable of the old process goes into the container.
#[must_use]
pub fn is_carried(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let is_prefixed = |prefix: &&str| name.starts_with(prefix.as_bytes());
    !LEFT_BEHIND.iter().any(|left| left.as_bytes() == name)
        && !LEFT_BEHIND_PREFIXES.iter().any(is_prefixed)
}

/// A file for the `.` of a POSIX shell.
#[derive(Clone, PartialEq, Eq)]
pub struct ShellFile {
    /// Its content: `export NAME='value'` lines. It holds secrets.
    pub text: Vec<u8>,
    /// The names that a shell cannot export.
    pub skipped: Vec<OsString>,
}

/// Returns the values of such a file whose names speak of secrets.
#[must_use]
pub fn known_secrets(file: &[u8]) -> Vec<Secret> {
    let text = String::from_utf8_lossy(file);
    let variables = text
        .lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    variables
        .filter(|(name, _)| is_secret_name(name))
        .filter_map(|(_, value)| long_enough(value.trim_matches('\'')))
        .collect()
}

/// Writes variables as a file for the `.` of a POSIX shell, every byte of the values kept.
///
/// Names that are no shell names, and the shell's own `IFS`, `PPID`, `OPTIND` and `PS4`, are skipped and returned.
#[must_use]
pub fn to_shell(variables: &[(OsString, OsString)]) -> ShellFile {
    let (exported, skipped): (Vec<_>, Vec<_>) = variables
        .iter()
        .partition(|(name, value)| is_exportable(name) && !value.as_bytes().contains(&0));
    ShellFile {
        text: exported
            .iter()
            .flat_map(|(name, value)| line(name, value))
            .collect(),
        skipped: skipped.into_iter().map(|(name, _)| name.clone()).collect(),
    }
}

fn line(name: &OsStr, value: &OsStr) -> Vec<u8> {
    [b"export ", name.as_bytes(), b"=", &quote(value), b"\n"].concat()
}

/// Returns a text as one word of a POSIX shell, every byte kept.
#[must_use]
pub fn quote(text: &OsStr) -> Vec<u8> {
    let mut word = vec![b'\''];
    for byte in text.as_bytes() {
        match byte {
            b'\'' => word.extend(b"'\\''"),
            other => word.push(*other),
        }
    }
    word.push(b'\'');
    word
}

/// Sets what names a gateway where nothing does: `--profile` and `--port` set no variable in its own environment, and its
/// arguments are lost; seen with 2026.2.9, 2026.5.28 and 2026.9.6.
pub fn name_gateway(variables: &mut Vec<(OsString, OsString)>, home: &Path, trace: &GatewayTrace) {
    let is_set = |wanted: &str| variables.iter().any(|(name, _)| name == wanted);
    let GatewayTrace {
        state_directory,
        config,
        uid: _,
        port,
    } = trace;
    let port = port.to_string();
    let is_usual = *state_directory == home.join(".openclaw");
    let is_beside = *config == state_directory.join("openclaw.json");
    let named = [
        ("OPENCLAW_STATE_DIR", state_directory.as_os_str(), is_usual),
        ("OPENCLAW_CONFIG_PATH", config.as_os_str(), is_beside),
        ("OPENCLAW_GATEWAY_PORT", OsStr::new(&port), false),
    ];
    let missing = named
        .into_iter()
        .filter(|(name, _, is_known)| !is_known && !is_set(name));
    let missing: Vec<_> = missing
        .map(|(name, value, _)| (name.into(), value.to_owned()))
        .collect();
    variables.extend(missing);
}

fn is_exportable(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let starts_well = bytes
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let is_word = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let is_shells_own = matches!(bytes, b"IFS" | b"PPID" | b"OPTIND" | b"PS4");
    starts_well && is_word && !is_shells_own
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt;

    /// Runs the real shell over the file and returns the value that a program started by it sees.
    #[expect(clippy::disallowed_methods, reason = "the test asks the real sh")]
    fn seen_by_sh(file: &[u8], name: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut source = tempfile::NamedTempFile::new().expect("a temporary file");
        source.write_all(file).expect("written");
        let output = std::process::Command::new("/bin/sh")
            .args(["-euc", ". \"$1\"; exec printenv -0 \"$2\"", "sh"])
            .arg(source.path())
            .arg(name)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("sh runs");
        assert!(output.status.success(), "{output:?}");
        output
            .stdout
            .strip_suffix(b"\0")
            .expect("one value")
            .to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_value_reaches_a_program_byte_for_byte(value in prop::collection::vec(1_u8..=255, 0..60)) {
            let file = to_shell(&[("NAME".into(), OsString::from_vec(value.clone()))]);
            prop_assert_eq!(seen_by_sh(&file.text, "NAME"), value);
        }
    }

    #[test]
    fn quotes_and_newlines_survive_the_shell() {
        let value = "a'b\"$(id)`id`\\\n'' $HOME !\n";
        let file = to_shell(&[("A".into(), value.into()), ("B".into(), "".into())]);
        assert_eq!(seen_by_sh(&file.text, "A"), value.as_bytes());
        assert_eq!(seen_by_sh(&file.text, "B"), b"");
    }

    #[test]
    fn a_gateway_of_a_profile_is_named_and_one_that_is_named_stays() {
        let trace = GatewayTrace {
            state_directory: "/home/joe/.openclaw-work".into(),
            config: "/home/joe/.openclaw-work/openclaw.json".into(),
            uid: 7,
            port: 21000,
        };
        let mut variables = vec![("OPENCLAW_GATEWAY_PORT".into(), "1".into())];
        name_gateway(&mut variables, Path::new("/home/joe"), &trace);
        let expected = [
            ("OPENCLAW_GATEWAY_PORT".into(), "1".into()),
            (
                "OPENCLAW_STATE_DIR".into(),
                "/home/joe/.openclaw-work".into(),
            ),
        ];
        assert_eq!(variables, expected);
    }

    #[test]
    fn the_heap_of_a_container_comes_behind_the_options_that_its_gateway_has() {
        let limit = ["A=b".to_owned(), heap_limit(Bytes(768 * MIB + 1))];
        let added = |value: Option<&str>, container: &[String]| {
            let value = value.map(|value| ("NODE_OPTIONS".into(), value.into()));
            let mut variables: Vec<_> = value.into_iter().collect();
            add_node_options(&mut variables, container);
            variables
                .pop()
                .map(|(_, value): (OsString, OsString)| value)
        };
        let heap = "--max-old-space-size=768";
        assert_eq!(added(None, &limit), Some(heap.into()));
        assert_eq!(added(Some(""), &limit), Some(heap.into()));
        let own = "--use-openssl-ca --max-old-space-size=4096";
        assert_eq!(
            added(Some(own), &limit),
            Some(format!("{own} {heap}").into())
        );
        assert_eq!(added(Some(own), &[]), Some(own.into()));
        assert_eq!(added(None, &[]), None);
    }

    #[test]
    fn names_that_sh_cannot_export_are_returned() {
        let names = ["a-b", "1A", "", "A B", "npm.x", "IFS", "A;id"];
        let variables: Vec<_> = names.iter().map(|name| (name.into(), "1".into())).collect();
        let file = to_shell(&variables);
        assert!(file.text.is_empty());
        assert_eq!(file.skipped.len(), names.len());
    }

    #[test]
    fn the_starters_variables_stay_behind() {
        let left = [
            "OPENCLAW_SERVICE_KIND",
            "INVOCATION_ID",
            "LISTEN_FDS",
            "DBUS_SESSION_BUS_ADDRESS",
        ];
        assert!(left.iter().all(|name| !is_carried(OsStr::new(name))));
        let carried = [
            "HOME",
            "PATH",
            "TELEGRAM_BOT_TOKEN",
            "OPENCLAW_GATEWAY_PORT",
            "TMPDIR",
            "LANG",
        ];
        assert!(carried.iter().all(|name| is_carried(OsStr::new(name))));
    }
}
