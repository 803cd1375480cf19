//! A plan for a fleet far larger than any that is known: from the inventory's file to the plan's text, with every question
//! answered as proposed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use ocmigrate::inventory::{AgentName, Edge, EdgeKind, Gateway, Inventory};
use ocmigrate::plan;

use crate::Outcome;
use crate::arguments::Choices;
use crate::row::{Contestant, Judged, Line, Row};

const GATEWAYS: u16 = 1_000;
const AGENTS: u16 = 10;
/// How many gateways are connected with each other.
const TOGETHER: usize = 5;
/// The most memory that it may take.
const MOST_KIB: u64 = 100_000_000 / 1024;

/// The inventory of the seed's server, whose gateways are multiplied.
const SEED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../plans/t440.inventory.json"
);

pub(super) fn measure(choices: &Choices) -> Outcome<Vec<Line>> {
    let room = tempfile::tempdir()?;
    let file = room.path().join("inventory.json");
    std::fs::write(&file, serde_json::to_string(&inventory()?)?)?;
    let file = file.display().to_string();
    let agents = u64::from(GATEWAYS) * u64::from(AGENTS);
    let row = Row {
        work: "plan",
        size: format!("{GATEWAYS} gateways, {agents} agents"),
        judged: Judged::Wall,
        ours: Contestant::driver("plan", [file], agents)?,
        // The goal is a second, and no share of anybody's.
        peers: vec![Contestant::peer("one second", "sleep 1", Some(1.0))],
    };
    let lines = row.measure(choices.runs_of(0))?;
    if let Some(peak) = lines.first().and_then(|line| line.ours.peak_kib) {
        let verdict = if peak <= MOST_KIB { "met" } else { "MISSED" };
        writeln!(
            std::io::stderr().lock(),
            "bench: plan of {agents} agents: peak {} MB; goal 100 MB {verdict}",
            peak * 1024 / 1_000_000
        )?;
    }
    Ok(lines)
}

/// Plans for an inventory and returns how many agents found a home.
pub(crate) fn plan(file: &Path) -> Outcome<u64> {
    let inventory = plan::parse_inventory(&std::fs::read_to_string(file)?)?;
    let proposal = plan::propose(&inventory, &plan::Wishes::default());
    let remembered = std::collections::BTreeMap::new();
    let mut conversation = plan::Conversation::new(&inventory, proposal, remembered);
    while let Some(question) = conversation.next() {
        conversation.give(&question.default)?;
    }
    let text = serde_json::to_string_pretty(conversation.draft())?;
    let plan = plan::parse(&text)?;
    Ok(plan
        .groups
        .iter()
        .map(|group| group.members.len() as u64)
        .sum())
}

/// Gateways of ten agents each, of whom two know each other; five gateways at a time do.
fn inventory() -> Outcome<Inventory> {
    let mut inventory = plan::parse_inventory(&std::fs::read_to_string(SEED)?)?;
    let seed = inventory.gateways.first().ok_or("no gateway")?.clone();
    inventory.gateways = (0..GATEWAYS).map(|index| gateway(&seed, index)).collect();
    inventory.companions.clear();
    inventory.edges = edges(&inventory.gateways);
    Ok(inventory)
}

fn gateway(seed: &Gateway, index: u16) -> Gateway {
    const WORDS: [&str; 8] = [
        "work", "study", "family", "main", "sales", "tutor", "travel", "rex",
    ];
    let mut gateway = seed.clone();
    let word = WORDS.iter().cycle().nth(usize::from(index) / TOGETHER);
    let word = word.unwrap_or(&"");
    let directory = format!(".openclaw-{word}-{index:04}");
    gateway.state_directory = PathBuf::from("/home/joe").join(&directory);
    gateway.name.0 = format!("joe/{directory}");
    gateway.credentials.clear();
    gateway.config.path = gateway.state_directory.join("openclaw.json");
    gateway.port = 2_000 + 50 * index;
    let agent = gateway.agents.first().cloned();
    gateway.agents = (0..AGENTS)
        .filter_map(|number| {
            let mut agent = agent.clone()?;
            agent.id = format!("agent-{number}");
            agent.workspace = gateway.state_directory.join(&agent.id);
            Some(agent)
        })
        .collect();
    gateway
}

fn edges(gateways: &[Gateway]) -> Vec<Edge> {
    let name = |gateway: &Gateway, number: usize| AgentName {
        gateway: gateway.name.clone(),
        agent: format!("agent-{number}"),
    };
    let edge = |from, to| Edge {
        from,
        to,
        kind: EdgeKind::Messages,
        place: None,
    };
    let own = gateways.iter().map(|it| edge(name(it, 0), name(it, 1)));
    let next = gateways.chunks(TOGETHER);
    let next = next.flat_map(|some| some.iter().zip(some.iter().skip(1)));
    let next = next.map(|(one, other)| edge(name(one, 0), name(other, 0)));
    own.chain(next).collect()
}
