//! What scan weighs on a server with a zoo of files and a fleet with every kind of edge, compared with `expected.json`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its figures"
)]

use std::path::Path;

use ocmigrate_lab::fleet::Fleet;
use ocmigrate_lab::server::{SERVER_IMAGE, Server};
use ocmigrate_lab::services::{Options, Services};
use serde_json::{Value, json};

/// The gateway whose files and agents are written down.
const WORK: &str = "joe/.openclaw-work";
const ZOO: &str = "/home/joe/zoo/";

#[test]
fn a_zoo_and_every_kind_of_edge_are_weighed_as_written_down() {
    let services = Services::start(&Options::usual()).unwrap();
    let fleet = Fleet::named("first-light").unwrap();
    for (number, token) in fleet.bot_tokens().into_iter().enumerate() {
        let name = format!("scales{number}_bot");
        services.client().register(token, &name).unwrap();
    }
    let name = format!("ocmigrate-scales-{}", std::process::id());
    let server = Server::boot(&name, SERVER_IMAGE).unwrap();
    fleet.settle(&server).unwrap();
    server.shell(include_str!("furnish.sh")).unwrap();
    install(&server);

    let before = state_of(&server);
    let text = server
        .shell("ocmigrate scan --sample 3s -o /root/inventory.json")
        .unwrap();
    assert_eq!(state_of(&server), before, "scan changes nothing");
    let json = server.shell("cat /root/inventory.json").unwrap();
    server.shell("umount /home/joe/zoo/mount").unwrap();

    eprintln!("{text}");
    let inventory: Value = serde_json::from_str(&json).unwrap();
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(seen(&inventory), expected);
    the_live_gateway_is_weighed(&inventory);
    for secret in ["SEKRET-canary", "canary-gateway-token", "AAcanary"] {
        assert!(!json.contains(secret) && !text.contains(secret), "{secret}");
    }
    what_is_weighed_fits_a_terminal(&text);
}

/// The sections of this test's subject, with short names, keep within 80 columns.
fn what_is_weighed_fits_a_terminal(text: &str) {
    let weighed = text
        .lines()
        .skip_while(|line| !line.starts_with("Ownership"));
    let weighed: Vec<_> = weighed
        .take_while(|line| !line.starts_with("Companions"))
        .collect();
    assert!(weighed.len() > 15, "{weighed:?}");
    let widest = weighed
        .iter()
        .max_by_key(|line| line.chars().count())
        .unwrap();
    assert!(widest.chars().count() <= 80, "{widest}");
}

fn the_live_gateway_is_weighed(inventory: &Value) {
    let gateway = gateway(inventory, "joe/.openclaw");
    let load = &gateway["load"];
    assert!(
        load["processor"]["window_ms"].as_u64() >= Some(3000),
        "{load}"
    );
    assert!(
        load["threads"].as_u64() > Some(5) && load["open_files"].as_u64() > Some(10),
        "{load}"
    );
    assert!(gateway["memory"]["pss"].as_u64() > Some(100 << 20));
    let needs = gateway["needs"].as_array().unwrap();
    let library = needs
        .iter()
        .find(|need| need["name"] == "libatomic.so.1")
        .unwrap();
    assert_eq!(library["package"], "libatomic1", "node of npm needs it");
    assert!(
        !inventory["host"]["file_systems"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

/// What is compared, in the shape of `expected.json`.
fn seen(inventory: &Value) -> Value {
    let work = gateway(inventory, WORK);
    let census = &work["census"];
    let in_zoo = |path: &Value| path.as_str().unwrap().replace(ZOO, "");
    let oddities = census["oddities"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(kind, sampled)| {
            let sample: Vec<_> = sampled["sample"]
                .as_array()
                .unwrap()
                .iter()
                .map(in_zoo)
                .collect();
            assert_eq!(sampled["count"], sample.len(), "{kind}");
            (kind.clone(), json!(sample))
        });
    let strays = list(&census["sample"], |stray| in_zoo(&stray["path"]));
    let findings = inventory["findings"].as_array().unwrap().iter();
    let mut findings: Vec<_> = findings
        .filter(|finding| finding["about"] == WORK)
        .map(|finding| finding["id"].as_str().unwrap())
        .filter(|id| id.starts_with("OM-O") || id.starts_with("OM-P"))
        .collect();
    findings.sort_unstable();
    findings.dedup();
    json!({
        "edges": list(&inventory["edges"], edge),
        "oddities": oddities.collect::<serde_json::Map<_, _>>(),
        "strays": strays,
        "kept_strays": census["kept_strays"],
        "references": list(&work["references"], |it| format!(
            "{} {} {} {}", word(&it["agent"]), place(&it["place"]), word(&it["kind"]), word(&it["what"])
        )),
        "needs": needs(work),
        "findings": findings,
    })
}

fn edge(edge: &Value) -> String {
    let agent = |it: &Value| format!("{}:{}", word(&it["gateway"]), word(&it["agent"]));
    let place = match &edge["place"] {
        Value::Null => "-".to_owned(),
        it => place(it),
    };
    format!(
        "{} {} {} {place}",
        agent(&edge["from"]),
        word(&edge["kind"]),
        agent(&edge["to"])
    )
}

/// What the files of the agents ask for; the libraries and OpenClaw's own skills depend on its release.
fn needs(gateway: &Value) -> Vec<String> {
    let own = gateway["needs"].as_array().unwrap().iter().filter(|need| {
        let place = need["place"]["path"].as_str().unwrap_or_default();
        place.starts_with(ZOO)
    });
    own.map(|need| {
        let package = need["package"].as_str().unwrap_or("missing");
        format!("{} {} {package}", word(&need["name"]), word(&need["kind"]))
    })
    .collect()
}

fn gateway<'i>(inventory: &'i Value, name: &str) -> &'i Value {
    let gateways = inventory["gateways"].as_array().unwrap();
    gateways.iter().find(|it| it["name"] == name).unwrap()
}

fn list(values: &Value, show: impl Fn(&Value) -> String) -> Vec<String> {
    values.as_array().unwrap().iter().map(show).collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The last component of a path, and the line.
fn place(place: &Value) -> String {
    let path = Path::new(word(&place["path"])).file_name().unwrap();
    format!("{}:{}", path.to_string_lossy(), place["line"])
}

/// Everything of the zoo that a scan could have changed, by name.
fn state_of(server: &Server) -> String {
    let find =
        "find /home/joe/zoo /home/joe/.openclaw-work -printf '%p %U %G %m %n %s %T@ %C@\\n' | sort";
    server
        .shell(&format!("{find}; lsattr -d /home/joe/zoo/*.txt"))
        .unwrap()
}

fn install(server: &Server) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let binary = target.join("release/ocmigrate");
    assert!(
        binary.exists(),
        "{} is missing: run scripts/test",
        binary.display()
    );
    server.copy_in(&binary, "/usr/local/bin/ocmigrate").unwrap();
}
