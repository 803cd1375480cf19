//! `ocmigrate plan`: a conversation, a file of answers, or the proposal as it is; in the end a plan in a file.

mod regroup;
mod talk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Code, Failure};
use super::prompt;
use super::setting::read_given;
use super::terminal::Terminal;
use super::wishes::Wishes;
use super::{check_plan, world};
use crate::display;
use crate::inventory::Inventory;
use crate::plan::{self, Answer, Conversation, PlanError};
use crate::report;
use talk::{Talk, Who};

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
    /// Begin with the plan in FILE: keep what it decides, and show what changed on the host
    #[arg(long, value_name = "FILE")]
    edit: Option<PathBuf>,
    /// Plan for the inventory in FILE, as scan -o wrote it, instead of this host
    #[arg(short, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// Write the plan to FILE [default: the plan that is edited, or plans/HOSTNAME.json]
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Say whether the plan in FILE makes sense, and plan nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "output", "answers", "edit"])]
    check: Option<PathBuf>,
    #[command(flatten)]
    wishes: Wishes,
    /// Accept an inhibitor of the plan: ID, or ID:WHAT where only one of several is meant
    #[arg(long, value_name = "ID")]
    accept: Vec<String>,
    /// Print the plan as JSON as well
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        if let Some(path) = &self.check {
            return check_plan::run(path, terminal);
        }
        let prepared = self.prepared()?;
        let old = self.edit.as_deref().map(read_plan).transpose()?;
        let inventory = self.inventory(terminal)?;
        if inventory.gateways.is_empty() {
            return Err(no_gateway());
        }
        let path = self.path(&inventory)?;
        let mut wishes = self.wishes.read()?;
        let is_reserve_given = wishes.reserve.is_some();
        if let Some(old) = &old {
            wishes.headroom_percent.get_or_insert(old.headroom_percent);
        }
        let mut proposal = plan::propose(&inventory, &wishes);
        proposal.accepted.extend_from_slice(&self.accept);
        let mut remembered = BTreeMap::new();
        if let Some(old) = old {
            let renewal = plan::renew(&inventory, &old, &proposal);
            terminal.say(&report::renewal(&renewal));
            proposal = renewal.draft;
            remembered = renewal.answers;
            if is_reserve_given {
                remembered.remove(plan::RESERVE);
            }
        }
        let conversation = Conversation::new(&inventory, proposal, remembered);
        let talk = Talk {
            terminal,
            who: self.who(),
        };
        let conversation = talk.hold(conversation, prepared, &path)?;
        self.write(terminal, &conversation, &path)?;
        self.tell(terminal, &inventory, conversation.draft(), &path)
    }

    fn who(&self) -> Who {
        match (self.yes, prompt::is_possible()) {
            (true, _) => Who::Proposal,
            (false, true) => Who::Person,
            (false, false) => Who::Nobody,
        }
    }

    fn prepared(&self) -> Result<BTreeMap<String, Answer>, Failure> {
        let Some(path) = &self.answers else {
            return Ok(BTreeMap::new());
        };
        let answers = plan::parse_answers(&read_given(path)?);
        answers.map(|answers| answers.answers).map_err(|error| {
            let hint = match &error {
                PlanError::Contradiction { hint, .. } => hint.clone(),
                PlanError::Syntax { .. } | PlanError::Format { .. } => {
                    "correct that, or save new answers".to_owned()
                }
            };
            let message = format!("{}: {error}", display::path(path));
            Failure::new(Code::Usage, message).hint(hint)
        })
    }

    fn inventory(&self, terminal: &Terminal) -> Result<Inventory, Failure> {
        let Some(path) = &self.inventory else {
            return world::scan(terminal);
        };
        plan::parse_inventory(&read_given(path)?).map_err(|error| {
            let message = format!("{}: {error}", display::path(path));
            Failure::new(Code::Usage, message)
                .hint("make it anew on its host: ocmigrate scan -o FILE")
        })
    }

    /// Where the plan goes: to the file that is named, else over the plan that is edited, else to the default.
    fn path(&self, inventory: &Inventory) -> Result<PathBuf, Failure> {
        if let Some(path) = self.output.as_ref().or(self.edit.as_ref()) {
            return Ok(path.clone());
        }
        let path = plan::default_path(&inventory.host.name);
        crate::host::make_parent(&path)?;
        Ok(path)
    }

    fn write(
        &self,
        terminal: &Terminal,
        conversation: &Conversation,
        path: &Path,
    ) -> Result<(), Failure> {
        plan::check(conversation.draft())?;
        crate::host::write_given(path, json(conversation.draft()).as_bytes())?;
        terminal.say(&format!("wrote {}", display::path(path)));
        if let Some(answers) = &self.save_answers {
            crate::host::write_given(answers, json(&conversation.answers()).as_bytes())?;
            terminal.say(&format!("wrote {}", display::path(answers)));
        }
        Ok(())
    }

    fn tell(
        &self,
        terminal: &Terminal,
        inventory: &Inventory,
        plan: &plan::Plan,
        path: &Path,
    ) -> Result<(), Failure> {
        if self.json {
            terminal.data(&json(plan))?;
        } else {
            // A person at the terminal has just seen it.
            if self.who() != Who::Person {
                terminal.text(&(report::overview(plan) + &report::remarks(plan)))?;
            }
            terminal.text(&blocked(plan, inventory))?;
        }
        let is_built = |group: &&plan::Group| crate::step::unbuilt(plan, group).is_empty();
        let path = display::path(path);
        terminal.say(&match plan.groups.iter().find(is_built) {
            Some(plan::Group { name, .. }) => {
                format!("next: ocmigrate execute --group {name} --dry-run --plan {path}")
            }
            None => format!(
                "next: ocmigrate plan --edit {path}; of these groups execute carries out none yet"
            ),
        });
        Ok(())
    }
}

fn read_plan(path: &Path) -> Result<plan::Plan, Failure> {
    Ok(plan::parse(&read_given(path)?)?)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

pub(super) fn no_gateway() -> Failure {
    Failure::new(Code::Blocked, "no OpenClaw gateway was found on this host")
        .hint("start it, and run ocmigrate as root so that other users' processes can be seen")
}

/// What of the host keeps execute from carrying groups out.
fn blocked(plan: &plan::Plan, inventory: &Inventory) -> String {
    let mut text = String::new();
    for group in &plan.groups {
        let blockers = plan::blockers(inventory, group, &plan.accepted).len();
        if blockers > 0 {
            let findings = display::count(blockers as u64, "finding", "findings");
            text += &format!("{} is blocked by {findings}: ocmigrate scan\n", group.name);
        }
    }
    text
}
