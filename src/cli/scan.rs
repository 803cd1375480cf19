//! `ocmigrate scan` and `ocmigrate explain`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::failure::{Code, Failure};
use super::terminal::Terminal;
use super::world;
use crate::inventory::catalogued;
use crate::report;

/// Find gateways, their files, credentials and starters; changes nothing
#[derive(Debug, Args)]
pub(super) struct Scan {
    /// Print the whole inventory as JSON
    #[arg(long)]
    json: bool,
    /// Write the inventory as JSON to FILE, readable by its owner only
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also name a process that belongs to the gateways: pid:N, port:N or NAME.service
    #[arg(long, value_name = "WHICH")]
    companion: Vec<crate::scan::Named>,
    /// Watch the gateways' use of the processors for TIME, for example 60s
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    sample: Option<Duration>,
}

impl Scan {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let inventory = world::scan_with(&self.companion, self.sample, terminal)?;
        let json = || serde_json::to_string_pretty(&inventory).unwrap_or_default() + "\n";
        if let Some(path) = &self.output {
            crate::host::write_given(path, json().as_bytes())?;
        }
        if self.json {
            terminal.data(&json())
        } else {
            terminal.text(&report::scan_text(&inventory))
        }
    }
}

/// Reads `60s`, `5m` or plain seconds; at most an hour.
fn parse_time(text: &str) -> Result<Duration, String> {
    let (digits, unit) = match text.strip_suffix('m') {
        Some(digits) => (digits, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|it| it.checked_mul(unit));
    match seconds {
        Some(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        Some(_) | None => Err("say 1s to 3600s, or minutes, for example 5m".to_owned()),
    }
}

/// Tell the whole story of a finding
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The finding's id, for example OM-T001
    id: String,
}

impl Explain {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let wanted = self.id.to_uppercase();
        let kind = catalogued::ALL
            .iter()
            .find(|kind| kind.id == wanted)
            .ok_or_else(|| {
                let ids: Vec<_> = catalogued::ALL.iter().map(|kind| kind.id).collect();
                Failure::new(
                    Code::Usage,
                    format!("there is no finding `{}`", crate::display::text(&self.id)),
                )
                .hint(format!("one of {}", ids.join(", ")))
            })?;
        terminal.text(&format!(
            "{}\n\n{}\n\nfix: {}\n",
            kind.id, kind.explanation, kind.remedy
        ))
    }
}
