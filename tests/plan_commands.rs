//! The commands that read a plan: tokens, export, and the check.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test runs programs, reads files and fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt as _;
use insta::assert_snapshot;

fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plans")
        .join(name)
}

/// Standard output and error of a run, and its exit code.
fn run(arguments: &[&str], plan: &str) -> (String, Option<i32>) {
    let mut command = Command::cargo_bin("ocmigrate").unwrap();
    let out = command
        .args(arguments)
        .arg(published(plan))
        .output()
        .unwrap();
    let text = [out.stdout, out.stderr].concat();
    (String::from_utf8(text).unwrap(), out.status.code())
}

#[test]
fn the_allocation_table_tells_gateway_and_container() {
    let (text, code) = run(&["tokens", "--plan"], "formats/2.json");
    assert_eq!(code, Some(0));
    assert_snapshot!(text, @r"
    credential          id          hash   only one  account              gateway today  container tomorrow
    telegram bot token  tg:7214…30  #8e64  yes       telegram/default     joe/.openclaw  oc-joe
    telegram bot token  tg:7214…31  #7b56  yes       telegram/docomo-pj   joe/.openclaw  oc-joe
    telegram bot token  tg:7214…32  #16b4  yes       telegram/nobdata-pj  joe/.openclaw  oc-joe
    fake API key                    #7f14  no        -                    joe/.openclaw  oc-joe
    gateway token                   #0da2  no        -                    joe/.openclaw  oc-joe
    ");
    let (csv, _) = run(&["tokens", "--format", "csv", "--plan"], "formats/2.json");
    assert_snapshot!(csv.lines().take(2).collect::<Vec<_>>().join("\n"), @r##"
    "credential","id","hash","only one","account","gateway today","container tomorrow"
    "telegram bot token","tg:7214…30","#8e64","yes","telegram/default","joe/.openclaw","oc-joe"
    "##);
    let (markdown, _) = run(
        &["tokens", "--format", "markdown", "--plan"],
        "formats/2.json",
    );
    assert_eq!(markdown.lines().count(), csv.lines().count() + 1);
    let (json, _) = run(&["tokens", "--format", "json", "--plan"], "formats/2.json");
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.as_array().unwrap().len() + 1, csv.lines().count());
}

#[test]
fn the_exported_file_is_valid_for_docker_compose() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("docker-compose.yml");
    let given = file.to_str().unwrap();
    for format in ["formats/1.json", "formats/2.json"] {
        let (said, code) = run(
            &["export", "--format", "compose", "-o", given, "--plan"],
            format,
        );
        assert_eq!(code, Some(0), "{said}");
        let text = taken_by_docker_compose(given);
        assert!(text.contains("container_name: oc-joe"), "{text}");
    }
}

/// What docker-compose makes of a file; scripts/test installs it.
#[track_caller]
fn taken_by_docker_compose(file: &str) -> String {
    let out = Command::new("docker-compose")
        .args(["-f", file, "config"])
        .output()
        .expect("docker-compose runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_plan_that_is_not_built_is_not_exported() {
    let (said, code) = run(
        &["export", "--format", "compose", "--plan"],
        "t440.plan.json",
    );
    assert_eq!(code, Some(3));
    assert_snapshot!(said, @r"
    error: group `oc-learning` has 4 gateways; this ocmigrate plans that and does not carry it out
    hint: ocmigrate plan --edit PLAN changes it: one whole gateway a group, under its own user, companions left native
    ");
}

#[test]
fn a_check_tells_what_forbids_a_group() {
    let (said, code) = run(&["plan", "--check"], "formats/2.json");
    assert_eq!(code, Some(0), "{said}");
    assert_snapshot!(said, @"oc-joe  nothing in the plan forbids it");
    let (said, code) = run(&["plan", "--check"], "t440.plan.json");
    assert_eq!(code, Some(0), "{said}");
    let lines = said
        .lines()
        .filter(|line| line.contains("OM-P001") || line.starts_with("oc-"));
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    OM-P001 host: budgets of 62 G and a reserve of 3.7 G are more than 62 G
      fix: lower budgets or the reserve, move fewer groups, or accept it: --accept OM-P001
    oc-learning  planned only, execute refuses it: 4 gateways
    oc-personal  planned only, execute refuses it: 6 gateways
    oc-work  planned only, execute refuses it: 7 gateways
    oc-core  planned only, execute refuses it: 5 gateways
    ");
}
