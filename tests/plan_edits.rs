//! What is said of plans that a person edited by hand, and which changes of a host make a plan stale.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fleet;

use fleet::Fleet;
use insta::assert_snapshot;
use ocmigrate::inventory::{Inventory, ProcessId};
use ocmigrate::plan::{self, Facts, PlanError, Wishes};
use ocmigrate::units::Bytes;
use serde_json::{Value, json};

fn inventory() -> Inventory {
    let fleet: Fleet = serde_json::from_value(json!({
        "name": "two",
        "gateways": ["joe/.openclaw-study: tutor", "joe/.openclaw-work: sales invoices"],
        "wanted": {}
    }))
    .unwrap();
    fleet::inventory(&fleet)
}

/// What is said of the proposal with one edit.
fn said(edit: impl FnOnce(&mut Value)) -> String {
    let plan = plan::propose(&inventory(), &Wishes::default());
    let mut plan = serde_json::to_value(plan).unwrap();
    edit(&mut plan);
    let text = serde_json::to_string_pretty(&plan).unwrap();
    let error = plan::parse(&text).unwrap_err();
    let line = match &error {
        PlanError::Contradiction { line, .. } => line.unwrap(),
        PlanError::Syntax { line, .. } => *line,
        PlanError::Format { .. } => 1,
    };
    let shown = text.lines().nth(line - 1).unwrap().trim();
    match &error {
        PlanError::Contradiction { hint, .. } => format!("{error}\n  > {shown}\n  hint: {hint}"),
        _ => format!("{error}\n  > {shown}"),
    }
}

fn member(agent: &str) -> Value {
    json!({ "gateway": "joe/.openclaw-study", "agent": agent, "reason": "" })
}

fn add_member(plan: &mut Value, group: usize, agent: &str) {
    let members = plan["groups"][group]["members"].as_array_mut();
    members.unwrap().push(member(agent));
}

