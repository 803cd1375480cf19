//! What must be known of a gateway so that it can be moved: pure.

use std::ffi::OsString;

use super::drain::{Client, Drain};
use super::{ListError, Reach};
use crate::host::GatewayTrace;
use crate::inventory::{GatewayName, Release};
use crate::openclaw::{Version, release};
use crate::plan::{GatewayFacts, Plan};

/// What is known of a gateway that can be moved.
pub(super) struct Movable<'a> {
    pub(super) facts: &'a GatewayFacts,
    pub(super) release: &'a Release,
    pub(super) version: Version,
    pub(super) serve: Vec<String>,
    pub(super) validate: Vec<String>,
    pub(super) channels: Vec<String>,
    pub(super) drain: Drain,
}

/// Tells what moving a gateway needs.
pub(super) fn movable<'a>(plan: &'a Plan, name: &GatewayName) -> Result<Movable<'a>, ListError> {
    let not_movable = |missing: &str| ListError::NotMovable {
        gateway: name.to_string(),
        missing: missing.to_owned(),
    };
    let facts = plan
        .facts
        .find_gateway(name)
        .ok_or_else(|| not_movable("the plan has no facts about it"))?;
    let release = facts
        .release
        .as_ref()
        .ok_or_else(|| not_movable("its installed OpenClaw was not found"))?;
    let version: Version = release
        .version
        .parse()
        .map_err(|_| not_movable("its version is no version of OpenClaw"))?;
    let text = |argv: Vec<OsString>| {
        let argv: Result<Vec<_>, _> = argv.into_iter().map(OsString::into_string).collect();
        argv.map_err(|_| not_movable("the path of its node or OpenClaw is no UTF-8"))
    };
    let drain = match () {
        () if release::can_suspend(&version) => Drain::Suspend(Client {
            node: release.node.clone(),
            package: release.package.clone(),
        }),
        () => Drain::Watch {
            state_directory: facts.state_directory.clone(),
        },
    };
    Ok(Movable {
        facts,
        release,
        version,
        serve: text(release::gateway_argv(release))?,
        validate: text(release::validate_argv(release))?,
        channels: text(release::channels_status_argv(release, &version))?,
        drain,
    })
}

pub(super) fn reach(gateway: &Movable) -> Reach {
    let Movable { facts, .. } = gateway;
    Reach {
        gateway: facts.name.to_string(),
        port: facts.port,
        user: facts.user.clone(),
        trace: GatewayTrace {
            state_directory: facts.state_directory.clone(),
            config: facts.config.clone(),
            uid: facts.user.uid,
            port: facts.port,
        },
        health: release::health(&gateway.version),
        channels_argv: gateway.channels.clone(),
        accounts: facts
            .accounts
            .iter()
            .filter(|account| account.enabled)
            .map(|account| format!("{}/{}", account.channel, account.id))
            .collect(),
    }
}
