//! `ocmigrate tokens`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::plan_file;
use super::terminal::Terminal;
use crate::plan;
use crate::report;

/// List every credential of a plan, its gateway today and its container tomorrow; never a value
#[derive(Debug, Args)]
pub(super) struct Tokens {
    /// Read the plan from FILE [default: plans/HOSTNAME.json]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Print it as this
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Csv,
    Json,
}

impl Tokens {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let plan = plan_file::read(self.plan.as_deref())?;
        let all = plan::allocations(&plan);
        let text = match self.format {
            Format::Text => report::tokens_text(&all),
            Format::Markdown => report::tokens_markdown(&all),
            Format::Csv => report::tokens_csv(&all),
            Format::Json => serde_json::to_string_pretty(&all).unwrap_or_default() + "\n",
        };
        terminal.data(&text)?;
        Ok(())
    }
}
