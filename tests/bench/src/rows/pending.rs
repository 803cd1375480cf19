//! Rows of the goals that are not measured here, each with the reason and the place that measures it.

use std::io::Write as _;

use crate::Outcome;
use crate::arguments::Choices;
use crate::row::Line;

const ELSEWHERE: [(&str, &str); 2] = [
    (
        "dry run of a group",
        "needs a server with gateways: scripts/demo prints how long its dry run took",
    ),
    (
        "silence of a bot",
        "needs messages, gateways and an engine of their own: `there_and_back` of scripts/test prints it beside a native restart",
    ),
];

pub(super) fn measure(_choices: &Choices) -> Outcome<Vec<Line>> {
    for (row, reason) in ELSEWHERE {
        left_out(row, reason)?;
    }
    Ok(Vec::new())
}

/// Says that a row is not measured, and why.
pub(super) fn left_out(row: &str, reason: &str) -> Outcome<Vec<Line>> {
    writeln!(std::io::stderr().lock(), "bench: left out: {row}: {reason}")?;
    Ok(Vec::new())
}
