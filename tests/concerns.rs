//! What is found about plans: each concern from a fleet that has it, and what of it can be accepted.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fleet;

use fleet::{Fleet, agent_name};
use ocmigrate::inventory::{
    Facilities, Finding, Inventory, LoopbackUse, Need, NeedKind, Place, catalogued,
};
use ocmigrate::plan::{self, Image, Loopback, LoopbackWay, Network, Plan, Service, Wishes};
use ocmigrate::report;
use ocmigrate::units::Bytes;

const WORK: &str = "joe/.openclaw-work";
const STUDY: &str = "joe/.openclaw-study";

/// Two gateways that go to two groups, each with two agents.
fn inventory() -> Inventory {
    let fleet: Fleet = serde_json::from_value(serde_json::json!({
        "name": "two",
        "gateways": [format!("{WORK}: main sales"), format!("{STUDY}: main tutor")],
        "wanted": {}
    }))
    .unwrap();
    fleet::inventory(&fleet)
}

fn propose(inventory: &Inventory) -> Plan {
    plan::propose(inventory, &Wishes::default())
}

/// `ID about: summary` of every concern.
fn said(plan: &Plan) -> Vec<String> {
    let concerns = plan::concerns(plan).into_iter();
    concerns
        .map(|it| it.finding)
        .map(|it| format!("{} {}: {}", it.id, it.about, it.summary))
        .collect()
}

/// The ids of what forbids the first group, with these accepted.
fn objections(plan: &Plan, accepted: &[&str]) -> Vec<String> {
    let accepted: Vec<String> = accepted.iter().map(ToString::to_string).collect();
    let objections = plan::objections(plan, &plan.groups[0], &accepted);
    objections.into_iter().map(|finding| finding.id).collect()
}

#[test]
fn a_proposal_without_edges_and_services_concerns_nobody() {
    assert_eq!(said(&propose(&inventory())), [""; 0]);
}

#[test]
fn the_seeds_budgets_are_more_than_its_host_and_can_be_accepted() {
    let mut plan = propose(&inventory());
    plan.groups[0].budget.memory = Bytes::mib(36 * 1024);
    plan.groups[1].budget.memory = Bytes::mib(26 * 1024);
    let wanted = "OM-P001 host: budgets of 62 G and a reserve of 3.7 G are more than 62 G";
    assert_eq!(said(&plan), [wanted]);
    assert_eq!(objections(&plan, &[]), ["OM-P001"]);
    assert_eq!(objections(&plan, &["OM-P001"]), [""; 0]);
    plan.accepted = vec!["OM-P001".to_owned()];
    assert_eq!(objections(&plan, &[]), [""; 0]);
}

#[test]
fn a_limit_below_the_measured_peak_is_told() {
    let mut plan = propose(&inventory());
    plan.groups[0].budget.memory = Bytes::mib(512);
    let name = plan.groups[0].name.clone();
    let wanted = format!("OM-P002 {name}: its limit of 512 M is below the measured peak of 740 M");
    assert_eq!(said(&plan), [wanted]);
    assert_eq!(objections(&plan, &[&format!("OM-P002:{name}")]), [""; 0]);
    assert_eq!(objections(&plan, &["OM-P002:oc-other"]), ["OM-P002"]);
}

#[test]
fn a_cut_edge_has_its_consequence_and_is_accepted_only_by_name() {
    let mut inventory = inventory();
    let fleet: Fleet = serde_json::from_value(serde_json::json!({
        "name": "edge", "gateways": [format!("{WORK}: main"), format!("{STUDY}: main")], "wanted": {},
        "edges": [format!("{WORK}:sales {STUDY}:tutor names_workspace")]
    }))
    .unwrap();
    let mut plan = propose(&inventory);
    inventory.edges = fleet::inventory(&fleet).edges;
    plan.facts.edges = inventory.edges;
    let wanted = format!(
        "OM-P003 {WORK}:sales -> {STUDY}:tutor: oc-work and oc-learning: paths that the first names in the second's \
         workspace lead nowhere"
    );
    assert_eq!(said(&plan), [wanted]);
    assert_eq!(objections(&plan, &["OM-P003"]), ["OM-P003"]);
    let by_name = format!("OM-P003:{WORK}:sales -> {STUDY}:tutor");
    assert_eq!(objections(&plan, &[&by_name]), [""; 0]);
}

#[test]
fn a_split_is_an_inhibitor_that_offers_both_ways_out() {
    let mut plan = propose(&inventory());
    let sales = agent_name(&format!("{WORK}:sales"));
    let from = plan
        .groups
        .iter()
        .position(|group| group.name == "oc-work")
        .unwrap();
    let at = plan.groups[from]
        .members
        .iter()
        .position(|it| it.name() == sales)
        .unwrap();
    let member = plan.groups[from].members.remove(at);
    plan.groups[1 - from].members.push(member);
    plan::check(&plan).unwrap();
    let said = said(&plan);
    assert!(said.contains(&format!(
        "OM-P004 {WORK}: its agents go to oc-learning and oc-work"
    )));
    // The one bot of the gateway cannot be in both.
    assert!(said.iter().any(|line| line.starts_with("OM-P005 #")));
    assert_eq!(
        objections(&plan, &["OM-P004", "OM-P005"]),
        ["OM-P004", "OM-P005"]
    );
    let remedy = &plan::concerns(&plan)[0].finding.remedy;
    assert!(
        remedy.contains("keep its agents together") && remedy.contains("gateways of their own")
    );
}

