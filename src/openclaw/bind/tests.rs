//! The rewrite and its way back: written cases, and properties over generated documents.

use proptest::prelude::*;

use super::*;

fn hasher() -> Hasher {
    Hasher::for_machine("test")
}

fn rewrite(text: &str, version: &str) -> Result<Rewritten, RewriteError> {
    for_container(
        text.as_bytes(),
        None,
        5,
        &version.parse().expect("a version"),
        &hasher(),
    )
}

fn rewritten(text: &str) -> String {
    let rewritten = rewrite(text, "2026.5.28").expect("can be rewritten");
    String::from_utf8(rewritten.text).expect("text")
}

fn refusal(text: &str) -> String {
    rewrite(text, "2026.5.28")
        .err()
        .expect("refused")
        .to_string()
}

const ADDED: &str = r#"controlUi: {allowedOrigins: ["http://localhost:5","http://127.0.0.1:5"]}"#;

#[test]
fn bind_is_set_and_origins_are_added() {
    let before =
        "\u{feff}// mine\r\n{\r\n\tgateway: {\r\n\t\tbind: 'loopback', // why\r\n\t},\r\n}";
    let after = format!(
        "\u{feff}// mine\r\n{{\r\n\tgateway: {{\r\n\t\tbind: \"lan\", // why\r\n\t\t{ADDED},\r\n\t}},\r\n}}"
    );
    assert_eq!(rewritten(before), after);
    assert_eq!(
        rewritten("{}"),
        "{\"gateway\": {\"bind\": \"lan\", \"controlUi\": {\"allowedOrigins\": [\"http://localhost:5\",\"http://127.0.0.1:5\"]}}}"
    );
}

#[test]
fn releases_before_the_end_of_february_get_no_origins() {
    let old = rewrite("{a: 1}", "2026.2.9").expect("can be rewritten");
    assert_eq!(old.text, b"{a: 1, gateway: {bind: \"lan\"}}");
}

#[test]
fn a_gateway_on_lan_is_left_as_it_is() {
    let text = "{gateway: {bind: 'lan'}}";
    assert!(
        rewrite(text, "2026.5.28")
            .expect("nothing to do")
            .rewrite
            .is_empty()
    );
    assert_eq!(rewritten(text), text);
}

