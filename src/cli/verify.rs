//! `ocmigrate verify`.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::failure::{Code, Failure};
use super::setting::{self, Setting};
use super::terminal::Terminal;
use super::world::World;
use crate::inventory::Inventory;
use crate::journal::{Direction, Outcome};
use crate::scan::Rival;
use crate::step::Drift;

/// Compare plan and journal with what runs
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const IN_CONTAINER: &str = "in container";

/// What differs in one group.
#[derive(Debug, Serialize)]
struct GroupDrift {
    group: String,
    phase: String,
    drifts: Vec<Drift>,
}

impl Verify {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let world = World::open(state, "verify")?;
        let mut groups = Vec::new();
        for group in Setting::groups(&world)? {
            if let Some(setting) = Setting::read(&world, &group)? {
                groups.push(compare(&world, &setting)?);
            }
        }
        if groups.iter().any(|group| group.phase == IN_CONTAINER) {
            let inventory = super::world::scan(terminal)?;
            for group in &mut groups {
                group.drifts.extend(second_pollers(&inventory, group));
            }
        }
        if self.json {
            terminal.data(&(serde_json::to_string_pretty(&groups).unwrap_or_default() + "\n"))?;
        } else {
            terminal.text(&text(&groups))?;
        }
        let count: usize = groups.iter().map(|group| group.drifts.len()).sum();
        if count == 0 {
            return Ok(());
        }
        Err(Failure::new(
            Code::Blocked,
            format!("{count} things are not as execute left them"),
        ))
    }
}

fn compare(world: &World, setting: &Setting) -> Result<GroupDrift, Failure> {
    let say = |_: &str| {};
    let context = setting::context(world, &say);
    let mut drifts = Vec::new();
    let phase = match setting.state.direction {
        Direction::Ended(Outcome::InContainer | Outcome::Final) => {
            let is_final = setting.state.direction == Direction::Ended(Outcome::Final);
            for (index, step) in setting.steps.iter().enumerate() {
                if is_final && step.is_for_the_way_back() {
                    continue;
                }
                let before = setting
                    .state
                    .befores
                    .get(&index)
                    .cloned()
                    .unwrap_or_default();
                drifts.extend(step.verify(&before, &context)?);
            }
            IN_CONTAINER
        }
        Direction::Ended(Outcome::Native) => "native",
        Direction::Unopened | Direction::Forward { .. } | Direction::Back { .. } => {
            let remedy = format!(
                "ocmigrate execute --group {0} --resume, or: ocmigrate rollback --group {0}",
                setting.group
            );
            drifts.push(Drift::new("a run was cut off", remedy));
            "cut off"
        }
    };
    Ok(GroupDrift {
        group: setting.group.clone(),
        phase: phase.to_owned(),
        drifts,
    })
}

/// Tells who else holds a login of a group that is in its container; a scan sees it, wherever on the host it runs.
fn second_pollers(inventory: &Inventory, group: &GroupDrift) -> Vec<Drift> {
    let rivals = crate::scan::rivals(&inventory.gateways, &inventory.contained, &group.group);
    let rivals = rivals.into_iter();
    let drifts = rivals.map(
        |Rival {
             name,
             process,
             login,
         }| {
            let what = format!("{name} (process {}) holds {login} as well", process.pid);
            Drift::new(what, "find out what started it; stop that first")
        },
    );
    drifts.collect()
}

fn text(groups: &[GroupDrift]) -> String {
    if groups.is_empty() {
        return "no group was executed on this host\n".to_owned();
    }
    let mut text = String::new();
    for GroupDrift {
        group,
        phase,
        drifts,
    } in groups
    {
        let verdict = if drifts.is_empty() {
            "as planned"
        } else {
            "drifted"
        };
        text += &format!("{group}  {phase}  {verdict}\n");
        for Drift { what, remedy } in drifts {
            text += &format!("  {what}\n    fix: {remedy}\n");
        }
    }
    text
}
