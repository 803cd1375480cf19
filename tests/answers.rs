//! The conversation without a terminal: the engine by itself, and `ocmigrate plan --answers` in a pipe.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reads its fixtures, starts the binary and fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::Command;
use insta::assert_snapshot;
use ocmigrate::inventory::Inventory;
use ocmigrate::plan::{self, Answer, Conversation, Form, Plan, Question};
use proptest::prelude::*;

/// The seed's server: 20 cores, 62 GB, a fleet in four groups.
const FLEET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/t440.inventory.json");

fn fleet() -> Inventory {
    plan::parse_inventory(&std::fs::read_to_string(FLEET).unwrap()).unwrap()
}

fn begin(inventory: &Inventory) -> Conversation<'_> {
    Conversation::new(
        inventory,
        plan::propose(inventory, &plan::Wishes::default()),
        BTreeMap::new(),
    )
}

fn enter_to_the_end(conversation: &mut Conversation) {
    while let Some(question) = conversation.next() {
        conversation.give(&proposed(&question)).unwrap();
    }
}

/// The proposed answer; an image of a person's own nobody can propose.
fn proposed(question: &Question) -> Answer {
    match &question.default {
        Answer::Text(text) if text.is_empty() && question.id.ends_with(".reference") => {
            Answer::Text("debian:12".to_owned())
        }
        default => default.clone(),
    }
}

/// An answer out of chance: sometimes the proposal, sometimes another one, sometimes nonsense.
fn some_answer(question: &Question, chance: usize) -> Answer {
    match (&question.form, &question.default, chance % 4) {
        (Form::Groups, Answer::Groups(grouping), 1 | 2) => {
            let mut grouping = grouping.clone();
            let agents: Vec<String> = grouping.values().flatten().cloned().collect();
            let names: Vec<String> = grouping.keys().cloned().collect();
            let moved = [agents[chance % agents.len()].clone()];
            plan::grouping::move_agents(&mut grouping, &moved, &names[chance / 4 % names.len()]);
            Answer::Groups(grouping)
        }
        (Form::Text, _, 1) if question.id.ends_with("budget") => {
            Answer::Text(format!("{}M", 512 + chance % 4096))
        }
        (Form::One(choices), _, 1) => Answer::Text(choices[chance % choices.len()].key.clone()),
        (Form::Several(choices), _, 1) => {
            Answer::Several(vec![choices[chance % choices.len()].key.clone()])
        }
        (Form::Flag, Answer::Flag(flag), 1) => Answer::Flag(!flag),
        (_, _, 3) => Answer::Text("nonsense".to_owned()),
        (_, _, _) => proposed(question),
    }
}

#[test]
fn enter_all_the_way_gives_the_proposal() {
    let inventory = fleet();
    let mut conversation = begin(&inventory);
    enter_to_the_end(&mut conversation);
    assert_eq!(
        *conversation.draft(),
        plan::propose(&inventory, &plan::Wishes::default())
    );
}

#[test]
fn an_answer_that_puts_an_agent_into_two_groups_is_refused() {
    let inventory = fleet();
    let mut conversation = begin(&inventory);
    let Answer::Groups(mut grouping) = conversation.next().unwrap().default else {
        panic!("the first question is about groups");
    };
    let agent = grouping["oc-core"][0].clone();
    grouping.get_mut("oc-work").unwrap().push(agent.clone());
    let said = conversation.give(&Answer::Groups(grouping));
    let reason = format!("`{agent}` is in `oc-core` and in `oc-work`");
    assert_eq!(said, Err(reason));
}