#[test]
fn hard_forms_are_refused_with_their_line() {
    let cases = [
        (
            "{gateway: {},\n gateway: {}}",
            "line 2: `gateway` stands there a second time",
        ),
        (
            "{gateway: {bind: 'auto',\n bind: 'lan'}}",
            "line 2: `bind` stands there a second time",
        ),
        ("{\n gateway: []}", "line 2: `gateway` is no object"),
        (
            "{gateway: {\n bind: 'custom'}}",
            "line 2: `gateway.bind` ties the gateway to an address of this host",
        ),
        (
            "{gateway: {\n bind: 'SEKRET'}}",
            "line 2: `gateway.bind` is no mode that OpenClaw knows",
        ),
        (
            "{gateway: {tailscale: {mode: 'serve'}}}",
            "line 1: `gateway.tailscale.mode` ties the gateway to an address of this host",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(refusal(text), said);
    }
}

#[test]
fn a_key_beside_an_include_overrules_what_is_included() {
    let written = |text: &str, bind: Option<&str>| {
        let version = "2026.9.6".parse().expect("a version");
        let rewritten = for_container(text.as_bytes(), bind, 5, &version, &hasher());
        let Rewritten { text, rewrite } = rewritten.expect("can be rewritten");
        let back = rewrite.undo(&text, &hasher()).expect("undone").text;
        (String::from_utf8(text).expect("text"), back)
    };
    for (before, after) in [
        (
            "{gateway: {$include: './g'}} // c",
            "{gateway: {$include: './g', bind: \"lan\"}} // c",
        ),
        (
            "{$include: ['./a']}",
            "{$include: ['./a'], gateway: {bind: \"lan\"}}",
        ),
    ] {
        let (text, back) = written(before, Some("loopback"));
        assert_eq!((text.as_str(), back.as_slice()), (after, before.as_bytes()));
        assert_eq!(written(before, Some("lan")).0, before);
    }
}

#[test]
fn after_openclaw_wrote_the_file_anew_only_our_values_go_back() {
    let ours = rewrite(
        "{gateway: {bind: 'loopback', port: 5}, // c\n a: 1}",
        "2026.5.28",
    )
    .expect("rewritten");
    let mut value = Document::parse(&ours.text).expect("parses").value();
    value["meta"] = json!({"lastTouchedVersion": "2026.5.28"});
    let now = serde_json::to_vec_pretty(&value).expect("json");
    let undone = ours.rewrite.undo(&now, &hasher()).expect("undone");
    let expected =
        json!({"gateway": {"bind": "loopback", "port": 5}, "a": 1, "meta": value["meta"]});
    assert_eq!(
        Document::parse(&undone.text).expect("parses").value(),
        expected
    );
    assert!(undone.left.is_empty());
    assert_eq!(
        ours.rewrite
            .undo(&undone.text, &hasher())
            .expect("again")
            .text,
        undone.text
    );
}

#[test]
fn what_somebody_else_changed_is_left_and_named() {
    let ours = rewrite("{gateway: {bind: 'loopback'}}", "2026.5.28").expect("rewritten");
    let now = String::from_utf8(ours.text)
        .expect("text")
        .replace("\"lan\"", "\"auto\"");
    let undone = ours
        .rewrite
        .undo(now.as_bytes(), &hasher())
        .expect("undone");
    assert_eq!(undone.text, b"{gateway: {bind: \"auto\"}}");
    assert_eq!(
        undone.left,
        ["`gateway.bind` was changed since and is left as it is"]
    );
}

#[test]
fn keys_that_others_put_beside_ours_stay() {
    let ours = rewrite("{a: 1}", "2026.5.28").expect("rewritten");
    let now = String::from_utf8(ours.text)
        .expect("text")
        .replace("bind:", "mode: 'local', bind:");
    let undone = ours
        .rewrite
        .undo(now.as_bytes(), &hasher())
        .expect("undone");
    let value = Document::parse(&undone.text).expect("parses").value();
    assert_eq!(value, json!({"a": 1, "gateway": {"mode": "local"}}));
}

#[test]
fn a_rewrite_in_a_journal_holds_no_secret_and_can_be_made_again() {
    let text = "{channels: {telegram: {botToken: '1:SEKRET'}}, gateway: {auth: {token: 'SEKRET'}}}";
    let ours = rewrite(text, "2026.5.28").expect("rewritten");
    let journal = serde_json::to_string(&ours.rewrite).expect("json");
    assert!(!journal.contains("SEKRET"));
    let read: Rewrite = serde_json::from_str(&journal).expect("reads back");
    assert_eq!(
        read.redo(text.as_bytes(), &hasher()).as_ref(),
        Some(&ours.text)
    );
    assert_eq!(read.redo(&ours.text, &hasher()), Some(ours.text));
    assert_eq!(read.redo(b"{}", &hasher()), None);
}

/// Spaces, line ends and comments as people leave them between the tokens.
fn gap() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "",
        "",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\n\t",
        "\n  ",
        "\r\n    ",
        " // a, b: {}\n",
        " /* c, } */",
        " /* d */ \n  ",
        "\n// e  \n\n",
    ])
    .prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "1",
        "-0.5",
        "true",
        "null",
        "'x'",
        "\"y // {\"",
        "[]",
        "[1, 2,]",
        "{}",
        "0x1F",
        "\"ż\\n\"",
    ])
    .prop_map(str::to_owned)
}

