//! What gateways cost, what their agents need of the host, and what in agents' files reaches out to it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{columns, file_and_line, or_dash, table};
use crate::display;
use crate::inventory::{Gateway, HostReference, Need, ProcessorUse};

/// The most references that the text names one by one; all stand in the JSON.
const SHOWN: usize = 10;
/// The width that lists of names are kept within.
const WIDTH: usize = 78;

/// Writes what running gateways cost.
pub(super) fn costs(text: &mut String, gateways: &[Gateway]) {
    let row = |gateway: &Gateway| {
        let load = gateway.load?;
        let memory = gateway.memory;
        Some(vec![
            display::text(&gateway.name.0),
            or_dash(&memory.map_or_else(String::new, |it| it.pss.to_string())),
            or_dash(&memory.map_or_else(String::new, |it| it.peak.to_string())),
            or_dash(&load.processor.map_or_else(String::new, processors)),
            load.threads.to_string(),
            load.open_files.to_string(),
            or_dash(
                &gateway
                    .last_boot_ms
                    .map_or_else(String::new, |ms| format!("{}s", ms / 1000)),
            ),
        ])
    };
    let rows: Vec<_> = gateways.iter().filter_map(row).collect();
    if !rows.is_empty() {
        let titles = ["Cost", "PSS", "peak", "cpus", "threads", "files", "boot"];
        text.push_str(&columns(&titles, rows, ""));
    }
}

/// Processors in use on average: `0.25` is a quarter of one.
fn processors(used: ProcessorUse) -> String {
    let hundredths = used.used_ms.saturating_mul(100) / used.window_ms.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Writes the packages that own what agents use, and what no package owns or is not there.
pub(super) fn needs(text: &mut String, gateways: &[Gateway]) {
    for gateway in gateways.iter().filter(|it| !it.needs.is_empty()) {
        let names = |wanted: &dyn Fn(&Need) -> Option<String>| -> BTreeSet<String> {
            gateway.needs.iter().filter_map(wanted).collect()
        };
        let packages = names(&|need| need.package.clone());
        let own = names(&|need| {
            let is_own = need.path.is_some() && need.package.is_none();
            is_own.then(|| need.name.clone())
        });
        let missing = names(&|need| need.path.is_none().then(|| need.name.clone()));
        let _ = writeln!(
            text,
            "Needs      {}: {}",
            display::text(&gateway.name.0),
            display::count(
                gateway.needs.len() as u64,
                "program or library",
                "programs and libraries"
            )
        );
        for (title, names) in [
            ("packages:", packages),
            ("in no package:", own),
            ("missing:", missing),
        ] {
            list(text, title, &names);
        }
    }
}

/// A title and names, broken into lines.
fn list(text: &mut String, title: &str, names: &BTreeSet<String>) {
    if names.is_empty() {
        return;
    }
    let mut line = format!("  {title}");
    for name in names {
        let name = display::text(name);
        if line.len() + 1 + name.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line.clear();
            line.push_str("   ");
        }
        let _ = write!(line, " {name}");
    }
    let _ = writeln!(text, "{line}");
}

/// Writes what agents' files reach of the host.
pub(super) fn references(text: &mut String, gateways: &[Gateway]) {
    let all = gateways.iter().flat_map(|gateway| &gateway.references);
    let row = |it: &HostReference| {
        vec![
            display::text(&it.agent),
            it.kind.to_string(),
            display::text(&it.what),
            file_and_line(&it.place),
        ]
    };
    let rows: Vec<_> = all.map(row).collect();
    let more = rows.len().saturating_sub(SHOWN);
    let shown = rows.into_iter().take(SHOWN).collect();
    table(
        text,
        "In agents' files",
        &["agent", "reaches", "by", "place"],
        shown,
    );
    if more > 0 {
        let _ = writeln!(text, "  and {more} more, all in --json");
    }
}
