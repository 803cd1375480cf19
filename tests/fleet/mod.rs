//! Fleets in few words, made into inventories: one gateway a line, one template for all of them.
#![allow(dead_code, reason = "every test uses a part of it")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ocmigrate::inventory::{
    Agent, AgentName, Companion, Credential, Edge, EdgeKind, Exclusivity, Gateway, GatewayName,
    Inventory, Memory, Part, ProcessId, Starter,
};
use ocmigrate::secret::Hasher;
use ocmigrate::units::Bytes;
use serde::Deserialize;

/// A fleet, and how its agents should be grouped.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fleet {
    pub(crate) name: String,
    /// `user/directory: agent agent`; an agent's workspace follows in parentheses where it is not the usual one.
    pub(crate) gateways: Vec<String>,
    /// `user/directory:agent user/directory:agent KIND`.
    #[serde(default)]
    pub(crate) edges: Vec<String>,
    /// Processes that every gateway speaks to, with their ports.
    #[serde(default)]
    pub(crate) companions: BTreeMap<String, u16>,
    /// The agents' ids, or `user/directory`s, of every group.
    pub(crate) wanted: BTreeMap<String, Vec<String>>,
}

/// A host with 20 processors and 62 GiB.
pub(crate) fn inventory(fleet: &Fleet) -> Inventory {
    let mut inventory: Inventory =
        serde_json::from_str(include_str!("../reports/inventory.json")).unwrap();
    inventory.host.name.clone_from(&fleet.name);
    inventory.host.cores = 20;
    inventory.host.memory_total = Bytes::mib(62 * 1024);
    inventory.findings.clear();
    let template = inventory.gateways.remove(0);
    let gateways = fleet.gateways.iter().enumerate();
    inventory.gateways = gateways
        .map(|(index, line)| gateway(&template, index, line))
        .collect();
    inventory
        .gateways
        .sort_by(|one, other| one.name.cmp(&other.name));
    inventory.edges = fleet.edges.iter().map(|line| edge(line)).collect();
    for (name, port) in &fleet.companions {
        share(&mut inventory, name, *port);
    }
    inventory.edges.sort();
    inventory
}

fn gateway(template: &Gateway, index: usize, line: &str) -> Gateway {
    let (name, agents) = line.split_once(':').unwrap();
    let (user, directory) = name.split_once('/').unwrap();
    let home = PathBuf::from("/home").join(user);
    let state = home.join(directory);
    let mut gateway = template.clone();
    gateway.name = GatewayName(name.to_owned());
    user.clone_into(&mut gateway.user.name);
    let was = gateway.user.uid;
    gateway.user.uid = 1001 + u32::try_from(user.len()).unwrap();
    let classes = gateway.census.iter_mut().flat_map(|it| &mut it.classes);
    for class in classes.filter(|class| class.uid == was) {
        class.uid = gateway.user.uid;
    }
    gateway.user.home.clone_from(&home);
    gateway.port = 18789 + 200 * u16::try_from(index % 200).unwrap();
    gateway.config.path = state.join("openclaw.json");
    let agents = agents.split_whitespace();
    gateway.agents = agents.map(|word| agent(&state, &home, word)).collect();
    gateway.accounts.clear();
    gateway.credentials = vec![credential(name)];
    gateway.listeners.clear();
    if let Starter::Unit(unit) = &mut gateway.starter {
        unit.name = format!("{}.service", directory.trim_start_matches('.'));
        unit.file = home.join(".config/systemd/user").join(&unit.name);
    }
    let peak = Bytes::mib(700 + 40 * (u64::try_from(index).unwrap() % 7));
    gateway.memory = Some(Memory {
        pss: Bytes::mib(600),
        peak,
    });
    gateway.state_directory = state;
    gateway
}

fn agent(state: &std::path::Path, home: &std::path::Path, word: &str) -> Agent {
    let (id, workspace) = word.split_once('(').unwrap_or((word, ""));
    let workspace = match workspace.trim_end_matches(')') {
        "" => state.join("workspace"),
        path => home.join(path),
    };
    Agent {
        id: id.to_owned(),
        workspace,
    }
}

/// One bot a gateway.
fn credential(gateway: &str) -> Credential {
    Credential {
        kind: "telegram bot token".to_owned(),
        public_id: "tg:7214…31".to_owned(),
        hash: Hasher::for_machine("fleet").hash(gateway.as_bytes()),
        exclusivity: Exclusivity::OnePoller,
        account: Some("telegram/default".to_owned()),
        places: Vec::new(),
    }
}

pub(crate) fn agent_name(text: &str) -> AgentName {
    let (gateway, agent) = text.split_once(':').unwrap();
    AgentName {
        gateway: GatewayName(gateway.to_owned()),
        agent: agent.to_owned(),
    }
}

fn edge(line: &str) -> Edge {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [from, to, kind] = words.as_slice() else {
        panic!("`{line}` is no edge");
    };
    Edge {
        from: agent_name(from),
        to: agent_name(to),
        kind: serde_json::from_value(serde_json::Value::from(*kind)).unwrap(),
        place: None,
    }
}

/// Lets all gateways be clients of one process.
fn share(inventory: &mut Inventory, name: &str, port: u16) {
    let agents: Vec<AgentName> = inventory
        .gateways
        .iter()
        .filter_map(|gateway| {
            Some(AgentName {
                gateway: gateway.name.clone(),
                agent: gateway.agents.first()?.id.clone(),
            })
        })
        .collect();
    for (index, from) in agents.iter().enumerate() {
        inventory.companions.push(Companion {
            gateway: Some(from.gateway.clone()),
            part: Part::Service,
            process: ProcessId {
                pid: 7,
                start_ticks: 7,
            },
            name: name.to_owned(),
            uid: Some(1001),
            starter: format!("{name}.service"),
            directory: None,
            port: Some(port),
        });
        let others = agents.iter().skip(index + 1);
        inventory.edges.extend(others.map(|to| Edge {
            from: from.clone(),
            to: to.clone(),
            kind: EdgeKind::SharedCompanion,
            place: None,
        }));
    }
}
