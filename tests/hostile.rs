//! Whatever stands in a configuration, a `.env` or a unit: no panic, no hang, and no secret in any message.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files and fails by panicking"
)]

use std::path::Path;

use ocmigrate::host::Reader;
use ocmigrate::report;
use ocmigrate::scan;
use ocmigrate::secret::Hasher;
use proptest::prelude::*;

/// A word that stands only where secrets stand.
const SECRET: &str = "SEKRET7";

/// Everything that is said of files: as text, as JSON, and by `Debug`.
fn said(files: &[(&str, &[u8])]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let inspected = |path: &Path| scan::inspect(&Reader::new(), path, &Hasher::for_machine("m"));
    let mut all = vec![inspected(directory.path())];
    all.extend(
        files
            .iter()
            .map(|(name, _)| inspected(&directory.path().join(name))),
    );
    let json = serde_json::to_string(&all).unwrap();
    format!("{}{json}{all:?}", report::inspect_text(&all))
}

/// Values with the secret in every form that stands for one.
fn secret_value() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        format!("'{SECRET}'"),
        format!("\"72:{SECRET}\""),
        format!("'${{{SECRET}'"),
        format!("'$${{A}}{SECRET}'"),
        format!("'${{A}}{SECRET}'"),
        format!("['{SECRET}']"),
        format!("{{source: 'env', id: 'A', x: '{SECRET}'}}"),
        "{source: 'file', id: '/a', provider: 'p'}".to_owned(),
        "'${A}'".to_owned(),
        "'${NONE}'".to_owned(),
        format!("'{SECRET}\\u00'"),
    ])
}

/// A configuration with secrets in its usual places, and in some odd ones.
fn config() -> impl Strategy<Value = String> {
    (secret_value(), secret_value(), secret_value(), secret_value()).prop_map(|(a, b, c, d)| {
        format!(
            "{{ // {SECRET}\n env: {{vars: {{A: '{SECRET}'}}}},\n gateway: {{bind: 'lan', auth: {{token: {a}}}}},\n \
             secrets: {{providers: {{p: {{source: 'file', path: './.env'}}}}}},\n \
             agents: {{list: [{{id: 'a'}}, {{id: 'b'}}]}}, models: {{providers: {{x: {{apiKey: {b}, \
             baseUrl: 'http://u:{SECRET}@127.0.0.1:5/v1'}}}}}},\n channels: {{telegram: {{botToken: {c}, accounts: \
             {{a: {{botToken: {d}, dmPolicy: 'open'}}}}}}, slack: {{appToken: {a}, relay: {{authToken: {d}}}}}}},\n \
             bindings: [{{agentId: 'c', match: {{channel: 'telegram'}}}}], }}"
        )
    })
}

/// A text with a byte changed, or cut off.
fn damaged(text: String) -> impl Strategy<Value = Vec<u8>> {
    let length = text.len();
    (0..length, any::<u8>(), any::<bool>()).prop_map(move |(at, byte, is_cut)| {
        let mut bytes = text.clone().into_bytes();
        if is_cut {
            bytes.truncate(at);
        } else if let Some(there) = bytes.get_mut(at) {
            *there = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), env in prop::collection::vec(any::<u8>(), 0..100)) {
        said(&[("openclaw.json", &bytes), (".env", &env), ("x.service", &bytes)]);
    }

    #[test]
    fn any_text_of_a_configurations_pieces_is_survived(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ":", ",", "'", "\"", "$include", "channels", "telegram", "accounts", "botToken", "${A}", "agents",
        "list", "entries", "id", "bindings", "match", "source", "env", "vars", "1", "null", "//", "\n", "\\", "'x.json'",
    ]), 0..60)) {
        let text = pieces.concat();
        said(&[("openclaw.json", text.as_bytes()), ("x.json", text.as_bytes())]);
    }

    #[test]
    fn no_secret_of_a_configuration_is_said(text in config()) {
        let said = said(&[("openclaw.json", text.as_bytes()), (".env", format!("A={SECRET}\n").as_bytes())]);
        prop_assert!(!said.contains(SECRET), "{text}\n{said}");
    }

    #[test]
    fn no_secret_of_a_damaged_configuration_is_said(bytes in config().prop_flat_map(damaged)) {
        let said = said(&[("openclaw.json", &bytes)]);
        prop_assert!(!said.contains(SECRET), "{}\n{said}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_secret_of_a_damaged_unit_is_said(bytes in damaged(format!(
        "[Service]\nExecStart=/usr/bin/openclaw gateway --token {SECRET} --port 7\nEnvironment=\"OPENCLAW_GATEWAY_TOKEN={SECRET}\" B=1\n\
         EnvironmentFile=-/nowhere\nUser=joe\n"
    ))) {
        let said = said(&[("x.service", &bytes)]);
        prop_assert!(!said.contains(SECRET), "{}\n{said}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_secret_of_a_damaged_included_file_is_said(bytes in config().prop_flat_map(damaged)) {
        let said = said(&[("openclaw.json", b"{$include: ['x.json', 'y.json']}"), ("x.json", &bytes)]);
        prop_assert!(!said.contains(SECRET), "{}\n{said}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_file_full_of_accounts_bindings_and_agents_ends() {
    let many =
        |entry: &dyn Fn(usize) -> String| (0..20_000).map(entry).collect::<Vec<_>>().join(",");
    let text = format!(
        "{{env: {{vars: {{{}}}}}, channels: {{telegram: {{accounts: {{{}}}}}}}, bindings: [{}], agents: {{list: [{}]}}}}",
        many(&|n| format!("V{n}: 'v{n}'")),
        many(&|n| format!("a{n}: {{botToken: '{n}:x'}}")),
        many(&|n| format!("{{agentId: 'g{n}', match: {{channel: 'telegram', accountId: '*'}}}}")),
        many(&|n| format!("{{id: 'g{n}'}}")),
    );
    let begun = std::time::Instant::now();
    said(&[("openclaw.json", text.as_bytes())]);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
