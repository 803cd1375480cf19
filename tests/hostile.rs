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

/// A word that stands only where secrets stand, and that names no variable: `$NAME` refers to one, and its name is told.
const SECRET: &str = "Sekret7";

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

/// What is said of one file, or of a directory with it, by name.
fn said_of(name: &str, make: impl FnOnce(&Path)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    make(&path);
    let begun = std::time::Instant::now();
    let subject = if path.parent() == Some(directory.path()) {
        path.clone()
    } else {
        path.parent().unwrap().to_path_buf()
    };
    let inspection = scan::inspect(&Reader::new(), &subject, &Hasher::for_machine("m"));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    report::inspect_text(&[inspection])
}

fn written(name: &str, text: &str) -> String {
    said_of(name, |path| std::fs::write(path, text).unwrap())
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_and_said() {
    let sparse = said_of("openclaw.json", |path| {
        std::fs::File::create(path)
            .unwrap()
            .set_len(100 << 20)
            .unwrap();
    });
    assert!(
        sparse.contains("OM-C001") && sparse.contains("larger than 2097152 bytes"),
        "{sparse}"
    );
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        let text = format!("{}{}", open.repeat(100_000), close.repeat(100_000));
        let deep = written("openclaw.json", &text);
        assert!(deep.contains("nested deeper than 200 levels"), "{deep}");
    }
    let dump = format!(
        "[{{\"name\": {}1{}}}]",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(written("dump.pm2", &dump).contains("it is no dump that can be read"));
}

#[test]
fn what_is_no_file_or_leads_in_a_circle_is_refused_and_said() {
    for name in [
        "openclaw.json",
        "state/openclaw.json",
        "x.service",
        "state/.env",
    ] {
        let said = said_of(name, |path| {
            rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap();
        });
        assert!(said.contains("not a regular file"), "{name}: {said}");
        let said = said_of(name, |path| {
            std::os::unix::fs::symlink(path.file_name().unwrap(), path).unwrap();
        });
        assert!(said.contains("symbolic links"), "{name}: {said}");
    }
    let device = said_of("openclaw.json", |path| {
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    });
    assert!(device.contains("not a regular file"), "{device}");
}

#[test]
fn what_is_cut_is_said() {
    let many =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let state = |env: &str| {
        said_of("state/.env", |path| {
            std::fs::write(path, env).unwrap();
            let config = "{channels: {telegram: {botToken: '${T}'}}}";
            std::fs::write(path.with_file_name("openclaw.json"), config).unwrap();
        })
    };
    let large = state(&format!("T={SECRET}\n{}", "# a comment\n".repeat(30_000)));
    assert!(large.contains(".env`: larger than 262144 bytes"), "{large}");
    let long = state(&many(2_000, &|n| format!("A{n}_TOKEN={SECRET}{n}\n")));
    assert!(
        long.contains(".env`: variables after the first 1000"),
        "{long}"
    );
    assert!(
        long.contains("secrets in variables: more than the first 500"),
        "{long}"
    );
    assert!(!long.contains(SECRET) && !large.contains(SECRET));
    let table = many(1_500, &|n| {
        format!("A{n}=1\n@reboot openclaw --profile a{n} gateway\n")
    });
    let table = written("root", &table);
    assert!(table.contains("`: lines after the first 1000"), "{table}");
    let urls = many(600, &|n| format!("'http://[::1]:{}',", 20_000 + n));
    let urls = written("openclaw.json", &format!("{{a: [{urls}]}}"));
    assert!(
        urls.contains("addresses of loopback: more than the first 500"),
        "{urls}"
    );
    let apps = many(1_200, &|n| {
        format!(
            "{{\"name\": \"a{n}\", \"pm_exec_path\": \"/usr/bin/openclaw\", \"args\": [\"gateway\"]}},"
        )
    });
    let dump = written("dump.pm2", &format!("[{}]", apps.trim_end_matches(',')));
    assert!(dump.contains("applications after the first 1000"), "{dump}");
}
