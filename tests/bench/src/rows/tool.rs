//! What the tool costs before it does anything: its start, and a scan of a host without gateways.

use crate::Outcome;
use crate::arguments::Choices;
use crate::row::{Contestant, Judged, Line, Row};

/// Lists every process with what a person asks about it.
pub(super) const PS: &str = "ps -eo pid,uid,rss,args";

pub(super) fn measure(choices: &Choices) -> Outcome<Vec<Line>> {
    let tool = std::env::current_exe()?.with_file_name("ocmigrate");
    let tool = tool.to_str().ok_or("the tool's own path is not UTF-8")?;
    let mut lines = Vec::new();
    for (work, arguments, goal) in [
        ("start of the tool", "--version", 0.5),
        ("scan of an idle host", "scan", 1.5),
    ] {
        let row = Row {
            work,
            size: String::new(),
            judged: Judged::Cpu,
            ours: Contestant::peer("ocmigrate", &format!("{tool} {arguments}"), None),
            peers: vec![Contestant::peer("ps", PS, Some(goal))],
        };
        lines.extend(row.measure(choices.runs_of(0))?);
    }
    Ok(lines)
}
