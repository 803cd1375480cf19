//! The plans that lie in `plans/`: every format ever released is read, and the examples are what the code makes.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the published files and fails by panicking"
)]

use std::path::{Path, PathBuf};

use ocmigrate::plan::{self, FORMAT, Network};

fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plans")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(published(name)).unwrap()
}

#[test]
fn every_format_ever_released_is_read() {
    for format in 1..=FORMAT {
        let plan = plan::parse(&text(&format!("formats/{format}.json"))).unwrap();
        assert_eq!(plan.format, FORMAT);
        let again = serde_json::to_string(&plan).unwrap();
        assert_eq!(plan::parse(&again).unwrap(), plan);
    }
}

#[test]
fn a_group_of_format_1_keeps_what_was_decided() {
    let plan = plan::parse(&text("formats/1.json")).unwrap();
    let group = plan.find_group("oc-joe").unwrap();
    let agents: Vec<_> = group.agents().iter().map(ToString::to_string).collect();
    let wanted = ["main", "docomo-pj", "nobdata-pj"].map(|id| format!("joe/.openclaw:{id}"));
    assert_eq!(agents, wanted);
    let name = "ocmigrate_oc-joe".to_owned();
    assert_eq!(group.network, Network::Bridge { name });
    assert_eq!(group.budget.memory.to_string(), "1.5 G");
}

/// Compares a published file with what the code makes; `UPDATE_PLANS=1` writes it anew.
#[track_caller]
fn is_published(name: &str, made: &str) {
    if std::env::var_os("UPDATE_PLANS").is_some() {
        std::fs::write(published(name), made).unwrap();
    }
    assert_eq!(text(name), made, "{name} is not that of the code");
}

#[test]
fn a_plan_of_the_current_format_is_published() {
    let inventory = include_str!("reports/inventory.json");
    let inventory = plan::parse_inventory(inventory).unwrap();
    let plan = plan::propose(&inventory, &plan::Wishes::default());
    let made = serde_json::to_string_pretty(&plan).unwrap() + "\n";
    is_published(&format!("formats/{FORMAT}.json"), &made);
}
