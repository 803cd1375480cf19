//! `ocmigrate status`.

use std::path::Path;

use clap::Args;

use super::failure::Failure;
use super::setting::Setting;
use super::terminal::Terminal;
use super::world::World;
use crate::docker::{Container, ContainerState, Docker};
use crate::host::Host;
use crate::journal::{Direction, Outcome, State};
use crate::openclaw::health as gateway_health;
use crate::report::{self, GroupStatus};
use crate::step::Reach;

/// Show where every group stands
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(&self, state: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let world = World::open(state, "status")?;
        let mut groups = Vec::new();
        for group in Setting::groups(&world)? {
            if let Some(setting) = Setting::read(&world, &group)? {
                groups.push(status(&world, &setting)?);
            }
        }
        if self.json {
            terminal.data(&(serde_json::to_string_pretty(&groups).unwrap_or_default() + "\n"))
        } else {
            terminal.text(&report::status_text(&groups))
        }
    }
}

fn status(world: &World, setting: &Setting) -> Result<GroupStatus, Failure> {
    let container = world.docker.find_container(&setting.group)?;
    let reach = setting.reach();
    let memory = match &container {
        Some(found) if found.state == ContainerState::Running => world
            .docker
            .memory_used(&setting.group)?
            .map_or_else(String::new, |used| format!("{used}/{}", found.memory)),
        _ => String::new(),
    };
    Ok(GroupStatus {
        group: setting.group.clone(),
        phase: phase(&setting.state),
        container: container
            .as_ref()
            .map_or_else(|| "none".to_owned(), state_words),
        health: reach.map_or_else(|| Ok("-".to_owned()), |reach| health(world, reach))?,
        bots: reach.map_or(0, |reach| reach.accounts.len()),
        memory,
        restarts: container.map_or(0, |container| container.restarts),
    })
}

fn phase(state: &State) -> String {
    let all = state.run.as_ref().map_or(0, |run| run.steps.len());
    match &state.direction {
        Direction::Unopened => "-".to_owned(),
        Direction::Forward { done, .. } => format!("cut off at step {} of {all}", done + 1),
        Direction::Back { left, .. } => format!("rollback cut off, {left} of {all} steps left"),
        Direction::Ended(Outcome::InContainer) => "in container".to_owned(),
        Direction::Ended(Outcome::Final) => "in container, final".to_owned(),
        Direction::Ended(Outcome::Native) => "native".to_owned(),
    }
}

fn state_words(container: &Container) -> String {
    match container.state {
        ContainerState::Created => "created".to_owned(),
        ContainerState::Running => "running".to_owned(),
        ContainerState::Restarting => "restarting".to_owned(),
        ContainerState::Exited(code) => format!("exited {code}"),
    }
}

/// Asks the port on the host, where the gateway answers natively and in its container alike.
fn health(world: &World, reach: &Reach) -> Result<String, Failure> {
    let Some(live) = world.host.get(reach.port, "/healthz")? else {
        return Ok("no answer".to_owned());
    };
    let ready = world.host.get(reach.port, "/readyz")?;
    Ok(match ready {
        Some(ready) if gateway_health::is_live(&live) && gateway_health::is_ready(&ready) => {
            "ready".to_owned()
        }
        _ => "not ready".to_owned(),
    })
}
