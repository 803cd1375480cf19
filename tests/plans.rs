//! The plans that lie in `plans/`: every format ever released is read, and the examples are what the code makes.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the published files and fails by panicking"
)]

mod fleet;

use std::path::{Path, PathBuf};

use fleet::Fleet;
use ocmigrate::inventory::Inventory;
use ocmigrate::plan::{self, FORMAT, Network, Plan};
use ocmigrate::units::{Bytes, GIB};

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

/// The seed's budgets, which are more than its host and were accepted.
const BUDGETS: [(&str, u64); 4] = [
    ("oc-core", 16),
    ("oc-work", 20),
    ("oc-personal", 16),
    ("oc-learning", 10),
];

fn t440() -> Fleet {
    serde_json::from_str(include_str!("fleet/t440.json")).unwrap()
}

/// The same agents as one gateway.
fn t440_in_one() -> Fleet {
    let mut fleet = t440();
    let agents = fleet
        .gateways
        .iter()
        .filter_map(|line| line.split_once(": "));
    let agents: Vec<&str> = agents.map(|(_, agent)| agent).collect();
    fleet.gateways = vec![format!("joe/.openclaw: {}", agents.join(" "))];
    fleet
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn propose(inventory: &Inventory) -> Plan {
    plan::propose(inventory, &plan::Wishes::default())
}

#[test]
fn the_seeds_server_is_published_with_its_budgets() {
    let inventory = fleet::inventory(&t440());
    is_published("t440.inventory.json", &pretty(&inventory));
    let mut plan = propose(&plan::parse_inventory(&text("t440.inventory.json")).unwrap());
    for group in &mut plan.groups {
        let budget = BUDGETS.iter().find(|(name, _)| *name == group.name);
        group.budget.memory = Bytes(budget.unwrap().1 * GIB);
    }
    plan.accepted = vec!["OM-P001".to_owned()];
    is_published("t440.plan.json", &pretty(&plan));
    let plan = plan::parse(&text("t440.plan.json")).unwrap();
    for group in &plan.groups {
        assert_eq!(plan::objections(&plan, group, &[]), []);
    }
}

#[test]
fn the_seeds_fleet_in_one_gateway_is_published_and_stays_whole() {
    let inventory = fleet::inventory(&t440_in_one());
    is_published("t440-one-gateway.inventory.json", &pretty(&inventory));
    let plan = propose(&inventory);
    is_published("t440-one-gateway.plan.json", &pretty(&plan));
    let plan = plan::parse(&text("t440-one-gateway.plan.json")).unwrap();
    let sizes: Vec<_> = plan.groups.iter().map(|it| it.members.len()).collect();
    assert_eq!(sizes, [22]);
}
