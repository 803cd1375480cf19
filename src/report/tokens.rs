//! The allocation table of credentials as text, Markdown and CSV.

use super::columns;
use crate::display;
use crate::plan::Allocation;

const HEADER: [&str; 7] = [
    "credential",
    "id",
    "hash",
    "only one",
    "account",
    "gateway today",
    "container tomorrow",
];

/// Renders the table for a terminal.
#[must_use]
pub fn tokens_text(allocations: &[Allocation]) -> String {
    columns(&HEADER, rows(allocations).collect(), "")
}

/// Renders the table for a ticket.
#[must_use]
pub fn tokens_markdown(allocations: &[Allocation]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let header = HEADER.map(str::to_owned);
    let rule = HEADER.map(|_| "---".to_owned());
    let rows = rows(allocations).map(|cells| line(&cells));
    line(&header) + &line(&rule) + &rows.collect::<String>()
}

/// Renders the table for a spreadsheet; RFC 4180.
#[must_use]
pub fn tokens_csv(allocations: &[Allocation]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
        cells.join(",") + "\r\n"
    };
    let rows = rows(allocations).map(|cells| line(&cells));
    line(&HEADER.map(str::to_owned)) + &rows.collect::<String>()
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn rows(allocations: &[Allocation]) -> impl Iterator<Item = Vec<String>> {
    allocations.iter().map(|it| {
        let Allocation {
            kind,
            public_id,
            hash,
            exclusivity,
            account,
            gateway,
            containers,
            places: _,
        } = it;
        let exclusive = if exclusivity.is_exclusive() {
            "yes"
        } else {
            "no"
        };
        vec![
            display::text(kind),
            display::text(public_id),
            hash.to_string(),
            exclusive.to_owned(),
            display::text(account.as_deref().unwrap_or("-")),
            display::text(&gateway.0),
            containers.join(" "),
        ]
    })
}
