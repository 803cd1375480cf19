//! The rows: which work is measured, at which sizes, beside whom, and which share of their cost ocmigrate may take.

mod census;
mod image;
mod owners;
mod pending;
pub(crate) mod plan;
mod processes;
mod tool;

use crate::Outcome;
use crate::arguments::Choices;
use crate::row::Line;

type Measure = fn(&Choices) -> Outcome<Vec<Line>>;

/// All rows by name, in the order in which they are measured.
pub(crate) const ALL: &[(&str, Measure)] = &[
    ("tool", tool::measure),
    ("processes", processes::measure),
    ("plan", plan::measure),
    ("census", census::measure),
    ("owners", owners::measure),
    ("tar", image::measure_tar),
    ("image", image::measure),
    ("pending", pending::measure),
];
