//! Inventories, plans and runs as text, JSON and Markdown. Pure: values in, text out; colour is added by the caller.

mod dry_run;
mod groups;
mod inspect;
mod renewal;
mod scan;
mod silence;
mod status;
mod tokens;

pub use dry_run::{DryRun, Refusal, dry_run, dry_run_markdown, dry_run_text, rehearsed_text};
pub use groups::{overview, remarks};
pub use inspect::inspect_text;
pub use renewal::renewal;
pub use scan::scan_text;
pub use silence::{Silence, Took, silence_text};
pub use status::{GroupStatus, status_text};
pub use tokens::{tokens_csv, tokens_markdown, tokens_text};

/// Lays rows out in columns, two spaces between them, no lines.
fn columns(header: &[&str], rows: Vec<Vec<String>>, indent: &str) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().fold(String::new(), |text, line| {
        text + indent + line.trim_end() + "\n"
    })
}
