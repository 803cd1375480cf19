//! What is wrong with one gateway, told from what was found: pure rules, one function each.

use std::net::SocketAddr;
use std::path::Path;

use super::ownership;
use crate::display;
use crate::inventory::{Config, Finding, Gateway, GatewayName, Starter, catalogued};
use crate::openclaw::{Facts, Version, release};

/// Applies every rule to a gateway. `foreign` are the listeners of others on its port.
pub(super) fn of(gateway: &Gateway, facts: Option<&Facts>, foreign: &[SocketAddr]) -> Vec<Finding> {
    let single = [
        starter(gateway),
        through_script(gateway),
        not_running(gateway),
        runs_as_root(gateway),
        untried(gateway),
        untried_starter(gateway),
        open_bind(&gateway.name, &gateway.config, facts),
        no_origins(gateway, facts),
        foreign_port(gateway, foreign),
    ];
    single
        .into_iter()
        .flatten()
        .chain(ownership::findings(gateway))
        .chain(revivers(gateway))
        .chain(loopback(&gateway.name, facts))
        .collect()
}

/// Returns what a configuration alone tells: whether it lets everybody in who reaches it. Where it keeps to loopback, a
/// variable that is not seen here may set the secret.
pub(super) fn of_config(
    name: &GatewayName,
    config: &Config,
    facts: Option<&Facts>,
) -> Option<Finding> {
    is_beyond_loopback(config).then(|| open_bind(name, config, facts))?
}

fn revivers(gateway: &Gateway) -> Vec<Finding> {
    let findings = gateway.revivers.iter().map(|reviver| {
        let (kind, does) = match () {
            () if reviver.is_dangerous() && reviver.starter.is_disarmable() => {
                (&catalogued::DISARMED_REVIVER, "would start it again")
            }
            () if reviver.is_dangerous() => (&catalogued::REVIVER, "would start it again"),
            () if reviver.asks_unit => (&catalogued::ASKS_UNIT, "asks its unit to start"),
            () => (&catalogued::SLEEPING_REVIVER, "could start it"),
        };
        let summary = format!("{} {does}, {}", reviver.starter, reviver.when);
        let finding = Finding::new(kind, &gateway.name, display::text(&summary))
            .at(place(&reviver.starter, reviver.script.as_deref()));
        if reviver.is_dangerous() && !reviver.starter.is_disarmable() {
            finding.remedied_by(&reviver.arming.disarm)
        } else {
            finding
        }
    });
    findings.collect()
}

/// Returns where a starter is written down.
fn place(starter: &Starter, script: Option<&Path>) -> String {
    match (starter, script) {
        (Starter::Unit(unit), _) => display::path(&unit.file),
        (Starter::Cron(line), _) if line.line > 0 => {
            format!("{}:{}", display::path(&line.file), line.line)
        }
        (Starter::Cron(line), _) => display::path(&line.file),
        (Starter::Pm2(app), _) => display::path(&app.dump),
        (_, Some(script)) => display::path(script),
        (_, None) => String::new(),
    }
}

fn starter(gateway: &Gateway) -> Option<Finding> {
    let (kind, summary) = match &gateway.starter {
        known if known.is_movable() => return None,
        Starter::Other { seen } => (
            &catalogued::UNKNOWN_STARTER,
            format!("what starts it is not known: it runs {seen}"),
        ),
        known => (&catalogued::FOREIGN_STARTER, started_by(known)),
    };
    let finding = Finding::new(kind, &gateway.name, display::text(&summary));
    Some(finding.at(place(&gateway.starter, gateway.script.as_deref())))
}

fn started_by(starter: &Starter) -> String {
    match starter {
        Starter::Orphan => "it was started by hand, and nothing starts it again".to_owned(),
        known => format!("it is started by {known}"),
    }
}

/// Tells of the first starter that no test on a real server disarmed.
fn untried_starter(gateway: &Gateway) -> Option<Finding> {
    let own = Some((&gateway.starter, gateway.script.is_some()));
    let own = own.filter(|(starter, _)| starter.is_movable());
    let dangerous = gateway.revivers.iter().filter(|it| it.is_dangerous());
    let revivers = dangerous
        .map(|it| (&it.starter, it.script.is_some()))
        .filter(|(starter, _)| starter.is_disarmable());
    let mut all = own.into_iter().chain(revivers);
    let (starter, _) = all.find(|(starter, is_scripted)| !is_tried(starter, *is_scripted))?;
    let summary = display::text(&started_by(starter));
    let finding = Finding::new(&catalogued::UNTRIED_STARTER, &gateway.name, summary);
    Some(finding.at(place(starter, None)))
}

