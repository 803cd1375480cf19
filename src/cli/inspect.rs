//! `ocmigrate inspect`.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Code, Failure};
use super::terminal::Terminal;
use crate::host::Reader;
use crate::report;
use crate::scan;

/// Tell what configurations, state directories and unit files say, without looking at processes
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The files and directories to read
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let reader = Reader::new();
        if let Some(missing) = self.paths.iter().find(|path| reader.kind(path).is_none()) {
            let message = format!("`{}` does not exist", crate::display::path(missing));
            return Err(Failure::new(Code::Usage, message));
        }
        let hasher = scan::hasher(&reader);
        let inspections = self.paths.iter();
        let inspections: Vec<_> = inspections
            .map(|path| scan::inspect(&reader, path, &hasher))
            .collect();
        if self.json {
            let json = serde_json::to_string_pretty(&inspections).unwrap_or_default();
            terminal.data(&(json + "\n"))
        } else {
            terminal.text(&report::inspect_text(&inspections))
        }
    }
}
