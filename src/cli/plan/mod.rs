//! `ocmigrate plan`: a conversation, a file of answers, or the proposal as it is; in the end a plan in a file.

mod regroup;
mod talk;

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Code, Failure};
use super::prompt;
use super::setting::read_given;
use super::terminal::Terminal;
use super::world;
use crate::display;
use crate::inventory::Inventory;
use crate::plan::{self, Answer, Answers, Conversation};
use crate::report;
use talk::Who;

/// Decide groups, budgets and names, and write them to a file
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Take what is proposed wherever no file of answers says otherwise
    #[arg(long)]
    yes: bool,
    /// Take the answers from FILE, as --save-answers wrote them
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Write the answers to FILE
    #[arg(long, value_name = "FILE")]
    save_answers: Option<PathBuf>,
    /// Plan for the inventory in FILE, as scan -o wrote it, instead of this host
    #[arg(short, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// Write the plan to FILE [default: plans/HOSTNAME.json]
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Build the groups' images on IMAGE, which the engine must have
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    /// Print the plan as JSON as well
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let mut prepared = self.prepared()?;
        let inventory = self.inventory()?;
        if inventory.gateways.is_empty() {
            return Err(no_gateway());
        }
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| plan::default_path(&inventory.host.name));
        let proposal = plan::propose(&inventory, self.base.as_deref());
        let mut conversation = Conversation::new(&inventory, proposal);
        talk::converse(
            terminal,
            &inventory,
            &mut conversation,
            &mut prepared.answers,
            self.who(),
        )?;
        self.write(terminal, &inventory, &conversation, &path)
    }

    fn who(&self) -> Who {
        match (self.yes, prompt::is_possible()) {
            (true, _) => Who::Proposal,
            (false, true) => Who::Person,
            (false, false) => Who::Nobody,
        }
    }

    fn prepared(&self) -> Result<Answers, Failure> {
        let Some(path) = &self.answers else {
            return Ok(Answers::of(&[]));
        };
        Ok(plan::parse_answers(&read_given(path)?)?)
    }

    fn inventory(&self) -> Result<Inventory, Failure> {
        match &self.inventory {
            None => world::scan(),
            Some(path) => Ok(serde_json::from_str(&read_given(path)?).unwrap()),
        }
    }

    fn write(
        &self,
        terminal: &Terminal,
        inventory: &Inventory,
        conversation: &Conversation,
        path: &Path,
    ) -> Result<(), Failure> {
        let plan = conversation.draft();
        plan::check(plan)?;
        let json = json(plan);
        crate::host::write_given(path, json.as_bytes())?;
        if let Some(answers) = &self.save_answers {
            crate::host::write_given(answers, self::json(&conversation.answers()).as_bytes())?;
        }
        if self.json {
            terminal.data(&json)?;
        } else {
            terminal.data(&summary(plan, inventory))?;
        }
        let group = plan
            .groups
            .first()
            .map_or("GROUP", |group| group.name.as_str());
        terminal.say(&format!("wrote {}", display::path(path)));
        terminal.say(&format!(
            "next: ocmigrate execute --group {group} --dry-run --plan {}",
            display::path(path)
        ));
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

pub(super) fn no_gateway() -> Failure {
    Failure::new(Code::Blocked, "no OpenClaw gateway was found on this host")
        .hint("start it, and run ocmigrate as root so that other users' processes can be seen")
}

fn summary(plan: &plan::Plan, inventory: &Inventory) -> String {
    let mut text = String::new();
    for group in &plan.groups {
        let gateways: Vec<_> = group.gateways.iter().map(ToString::to_string).collect();
        let agents: usize = group
            .gateways
            .iter()
            .filter_map(|name| plan.facts.find_gateway(name))
            .map(|gateway| gateway.agents.len())
            .sum();
        let blockers = plan::blockers(inventory, group, &[]).len();
        let plan::Budget {
            memory,
            cpu_milli,
            pids,
        } = group.budget;
        text += &format!(
            "{}  {agents} agents of {}  memory {memory}, {} cpus, {pids} processes  image {}{}\n",
            group.name,
            gateways.join(" "),
            f64::from(cpu_milli) / 1000.0,
            group.image.reference,
            if blockers == 0 {
                String::new()
            } else {
                format!("  blocked by {blockers} findings: ocmigrate scan")
            }
        );
    }
    text
}