/// An object of these properties with generated gaps, with or without a comma at the end.
fn object(properties: Vec<(&'static str, BoxedStrategy<String>)>) -> BoxedStrategy<String> {
    let count = properties.len();
    let parts: Vec<_> = properties
        .into_iter()
        .map(|(key, value)| {
            (
                any::<bool>(),
                any::<bool>(),
                gap(),
                gap(),
                gap(),
                gap(),
                value,
            )
                .prop_map(move |part| (key, part))
        })
        .collect();
    (parts, any::<bool>(), gap(), gap())
        .prop_map(move |(parts, ends_with_comma, start, end)| {
            let last = count.saturating_sub(1);
            let mut text = format!("{{{start}");
            for (index, (key, (stands, quoted, a, b, c, d, value))) in parts.into_iter().enumerate()
            {
                let key = if quoted {
                    format!("\"{key}\"")
                } else {
                    key.to_owned()
                };
                let comma = if index < last || ends_with_comma {
                    ","
                } else {
                    ""
                };
                if stands || index == last {
                    text.extend([a, key, b, ":".to_owned(), c, value, d, comma.to_owned()]);
                }
            }
            format!("{text}{end}}}")
        })
        .boxed()
}

fn document() -> impl Strategy<Value = String> {
    let bind = prop::sample::select(vec!["'loopback'", "\"auto\"", "'0.0.0.0'", "\"lan\""])
        .prop_map(str::to_owned);
    let control = prop_oneof![
        Just("{}".to_owned()),
        object(vec![("enabled", leaf().boxed()), ("root", leaf().boxed())])
    ];
    let full = object(vec![
        ("port", leaf().boxed()),
        ("bind", bind.boxed()),
        ("controlUi", control.boxed()),
        ("zone", leaf().boxed()),
    ]);
    let gateway = prop_oneof![Just("{}".to_owned()), Just("{ }".to_owned()), full];
    let root = object(vec![
        ("agents", leaf().boxed()),
        ("gateway", gateway.boxed()),
        ("other", leaf().boxed()),
    ]);
    let mark = prop::sample::select(vec!["", "\u{feff}"]);
    (mark, gap(), root, gap())
        .prop_map(|(mark, before, root, after)| format!("{mark}{before}{root}{after}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn undoing_gives_every_byte_back(text in document()) {
        let ours = rewrite(&text, "2026.5.28").expect("can be rewritten");
        let undone = ours.rewrite.undo(&ours.text, &hasher()).expect("undone");
        prop_assert_eq!(String::from_utf8(undone.text).expect("text"), text);
    }

    #[test]
    fn only_the_intended_values_change(text in document()) {
        let ours = rewrite(&text, "2026.5.28").expect("can be rewritten");
        let mut expected = Document::parse(text.as_bytes()).expect("parses").value();
        if expected["gateway"]["bind"] != "lan" {
            expected["gateway"]["bind"] = json!("lan");
            expected["gateway"]["controlUi"]["allowedOrigins"] = json!(["http://localhost:5", "http://127.0.0.1:5"]);
        }
        prop_assert_eq!(Document::parse(&ours.text).expect("parses").value(), expected);
    }

    #[test]
    fn a_foreign_edit_elsewhere_is_kept(text in document(), foreign in "[a-z]{1,8}") {
        let before = Document::parse(text.as_bytes()).expect("parses");
        let ours = rewrite(&text, "2026.5.28").expect("can be rewritten");
        let now = Document::parse(&ours.text).expect("parses");
        let edits = set(&now, &["foreign"], &json!(foreign)).expect("can be set");
        let now = apply_all(&ours.text, &edits).expect("applies");
        let undone = ours.rewrite.undo(&now, &hasher()).expect("undone");
        let mut expected = before.value();
        expected["foreign"] = json!(foreign);
        prop_assert!(undone.left.is_empty());
        prop_assert_eq!(Document::parse(&undone.text).expect("parses").value(), expected);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]{}:,'\"a\\\\/*\n0x.$-]{0,40}") {
        if let Ok(document) = Document::parse(text.as_bytes()) {
            prop_assert_eq!(document.to_bytes(), text.as_bytes());
        }
    }
}

#[test]
fn a_release_that_seeds_its_origins_gets_the_bind_alone() {
    let ours = rewrite("{gateway: {bind: 'loopback'}}", "2026.9.6").expect("rewritten");
    assert_eq!(ours.rewrite.changes.len(), 1);
    assert_eq!(ours.text, b"{gateway: {bind: \"lan\"}}");
}