#[test]
fn an_unknown_agent_is_told() {
    assert_snapshot!(said(|plan| add_member(plan, 0, "ghost")), @r"
    line 229, groups[0].members[1]: there is no agent `joe/.openclaw-study:ghost` on this host
      > {
      hint: every agent lives in exactly one group
    ");
}

#[test]
fn an_agent_in_two_groups_is_told() {
    assert_snapshot!(said(|plan| add_member(plan, 1, "tutor")), @r"
    line 282, groups[1].members[2]: `joe/.openclaw-study:tutor` is in `oc-learning` already
      > {
      hint: every agent lives in exactly one group
    ");
}

#[test]
fn an_agent_in_none_is_told() {
    assert_snapshot!(said(|plan| {
        plan["groups"][1]["members"].as_array_mut().unwrap().remove(0);
    }), @r#"
    line 220, groups: `joe/.openclaw-work:sales` is in no group
      > "groups": [
      hint: add it to the members of a group
    "#);
}

#[test]
fn a_budget_over_the_host_is_told() {
    assert_snapshot!(said(|plan| plan["groups"][1]["budget"]["memory"] = json!(64_u64 << 30)), @r#"
    line 285, groups[1].budget.memory: 64 G is more than the host's 62 G
      > "memory": 68719476736,
      hint: write a number of bytes between the two
    "#);
}

#[test]
fn a_port_that_is_there_twice_is_told() {
    assert_snapshot!(said(|plan| {
        plan["facts"]["gateways"][1]["port"] = plan["facts"]["gateways"][0]["port"].clone();
    }), @r#"
    line 271, groups[1].members: port 18789 of joe/.openclaw-work is that of joe/.openclaw-study too
      > "members": [
      hint: give one of the two gateways another port, and plan again
    "#);
}

#[test]
fn a_uid_that_does_not_exist_is_told() {
    assert_snapshot!(said(|plan| {
        plan["groups"][1]["owner"] = json!({ "kind": "one_identity", "uid": 4711, "gid": 4711 });
    }), @r#"
    line 291, groups[1].owner.uid: there is no user with the id 4711 on this host
      > "uid": 4711,
      hint: make the user first: useradd
    "#);
}

#[test]
fn an_unknown_field_is_told() {
    assert_snapshot!(said(|plan| plan["groups"][0]["bugdet"] = json!(1)), @r#"
    line 268, column 14: unknown field `bugdet`, expected one of `name`, `members`, `companions`, `budget`, `owner`, `sight`, `network`, `loopback`, `image`, `accepted`
      > "bugdet": 1
    "#);
}

#[test]
fn a_name_that_docker_would_not_take_is_told() {
    assert_snapshot!(said(|plan| plan["groups"][1]["name"] = json!("OC Work")), @r#"
    line 270, groups[1].name: `OC Work` is no name for a group: at most 40 lower-case letters, digits and `-`
      > "name": "OC Work",
      hint: a group's name is its container's, its host's and its service's
    "#);
}

#[test]
fn a_heap_as_large_as_the_container_is_told() {
    assert_snapshot!(said(|plan| plan["groups"][0]["budget"]["node_heap"] = json!(8_u64 << 30)), @r#"
    line 235, groups[0].budget.node_heap: a heap of 8 G is not below the container's 1.5 G
      > "node_heap": 8589934592
      hint: leave it out: node then takes less than the container has by itself
    "#);
}

#[test]
fn a_heap_that_no_node_starts_with_is_told() {
    assert_snapshot!(said(|plan| plan["groups"][0]["budget"]["node_heap"] = json!(1)), @r#"
    line 235, groups[0].budget.node_heap: a heap of 1 B is less than 64 M
      > "node_heap": 1
      hint: leave it out: node then takes less than the container has by itself
    "#);
}

#[test]
fn one_owner_of_files_of_several_users_is_told() {
    assert_snapshot!(said(|plan| {
        plan["facts"]["gateways"][1]["user"]["uid"] = json!(1077);
        let moved = plan["groups"][1]["members"].take();
        let members = plan["groups"][0]["members"].as_array_mut().unwrap();
        members.extend(moved.as_array().unwrap().clone());
        plan["groups"].as_array_mut().unwrap().truncate(1);
    }), @r#"
    line 247, groups[0].owner.kind: its gateways run as several users, so there is no one owner
      > "kind": "as_owner",
      hint: write `each_its_own`, or `one_identity` with a uid and a gid
    "#);
}

#[test]
fn a_loopback_service_over_a_network_that_the_group_is_not_on_is_told() {
    assert_snapshot!(said(|plan| {
        plan["groups"][0]["loopback"] = json!([{ "port": 4222, "way": "host_network" }]);
    }), @r#"
    line 248, groups[0].loopback[0].way: the group is on a bridge
      > "way": "host_network"
      hint: on a bridge write `relay` or `lost`, on the host's network `host_network`
    "#);
    assert_snapshot!(said(|plan| {
        plan["groups"][0]["network"] = json!({ "kind": "host" });
        plan["groups"][0]["loopback"] = json!([{ "port": 4222, "way": "relay" }]);
    }), @r#"
    line 247, groups[0].loopback[0].way: the group is on the host's network
      > "way": "relay"
      hint: on a bridge write `relay` or `lost`, on the host's network `host_network`
    "#);
}

#[test]
fn a_companion_that_is_not_there_or_there_twice_is_told() {
    assert_snapshot!(said(|plan| plan["groups"][0]["companions"] = json!(["bus"])), @r#"
    line 231, groups[0].companions[0]: there is no companion `bus` on this host
      > "bus"
      hint: a companion lives in one group, or stays native
    "#);
    assert_snapshot!(said(|plan| {
        plan["facts"]["companions"] = json!(["bus"]);
        plan["groups"][0]["companions"] = json!(["bus"]);
        plan["groups"][1]["companions"] = json!(["bus"]);
    }), @r#"
    line 289, groups[1].companions[0]: `bus` is in `oc-learning` already
      > "bus"
      hint: a companion lives in one group, or stays native
    "#);
}

#[test]
fn an_image_or_a_package_that_is_no_name_of_one_is_told() {
    assert_snapshot!(said(|plan| {
        plan["groups"][0]["image"] = json!({ "kind": "given", "reference": "--all" });
    }), @r#"
    line 248, groups[0].image.reference: `--all` is no reference of an image
      > "reference": "--all"
      hint: write name:tag as `docker images` shows them
    "#);
    assert_snapshot!(said(|plan| {
        plan["groups"][0]["image"]["base"] = json!({ "kind": "given", "reference": "" });
    }), @r#"
    line 251, groups[0].image.base.reference: it names no image
      > "reference": ""
      hint: write name:tag as `docker images` shows them
    "#);
    assert_snapshot!(said(|plan| {
        plan["groups"][0]["image"]["base"]["packages"][1] = json!("git,--foo=/x");
    }), @r#"
    line 255, groups[0].image.base.packages[1]: this is no name of a package
      > "git,--foo=/x",
      hint: write names as apt-cache search shows them
    "#);
}

#[test]
fn another_format_is_told() {
    assert_snapshot!(said(|plan| plan["format"] = json!(3)), @r"
    it has format 3; this ocmigrate reads format 2
      > {
    ");
}

/// The names of the facts that differ after a change of the host.
fn stale(change: impl FnOnce(&mut Inventory)) -> Vec<String> {
    let mut now = inventory();
    let plan = plan::propose(&now, &Wishes::default());
    change(&mut now);
    let own = plan.facts.gateways.iter().map(|it| it.name.clone());
    let own: Vec<_> = own.collect();
    let differences = plan.facts.differences(&Facts::of(&now), &own);
    differences.into_iter().map(|it| it.fact).collect()
}

#[test]
fn what_changes_by_itself_makes_no_plan_stale() {
    let differences = stale(|host| {
        host.host.memory_used = Bytes(1);
        host.uids.push(4711);
        host.unseen.push("a log line".to_owned());
        host.findings.clear();
        let gateway = &mut host.gateways[0];
        let process = gateway.process.as_mut().unwrap();
        process.id = ProcessId {
            pid: 1,
            start_ticks: 1,
        };
        process.uptime_secs += 60;
        gateway.memory = None;
        gateway.last_boot_ms = None;
        gateway.census = None;
        gateway.listeners.clear();
    });
    assert_eq!(differences, [""; 0]);
}

#[test]
fn what_a_plan_stands_on_makes_it_stale() {
    let name = "gateways.joe/.openclaw-study";
    let fact = |fact: &str| [format!("{name}.{fact}")];
    assert_eq!(stale(|host| host.gateways[0].port += 1), fact("port"));
    assert_eq!(
        stale(|host| host.gateways[0].user.uid += 1),
        fact("user.uid")
    );
    assert_eq!(
        stale(|host| host.gateways[0].agents.clear()),
        fact("agents.tutor")
    );
    assert_eq!(
        stale(|host| host.gateways[0].credentials.clear()),
        fact("credentials.telegram bot token tg:7214…31 telegram/default")
    );
    assert_eq!(
        stale(|host| host.gateways[0].release = None),
        fact("release")
    );
    assert_eq!(stale(|host| host.host.cores += 1), ["host.cores"]);
}

/// What is told of a change of the host.
fn told(change: impl FnOnce(&mut Inventory)) -> Vec<String> {
    let mut now = inventory();
    let then = Facts::of(&now);
    change(&mut now);
    let own: Vec<_> = then.gateways.iter().map(|it| it.name.clone()).collect();
    let differences = then.differences(&Facts::of(&now), &own).into_iter();
    let short = |fact: &str| {
        fact.trim_start_matches("gateways.joe/.openclaw-")
            .to_owned()
    };
    differences
        .map(|it| format!("{}: {} -> {}", short(&it.fact), it.then, it.now))
        .collect()
}

#[test]
fn of_a_list_the_entry_is_named_that_differs_and_no_hash_is_shown() {
    let told_of = |change: fn(&mut Inventory)| told(change).join("\n");
    assert_snapshot!(
        [
            told_of(|host| {
                let mut agent = host.gateways[1].agents[0].clone();
                agent.id = "crm".to_owned();
                host.gateways[1].agents.push(agent);
            }),
            told_of(|host| host.gateways[1].agents[0].workspace = "/srv/sales".into()),
            told_of(|host| host.gateways[1].agents.reverse()),
            told_of(|host| {
                let other = host.gateways[1].credentials[0].hash.clone();
                host.gateways[0].credentials[0].hash = other;
            }),
            told_of(|host| {
                let other = host.gateways[1].credentials[0].hash.clone();
                host.gateways[0].config.meaning = other;
            }),
            told_of(|host| host.gateways[0].host_files.push("/etc/hosts".into())),
            told_of(|host| host.gateways[0].supplementary_groups.push(27)),
        ]
        .join("\n"),
        @r"
    work.agents.crm: absent -> present
    work.agents.sales.workspace: /home/joe/.openclaw-work/workspace -> /srv/sales
    work.agents: in one order -> in another
    study.credentials.telegram bot token tg:7214…31 telegram/default.hash: one value -> another
    study.meaning: one value -> another
    study.host_files: absent -> 1 entry
    study.supplementary_groups: absent -> 1 entry
    "
    );
}
