//! The proposed grouping of fleets, against groupings that were written down before the code ran.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its score"
)]

mod fleet;

use std::collections::{BTreeMap, BTreeSet};

use fleet::Fleet;
use ocmigrate::plan::{self, Member, Vocabulary, Wishes};

/// The members of a group by the names that the fleet's own grouping uses.
fn is_named(member: &Member, wanted: &str) -> bool {
    member.agent == wanted || member.gateway.0 == wanted
}

/// How many agents are where they should be, and which are not.
fn score(fleet: &Fleet) -> (usize, Vec<String>) {
    let plan = plan::propose(&fleet::inventory(fleet), &Wishes::default());
    plan::check(&plan).unwrap();
    let mut right = 0;
    let mut wrong = Vec::new();
    for group in &plan.groups {
        for member in &group.members {
            let wanted = fleet.wanted.get(&group.name);
            if wanted.is_some_and(|it| it.iter().any(|name| is_named(member, name))) {
                right += 1;
            } else {
                wrong.push(format!(
                    "{} in {}: {}",
                    member.name(),
                    group.name,
                    member.reason
                ));
            }
        }
    }
    (right, wrong)
}

fn t440() -> Fleet {
    serde_json::from_str(include_str!("fleet/t440.json")).unwrap()
}

#[test]
fn the_seeds_fleet_gets_the_seeds_grouping() {
    let fleet = t440();
    let plan = plan::propose(&fleet::inventory(&fleet), &Wishes::default());
    let groups: BTreeMap<String, BTreeSet<String>> = plan
        .groups
        .iter()
        .map(|group| {
            let agents = group.members.iter().map(|member| member.agent.clone());
            (group.name.clone(), agents.collect())
        })
        .collect();
    let wanted = fleet.wanted.into_iter();
    let wanted: BTreeMap<_, BTreeSet<_>> = wanted
        .map(|(name, agents)| (name, agents.into_iter().collect()))
        .collect();
    assert_eq!(groups, wanted);
    let turns: Vec<_> = plan
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    assert_eq!(turns, ["oc-learning", "oc-personal", "oc-work", "oc-core"]);
}

#[test]
fn ten_other_fleets_are_grouped_as_was_written_down_before() {
    let fleets: Vec<Fleet> = serde_json::from_str(include_str!("fleet/others.json")).unwrap();
    assert_eq!(fleets.len(), 10);
    let (mut right, mut all) = (0, 0);
    for fleet in &fleets {
        let (own, wrong) = score(fleet);
        println!("{}: {own} of {}", fleet.name, own + wrong.len());
        for line in &wrong {
            println!("  {line}");
        }
        right += own;
        all += own + wrong.len();
    }
    println!("{right} of {all} agents are where they should be");
    assert_eq!(right, all);
}

#[test]
fn every_agent_has_a_reason_and_a_guess_says_so() {
    let fleets: Vec<Fleet> = serde_json::from_str(include_str!("fleet/others.json")).unwrap();
    let fleet = fleets
        .iter()
        .find(|it| it.name == "names that tell nothing");
    let plan = plan::propose(&fleet::inventory(fleet.unwrap()), &Wishes::default());
    let members = plan.groups.iter().flat_map(|group| &group.members);
    let reasons: BTreeMap<_, _> = members
        .map(|member| (member.agent.as_str(), member.reason.as_str()))
        .collect();
    let guess = "a guess: no edge, nothing shared and no word tells where it belongs";
    assert_eq!(
        reasons,
        BTreeMap::from([
            ("luna", guess),
            ("rex", guess),
            (
                "thesis-helper",
                "`thesis` in `thesis-helper` is a word of oc-learning"
            ),
        ])
    );
}

#[test]
fn a_vocabulary_of_ones_own_decides() {
    let vocabulary = Vocabulary::parse("oc-all: main pj study*\n").unwrap();
    let wishes = Wishes {
        vocabulary,
        ..Wishes::default()
    };
    let plan = plan::propose(&fleet::inventory(&t440()), &wishes);
    let group = plan.find_group("oc-all").unwrap();
    let agents: Vec<_> = group.members.iter().map(|it| it.agent.as_str()).collect();
    assert_eq!(
        agents,
        ["main", "docomo-pj", "harbor-pj", "nobdata-pj", "study"]
    );
}
