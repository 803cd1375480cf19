//! `ocmigrate execute`: dry run, run, resume.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Code, Failure};
use super::plan_file;
use super::setting::{self, Setting};
use super::terminal::Terminal;
use super::world::{self, World};
use crate::host::Host;
use crate::inventory::Inventory;
use crate::journal::{self, Direction, Journal, Lock, Outcome};
use crate::openclaw;
use crate::plan::{self, Facts, Plan};
use crate::report::{self, DryRun, Refusal, Silence};
use crate::step::{Choices, Context, Paths, Rehearsed, Step, StepError, steps};

/// Move a group into its container
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags of the command line"
)]
#[derive(Debug, Args)]
pub(super) struct Execute {
    /// The group to move
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// Read the plan from FILE [default: plans/HOSTNAME.json]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with a run that was cut off
    #[arg(long, conflicts_with_all = ["dry_run", "plan"])]
    resume: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Do not start the container on a copy of the state first
    #[arg(long, conflicts_with = "resume")]
    no_rehearsal: bool,
    /// Watch the container for SECONDS before the run ends
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(0..=86_400),
        conflicts_with = "resume"
    )]
    soak: u64,
    /// Go on in spite of an inhibitor that can be accepted
    #[arg(long, value_name = "ID")]
    accept: Vec<String>,
    /// Print one JSON document, or one event a line while executing
    #[arg(long)]
    json: bool,
    /// Write the dry run as Markdown to FILE
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    md: Option<PathBuf>,
}

