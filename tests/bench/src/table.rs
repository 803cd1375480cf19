//! The figures as a table: a line for each peer, the ratio that the goal is about marked.

use std::io::{self, Write as _};
use std::time::Duration;

use comfy_table::{Table, presets};

use crate::Outcome;
use crate::row::{Judged, Line, Medians};

const HEAD: [&str; 9] = [
    "work", "size", "peer", "peer ms", "ours ms", "peak", "wall", "CPU", "goal",
];

/// Prints the lines with the date and the machine that they were measured on.
pub(crate) fn print(lines: &[Line], is_markdown: bool) -> Outcome {
    let mut table = Table::new();
    table.load_preset(if is_markdown {
        presets::ASCII_MARKDOWN
    } else {
        presets::NOTHING
    });
    table.set_header(HEAD);
    for line in lines {
        table.add_row(cells(line));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", jiff::Zoned::now().date(), machine())?;
    writeln!(
        out,
        "ms: wall / CPU, medians. wall, CPU: ours over the peer's; * is what the goal is about."
    )?;
    writeln!(out, "\n{table}")?;
    Ok(())
}

fn cells(line: &Line) -> [String; 9] {
    let mark = |judged| if line.judged == judged { "*" } else { "" };
    let verdict = match (line.goal, line.meets_goal()) {
        (Some(goal), Some(true)) => format!("{goal} met"),
        (Some(goal), _) => format!("{goal} MISSED"),
        (None, _) => String::new(),
    };
    [
        line.work.to_owned(),
        line.size.clone(),
        line.peer.clone(),
        both(&line.theirs),
        both(&line.ours),
        line.ours.peak_kib.map_or_else(String::new, mebibytes),
        format!("{:.2}{}", line.wall_ratio(), mark(Judged::Wall)),
        format!("{:.2}{}", line.cpu_ratio(), mark(Judged::Cpu)),
        verdict,
    ]
}

fn both(medians: &Medians) -> String {
    format!("{} / {}", millis(medians.wall), millis(medians.cpu))
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    let decimals = usize::from(millis < 100.0);
    format!("{millis:.decimals$}")
}

fn mebibytes(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024)
}

fn machine() -> String {
    let facts = ocmigrate::host::Reader::new().machine();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} cores, {} of memory, Linux {}",
        facts.cores,
        facts.memory_total,
        kernel.trim()
    )
}