#[test]
fn derived_ports_that_meet_in_one_container_are_told() {
    let mut inventory = inventory();
    inventory.gateways[1].port = inventory.gateways[0].port + 2;
    let wishes = Wishes {
        vocabulary: plan::Vocabulary::parse("oc-all: work study").unwrap(),
        ..Wishes::default()
    };
    let mut plan = plan::propose(&inventory, &wishes);
    assert_eq!(plan.groups.len(), 1);
    let (one, port) = (&inventory.gateways[0].name, inventory.gateways[1].port);
    let wanted = format!(
        "OM-P006 {}: {one} takes port {port} too, for a browser perhaps",
        inventory.gateways[1].name
    );
    assert_eq!(said(&plan), [wanted]);
    plan.facts.gateways[1].port = inventory.gateways[0].port + 111;
    plan.facts.gateways[0].port -= 200;
    assert_eq!(said(&plan), [""; 0]);
}

#[test]
fn an_image_of_another_release_than_the_states_is_told() {
    let mut plan = propose(&inventory());
    let reference = "openclaw:latest".to_owned();
    plan.groups[0].image = Image::Given { reference };
    let name = &plan.groups[0].name;
    let wanted = format!("OM-P007 {name}: which OpenClaw is in openclaw:latest is not known");
    assert_eq!(said(&plan), [wanted]);
    assert_eq!(objections(&plan, &["OM-P007"]), [""; 0]);
}

#[test]
fn a_loopback_service_needs_a_decision() {
    let fleet: Fleet = serde_json::from_value(serde_json::json!({
        "name": "bus", "gateways": [format!("{WORK}: sales")], "wanted": {}, "companions": { "bus": 4222 }
    }))
    .unwrap();
    let mut plan = propose(&fleet::inventory(&fleet));
    let relay = Loopback {
        port: 4222,
        way: LoopbackWay::Relay,
    };
    assert_eq!(plan.groups[0].loopback, [relay]);
    assert_eq!(said(&plan), [""; 0]);
    plan.groups[0].loopback.clear();
    let wanted = format!("OM-P008 {WORK}: it uses bus on 127.0.0.1:4222");
    assert_eq!(said(&plan), [wanted]);
    plan.groups[0].loopback = vec![Loopback {
        port: 4222,
        way: LoopbackWay::Lost,
    }];
    assert_eq!(said(&plan), [""; 0]);
    plan.groups[0].loopback.clear();
    plan.groups[0].network = Network::Host;
    assert_eq!(said(&plan), [""; 0]);
}