/// Returns whether ocmigrate's tests moved a gateway of such a starter on a real server.
fn is_tried(starter: &Starter, is_scripted: bool) -> bool {
    match starter {
        Starter::Unit(_)
        | Starter::Pm2(_)
        | Starter::Loop(_)
        | Starter::Tmux
        | Starter::Screen
        | Starter::Orphan => true,
        Starter::Cron(line) => line.is_users() && !is_scripted,
        Starter::Container(_) | Starter::Other { .. } => false,
    }
}

fn through_script(gateway: &Gateway) -> Option<Finding> {
    let script = display::path(gateway.script.as_ref()?);
    let summary = format!("{} starts it through {script}", gateway.starter);
    let kind = match gateway.starter {
        Starter::Cron(_) => &catalogued::SCRIPTED_LINE,
        _ => &catalogued::THROUGH_SCRIPT,
    };
    Some(Finding::new(kind, &gateway.name, display::text(&summary)).at(script))
}

fn not_running(gateway: &Gateway) -> Option<Finding> {
    let finding = || {
        let summary = match &gateway.starter {
            Starter::Unit(unit) => format!("{} is {} and does not run", unit.name, unit.enablement),
            other => format!("{other} would start it, and it does not run"),
        };
        Finding::new(
            &catalogued::NOT_RUNNING,
            &gateway.name,
            display::text(&summary),
        )
        .at(place(&gateway.starter, gateway.script.as_deref()))
    };
    gateway.process.is_none().then(finding)
}

fn runs_as_root(gateway: &Gateway) -> Option<Finding> {
    let finding = || Finding::new(&catalogued::RUNS_AS_ROOT, &gateway.name, "it runs as root");
    (gateway.user.uid == 0).then(finding)
}

fn untried(gateway: &Gateway) -> Option<Finding> {
    let Some(found) = &gateway.release else {
        let summary = "its release could not be told";
        return Some(Finding::new(
            &catalogued::UNTRIED_RELEASE,
            &gateway.name,
            summary,
        ));
    };
    let is_tried = found
        .version
        .parse::<Version>()
        .is_ok_and(|version| release::is_tried(&version));
    let summary = format!("it runs OpenClaw {}", found.version);
    let finding = Finding::new(&catalogued::UNTRIED_RELEASE, &gateway.name, summary);
    (!is_tried).then(|| finding.at(display::path(&found.package)))
}

fn open_bind(name: &GatewayName, config: &Config, facts: Option<&Facts>) -> Option<Finding> {
    facts?;
    let auth = &config.auth;
    let is_open = !auth.has_secret || auth.mode.as_deref() == Some("none");
    let summary = if is_beyond_loopback(config) {
        "it listens beyond loopback, and has neither a token nor a password"
    } else {
        "it has neither a token nor a password"
    };
    let finding = || Finding::new(&catalogued::OPEN_BIND, name, summary);
    is_open.then(|| finding().at(display::path(&config.path)))
}

fn no_origins(gateway: &Gateway, facts: Option<&Facts>) -> Option<Finding> {
    let facts = facts?;
    let version = gateway.release.as_ref()?.version.parse::<Version>().ok()?;
    let is_missing = release::needs_allowed_origins(&version)
        && is_beyond_loopback(&gateway.config)
        && !facts.falls_back_to_host
        && gateway.config.allowed_origins.is_none();
    let summary = "it listens beyond loopback without gateway.controlUi.allowedOrigins";
    let finding = || Finding::new(&catalogued::NO_ORIGINS, &gateway.name, summary);
    is_missing.then(|| finding().at(display::path(&gateway.config.path)))
}

fn is_beyond_loopback(config: &Config) -> bool {
    let bind = config.bind.as_deref();
    bind.is_some_and(|bind| !matches!(bind, "loopback" | "auto"))
}

fn foreign_port(gateway: &Gateway, foreign: &[SocketAddr]) -> Option<Finding> {
    let address = foreign.first()?;
    let summary = format!("another process listens on {address}");
    Some(Finding::new(&catalogued::FOREIGN_PORT, &gateway.name, summary).at(address))
}

/// Returns a finding for every service on the host's loopback.
pub(super) fn loopback(name: &GatewayName, facts: Option<&Facts>) -> Vec<Finding> {
    let urls = facts.into_iter().flat_map(|facts| &facts.loopback_urls);
    let findings = urls.map(|url| {
        let summary = format!(
            "{} names {}",
            display::text(&url.key),
            display::text(&url.address)
        );
        let kind = match url.port {
            Some(_) => &catalogued::LOOPBACK_URL,
            None => &catalogued::LOOPBACK_PORTLESS,
        };
        Finding::new(kind, name, summary).at(&url.place)
    });
    findings.collect()
}

#[cfg(test)]
#[path = "findings_tests.rs"]
pub(super) mod tests;
