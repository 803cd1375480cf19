//! What is wrong with one gateway, told from what was found: pure rules, one function each.

use std::net::SocketAddr;

use crate::display;
use crate::inventory::{Finding, Gateway, Place, Starter, catalogued};
use crate::openclaw::{Facts, Version, release};

/// Applies every rule to a gateway. `foreign` are the listeners of others on its port.
pub(super) fn of(gateway: &Gateway, facts: Option<&Facts>, foreign: &[SocketAddr]) -> Vec<Finding> {
    let single = [
        starter(gateway),
        not_running(gateway),
        runs_as_root(gateway),
        untried(gateway),
        open_bind(gateway, facts),
        foreign_port(gateway, foreign),
        strays(gateway),
        hard_links(gateway),
    ];
    single
        .into_iter()
        .flatten()
        .chain(loopback(gateway, facts))
        .collect()
}

fn starter(gateway: &Gateway) -> Option<Finding> {
    match &gateway.starter {
        Starter::Unit(_) => None,
        Starter::Other { seen } => {
            let summary = format!("what starts it is not known: it runs {seen}");
            Some(Finding::new(
                &catalogued::UNKNOWN_STARTER,
                &gateway.name,
                summary,
            ))
        }
    }
}

fn not_running(gateway: &Gateway) -> Option<Finding> {
    let Starter::Unit(unit) = &gateway.starter else {
        return None;
    };
    let finding = || {
        let summary = format!(
            "{} is {} and does not run",
            display::text(&unit.name),
            unit.enablement
        );
        Finding::new(&catalogued::NOT_RUNNING, &gateway.name, summary).at(display::path(&unit.file))
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

fn open_bind(gateway: &Gateway, facts: Option<&Facts>) -> Option<Finding> {
    facts?;
    let auth = &gateway.config.auth;
    let is_open = !auth.has_secret || auth.mode.as_deref() == Some("none");
    let summary = "it has neither a token nor a password";
    let finding = || Finding::new(&catalogued::OPEN_BIND, &gateway.name, summary);
    is_open.then(|| finding().at(display::path(&gateway.config.path)))
}

fn foreign_port(gateway: &Gateway, foreign: &[SocketAddr]) -> Option<Finding> {
    let address = foreign.first()?;
    let summary = format!("another process listens on {address}");
    Some(Finding::new(&catalogued::FOREIGN_PORT, &gateway.name, summary).at(address))
}

fn strays(gateway: &Gateway) -> Option<Finding> {
    let census = gateway.census.as_ref().filter(|census| census.strays > 0)?;
    let summary = format!(
        "{} of {} entries do not belong to {}",
        census.strays, census.entries, gateway.user.name
    );
    let finding = Finding::new(&catalogued::STRAY_OWNER, &gateway.name, summary);
    Some(match census.sample.first() {
        Some(stray) => finding.at(&stray.path),
        None => finding,
    })
}

fn hard_links(gateway: &Gateway) -> Option<Finding> {
    let census = gateway
        .census
        .as_ref()
        .filter(|census| census.hard_linked_strays > 0)?;
    let summary = format!(
        "{} files of another owner have several names",
        census.hard_linked_strays
    );
    let place = display::path(&gateway.state_directory);
    Some(Finding::new(&catalogued::HARD_LINKED_STRAY, &gateway.name, summary).at(place))
}

fn loopback(gateway: &Gateway, facts: Option<&Facts>) -> Vec<Finding> {
    let urls = facts.into_iter().flat_map(|facts| &facts.loopback_urls);
    let findings = urls.map(|url| {
        let summary = format!(
            "{} names {}",
            display::text(&url.key),
            display::text(&url.address)
        );
        let place = Place {
            path: gateway.config.path.clone(),
            line: Some(url.line),
        };
        Finding::new(&catalogued::LOOPBACK_URL, &gateway.name, summary).at(place)
    });
    findings.collect()
}
