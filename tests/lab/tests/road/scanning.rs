//! Scan finds what is there, and writes nothing.

use ocmigrate_lab::trace::traced;
use serde_json::Value;

use crate::world::{CONFIG, World};

pub(crate) fn scan_finds_the_gateway(world: &World) {
    let (text, trace) = traced(&world.server, "ocmigrate scan --json").unwrap();
    let inventory: Value = serde_json::from_str(&text).unwrap();
    let gateway = &inventory["gateways"][0];
    assert_eq!(
        inventory["gateways"].as_array().unwrap().len(),
        1,
        "{inventory:#}"
    );
    assert_eq!(gateway["user"]["name"], "joe");
    assert_eq!(gateway["release"]["version"], "2026.9.6");
    assert_eq!(
        gateway["release"]["package"],
        "/usr/local/lib/node_modules/openclaw"
    );
    assert_eq!(gateway["state_directory"], "/home/joe/.openclaw");
    assert_eq!(gateway["config"]["path"], CONFIG);
    assert_eq!(gateway["config"]["bind"], "loopback");
    assert_eq!(gateway["port"], 18789);
    assert_eq!(gateway["starter"]["name"], "openclaw-gateway.service");
    assert_eq!(gateway["starter"]["enablement"], "enabled");
    let agents: Vec<_> = gateway["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| agent["id"].as_str().unwrap())
        .collect();
    assert_eq!(agents, ["main", "docomo-pj", "nobdata-pj"]);
    assert_eq!(gateway["accounts"].as_array().unwrap().len(), 3);
    assert_eq!(gateway["census"]["strays"], 1);
    let pid = world
        .server
        .shell_as(
            "joe",
            "systemctl --user show -P MainPID openclaw-gateway.service",
        )
        .unwrap();
    assert_eq!(gateway["process"]["id"]["pid"].to_string(), pid.trim());
    assert!(gateway["memory"]["pss"].as_u64().unwrap() > 200 << 20);
    assert_eq!(trace.misdeeds(), Vec::<String>::new());
    assert!(trace.calls > 100);
    eprintln!("{}", world.shell("ocmigrate scan"));
}
