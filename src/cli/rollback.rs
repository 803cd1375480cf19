//! `ocmigrate rollback`.

use std::path::Path;

use clap::Args;

use super::failure::{Code, Failure};
use super::setting::{self, Setting};
use super::terminal::Terminal;
use super::world::World;
use crate::journal::{Direction, Lock, Outcome};
use crate::step::{Context, Step};

/// Bring a group back to bare metal, keeping what was written since
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The group to bring back
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// Show what would be undone, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one event a line as JSON
    #[arg(long)]
    json: bool,
}

impl Rollback {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let world = World::open(state, "rollback")?;
        let setting = Setting::read(&world, &self.group)?.ok_or_else(|| {
            Failure::new(
                Code::Usage,
                format!(
                    "group `{}` was never executed here",
                    crate::display::text(&self.group)
                ),
            )
            .hint("ocmigrate status lists the groups that were")
        })?;
        if setting.state.direction == Direction::Ended(Outcome::Native) {
            terminal.say(&format!("{} is native already", self.group));
            return Ok(());
        }
        if setting.state.direction == Direction::Ended(Outcome::Final) {
            return Err(Failure::new(
                Code::Blocked,
                format!("{} was made final: there is no way back", self.group),
            )
            .hint("the container stays; the old gateway can be set up by hand, on a host where nothing else polls its bots"));
        }
        self.show(&setting, terminal)?;
        if self.dry_run {
            return Ok(());
        }
        if !self.yes && !terminal.ask("Roll back?")? {
            return Err(Failure::new(Code::Blocked, "declined; nothing was changed"));
        }
        let _lock = Lock::take(&world.paths.state)?;
        let mut journal = setting.open_journal(&world)?;
        let tell = |event| terminal.event(&event, self.json);
        let never = |_: &Context<'_>| Ok(());
        setting::with_run(&world, &setting, &mut journal, &tell, &never, |run| {
            run.rollback()
        })?;
        terminal.say(&format!("{} is native again", self.group));
        if let Some(image) = setting.steps.iter().find_map(Step::find_image) {
            terminal.say(&format!(
                "kept for a next try: its image; remove it with: docker image rm {image}"
            ));
        }
        Ok(())
    }

    /// Lists what is undone, in order.
    fn show(&self, setting: &Setting, terminal: &Terminal) -> Result<(), Failure> {
        let started = match setting.state.direction {
            Direction::Back { left, .. } => left,
            _ => setting.state.befores.len(),
        };
        let mut text = format!(
            "{}  back to bare metal; what was written in the container stays\n",
            self.group
        );
        for step in setting.steps.iter().take(started).rev() {
            text += &format!("  undo {}\n", step.describe().what);
        }
        if self.dry_run {
            terminal.text(&text)
        } else {
            terminal.say(text.trim_end());
            Ok(())
        }
    }
}
