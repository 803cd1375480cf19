//! What a person sees, from one written-down inventory: scan, the proposed plan, its dry run, a status table.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;

use insta::assert_snapshot;
use ocmigrate::inventory::{
    AgentName, Companion, Contained, ContainerStarter, CronStarter, Edge, EdgeKind, Finding,
    Inventory, Part, Place, RestingState, Reviver, Starter, When, catalogued,
};
use ocmigrate::journal::{Entry, Record};
use ocmigrate::plan::{self, Plan};
use ocmigrate::report::{
    self, DryRun, GroupStatus, Refusal, Silence, dry_run, dry_run_markdown, dry_run_text,
    scan_text, silence_text, status_text,
};
use ocmigrate::step::{Choices, Paths, Step, steps};
use ocmigrate::units::Bytes;

/// A host with one gateway, three agents and a stray file, as scan wrote it in the lab.
fn inventory() -> Inventory {
    serde_json::from_str(include_str!("inventory.json")).unwrap()
}

fn plan() -> Plan {
    plan::propose(
        &inventory(),
        &plan::Wishes {
            base: Some("debian:12".to_owned()),
            ..plan::Wishes::default()
        },
    )
}

fn steps_of(plan: &Plan) -> Vec<Step> {
    let paths = Paths::installed(Path::new("/var/lib/ocmigrate"));
    steps(plan, "oc-joe", &paths, &Choices::default()).unwrap()
}

fn report() -> DryRun {
    let plan = plan();
    let mut report = dry_run(
        &plan.groups[0],
        &plan.facts.gateways[0],
        &steps_of(&plan),
        inventory().gateways[0].last_boot_ms,
    );
    let (before, after) = (
        b"{\n  gateway: { bind: \"loopback\", auth: { token: \"s3cret\" } }, // s3cret\n}\n",
        b"{\n  gateway: { bind: \"lan\", auth: { token: \"s3cret\" } }, // s3cret\n}\n",
    );
    let spoken = ["loopback".to_owned(), "lan".to_owned()];
    report.set_config_change(
        Path::new("/home/joe/.openclaw/openclaw.json"),
        before,
        after,
        &spoken,
    );
    report
}

#[test]
fn scan_shows_gateways_credentials_and_findings() {
    assert_snapshot!(scan_text(&inventory()));
}

#[test]
fn scan_shows_what_lives_beside_the_gateways() {
    let mut inventory = inventory();
    let agent = |agent: usize| AgentName {
        gateway: inventory.gateways[0].name.clone(),
        agent: inventory.gateways[0].agents[agent].id.clone(),
    };
    let edge = |from: usize, to: usize, kind| Edge {
        from: agent(from),
        to: agent(to),
        kind,
        place: Some(Place {
            path: "/home/joe/.openclaw/openclaw.json".into(),
            line: Some(12),
        }),
    };
    let mut edges = vec![edge(1, 0, EdgeKind::Messages)];
    edges.extend((0..10).map(|_| edge(0, 2, EdgeKind::Spawns)));
    inventory.edges = edges;
    let process = inventory.gateways[0].process.clone().unwrap().id;
    let cron = Starter::Cron(CronStarter {
        file: "/var/spool/cron/crontabs/joe".into(),
        line: 3,
        user: "joe".to_owned(),
        schedule: "*/5 * * * *".to_owned(),
    });
    let reviver = Reviver {
        arming: cron.arming("joe"),
        starter: cron,
        script: None,
        when: When::OnSchedule,
        asks_unit: false,
    };
    inventory.gateways[0].revivers.push(reviver.clone());
    inventory.companions.push(Companion {
        gateway: Some(inventory.gateways[0].name.clone()),
        part: Part::Service,
        process,
        name: "ollama".to_owned(),
        uid: Some(999),
        starter: "ollama.service".to_owned(),
        directory: Some("/usr/share/ollama".into()),
        port: Some(11434),
    });
    inventory.contained.push(Contained {
        container: ContainerStarter {
            id: "0123456789ab".repeat(6)[..64].to_owned(),
            name: None,
        },
        group: None,
        process,
        uid: Some(1000),
        state_directory: None,
        credentials: Vec::new(),
    });
    inventory.states.push(RestingState {
        path: "/home/joe/.clawdbot".into(),
        user: "joe".to_owned(),
        unchanged_secs: 40 * 86_400,
        size: Bytes(3 << 20),
        is_counted_whole: true,
        revivers: vec![reviver],
    });
    assert_snapshot!(scan_text(&inventory));
}

#[test]
fn scan_shows_what_it_could_not_see_and_the_worst_last() {
    let mut inventory = inventory();
    inventory.gateways.clear();
    inventory.host.engine = None;
    inventory
        .unseen
        .push("processes of 3 other users".to_owned());
    let block = Finding::new(&catalogued::NO_ENGINE, "host", "no engine answers");
    inventory.findings.insert(0, block);
    assert_snapshot!(scan_text(&inventory));
}

#[test]
fn the_proposal_is_one_group_for_the_gateway() {
    assert_snapshot!(serde_json::to_string_pretty(&plan().groups).unwrap());
}