impl Execute {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        if self.resume {
            return self.resume(&World::open(state, "execute")?, terminal);
        }
        let plan = plan_file::read(self.plan.as_deref())?;
        let world = World::open(state, "execute")?;
        if !self.is_native(&world, terminal)? {
            return Ok(());
        }
        let (steps, inventory) = self.prepare(&plan, &world.paths, terminal)?;
        let report = self.rehearse(&world, &plan, &steps, &inventory)?;
        self.show(&report, terminal)?;
        if report.is_blocked() {
            return Err(blocked(&report, &plan_file::path(self.plan.as_deref())));
        }
        if self.dry_run {
            return Ok(());
        }
        if !self.yes {
            self.ask(&plan, terminal)?;
        }
        self.execute(&world, &plan, steps, terminal)
    }

    /// Asks whether to begin. What was shown is what is done: a plan that was edited meanwhile is another one.
    fn ask(&self, shown: &Plan, terminal: &Terminal) -> Result<(), Failure> {
        if !terminal.ask("Proceed?")? {
            return Err(Failure::new(Code::Blocked, "declined; nothing was changed"));
        }
        if plan_file::read(self.plan.as_deref())? == *shown {
            return Ok(());
        }
        let what = "the plan was edited since it was shown; nothing was changed";
        let hint = "run execute again: it shows what the plan says now";
        Err(Failure::new(Code::Blocked, what).hint(hint))
    }

    /// Returns whether a run can begin; a group that is in its container already is told and is no failure.
    fn is_native(&self, world: &World, terminal: &Terminal) -> Result<bool, Failure> {
        match Setting::read_state(world, &self.group)? {
            Direction::Forward { .. } | Direction::Back { .. } => Err(self.unfinished()),
            Direction::Ended(Outcome::InContainer | Outcome::Final) => {
                terminal.say(&format!(
                    "{} is in its container already: ocmigrate status",
                    self.group
                ));
                Ok(false)
            }
            Direction::Unopened | Direction::Ended(Outcome::Native) => Ok(true),
        }
    }

    fn choices(&self) -> Choices {
        Choices {
            rehearsal: !self.no_rehearsal,
            soak_seconds: self.soak,
        }
    }

    /// Scans the host that the plan was made for, and lists the steps.
    fn prepare(
        &self,
        plan: &Plan,
        paths: &Paths,
        terminal: &Terminal,
    ) -> Result<(Vec<Step>, Inventory), Failure> {
        let inventory = world::scan(terminal)?;
        if plan.facts.host.machine != inventory.host.machine {
            let name = crate::display::text(&plan.facts.host.name);
            return Err(Failure::new(
                Code::Blocked,
                format!("the plan was made for another host, `{name}`"),
            )
            .hint("ocmigrate plan --yes makes one for this host"));
        }
        let steps = steps(plan, &self.group, paths, &self.choices())?;
        Ok((steps, inventory))
    }

    /// Looks for everything that would stop the run, and changes nothing.
    fn rehearse(
        &self,
        world: &World,
        plan: &Plan,
        steps: &[Step],
        inventory: &Inventory,
    ) -> Result<DryRun, Failure> {
        let group = plan
            .find_group(&self.group)
            .ok_or_else(super::plan::no_gateway)?;
        let gateway = group
            .gateways()
            .first()
            .and_then(|name| plan.facts.find_gateway(name))
            .ok_or_else(super::plan::no_gateway)?;
        let last_boot = inventory
            .gateways
            .iter()
            .find(|found| found.name == gateway.name)
            .and_then(|found| found.last_boot_ms);
        let mut report = report::dry_run(group, gateway, steps, last_boot);
        report.stale = plan
            .facts
            .differences(&Facts::of(inventory), &group.gateways());
        let accepted = [self.accept.as_slice(), &plan.accepted].concat();
        report.blocked_by = plan::blockers(inventory, group, &accepted)
            .into_iter()
            .cloned()
            .chain(plan::objections(plan, group, &self.accept))
            .collect();
        let say = |_: &str| {};
        let context = setting::context(world, &say);
        report.refused = steps
            .iter()
            .find_map(|step| step.capture(&context).err())
            .map(|error| Refusal {
                what: error.to_string(),
                remedy: error.hint().map(str::to_owned),
            });
        let is_rewritten = steps.iter().any(Step::rewrites_config);
        if let Some(version) = gateway
            .release
            .as_ref()
            .filter(|_| is_rewritten)
            .and_then(|release| release.version.parse().ok())
            && let Ok(Some(file)) = world.host.read(&gateway.config)
            && let Ok(rewritten) = openclaw::for_container(
                &file.bytes,
                gateway.bind.as_deref(),
                gateway.port,
                &version,
                &world.hasher,
            )
        {
            let spoken = rewritten.rewrite.spoken();
            report.set_config_change(&gateway.config, &file.bytes, &rewritten.text, &spoken);
        }
        Ok(report)
    }

    fn show(&self, report: &DryRun, terminal: &Terminal) -> Result<(), Failure> {
        if let Some(path) = &self.md {
            crate::host::write_given(path, report::dry_run_markdown(report).as_bytes())?;
        }
        match (self.json, self.dry_run) {
            (true, true) => {
                terminal.data(&(serde_json::to_string_pretty(report).unwrap_or_default() + "\n"))
            }
            (true, false) => Ok(()),
            (false, true) => terminal.text(&report::dry_run_text(report)),
            (false, false) => {
                terminal.say(report::dry_run_text(report).trim_end());
                Ok(())
            }
        }
    }

    fn execute(
        &self,
        world: &World,
        plan: &Plan,
        steps: Vec<Step>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        setting::make_state_directory(world)?;
        let _lock = Lock::take(&world.paths.state)?;
        // Another run may have come to its end between the question and the lock.
        if !self.is_native(world, terminal)? {
            return Ok(());
        }
        let (setting, journal) = Setting::begin(world, plan, steps, &self.group)?;
        self.go(world, &setting, journal, terminal)
    }

    fn resume(&self, world: &World, terminal: &Terminal) -> Result<(), Failure> {
        let setting = Setting::read(world, &self.group)?.ok_or_else(|| {
            Failure::new(
                Code::Usage,
                format!(
                    "group `{}` has no run to resume",
                    crate::display::text(&self.group)
                ),
            )
            .hint("ocmigrate status lists the groups that were executed")
        })?;
        let _lock = Lock::take(&world.paths.state)?;
        let journal = setting.open_journal(world)?;
        self.go(world, &setting, journal, terminal)
    }

    fn go(
        &self,
        world: &World,
        setting: &Setting,
        mut journal: Journal,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        super::terminal::catch_interrupts();
        let tell = |event| terminal.event(&event, self.json);
        let ask = |context: &Context| self.ask_at_the_edge(context, terminal);
        let outcome = setting::with_run(world, setting, &mut journal, &tell, &ask, |run| {
            run.resume()
        })?;
        let end = match outcome {
            Outcome::InContainer | Outcome::Final => "is in its container",
            Outcome::Native => "is native",
        };
        terminal.say(&format!("{} {end}", self.group));
        if outcome == Outcome::InContainer {
            self.tell_silence(world, setting, terminal)?;
            terminal.say(&format!("back: ocmigrate rollback --group {}", self.group));
        }
        Ok(())
    }

    /// Says what the rehearsal measured, and asks a last time; nothing was stopped yet.
    fn ask_at_the_edge(&self, context: &Context, terminal: &Terminal) -> Result<(), StepError> {
        match Rehearsed::find(context, &self.group)? {
            Some(rehearsed) => terminal.say(&report::rehearsed_text(&rehearsed)),
            None => terminal.say(UNPROVEN),
        }
        if self.yes || self.resume {
            return Ok(());
        }
        let question = "Everything is ready. Make the bots silent and move them?";
        match terminal.ask(question) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StepError::declined()),
            Err(failure) if failure.code == Code::Interrupted => {
                Err(StepError::unmet("interrupted"))
            }
            Err(failure) => Err(StepError::unmet(failure.message)),
        }
    }

    fn tell_silence(
        &self,
        world: &World,
        setting: &Setting,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let Some(silence) = Silence::find(&setting.steps, &setting.read_entries(world)?) else {
            return Ok(());
        };
        if self.json {
            return terminal.data(&(serde_json::to_string(&silence).unwrap_or_default() + "\n"));
        }
        terminal.say(report::silence_text(&silence).trim_end());
        Ok(())
    }

    fn unfinished(&self) -> Failure {
        Failure::new(
            Code::Blocked,
            format!("a run of `{}` was cut off", self.group),
        )
        .hint(format!(
            "ocmigrate execute --group {0} --resume, or: ocmigrate rollback --group {0}",
            self.group
        ))
    }
}

