//! `ocmigrate finalize`: the only point of no return.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Code, Failure};
use super::setting::Setting;
use super::terminal::Terminal;
use super::world::World;
use crate::display;
use crate::host::Host;
use crate::journal::{Direction, Lock, Outcome, Record};

/// What of a group's own state stays: status and verify need it.
const KEPT: [&str; 3] = ["journal.jsonl", "steps.json", "plan.json"];

/// Give up the way back of a group: remove what rollback would need
#[derive(Debug, Args)]
pub(super) struct Finalize {
    /// The group
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// Do not ask; GROUP must be the group's name again
    #[arg(long, value_name = "GROUP")]
    yes_i_mean: Option<String>,
}

impl Finalize {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let world = World::open(state, "finalize")?;
        let setting = self.in_container(&world)?;
        let removed = self.removable(&world, &setting)?;
        terminal.say(&self.text(&removed, &setting));
        self.confirm(terminal)?;
        let _lock = Lock::take(&world.paths.state)?;
        // Another run may have come in between the question and the lock.
        let setting = self.in_container(&world)?;
        let mut journal = setting.open_journal(&world)?;
        // Durable before the effect: from here on rollback refuses, whatever of its means is left.
        if setting.state.direction != Direction::Ended(Outcome::Final) {
            journal.append(world.host.now_ms(), Record::Finalized)?;
        }
        drop(journal);
        for path in self.removable(&world, &setting)? {
            world.host.remove(&path)?;
        }
        terminal.say(&format!("{} is final", self.group));
        Ok(())
    }

    /// Reads the group, which must be in its container by a run that has ended.
    fn in_container(&self, world: &World) -> Result<Setting, Failure> {
        let shown = display::text(&self.group);
        let unknown = || {
            Failure::new(
                Code::Usage,
                format!("group `{shown}` was never executed here"),
            )
            .hint("ocmigrate status lists the groups that were")
        };
        let setting = Setting::read(world, &self.group)?.ok_or_else(unknown)?;
        match setting.state.direction {
            // A final one once more, for what a crash left.
            Direction::Ended(Outcome::InContainer | Outcome::Final) => Ok(setting),
            _ => Err(Failure::new(
                Code::Blocked,
                format!("{shown} is not in its container; nothing was changed"),
            )
            .hint("ocmigrate status shows where it stands")),
        }
    }

    /// Returns the files that are there for a way back alone.
    fn removable(&self, world: &World, setting: &Setting) -> Result<Vec<PathBuf>, Failure> {
        let directory = world.paths.group_state(&self.group);
        let names = world.host.list(&directory)?.into_iter();
        let is_kept = |name: &OsString| KEPT.iter().any(|kept| name == kept);
        let mut files: Vec<_> = names
            .filter(|name| !is_kept(name))
            .map(|name| directory.join(name))
            .collect();
        let steps = setting.steps.iter();
        for path in steps.flat_map(|step| step.means_of_return(&world.paths)) {
            if world.host.read(&path)?.is_some() {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn text(&self, removed: &[PathBuf], setting: &Setting) -> String {
        let group = &self.group;
        let removed: Vec<_> = removed.iter().map(|path| display::path(path)).collect();
        let mut text = format!(
            "{group}  there is no way back after this: rollback will refuse\n  \
             goes, for only rollback would need it:\n"
        );
        for path in &removed {
            text += &format!("    {path}\n");
        }
        text += "  stays: the container and its image, /etc/ocmigrate, the journal\n";
        text += "  stays, for the old gateway would be a second poller without it:\n";
        for step in &setting.steps {
            let description = step.describe();
            if description.id.starts_with("disarm") {
                text += &format!("    {}\n", description.what);
            }
        }
        text.trim_end().to_owned()
    }

    fn confirm(&self, terminal: &Terminal) -> Result<(), Failure> {
        let typed = match &self.yes_i_mean {
            Some(name) => name.clone(),
            None => terminal.ask_for("Type the group's name to go on")?,
        };
        if typed == self.group {
            return Ok(());
        }
        Err(Failure::new(
            Code::Blocked,
            "that is not the group's name; nothing was changed",
        ))
    }
}
