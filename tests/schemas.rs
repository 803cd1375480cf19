//! The published schemas are those of the code. `UPDATE_SCHEMAS=1 cargo test --test schemas` writes them anew.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads and writes the published files and fails by panicking"
)]

use std::path::Path;

use ocmigrate::inventory::{Inspection, Inventory};
use ocmigrate::plan::{Answers, Plan};

fn is_published(name: &str, schema: &schemars::Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plans")
        .join(name);
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    // Not compared as a whole: a failure would print both.
    let is_other = |(_, (one, other)): &(_, (&str, &str))| one != other;
    let lines = published.lines().zip(text.lines());
    let differs = lines.enumerate().find(is_other);
    assert!(
        published == text,
        "{name} is not that of the code: {differs:?}"
    );
}

#[test]
fn the_schema_of_plans_is_published() {
    is_published("plan.schema.json", &schemars::schema_for!(Plan));
}

#[test]
fn the_schema_of_inventories_is_published() {
    is_published("inventory.schema.json", &schemars::schema_for!(Inventory));
}

#[test]
fn the_schema_of_inspections_is_published() {
    is_published(
        "inspections.schema.json",
        &schemars::schema_for!(Vec<Inspection>),
    );
}

#[test]
fn the_schema_of_answers_is_published() {
    is_published("answers.schema.json", &schemars::schema_for!(Answers));
}