/// What a run without a rehearsal does not know.
const UNPROVEN: &str = "no rehearsal: unproven are that the gateway starts in its container at all, that its memory \
    limit is enough, and how long the bots will be silent";

impl Setting {
    /// Returns where the group's journal stands, without its plan.
    fn read_state(world: &World, group: &str) -> Result<Direction, Failure> {
        let path = world.paths.group_state(group).join("journal.jsonl");
        Ok(journal::read(&path)?.1.direction)
    }
}

fn blocked(report: &DryRun, plan: &Path) -> Failure {
    if !report.blocked_by.is_empty() {
        let ids: Vec<_> = report
            .blocked_by
            .iter()
            .map(|finding| finding.id.as_str())
            .collect();
        return Failure::new(Code::Blocked, format!("blocked by {}", ids.join(", ")))
            .hint("each names its fix above; ocmigrate explain ID tells more");
    }
    if !report.stale.is_empty() {
        return Failure::new(
            Code::Blocked,
            "the plan is stale: the host has changed since it was made",
        )
        .hint(format!(
            "ocmigrate plan --edit {} keeps what it decides, and shows what changed",
            crate::display::path(plan)
        ));
    }
    let refusal = report.refused.clone().unwrap_or_default();
    let mut failure = Failure::new(
        Code::Blocked,
        format!("{}; nothing was changed", refusal.what),
    );
    failure.hint = refusal.remedy;
    failure
}
