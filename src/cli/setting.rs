//! One group's journal and steps, as execute, rollback, status and verify need them. The steps lie beside the journal as
//! they were begun: a later version of ocmigrate goes on with them, or takes them back, and makes no list of its own.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::failure::{Code, Failure};
use super::world::World;
use crate::execute::{Event, Run};
use crate::host::{FileMeta, Host, Ownership};
use crate::journal::{self, Entry, Journal, Record, State};
use crate::plan::Plan;
use crate::step::{Context, Paths, Reach, Step, StepError};

/// What the state directory holds of one group.
pub(super) struct Setting {
    pub(super) group: String,
    pub(super) steps: Vec<Step>,
    pub(super) state: State,
}

impl Setting {
    /// Reads a group's journal and list of steps; `None` where it was never executed.
    pub(super) fn read(world: &World, group: &str) -> Result<Option<Self>, Failure> {
        let (_, state) = journal::read(&journal_path(&world.paths, group))?;
        let Some(run) = &state.run else {
            return Ok(None);
        };
        let path = list_path(&world.paths, group);
        let lost = |what: &str| {
            Failure::new(
                Code::Stuck,
                format!("`{}` {what}", crate::display::path(&path)),
            )
            .hint("it is the list of steps that this group was moved by; put it back from a backup")
        };
        let bytes = world
            .host
            .read(&path)?
            .ok_or_else(|| lost("is gone"))?
            .bytes;
        if hash(&bytes) != run.list {
            return Err(lost("was changed"));
        }
        let steps = serde_json::from_slice(&bytes)
            .map_err(|_| lost("was written by a newer version of ocmigrate"))?;
        Ok(Some(Self {
            group: group.to_owned(),
            steps,
            state,
        }))
    }

    /// Returns how the group's gateway is seen, natively and in its container.
    pub(super) fn reach(&self) -> Option<&Reach> {
        self.steps.iter().find_map(Step::find_reach)
    }

    /// Returns all groups that the state directory knows, sorted.
    pub(super) fn groups(world: &World) -> Result<Vec<String>, Failure> {
        let names = world.host.list(&world.paths.state.join("groups"))?;
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    }

    /// Opens the journal of a fresh run, putting a finished one aside; the list of steps, and the plan for people to read,
    /// are on disk before.
    pub(super) fn begin(
        world: &World,
        plan: &Plan,
        steps: Vec<Step>,
        group: &str,
    ) -> Result<(Self, Journal), Failure> {
        let (plan, list) = (pretty(plan)?, pretty(&steps)?);
        make_state(world, group)?;
        let path = journal_path(&world.paths, group);
        Journal::put_aside(&path)?;
        let meta = FileMeta::of_root(0o600);
        for (path, bytes) in [
            (plan_path(&world.paths, group), &plan),
            (list_path(&world.paths, group), &list),
        ] {
            world.host.replace(&path, bytes, meta)?;
        }
        let mut journal = Journal::open(&path)?;
        let now = world.host.now_ms();
        journal.append(
            now,
            Record::Opened {
                run: now.to_string(),
                made_by: env!("CARGO_PKG_VERSION").to_owned(),
                list: hash(&list),
                steps: steps.iter().map(|step| step.describe().id).collect(),
            },
        )?;
        let state = journal.state().clone();
        Ok((
            Self {
                group: group.to_owned(),
                steps,
                state,
            },
            journal,
        ))
    }

    /// Reads the records of the group's run.
    pub(super) fn read_entries(&self, world: &World) -> Result<Vec<Entry>, Failure> {
        Ok(journal::read(&journal_path(&world.paths, &self.group))?.0)
    }

    /// Opens the journal of a run that was begun before.
    pub(super) fn open_journal(&self, world: &World) -> Result<Journal, Failure> {
        Ok(Journal::open(&journal_path(&world.paths, &self.group))?)
    }
}

/// Makes the state directory, for root only; needed before the lock can be taken.
pub(super) fn make_state_directory(world: &World) -> Result<(), Failure> {
    let ownership = Ownership::of_root(0o700);
    Ok(world.host.make_directory(&world.paths.state, ownership)?)
}

fn make_state(world: &World, group: &str) -> Result<(), Failure> {
    let ownership = Ownership::of_root(0o700);
    world
        .host
        .make_directory(&world.paths.state.join("groups"), ownership)?;
    Ok(world
        .host
        .make_directory(&world.paths.group_state(group), ownership)?)
}

/// Runs `act` with a run over the setting's steps.
pub(super) fn with_run<T>(
    world: &World,
    setting: &Setting,
    journal: &mut Journal,
    tell: &dyn Fn(Event),
    before_silence: &dyn Fn(&Context) -> Result<(), StepError>,
    act: impl FnOnce(&mut Run) -> T,
) -> T {
    let say = |text: &str| {
        tell(Event::Note {
            text: text.to_owned(),
        });
    };
    let context = context(world, &say);
    act(&mut Run {
        steps: &setting.steps,
        context: &context,
        journal,
        tell,
        is_interrupted: &super::terminal::is_interrupted,
        before_silence: &|| before_silence(&context),
    })
}

/// Makes the context of the real host and engine.
pub(super) fn context<'a>(world: &'a World, say: &'a dyn Fn(&str)) -> Context<'a> {
    Context {
        host: &world.host,
        docker: &world.docker,
        hasher: &world.hasher,
        paths: &world.paths,
        say,
    }
}

fn journal_path(paths: &Paths, group: &str) -> PathBuf {
    paths.group_state(group).join("journal.jsonl")
}

fn plan_path(paths: &Paths, group: &str) -> PathBuf {
    paths.group_state(group).join("plan.json")
}

fn list_path(paths: &Paths, group: &str) -> PathBuf {
    paths.group_state(group).join("steps.json")
}

fn pretty(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(value)
        .map_err(|_| Failure::new(Code::Usage, "the plan names a path that is no UTF-8"))
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Reads a file that the user named.
pub(super) fn read_given(path: &Path) -> Result<String, Failure> {
    crate::host::read_given(path).map_err(|error| Failure::of(Code::Usage, &error))
}
