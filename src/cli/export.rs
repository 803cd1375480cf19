//! `ocmigrate export`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::plan_file;
use super::terminal::Terminal;
use crate::step::{Paths, compose_file};

/// Write what a plan describes for another tool, without executing it
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Write it as this
    #[arg(long, value_enum)]
    format: Format,
    /// Read the plan from FILE [default: plans/HOSTNAME.json]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Write to FILE [default: standard output]
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A file for docker-compose
    Compose,
}

impl Export {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let plan = plan_file::read(self.plan.as_deref())?;
        let text = match self.format {
            Format::Compose => compose_file(&plan, &Paths::installed(state))?,
        };
        let Some(path) = &self.output else {
            terminal.data(&text)?;
            return Ok(());
        };
        crate::host::write_given(path, text.as_bytes())?;
        terminal.say(&format!("wrote {}", crate::display::path(path)));
        Ok(())
    }
}
