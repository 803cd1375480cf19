//! The steps that keep a native gateway down, one for everything that would start it, and what stops it: pure.

use super::disarm_unit::Part;
use super::keep_native_start::NativeStart;
use super::stop_gateway::StopBy;
use super::{DisarmApp, DisarmCron, DisarmUnit, FreezeLoop, KeepNativeStart, Step};
use crate::host::GatewayTrace;
use crate::inventory::Starter;
use crate::plan::GatewayFacts;

/// Returns the steps in their order, the last thing first that must be back on the way back: a start that no manager knows
/// is given back after everything is armed, so that a rollback that was cut off there ends with a running gateway.
///
/// # Errors
///
/// Says what would start the gateway and cannot be kept from it.
pub(super) fn disarm(
    group: &str,
    facts: &GatewayFacts,
    trace: &GatewayTrace,
    serve: &[String],
) -> Result<Vec<Step>, String> {
    let disarming = Disarming {
        group,
        facts,
        trace,
    };
    let mut steps = Vec::new();
    if let Some(start) = native_start(facts, serve)? {
        steps.push(Step::KeepNativeStart(KeepNativeStart {
            group: group.to_owned(),
            gateway: facts.name.to_string(),
            user: facts.user.clone(),
            trace: trace.clone(),
            start,
            container: group.to_owned(),
        }));
    }
    let revivers = facts.revivers.iter().zip(1..);
    for (reviver, number) in revivers {
        let id = format!("disarm-reviver-{number}");
        let step = disarming.step(reviver, id, Part::Reviver);
        steps.push(step.ok_or(format!("{reviver} would start it again"))?);
    }
    steps.extend(disarming.step(&facts.starter, "disarm-starter".to_owned(), Part::Starter));
    Ok(steps)
}

/// Returns what stops the gateway.
pub(super) fn stop_by(starter: &Starter) -> StopBy {
    match starter {
        Starter::Unit(unit) => StopBy::Unit(unit.clone()),
        Starter::Pm2(app) => StopBy::App(app.clone()),
        Starter::Loop(shell) => StopBy::Signal {
            shell: Some(shell.clone()),
        },
        _ => StopBy::Signal { shell: None },
    }
}

/// Returns what the start of a gateway is taken from that no manager starts again.
fn native_start(facts: &GatewayFacts, serve: &[String]) -> Result<Option<NativeStart>, String> {
    let process = |lost: Option<&str>| NativeStart::Process {
        argv: serve.to_vec(),
        lost: lost.map(str::to_owned),
    };
    Ok(Some(match &facts.starter {
        Starter::Unit(_) => return Ok(None),
        Starter::Pm2(app) if app.is_one() => return Ok(None),
        Starter::Pm2(app) => {
            return Err(format!(
                "pm2 takes `{}` for no single application",
                app.name
            ));
        }
        Starter::Cron(line) if line.line == 0 => {
            return Err("the line of the crontab that starts it was not found".to_owned());
        }
        Starter::Cron(line) if line.user != facts.user.name => {
            return Err(format!("cron starts it as {}", line.user));
        }
        Starter::Cron(line) => NativeStart::Line(line.clone()),
        Starter::Loop(shell) => NativeStart::Loop(shell.clone()),
        Starter::Orphan => process(None),
        Starter::Tmux => process(Some("in its window of tmux")),
        Starter::Screen => process(Some("in its window of screen")),
        Starter::Container(_) | Starter::Other { .. } => {
            return Err("it is not known what starts it".to_owned());
        }
    }))
}

struct Disarming<'a> {
    group: &'a str,
    facts: &'a GatewayFacts,
    trace: &'a GatewayTrace,
}

impl Disarming<'_> {
    /// Returns the step that disarms one thing; `None` where there is nothing to disarm, or no way to.
    fn step(&self, starter: &Starter, id: String, part: Part) -> Option<Step> {
        let group = self.group.to_owned();
        let container = group.clone();
        if part == Part::Reviver && !starter.is_disarmable() {
            return None;
        }
        Some(match starter {
            Starter::Unit(unit) => Step::DisarmUnit(DisarmUnit {
                id,
                part,
                group,
                gateway: self.facts.name.to_string(),
                unit: unit.clone(),
                container,
            }),
            Starter::Cron(line) => Step::DisarmCron(DisarmCron {
                id,
                group,
                line: line.clone(),
                container,
            }),
            Starter::Pm2(app) => Step::DisarmApp(DisarmApp {
                id,
                group,
                app: app.clone(),
                user: self.facts.user.clone(),
                trace: self.trace.clone(),
                container,
            }),
            Starter::Loop(shell) => Step::FreezeLoop(FreezeLoop {
                id,
                shell: shell.clone(),
                trace: self.trace.clone(),
                container,
            }),
            _ => return None,
        })
    }
}