#[test]
fn on_a_host_that_is_too_small_every_question_still_takes_what_it_proposes() {
    for gibibytes in [1, 4] {
        let mut inventory = fleet();
        inventory.host.memory_total = ocmigrate::units::Bytes::mib(gibibytes * 1024);
        let mut conversation = begin(&inventory);
        enter_to_the_end(&mut conversation);
        let plan = conversation.draft();
        plan::check(plan).unwrap();
        let objections = plan::objections(plan, &plan.groups[0], &[]);
        assert!(objections.iter().any(|it| it.id == "OM-P001"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn going_back_and_answering_the_same_changes_nothing(
        chances in proptest::collection::vec(0_usize..10_000, 1..30),
        steps_back in 1_usize..10,
    ) {
        let inventory = fleet();
        let mut conversation = begin(&inventory);
        for chance in chances {
            let Some(question) = conversation.next() else { break };
            let before = conversation.draft().clone();
            if conversation.give(&some_answer(&question, chance)).is_err() {
                prop_assert_eq!(conversation.draft(), &before, "a refused answer changes nothing");
            }
        }
        let (draft, answers) = (conversation.draft().clone(), conversation.answers());
        let back = (0..steps_back).filter(|_| conversation.back().is_some()).count();
        for _ in 0..back {
            let question = conversation.next().unwrap();
            conversation.give(&question.default).unwrap();
        }
        prop_assert_eq!(conversation.draft(), &draft);
        prop_assert_eq!(conversation.answers(), answers);
    }

    #[test]
    fn the_answers_of_a_conversation_replay_it(
        chances in proptest::collection::vec(0_usize..10_000, 1..30),
    ) {
        let inventory = fleet();
        let mut conversation = begin(&inventory);
        for chance in chances {
            let Some(question) = conversation.next() else { break };
            let _ = conversation.give(&some_answer(&question, chance));
        }
        enter_to_the_end(&mut conversation);
        plan::check(conversation.draft()).unwrap();
        let mut replay = begin(&inventory);
        let file = serde_json::to_string(&conversation.answers()).unwrap();
        let mut answers = plan::parse_answers(&file).unwrap().answers;
        while let Some(question) = replay.next() {
            replay.give(&answers.remove(&question.id).unwrap()).unwrap();
        }
        prop_assert!(answers.is_empty());
        prop_assert_eq!(replay.draft(), conversation.draft());
    }
}

/// Runs `ocmigrate plan` in a pipe with these answers; what it says, and the plan that it wrote.
fn plan_in_a_pipe(answers: &str, words: &[&str]) -> (String, Option<String>) {
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    if !answers.is_empty() {
        std::fs::write(path("answers.json"), answers).unwrap();
    }
    let given: &[&str] = if answers.is_empty() {
        &[]
    } else {
        &["--answers", "answers.json"]
    };
    let output = Command::cargo_bin("ocmigrate")
        .unwrap()
        .current_dir(room.path())
        .args(["plan", "-i", FLEET, "-o", "plan.json"])
        .args(given)
        .args(words)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    let plan = std::fs::read_to_string(path("plan.json")).ok();
    (format!("{said}exit code {code}\n"), plan)
}

fn one_answer(id: &str, answer: &str) -> String {
    format!(r#"{{"format": 1, "answers": {{"{id}": {answer}}}}}"#)
}

#[test]
fn in_a_pipe_it_says_what_is_missing() {
    let (said, plan) = plan_in_a_pipe("", &[]);
    assert_snapshot!(said);
    assert_eq!(plan, None);
}

#[test]
fn a_file_of_answers_that_does_not_do_is_refused_by_id_and_remedy() {
    let said = [
        ("gruops", "{}"),
        ("groups", r#"{"oc-core": ["joe/.openclaw:nobody"]}"#),
        ("groups", "7"),
        ("group.oc-core.budget", r#""900G""#),
        ("group.oc-nowhere.budget", r#""6G""#),
        ("order", r#""oc-core""#),
        (
            "order",
            "\"oc-core\",\n\"reserve\": \"2G\",\n\"order\": \"oc-core\"",
        ),
        ("details", r#"["oc-nowhere"]"#),
        ("loopback", r#"["oc-core:11434"]"#),
        ("companions", r#"["cron"]"#),
    ]
    .map(|(id, answer)| plan_in_a_pipe(&one_answer(id, answer), &["--yes"]).0);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn the_same_answers_give_the_same_plan_and_the_same_answers_byte_for_byte() {
    let room = tempfile::tempdir().unwrap();
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    for turn in ["first", "second"] {
        let [plan, answers] =
            ["plan", "answers"].map(|it| room.path().join(format!("{turn}.{it}")));
        Command::cargo_bin("ocmigrate")
            .unwrap()
            .args(["plan", "-i"])
            .arg(FLEET)
            .arg("--answers")
            .arg(plans.join("t440.answers.json"))
            .arg("--save-answers")
            .arg(&answers)
            .arg("-o")
            .arg(&plan)
            .assert()
            .success();
        assert_eq!(bytes(&plan), bytes(&plans.join("t440.plan.json")));
        assert_eq!(bytes(&answers), bytes(&plans.join("t440.answers.json")));
    }
}

#[test]
fn an_answer_that_is_missing_is_named() {
    let (said, plan) = plan_in_a_pipe(&one_answer("order", r#""oc-core""#), &[]);
    assert_snapshot!(said);
    assert_eq!(plan, None);
}

#[test]
fn with_yes_a_file_may_answer_a_part() {
    let (said, plan) = plan_in_a_pipe(&one_answer("group.oc-core.budget", r#""9G""#), &["--yes"]);
    assert!(said.ends_with("exit code 0\n"), "{said}");
    let plan: Plan = plan::parse(&plan.unwrap()).unwrap();
    assert_eq!(
        plan.find_group("oc-core").unwrap().budget.text(),
        "9G 10 cpus 2560 pids"
    );
}

/// The old plan of the fleet with two groups joined, a budget of its own, and another order.
fn decided() -> Plan {
    let inventory = fleet();
    let mut conversation = begin(&inventory);
    while let Some(question) = conversation.next() {
        let answer = match (question.id.as_str(), &question.default) {
            ("groups", Answer::Groups(grouping)) => {
                let mut grouping = grouping.clone();
                let learning = grouping.remove("oc-learning").unwrap();
                plan::grouping::move_agents(&mut grouping, &learning, "oc-personal");
                plan::grouping::rename(&mut grouping, "oc-personal", "oc-private").unwrap();
                Answer::Groups(grouping)
            }
            ("group.oc-private.budget", _) => Answer::Text("10G".to_owned()),
            ("order", Answer::Text(names)) => {
                Answer::Text(names.split(' ').rev().collect::<Vec<_>>().join(" "))
            }
            (_, default) => default.clone(),
        };
        conversation.give(&answer).unwrap();
    }
    conversation.draft().clone()
}

/// Every detail of a group decided otherwise than it is proposed.
fn decided_in_detail() -> Plan {
    let inventory = fleet();
    let mut conversation = begin(&inventory);
    while let Some(question) = conversation.next() {
        let text = |text: &str| Answer::Text(text.to_owned());
        let answer = match question.id.as_str() {
            "details" => Answer::Several(vec!["oc-work".to_owned(), "oc-core".to_owned()]),
            "group.oc-work.owner" => text("one_identity"),
            "group.oc-work.identity" => text("1004:100"),
            "group.oc-work.sight" => text("narrow"),
            "group.oc-work.network" => text("host"),
            "group.oc-work.image" => text("given"),
            "group.oc-work.reference" => text("registry.example:5000/openclaw:1"),
            "group.oc-core.packages" => text("s6 git, git ffmpeg"),
            "loopback" => Answer::Several(vec!["oc-core:8080".to_owned()]),
            "companions" => Answer::Several(vec!["bus".to_owned()]),
            "companion.bus" => text("oc-work"),
            "accept.OM-P007:oc-work" => Answer::Flag(true),
            _ => question.default.clone(),
        };
        conversation.give(&answer).unwrap();
    }
    conversation.draft().clone()
}

#[test]
fn every_detail_of_a_group_is_decided_and_kept_when_the_plan_is_edited() {
    use plan::LoopbackWay::{HostNetwork, Lost, Relay};
    let plan = decided_in_detail();
    plan::check(&plan).unwrap();
    let work = plan.find_group("oc-work").unwrap();
    let entries: u64 = fleet()
        .gateways
        .iter()
        .filter(|it| work.gateways().contains(&it.name))
        .map(|it| it.census.as_ref().unwrap().handover_to(1004, 100).changes)
        .sum();
    let owner = plan::OwnerPolicy::OneIdentity {
        uid: 1004,
        gid: 100,
        changes: Some(entries),
    };
    assert!(entries > 0);
    assert_eq!((&work.owner, work.sight), (&owner, plan::Sight::Narrow));
    assert_eq!(work.network, plan::Network::Host);
    assert_eq!(work.image.reference(), "registry.example:5000/openclaw:1");
    assert_eq!(work.companions, ["bus"]);
    let ways = |group: &str| {
        let group = plan.find_group(group).unwrap();
        let ways = group.loopback.iter().map(|it| (it.port, it.way));
        ways.collect::<Vec<_>>()
    };
    assert_eq!(ways("oc-work"), [(4222, HostNetwork), (8080, HostNetwork)]);
    assert_eq!(ways("oc-core"), [(4222, Relay), (8080, Lost)]);
    let plan::Image::FromHost(recipe) = &plan.find_group("oc-core").unwrap().image else {
        panic!("the image of oc-core comes from the host");
    };
    let plan::BaseImage::Own {
        packages,
        reference,
        ..
    } = &recipe.base
    else {
        panic!("the base of oc-core is ocmigrate's own");
    };
    assert_eq!(packages, &["ffmpeg", "git", "s6"]);
    assert!(reference.starts_with("ocmigrate/base:debian-bookworm-"));
    assert_eq!(renewed(&fleet(), &plan).0, plan);
}

#[test]
fn what_was_accepted_without_a_question_is_kept_when_the_plan_is_edited() {
    let mut old = decided();
    old.accepted = vec!["OM-R002".to_owned()];
    old.groups[0].accepted = vec!["OM-R001".to_owned()];
    assert_eq!(renewed(&fleet(), &old).0, old);
}

#[test]
fn an_answer_about_a_detail_that_does_not_do_is_refused() {
    let refused = |answers: &[(&str, &str)]| {
        let mut all = vec![("details", r#"["oc-work"]"#)];
        all.extend_from_slice(answers);
        let all: Vec<_> = all
            .iter()
            .map(|(id, it)| format!("\"{id}\": {it}"))
            .collect();
        let file = format!(r#"{{"format": 1, "answers": {{{}}}}}"#, all.join(", "));
        let said = plan_in_a_pipe(&file, &["--yes"]).0;
        said.lines().next().unwrap_or_default().to_owned()
    };
    let one = ("group.oc-work.owner", r#""one_identity""#);
    let base = ("group.oc-work.image", r#""base""#);
    assert_snapshot!([
        refused(&[("group.oc-work.owner", r#""each_its_own""#)]),
        refused(&[one, ("group.oc-work.identity", r#""4711:100""#)]),
        refused(&[one, ("group.oc-work.identity", r#""joe""#)]),
        refused(&[("group.oc-work.sight", r#""wide""#)]),
        refused(&[("group.oc-work.network", "true")]),
        refused(&[base]),
        refused(&[base, ("group.oc-work.reference", r#""two words""#)]),
        refused(&[("group.oc-work.packages", r#""git --foo""#)]),
        refused(&[("group.oc-core.sight", r#""narrow""#)]),
    ].join("\n"), @r"
    error: the answer to `group.oc-work.owner` is not taken: the gateways of oc-work have one user
    error: the answer to `group.oc-work.identity` is not taken: there is no user with the id 4711 on this host; make it first: useradd
    error: the answer to `group.oc-work.identity` is not taken: `joe` is no uid:gid; write `1001:1001`
    error: the answer to `group.oc-work.sight` is not taken: `wide` is none of the choices
    error: the answer to `group.oc-work.network` is not taken: it takes a text
    error: the answer to `group.oc-work.reference` is not taken: it names no image
    error: the answer to `group.oc-work.reference` is not taken: `two words` is no reference of an image
    error: the answer to `group.oc-work.packages` is not taken: `--foo` is no name of a package
    error: the answer to `group.oc-core.sight` is of no use: with the other answers that is not asked
    ");
}

fn renewed(inventory: &Inventory, old: &Plan) -> (Plan, plan::Renewal) {
    let proposal = plan::propose(inventory, &plan::Wishes::default());
    let renewal = plan::renew(inventory, old, &proposal);
    let mut conversation =
        Conversation::new(inventory, renewal.draft.clone(), renewal.answers.clone());
    enter_to_the_end(&mut conversation);
    (conversation.draft().clone(), renewal)
}

#[test]
fn on_an_unchanged_host_an_edited_plan_stays_as_it_is() {
    let old = decided();
    let (new, renewal) = renewed(&fleet(), &old);
    assert_eq!(new, old);
    assert_snapshot!(ocmigrate::report::renewal(&renewal));
}

/// What `plan --edit --yes` makes of a plan on an unchanged host.
fn edited(old: &Plan, words: &[&str]) -> Plan {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_string(old).unwrap()).unwrap();
    let edit = ["--yes", "--edit", file.path().to_str().unwrap()];
    let (said, new) = plan_in_a_pipe("", &[&edit, words].concat());
    plan::parse(&new.expect(&said)).unwrap()
}

#[test]
fn an_edited_plan_keeps_what_only_a_hand_or_the_command_line_decided() {
    let mut old = decided();
    old.headroom_percent = 80;
    old.groups[0].budget.node_heap = Some(ocmigrate::units::Bytes::mib(900));
    assert_eq!(edited(&old, &[]), old);
}

#[test]
fn what_the_command_line_says_goes_before_what_an_edited_plan_decided() {
    let old = decided();
    let new = edited(&old, &["--reserve", "9G", "--headroom", "70"]);
    let said = (new.reserve.to_string(), new.headroom_percent);
    assert_eq!(said, ("9 G".to_owned(), 70));
    assert_eq!(new.groups, old.groups);
}

#[test]
fn decisions_are_kept_when_agents_come_and_go_and_openclaw_is_upgraded() {
    let old = decided();
    let mut inventory = fleet();
    inventory
        .gateways
        .retain(|gateway| gateway.name.0 != "joe/.openclaw-cooking");
    inventory.gateways[0].release.as_mut().unwrap().version = "2026.10.1".to_owned();
    let travel = inventory
        .gateways
        .iter_mut()
        .find(|gateway| gateway.name.0.ends_with("travel"));
    let agents = &mut travel.unwrap().agents;
    let mut second = agents[0].clone();
    second.id = "go".to_owned();
    agents.push(second);
    let mut math = inventory.gateways[0].clone();
    math.name.0 = "joe/.openclaw-math".to_owned();
    math.state_directory = "/home/joe/.openclaw-math".into();
    math.agents[0].id = "math".to_owned();
    math.port = 20_000;
    inventory.gateways.push(math);
    inventory.gateways.sort_by(|a, b| a.name.cmp(&b.name));
    let (new, renewal) = renewed(&inventory, &old);
    plan::check(&new).unwrap();
    let private = new.find_group("oc-private").unwrap();
    assert!(private.budget.text().starts_with("10G "));
    assert!(private.agents().iter().any(|agent| agent.agent == "go"));
    assert_snapshot!(ocmigrate::report::renewal(&renewal));
}
