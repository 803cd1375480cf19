//! What holds for every plan that passes the checks, over generated fleets and generated edits.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fleet;

use std::collections::{BTreeMap, BTreeSet};

use fleet::Fleet;
use ocmigrate::inventory::Inventory;
use ocmigrate::plan::{self, Plan, Wishes};
use ocmigrate::secret::KeyedHash;
use ocmigrate::units::{Bytes, GIB};
use proptest::prelude::*;

const WORDS: [&str; 8] = [
    "main",
    "luna",
    "docomo-pj",
    "study",
    "family",
    "ops",
    "rex",
    "tutor",
];
const KINDS: [&str; 6] = [
    "spawns",
    "messages",
    "shared_workspace",
    "shared_account",
    "shared_companion",
    "names_workspace",
];

/// A gateway: its user, and its agents by words.
type Line = (usize, BTreeSet<usize>);

fn inventory(lines: &[Line], edges: &[(usize, usize, usize)], is_token_shared: bool) -> Inventory {
    let name = |index: usize| format!("{}/.openclaw-{index}", ["joe", "anna"][lines[index].0]);
    let agents = |index: usize| lines[index].1.iter().map(|word| WORDS[*word]);
    let gateways = (0..lines.len()).map(|index| {
        let agents: Vec<_> = agents(index).collect();
        format!("{}: {}", name(index), agents.join(" "))
    });
    let end = |index: usize| {
        let index = index % lines.len();
        format!("{}:{}", name(index), agents(index).next().unwrap())
    };
    let edges = edges
        .iter()
        .map(|(from, to, kind)| format!("{} {} {}", end(*from), end(*to), KINDS[*kind]));
    let fleet = Fleet {
        name: "generated".to_owned(),
        gateways: gateways.collect(),
        edges: edges.collect(),
        companions: BTreeMap::new(),
        wanted: BTreeMap::new(),
    };
    let mut inventory = fleet::inventory(&fleet);
    if is_token_shared {
        let token = inventory.gateways[0].credentials[0].clone();
        let last = inventory.gateways.len() - 1;
        inventory.gateways[last].credentials = vec![token];
    }
    inventory
}

/// How many kinds of edits there are.
const EDITS: usize = 8;

/// An edit by hand: an agent moved, put twice, taken out or renamed, a budget or a port changed, the budgets' sum accepted.
fn edit(plan: &mut Plan, (from, to, what): (usize, usize, usize)) {
    let count = plan.groups.len();
    let (from, to) = (from % count, to % count);
    match what {
        0 if plan.groups[from].members.len() > 1 => {
            let member = plan.groups[from].members.remove(0);
            plan.groups[to].members.push(member);
        }
        1 => plan.groups[to].budget.memory = Bytes(40 * GIB),
        2 => {
            let gateways = plan.facts.gateways.len();
            plan.facts.gateways[to % gateways].port = plan.facts.gateways[from % gateways].port;
        }
        3 => {
            let member = plan.groups[from].members[0].clone();
            plan.groups[to].members.push(member);
        }
        4 => plan.accepted.push("OM-P001".to_owned()),
        5 if plan.groups[from].members.len() > 1 => {
            plan.groups[from].members.remove(0);
        }
        6 => fill_up(plan, to, from % 2 == 1),
        7 => plan.groups[from].members[0].agent.push('x'),
        _ => {}
    }
}

/// Gives a group what the others and the reserve leave of the host's memory, and a byte more where it is too much.
fn fill_up(plan: &mut Plan, group: usize, is_too_much: bool) {
    let others = plan.groups.iter().enumerate();
    let others = others.filter(|(index, _)| *index != group);
    let taken: u64 = others.map(|(_, it)| it.budget.memory.0).sum();
    let left = plan.facts.host.memory.0.checked_sub(taken + plan.reserve.0);
    if let Some(left) = left {
        plan.groups[group].budget.memory = Bytes(left + u64::from(is_too_much));
    }
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let agents = prop::collection::btree_set(0..WORDS.len(), 1..4);
    prop::collection::vec((0..2_usize, agents), 1..9)
}

fn agents_are_in_one_group(plan: &Plan) {
    let agents = plan.groups.iter().flat_map(|group| group.agents());
    let mut agents: Vec<_> = agents.map(|agent| agent.to_string()).collect();
    let there = plan.facts.gateways.iter().flat_map(|gateway| {
        let agents = gateway.agents.iter();
        agents.map(|agent| format!("{}:{}", gateway.name, agent.id))
    });
    let mut there: Vec<_> = there.collect();
    agents.sort();
    there.sort();
    assert_eq!(agents, there);
}

fn ports_are_there_once(plan: &Plan) {
    let ports: BTreeSet<_> = plan.facts.gateways.iter().map(|it| it.port).collect();
    assert_eq!(ports.len(), plan.facts.gateways.len());
}

