//! The command line of the bench.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;

use crate::drive::Drive;
use crate::{Outcome, rows, table};

/// Measures ocmigrate beside the programs that the field uses; exit code 1 if a goal of `--check` is missed
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choices: Choices,
    #[command(subcommand)]
    drive: Option<Drive>,
}

/// What to measure, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Choices {
    /// Measure these rows only
    rows: Vec<String>,
    /// Fail if a goal is missed
    #[arg(long)]
    check: bool,
    /// Run tiny sizes once, to see that the bench works; the figures mean nothing
    #[arg(long, conflicts_with = "check")]
    pub(crate) smoke: bool,
    /// Leave out sizes above N entries or processes
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) most: u64,
    /// Run everything N times at least, and take the medians
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) runs: usize,
    /// Make trees below DIR
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    pub(crate) under: PathBuf,
    /// Take DIR for the runtime that goes into an image
    #[arg(long, value_name = "DIR")]
    pub(crate) runtime: Option<PathBuf>,
    /// Take this image for the base of the image
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "ocmigrate-lab/base:latest"
    )]
    pub(crate) base: String,
    /// Print the figures as a Markdown table
    #[arg(long)]
    markdown: bool,
}

impl Arguments {
    /// Does what was asked for.
    pub(crate) fn run(self) -> Outcome<ExitCode> {
        match self.drive {
            Some(drive) => drive.run().map(|()| ExitCode::SUCCESS),
            None => self.choices.run(),
        }
    }
}

impl Choices {
    fn run(&self) -> Outcome<ExitCode> {
        let names: Vec<_> = rows::ALL.iter().map(|(name, _)| *name).collect();
        if let Some(row) = self.rows.iter().find(|row| !names.contains(&row.as_str())) {
            return Err(format!("there is no row `{row}`, but {}", names.join(", ")).into());
        }
        // An interrupt ends the program that is being measured; its failure then ends the bench, which tidies up.
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
        let mut lines = Vec::new();
        for (name, measure) in rows::ALL {
            if self.rows.is_empty() || self.rows.iter().any(|row| row == name) {
                writeln!(io::stderr().lock(), "bench: {name}")?;
                lines.extend(measure(self)?);
            }
        }
        table::print(&lines, self.markdown)?;
        let is_missed = self.check && lines.iter().any(|line| line.meets_goal() == Some(false));
        Ok(ExitCode::from(u8::from(is_missed)))
    }

    /// Returns the sizes to measure, those too large left out.
    pub(crate) fn sizes(&self, tiny: u64, sizes: &[u64]) -> Vec<u64> {
        if self.smoke {
            return vec![tiny];
        }
        let fits = |size: &u64| *size <= self.most;
        sizes.iter().copied().filter(fits).collect()
    }

    /// Returns how often to measure what takes about this long: more often what is short.
    pub(crate) fn runs_of(&self, size: u64) -> usize {
        match size {
            _ if self.smoke => 1,
            0..=200_000 => self.runs.max(7),
            _ => self.runs,
        }
    }
}
