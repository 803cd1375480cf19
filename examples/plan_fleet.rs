//! Plans a fleet of any size and says what it took: `plan_fleet GATEWAYS AGENTS_EACH`; with `--inventory` behind it, prints
//! the fleet's inventory instead, for `ocmigrate plan -i`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own, for measuring"
)]

use std::time::Instant;

use ocmigrate::inventory::{AgentName, Edge, EdgeKind, Gateway, GatewayName, Inventory, Starter};
use ocmigrate::plan::{self, Wishes};
use ocmigrate::secret::Hasher;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).map_or(Ok(10), |text| text.parse());
    let text = serde_json::to_string(&inventory(number(0)?, number(1)?)?)?;
    if arguments.iter().any(|argument| argument == "--inventory") {
        println!("{text}");
        return Ok(());
    }
    let start = Instant::now();
    let inventory = plan::parse_inventory(&text)?;
    let plan = plan::propose(&inventory, &Wishes::default());
    plan::check(&plan)?;
    let concerns = plan::concerns(&plan).len();
    let written = serde_json::to_string_pretty(&plan)?.len();
    let took = start.elapsed().as_millis();
    println!(
        "{took} ms, peak {}, {concerns} concerns, {written} bytes",
        peak()?
    );
    Ok(())
}

/// The most memory that this process had; `VmHWM` of `proc_pid_status(5)`.
fn peak() -> std::io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.unwrap_or_default().trim().to_owned())
}

/// A fleet on one host: gateways with agents that send to each other, each gateway naming a path of the next one's.
fn inventory(gateways: u16, agents: u16) -> Result<Inventory, serde_json::Error> {
    let mut inventory: Inventory =
        serde_json::from_str(include_str!("../tests/reports/inventory.json"))?;
    let template = inventory.gateways.remove(0);
    inventory.findings.clear();
    inventory.host.memory_total.0 *= 200;
    inventory.gateways = (0..gateways)
        .map(|index| gateway(&template, index, agents))
        .collect();
    inventory
        .gateways
        .sort_by(|one, other| one.name.cmp(&other.name));
    inventory.edges = inventory.gateways.iter().flat_map(edges).collect();
    Ok(inventory)
}

fn gateway(template: &Gateway, index: u16, agents: u16) -> Gateway {
    let mut gateway = template.clone();
    gateway.name = GatewayName(format!("joe/.openclaw-{index}"));
    gateway.state_directory = format!("/home/joe/.openclaw-{index}").into();
    gateway.config.path = gateway.state_directory.join("openclaw.json");
    gateway.port = 1024 + index;
    if let Starter::Unit(unit) = &mut gateway.starter {
        unit.name = format!("openclaw-{index}.service");
    }
    let hasher = Hasher::for_machine("fleet");
    for (number, credential) in gateway.credentials.iter_mut().enumerate() {
        credential.hash = hasher.hash(format!("{index} {number}").as_bytes());
    }
    let words = ["desk", "study", "family", "pj", "ops"];
    let ids = (0..agents).zip(words.iter().cycle());
    gateway.agents = ids
        .map(|(number, word)| {
            let mut agent =
                template
                    .agents
                    .first()
                    .cloned()
                    .unwrap_or_else(|| ocmigrate::inventory::Agent {
                        id: String::new(),
                        workspace: "/home/joe".into(),
                    });
            agent.id = format!("{word}-{number}");
            agent.workspace = gateway.state_directory.join(&agent.id);
            agent
        })
        .collect();
    gateway
}

/// Every agent sends to the next one of its gateway.
fn edges(gateway: &Gateway) -> Vec<Edge> {
    let name = |id: &str| AgentName {
        gateway: gateway.name.clone(),
        agent: id.to_owned(),
    };
    let next = gateway.agents.iter().skip(1);
    let pairs = gateway.agents.iter().zip(next);
    let edge = |from: &str, to: &str| Edge {
        from: name(from),
        to: name(to),
        kind: EdgeKind::Messages,
        place: None,
    };
    pairs.map(|(from, to)| edge(&from.id, &to.id)).collect()
}
