//! How a group's container is reached, and reaches the host.

use super::super::{Answer, Choice, Form, Loopback, LoopbackWay, Network, Plan, propose};
use super::{find_mut, loopback, unknown_choice};

const BRIDGE: &str = "bridge";
const HOST: &str = "host";

pub(super) fn ask(draft: &Plan, group: &str) -> (String, String, Form, Answer) {
    let found = draft.find_group(group);
    let gateways = found.map(super::super::Group::gateways).unwrap_or_default();
    let facts = gateways
        .iter()
        .filter_map(|it| draft.facts.find_gateway(it));
    let ports: Vec<_> = facts.map(|it| it.port.to_string()).collect();
    let services = found.map(|group| loopback::services(draft, group));
    let services: Vec<_> = services
        .iter()
        .flatten()
        .map(|it| loopback::shown(it))
        .collect();
    let uses = if services.is_empty() {
        "It uses no service of this host's loopback.".to_owned()
    } else {
        format!("It uses {} of this host.", services.join(", "))
    };
    let key = match found.map(|group| &group.network) {
        Some(Network::Host) => HOST,
        Some(Network::Bridge { .. }) | None => BRIDGE,
    };
    let choice = |key: &str, text: String| Choice {
        key: key.to_owned(),
        text,
    };
    (
        format!("Network of {group}"),
        format!(
            "On a bridge of its own the container has ports of its own, and each gateway's is published on the host's \
             loopback under the same number. On the host's network gateway.bind is left alone and every loopback service is \
             there as today, but ports can meet, and the group is not parted from the host's network: its agents can speak \
             to whatever listens there. {uses}"
        ),
        Form::One(vec![
            choice(BRIDGE, format!("a bridge; published: {}", ports.join(" "))),
            choice(HOST, "the host's network, as today".to_owned()),
        ]),
        Answer::Text(key.to_owned()),
    )
}

pub(super) fn apply(draft: &mut Plan, name: &str, key: &str) -> Result<(), String> {
    let group = find_mut(draft, name)?;
    let (network, ways) = match (key, &group.network) {
        (BRIDGE, Network::Bridge { .. }) | (HOST, Network::Host) => return Ok(()),
        (BRIDGE, Network::Host) => {
            let name = propose::network(name);
            (Network::Bridge { name }, LoopbackWay::Relay)
        }
        (HOST, Network::Bridge { .. }) => (Network::Host, LoopbackWay::HostNetwork),
        _ => return Err(unknown_choice(key)),
    };
    group.network = network;
    group.loopback = group
        .loopback
        .iter()
        .map(|it| Loopback {
            port: it.port,
            way: ways,
        })
        .collect();
    Ok(())
}
