//! `ocmigrate plan`.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Code, Failure};
use super::terminal::Terminal;
use super::wishes::Wishes;
use super::{check_plan, world};
use crate::inventory::Inventory;
use crate::plan;

/// Decide groups, budgets and names, and write them to a file
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Take the proposal as it is
    #[arg(long)]
    yes: bool,
    /// Write the plan to FILE [default: plans/HOSTNAME.json]
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Say whether the plan in FILE makes sense, and plan nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "output"])]
    check: Option<PathBuf>,
    #[command(flatten)]
    wishes: Wishes,
    /// Print the plan as JSON as well
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        if let Some(path) = &self.check {
            return check_plan::run(path, terminal);
        }
        if !self.yes {
            return Err(
                Failure::new(Code::Usage, "planning by conversation is not built yet")
                    .hint("take the proposal with --yes, then edit the file"),
            );
        }
        let inventory = world::scan()?;
        if inventory.gateways.is_empty() {
            return Err(no_gateway());
        }
        let wishes = self.wishes.read()?;
        let plan = plan::propose(&inventory, &wishes);
        plan::check(&plan)?;
        let json = serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n";
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| plan::default_path(&inventory.host.name));
        crate::host::write_given(&path, json.as_bytes())?;
        if self.json {
            terminal.data(&json)?;
        } else {
            terminal.text(&summary(&plan, &inventory))?;
        }
        let group = plan
            .groups
            .first()
            .map_or("GROUP", |group| group.name.as_str());
        terminal.say(&format!("wrote {}", crate::display::path(&path)));
        terminal.say(&format!(
            "next: ocmigrate execute --group {group} --dry-run --plan {}",
            crate::display::path(&path)
        ));
        Ok(())
    }
}

pub(super) fn no_gateway() -> Failure {
    Failure::new(Code::Blocked, "no OpenClaw gateway was found on this host")
        .hint("start it, and run ocmigrate as root so that other users' processes can be seen")
}

fn summary(plan: &plan::Plan, inventory: &Inventory) -> String {
    let mut text = String::new();
    for group in &plan.groups {
        let gateways: Vec<_> = group.gateways().iter().map(ToString::to_string).collect();
        let agents = group.members.len();
        let blockers = plan::blockers(inventory, group, &[]).len();
        let plan::Budget {
            memory,
            cpu_milli,
            pids,
            node_heap: _,
        } = group.budget;
        text += &format!(
            "{}  {agents} agents of {}  memory {memory}, {} cpus, {pids} processes  image {}{}\n",
            group.name,
            gateways.join(" "),
            f64::from(cpu_milli) / 1000.0,
            group.image.reference(),
            if blockers == 0 {
                String::new()
            } else {
                format!("  blocked by {blockers} findings: ocmigrate scan")
            }
        );
    }
    text
}
