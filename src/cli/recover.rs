//! `ocmigrate recover`: what a unit runs at boot while a run is open.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::failure::{Code, Failure};
use super::setting::{self, Setting};
use super::terminal::Terminal;
use super::world::World;
use crate::execute::ExecuteError;
use crate::host::{Host, RealHost};
use crate::journal::{Direction, Lock};
use crate::step::Context;

/// Right after the boot the service manager of a user, or the engine, may not answer yet.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_secs(3);

/// Bring a group whose run was cut off back to bare metal; a unit runs this at boot
#[derive(Debug, Args)]
pub(super) struct Recover {
    /// The group
    #[arg(long, value_name = "GROUP")]
    group: String,
}

impl Recover {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.recover(state, terminal) {
                Err(failure) if tries < TRIES => {
                    terminal.say(&format!("not yet: {}", failure.message));
                    RealHost.sleep(PAUSE);
                }
                other => return other,
            }
        }
    }

    fn recover(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let world = World::open(state, "recover")?;
        if self.open_run(&world)?.is_some() {
            let _lock = Lock::take(&world.paths.state)?;
            // Another run may have come to its end before the lock.
            if let Some(setting) = self.open_run(&world)? {
                return self.roll_back(&world, &setting, terminal);
            }
        }
        terminal.say("its run has ended; nothing is to be done");
        Ok(())
    }

    /// Returns the group's run, unless it has ended.
    fn open_run(&self, world: &World) -> Result<Option<Setting>, Failure> {
        let unknown = || Failure::new(Code::Usage, "this group was never executed here");
        let setting = Setting::read(world, &self.group)?.ok_or_else(unknown)?;
        let has_ended = matches!(
            setting.state.direction,
            Direction::Ended(_) | Direction::Unopened
        );
        Ok((!has_ended).then_some(setting))
    }

    fn roll_back(
        &self,
        world: &World,
        setting: &Setting,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let mut journal = setting.open_journal(world)?;
        let tell = |event| terminal.event(&event, false);
        let never = |_: &Context<'_>| Ok(());
        let outcome: Result<_, ExecuteError> =
            setting::with_run(world, setting, &mut journal, &tell, &never, |run| {
                run.rollback()
            });
        outcome?;
        terminal.say(&format!("{} is native again", self.group));
        Ok(())
    }
}