#[test]
fn a_proposal_passes_its_own_check_and_reads_back() {
    let plan = plan();
    plan::check(&plan).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(plan::parse(&text).unwrap(), plan);
}

#[test]
fn a_dry_run_says_every_step_with_its_reason() {
    assert_snapshot!(dry_run_text(&report()));
}

#[test]
fn a_dry_run_is_a_document_for_a_ticket() {
    assert_snapshot!(dry_run_markdown(&report()));
}

#[test]
fn a_blocked_dry_run_says_by_what_and_what_to_do() {
    let mut report = report();
    report.blocked_by.push(
        Finding::new(
            &catalogued::LOOPBACK_PORTLESS,
            "joe/.openclaw",
            "bus.url names 127.0.0.1",
        )
        .at("/home/joe/x.json:3"),
    );
    let mut other = inventory();
    other.gateways[0].port = 18790;
    other.gateways[0].release = None;
    let (then, now) = (plan(), plan::Facts::of(&other));
    report.stale = then.facts.differences(&now, &then.groups[0].gateways());
    report.refused = Some(Refusal {
        what: "container `oc-joe` was not made by ocmigrate".to_owned(),
        remedy: Some("rename it".to_owned()),
    });
    assert!(report.is_blocked());
    assert_snapshot!(dry_run_text(&report));
}

#[test]
fn a_changed_line_is_shown_without_its_secrets() {
    let report = report();
    let texts = [dry_run_text(&report), dry_run_markdown(&report)];
    assert!(texts.iter().all(|text| !text.contains("s3cret")));
}

#[test]
fn status_is_a_table() {
    let row = |group: &str, phase: &str, restarts| GroupStatus {
        group: group.to_owned(),
        phase: phase.to_owned(),
        container: "running".to_owned(),
        health: "ready".to_owned(),
        bots: 3,
        memory: "1 G/1.5 G".to_owned(),
        restarts,
    };
    assert_snapshot!(status_text(&[
        row("oc-joe", "in container", 0),
        row("oc-learning", "rolling back, 4 of 13 undone", 2),
    ]));
    assert_snapshot!(status_text(&[]), @"no group was executed on this host");
}

/// A run in which each record comes 100 ms after the one before, and the container needs 12 s to serve.
fn entries(steps: &[Step]) -> Vec<Entry> {
    let mut at_ms = 0;
    let mut entry = |record| {
        let is_served = matches!(&record, Record::Done { step } if matches!(steps[*step], Step::ConfirmContainer(_)));
        at_ms += if is_served { 12_000 } else { 100 };
        Entry { at_ms, record }
    };
    let before = serde_json::Value::Null;
    (0..steps.len())
        .flat_map(|step| {
            let before = before.clone();
            [
                entry(Record::Started { step, before }),
                entry(Record::Done { step }),
            ]
        })
        .collect()
}

#[test]
fn a_finished_run_tells_its_silence_and_the_share_of_ocmigrate() {
    let steps = steps_of(&plan());
    let silence = Silence::find(&steps, &entries(&steps)).unwrap();
    assert_snapshot!(silence_text(&silence));
    assert_eq!((silence.at_most_ms, silence.own_ms), (12_800, 700));
}

#[test]
fn a_run_that_did_not_come_to_serve_tells_no_silence() {
    let steps = steps_of(&plan());
    let entries = entries(&steps);
    let served = entries.iter().rposition(|entry| {
        matches!(&entry.record, Record::Done { step } if matches!(steps[*step], Step::ConfirmContainer(_)))
    });
    assert_eq!(Silence::find(&steps, &entries[..served.unwrap()]), None);
}

#[test]
fn only_what_endangers_nothing_can_be_accepted() {
    let plan = plan();
    let mut inventory = inventory();
    let about = plan.groups[0].gateways()[0].clone();
    inventory.findings = catalogued::ALL
        .iter()
        .map(|kind| Finding::new(kind, &about, "it is so"))
        .collect();
    let all: Vec<_> = catalogued::ALL
        .iter()
        .map(|kind| kind.id.to_owned())
        .collect();
    let ids = |accepted: &[String]| -> Vec<String> {
        let blockers = plan::blockers(&inventory, &plan.groups[0], accepted);
        blockers.iter().map(|finding| finding.id.clone()).collect()
    };
    let accepted: Vec<_> = ids(&[])
        .into_iter()
        .filter(|id| !ids(&all).contains(id))
        .collect();
    assert_eq!(accepted, ["OM-R001", "OM-R002", "OM-N003"]);
}

#[test]
fn an_overview_fits_80_columns_whatever_the_names_are() {
    let mut plan = plan();
    let long = "a-name-that-somebody-made-up-in-a-mood-of-great-detail";
    let group = &mut plan.groups[0];
    long[..40].clone_into(&mut group.name);
    for member in &mut group.members {
        member.agent = format!("{long}-{}", member.agent);
    }
    let text = report::overview(&plan) + &report::remarks(&plan);
    let widest = text.lines().max_by_key(|line| line.chars().count());
    let widest = widest.unwrap();
    assert!(widest.chars().count() <= 80, "{text}");
    assert!(text.contains("a-name-that-som…"), "{text}");
}