#[test]
fn a_loopback_url_is_relayed_unless_the_plan_says_nothing_of_it_or_it_has_no_port() {
    let mut inventory = inventory();
    let place = Place {
        path: "/home/joe/.openclaw-work/openclaw.json".into(),
        line: Some(7),
    };
    let name = inventory.gateways[1].name.clone();
    assert_eq!(name.0, WORK);
    inventory.gateways[1].loopback = vec![LoopbackUse {
        key: "models.baseUrl".to_owned(),
        port: Some(11434),
        place: place.clone(),
    }];
    let summary = "models.baseUrl names 127.0.0.1:11434";
    let url = Finding::new(&catalogued::LOOPBACK_URL, &name, summary).at(&place);
    let portless = Finding::new(&catalogued::LOOPBACK_PORTLESS, &name, "odd").at("elsewhere:8");
    inventory.findings = vec![url, portless];
    let mut plan = propose(&inventory);
    let blocked = |plan: &Plan, accepted: &[&str]| {
        let accepted: Vec<_> = accepted.iter().map(|id| (*id).to_owned()).collect();
        let group = plan.find_group("oc-work").unwrap();
        let objections = plan::objections(plan, group, &accepted).into_iter();
        let blockers = plan::blockers(&inventory, group, &accepted).into_iter();
        let ids = blockers.cloned().chain(objections);
        ids.map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(plan.facts.services[0].name, "models.baseUrl");
    assert_eq!(blocked(&plan, &[]), ["OM-N003"]);
    assert_eq!(blocked(&plan, &["OM-N003"]), [""; 0]);
    for group in &mut plan.groups {
        group.loopback.clear();
    }
    assert_eq!(blocked(&plan, &["OM-N003", "OM-P008"]), ["OM-P008"]);
}

#[test]
fn what_only_a_bridge_needs_does_not_forbid_the_hosts_network() {
    let mut inventory = inventory();
    let name = inventory.gateways[1].name.clone();
    let of_a_bridge = [
        &catalogued::UNEDITABLE_BIND,
        &catalogued::OPEN_BIND,
        &catalogued::LOOPBACK_PORTLESS,
    ];
    let found = of_a_bridge.map(|kind| Finding::new(kind, &name, "odd"));
    let other = Finding::new(&catalogued::BAD_CONFIG, &name, "odd");
    inventory.findings = found.into_iter().chain([other]).collect();
    let mut plan = propose(&inventory);
    let blocked = |plan: &Plan| {
        let group = plan.find_group("oc-work").unwrap();
        let blockers = plan::blockers(&inventory, group, &[]).into_iter();
        blockers.map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(blocked(&plan).len(), 4);
    for group in &mut plan.groups {
        group.network = Network::Host;
    }
    assert_eq!(blocked(&plan), [catalogued::BAD_CONFIG.id]);
}

#[test]
fn what_a_container_changes_and_nobody_decides_is_told() {
    let mut inventory = inventory();
    inventory.host.timezone = Some("Asia/Tokyo".to_owned());
    inventory.host.gpus = vec!["/dev/nvidia0".to_owned()];
    inventory.gateways[1].facilities = Facilities {
        mdns: Some("full".to_owned()),
        tailscale: Some("serve".to_owned()),
        sandbox: Some("non-main".to_owned()),
    };
    inventory.gateways[1].needs = vec![Need {
        name: "google-chrome".to_owned(),
        kind: NeedKind::Browser,
        path: Some("/opt/google/chrome/chrome".into()),
        package: Some("google-chrome-stable".to_owned()),
        place: None,
    }];
    let mut plan = propose(&inventory);
    assert_eq!(
        said(&plan),
        [
            "OM-P013 host: it has /dev/nvidia0".to_owned(),
            format!("OM-P010 {WORK}: sandbox.mode is non-main"),
            format!("OM-P011 {WORK}: gateway.tailscale.mode is serve"),
            format!("OM-P012 {WORK}: discovery.mdns.mode is full"),
            format!("OM-P014 {WORK}: google-chrome is not among the packages"),
        ]
    );
    assert!(report::remarks(&plan).contains("time zone Asia/Tokyo"));
    assert_eq!(objections(&plan, &[]), [""; 0]);
    let work = plan.groups.iter_mut().find(|it| it.name == "oc-work");
    work.unwrap().network = Network::Host;
    assert!(!said(&plan).iter().any(|line| line.starts_with("OM-P012")));
}

#[test]
fn the_order_has_its_reasons_and_says_what_runs_together() {
    let fleet: Fleet = serde_json::from_value(serde_json::json!({
        "name": "order",
        "gateways": ["joe/.openclaw: main router", "joe/.openclaw-study: tutor", "joe/.openclaw-work: sales invoices crm"],
        "wanted": {}
    }))
    .unwrap();
    let mut plan = propose(&fleet::inventory(&fleet));
    let told = |plan: &Plan| {
        let turns = plan::turns(plan).into_iter();
        turns
            .map(|it| format!("{}: {}", it.group, it.reason))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&plan),
        [
            "oc-learning: canary: no group has fewer agents, 1 agent",
            "oc-work: 3 agents",
            "oc-core: last: core is what the others lean on, 2 agents",
        ]
    );
    plan.groups.reverse();
    assert_eq!(told(&plan)[0], "oc-core: canary, 2 agents");
    plan.groups[0].companions = vec!["bus".to_owned()];
    plan.facts.services = vec![Service {
        gateway: plan.groups[1].members[0].gateway.clone(),
        port: 4222,
        name: "bus".to_owned(),
    }];
    let together = &plan::turns(&plan)[1].together;
    assert_eq!(*together, [("oc-core".to_owned(), "bus".to_owned())]);
    let fleet: Fleet = serde_json::from_value(serde_json::json!({
        "name": "edge", "gateways": ["joe/.openclaw-work: sales", "joe/.openclaw-study: tutor"], "wanted": {},
        "edges": [format!("{WORK}:sales {STUDY}:tutor messages")]
    }))
    .unwrap();
    plan.facts.edges = fleet::inventory(&fleet).edges;
    let together = &plan::turns(&plan)[2].together;
    let edge = format!("{WORK}:sales -> {STUDY}:tutor");
    assert!(
        together.contains(&("oc-work".to_owned(), edge)),
        "{together:?}"
    );
}

#[test]
fn gateways_on_the_hosts_network_meet_across_groups() {
    let mut plan = propose(&inventory());
    plan.facts.gateways[1].port = plan.facts.gateways[0].port + 2;
    assert_eq!(said(&plan), [""; 0]);
    for group in &mut plan.groups {
        group.network = Network::Host;
    }
    let told = said(&plan);
    assert!(
        told.len() == 1 && told[0].starts_with("OM-P006 "),
        "{told:?}"
    );
}

#[test]
fn what_one_more_gateway_costs_is_the_mean_of_the_measured() {
    let cost = plan::cost(&propose(&inventory()));
    assert_eq!(cost.one_more, Bytes::mib(600));
    assert_eq!(
        (cost.gateways, cost.now, cost.one_a_group),
        (2, Bytes::mib(1200), Bytes::mib(1200))
    );
    assert!(cost.is_measured);
}