fn containers_of_exclusive_credentials(plan: &Plan) -> BTreeMap<KeyedHash, BTreeSet<String>> {
    let mut containers: BTreeMap<KeyedHash, BTreeSet<String>> = BTreeMap::new();
    for gateway in &plan.facts.gateways {
        let groups = plan.groups.iter();
        let groups = groups.filter(|group| group.gateways().contains(&gateway.name));
        let groups: Vec<_> = groups.map(|group| group.name.clone()).collect();
        let exclusive = gateway.credentials.iter();
        for it in exclusive.filter(|it| it.exclusivity.is_exclusive()) {
            let own = containers.entry(it.hash.clone()).or_default();
            own.extend(groups.iter().cloned());
        }
    }
    containers
}

fn exclusive_credentials_are_in_one_container(plan: &Plan) {
    let containers = containers_of_exclusive_credentials(plan);
    assert!(
        containers.values().all(|it| it.len() == 1),
        "{containers:?}"
    );
}

/// Also of a plan that would put one in several.
fn the_table_tells_every_container_of_an_exclusive_credential(plan: &Plan) {
    let containers = containers_of_exclusive_credentials(plan);
    let mut told: BTreeMap<KeyedHash, BTreeSet<String>> = BTreeMap::new();
    for it in plan::allocations(plan) {
        if it.exclusivity.is_exclusive() {
            told.entry(it.hash).or_default().extend(it.containers);
        }
    }
    assert_eq!(
        told, containers,
        "the allocation table tells something else"
    );
}

fn budgets_fit_or_are_accepted(plan: &Plan) {
    let sum: u64 = plan.groups.iter().map(|group| group.budget.memory.0).sum();
    let fits = sum + plan.reserve.0 <= plan.facts.host.memory.0;
    assert!(fits || plan.accepted.iter().any(|entry| entry == "OM-P001"));
}

proptest! {
    #[test]
    fn a_proposal_passes_its_checks_and_is_always_the_same(
        lines in lines(), edges in prop::collection::vec((0..9_usize, 0..9_usize, 0..6_usize), 0..6),
        memory in prop::sample::select(vec![1_u64, 4, 62])
    ) {
        let mut inventory = inventory(&lines, &edges, false);
        inventory.host.memory_total = Bytes(memory * GIB);
        let plan = plan::propose(&inventory, &Wishes::default());
        plan::check(&plan).unwrap();
        agents_are_in_one_group(&plan);
        ports_are_there_once(&plan);
        exclusive_credentials_are_in_one_container(&plan);
        the_table_tells_every_container_of_an_exclusive_credential(&plan);
        let text = serde_json::to_string(&plan).unwrap();
        let again = plan::propose(&inventory, &Wishes::default());
        prop_assert_eq!(&text, &serde_json::to_string(&again).unwrap());
        prop_assert_eq!(plan::parse(&text).unwrap(), plan);
    }

    #[test]
    fn budgets_over_the_host_stop_every_group_until_they_are_accepted(
        lines in lines(), group in 0..9_usize, is_too_much: bool
    ) {
        let mut plan = plan::propose(&inventory(&lines, &[], false), &Wishes::default());
        let group = group % plan.groups.len();
        fill_up(&mut plan, group, is_too_much);
        let is_stopped = |plan: &Plan, group| {
            let objections = plan::objections(plan, group, &[]);
            objections.iter().any(|finding| finding.id == "OM-P001")
        };
        for group in &plan.groups {
            prop_assert_eq!(is_stopped(&plan, group), is_too_much, "{}", group.name);
        }
        plan.accepted.push("OM-P001".to_owned());
        prop_assert!(!plan.groups.iter().any(|group| is_stopped(&plan, group)));
    }

    #[test]
    fn an_edited_plan_that_passes_the_checks_keeps_the_promises(
        lines in lines(), is_token_shared: bool,
        edits in prop::collection::vec((0..9_usize, 0..9_usize, 0..EDITS), 0..5)
    ) {
        let mut plan = plan::propose(&inventory(&lines, &[], is_token_shared), &Wishes::default());
        for it in edits {
            edit(&mut plan, it);
        }
        let text = serde_json::to_string(&plan).unwrap();
        let Ok(plan) = plan::parse(&text) else {
            return Ok(());
        };
        agents_are_in_one_group(&plan);
        ports_are_there_once(&plan);
        the_table_tells_every_container_of_an_exclusive_credential(&plan);
        if plan.groups.iter().all(|group| plan::objections(&plan, group, &[]).is_empty()) {
            exclusive_credentials_are_in_one_container(&plan);
            budgets_fit_or_are_accepted(&plan);
        }
    }
}
