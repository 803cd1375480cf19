//! The syntax of unit files, drop-ins and environment files.

use super::*;
use proptest::prelude::*;

const UNIT: &str = "[Unit]\nUser=nobody\n[Service]\n# ExecStart=/old\nExecStart=-\"/usr/bin/node\" \\\n  \
    %h/lib/openclaw/dist/index.js gateway --port ${PORT}\nUser=joe\n\
    Environment=PORT=18789 \"B=two words\" 'C=100%%'\nEnvironment=D=x\\\"y\\x41\n[Install]\nWantedBy=default.target\n";

fn read(texts: &[&str]) -> UnitFile {
    let numbered = texts.iter().zip(0..);
    let texts: Vec<_> = numbered
        .map(|(text, number)| (PathBuf::from(format!("/{number}")), (*text).to_owned()))
        .collect();
    let specifiers = Specifiers {
        name: "claw@my\\x2dwork.service".into(),
        user: "joe".into(),
        uid: 1001,
        home: "/home/joe".into(),
    };
    parse(&texts, &specifiers)
}

fn pairs(assigned: &[Assigned]) -> Vec<String> {
    let shown = assigned
        .iter()
        .map(|it| format!("{}={} {}", it.name, it.value, it.place));
    shown.collect()
}

#[test]
fn a_gateways_unit_is_read() {
    let unit = read(&[UNIT]);
    let command = [
        "/usr/bin/node",
        "/home/joe/lib/openclaw/dist/index.js",
        "gateway",
        "--port",
        "18789",
    ];
    assert_eq!(unit.commands, [command]);
    assert_eq!(unit.user.as_deref(), Some("joe"));
    assert!(unit.is_installable);
    let expected = [
        "PORT=18789 /0:8",
        "B=two words /0:8",
        "C=100% /0:8",
        "D=x\"yA /0:9",
    ];
    assert_eq!(pairs(&unit.environment), expected);
}

#[test]
fn a_drop_in_adds_replaces_and_takes_back() {
    let unit = read(&[
        "[Service]\nExecStart=/a\nEnvironment=A=1\nEnvironmentFile=/e\n",
        "[Service]\nExecStart=\nExecStart=/b %i %I %u\nEnvironment=B=2\nEnvironmentFile=-%h/f\n",
    ]);
    assert_eq!(unit.commands, [["/b", "my\\x2dwork", "my-work", "joe"]]);
    assert_eq!(pairs(&unit.environment), ["A=1 /0:3", "B=2 /1:4"]);
    assert_eq!(
        unit.environment_files,
        [PathBuf::from("/e"), "/home/joe/f".into()]
    );
    let unit = read(&[
        "[Service]\nEnvironment=A=1\nEnvironmentFile=/e\n",
        "[Service]\nEnvironment=\nEnvironmentFile=\n",
    ]);
    assert!(unit.environment.is_empty() && unit.environment_files.is_empty());
}

#[test]
fn a_commented_command_is_none() {
    let unit = read(&["[Service]\n#ExecStart=/a\n; ExecStart=/b\n[X]\nExecStart=/c\n"]);
    assert!(unit.commands.is_empty());
}

#[test]
fn an_environment_file_may_quote_comment_and_span_lines() {
    let text = "# A=0\nA = 1\n;B=0\nC='two\nlines'\nD=\"x\\\"y\" \nE=a\\\nb\nbroken\n";
    let expected = ["A=1 /e:2", "C=two\nlines /e:4", "D=x\"y /e:6", "E=ab /e:7"];
    assert_eq!(pairs(&parse_environment(Path::new("/e"), text)), expected);
}

#[test]
fn a_value_is_not_shown_by_debug() {
    let unit = read(&["[Service]\nEnvironment=TOKEN=geheim\n"]);
    assert!(!format!("{:?}", unit.environment).contains("geheim"));
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(body in "[ -~\n\\PC]{0,300}") {
        let _ = read(&[&body, &format!("[Service]\nExecStart={body}\nEnvironment={body}")]);
        let _ = parse_environment(Path::new("/e"), &body);
    }
}
