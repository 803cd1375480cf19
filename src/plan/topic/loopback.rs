//! What becomes of the host's loopback services that groups on a bridge use.

use std::collections::BTreeSet;

use super::super::{Answer, Choice, Form, Group, Loopback, LoopbackWay, Network, Plan, Service};
use crate::display;

/// Returns whether a group on a bridge uses a service.
pub(super) fn comes_up(draft: &Plan) -> bool {
    draft
        .groups
        .iter()
        .any(|group| !relayed(draft, group).is_empty())
}

pub(super) fn ask(draft: &Plan) -> (String, String, Form, Answer) {
    let width = draft.groups.iter().map(|it| it.name.len()).max();
    let width = width.unwrap_or_default();
    let mut choices = Vec::new();
    let mut lost = Vec::new();
    for group in &draft.groups {
        for service in relayed(draft, group) {
            let key = key(group, service.port);
            let text = format!("{:width$}  {}", group.name, shown(service));
            if is_lost(group, service.port) {
                lost.push(key.clone());
            }
            choices.push(Choice { key, text });
        }
    }
    lost.sort();
    (
        "Give up which loopback services".to_owned(),
        "These gateways use services on 127.0.0.1 of this host, and inside a container on a bridge that address is the \
         container's own. A relay in the container listens on the same port and hands on to the host. Mark what the agents \
         can do without: that is then lost to them, and accepted. The third way, the host's network, is a matter of each \
         group's network."
            .to_owned(),
        Form::Several(choices),
        Answer::Several(lost),
    )
}

pub(super) fn apply(draft: &mut Plan, lost: &[String]) -> Result<(), String> {
    let mut known = BTreeSet::new();
    let mut decided = Vec::new();
    for group in &draft.groups {
        let ports = relayed(draft, group);
        let mut ways: Vec<Loopback> = group.loopback.clone();
        for port in ports.iter().map(|service| service.port) {
            let key = key(group, port);
            let way = if lost.contains(&key) {
                LoopbackWay::Lost
            } else {
                LoopbackWay::Relay
            };
            ways.retain(|it| it.port != port);
            ways.push(Loopback { port, way });
            known.insert(key);
        }
        ways.sort();
        decided.push(ways);
    }
    if let Some(unknown) = lost.iter().find(|key| !known.contains(*key)) {
        let unknown = display::text(unknown);
        return Err(format!("no group on a bridge uses `{unknown}`"));
    }
    for (group, ways) in draft.groups.iter_mut().zip(decided) {
        group.loopback = ways;
    }
    Ok(())
}

/// The services of the host that a group uses, each port once.
pub(super) fn services<'a>(draft: &'a Plan, group: &Group) -> Vec<&'a Service> {
    let own = group.gateways();
    let mut ports = BTreeSet::new();
    let services = draft.facts.services.iter();
    let mut services: Vec<_> = services
        .filter(|it| own.contains(&it.gateway) && ports.insert(it.port))
        .collect();
    services.sort_by_key(|service| service.port);
    services
}

/// Those of a group on a bridge.
fn relayed<'a>(draft: &'a Plan, group: &Group) -> Vec<&'a Service> {
    match group.network {
        Network::Bridge { .. } => services(draft, group),
        Network::Host => Vec::new(),
    }
}

pub(super) fn shown(service: &Service) -> String {
    format!(
        "{} on 127.0.0.1:{}",
        display::text(&service.name),
        service.port
    )
}

fn key(group: &Group, port: u16) -> String {
    format!("{}:{port}", group.name)
}

fn is_lost(group: &Group, port: u16) -> bool {
    let lost = Loopback {
        port,
        way: LoopbackWay::Lost,
    };
    group.loopback.contains(&lost)
}
