//! An inventory as text.

mod needs;
mod ownership;

use std::fmt::Write as _;

use super::columns;
use crate::display;
use crate::inventory::{
    Companion, Contained, Credential, Edge, Gateway, Host, Inventory, Part, Place, RestingState,
    Severity, Starter,
};

/// Renders an inventory for a terminal of 80 columns or more.
#[must_use]
pub fn scan_text(inventory: &Inventory) -> String {
    let mut text = host(&inventory.host);
    if inventory.gateways.is_empty() {
        text.push_str("Gateways   none found\n");
    } else {
        gateways(&mut text, &inventory.gateways);
        starters(&mut text, &inventory.gateways);
        agents(&mut text, &inventory.gateways);
        edges(&mut text, &inventory.edges);
        credentials(&mut text, &inventory.gateways);
        ownership::write(&mut text, &inventory.gateways);
        needs::costs(&mut text, &inventory.gateways);
        needs::needs(&mut text, &inventory.gateways);
        needs::references(&mut text, &inventory.gateways);
    }
    companions(&mut text, &inventory.companions);
    contained(&mut text, &inventory.contained);
    states(&mut text, &inventory.states);
    findings(&mut text, inventory);
    for unseen in &inventory.unseen {
        let _ = writeln!(text, "not seen: {}", display::text(unseen));
    }
    text
}

fn host(host: &Host) -> String {
    let engine = host.engine.as_ref().map_or_else(
        || "no Docker answers".to_owned(),
        |engine| format!("Docker {}", engine.version),
    );
    let mut disks = String::new();
    for it in &host.file_systems {
        let (at, kind) = (&it.mounted_at, display::text(&it.kind));
        let _ = writeln!(disks, "Disk {at}  {} of {} free ({kind})", it.free, it.size);
    }
    format!(
        "Host {}  {} cores  {} RAM ({} used)  {engine}  cgroup {}\n{disks}",
        display::text(&host.name),
        host.cores,
        host.memory_total,
        host.memory_used,
        match host.cgroup {
            crate::inventory::CgroupVersion::V1 => "v1",
            crate::inventory::CgroupVersion::V2 => "v2",
        }
    )
}

fn gateways(text: &mut String, gateways: &[Gateway]) {
    let running = gateways
        .iter()
        .filter(|gateway| gateway.process.is_some())
        .count();
    let _ = writeln!(
        text,
        "Gateways   {running} running, {} stopped",
        gateways.len() - running
    );
    let rows = gateways.iter().map(gateway).collect();
    text.push_str(&columns(
        &[
            "PID", "gateway", "starter", "version", "port", "agents", "PSS", "up",
        ],
        rows,
        "  ",
    ));
}

fn gateway(gateway: &Gateway) -> Vec<String> {
    let dash = || "-".to_owned();
    let process = gateway.process.as_ref();
    vec![
        process.map_or_else(dash, |process| process.id.pid.to_string()),
        display::text(&gateway.name.0),
        display::text(&gateway.starter.to_string()),
        gateway
            .release
            .as_ref()
            .map_or_else(dash, |release| display::text(&release.version)),
        gateway.port.to_string(),
        gateway.agents.len().to_string(),
        gateway
            .memory
            .map_or_else(dash, |memory| memory.pss.to_string()),
        process.map_or_else(dash, |process| span(process.uptime_secs)),
    ]
}

/// Returns the text as it may be printed, or a dash where there is none.
fn or_dash(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => display::text(text),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// Writes what starts each gateway, and how that is disarmed and armed again.
/// How everything is disarmed that could start a gateway; a unit that stands in the table above needs no words.
fn starters(text: &mut String, gateways: &[Gateway]) {
    for gateway in gateways {
        let own = (&gateway.starter, None, &gateway.arming);
        let own = Some(own).filter(|(starter, ..)| !matches!(starter, Starter::Unit(_)));
        let others = gateway.revivers.iter();
        let others = others.map(|it| (&it.starter, Some(it.when), &it.arming));
        for (starter, when, arming) in own.into_iter().chain(others) {
            let when = when.map_or_else(String::new, |when| format!(", also {when}"));
            let _ = writeln!(
                text,
                "Starter    {}: {}{when}\n  disarm: {}\n  arm:    {}",
                display::text(&gateway.name.0),
                display::text(&starter.to_string()),
                display::text(&arming.disarm),
                display::text(&arming.arm)
            );
        }
    }
}

fn agents(text: &mut String, gateways: &[Gateway]) {
    for gateway in gateways {
        let ids: Vec<_> = gateway
            .agents
            .iter()
            .map(|agent| display::text(&agent.id))
            .collect();
        let _ = writeln!(
            text,
            "Agents     {}: {}",
            display::text(&gateway.name.0),
            ids.join(" ")
        );
    }
}

/// The most edges that the text names one by one; all stand in the JSON.
const EDGES_SHOWN: usize = 10;

/// What holds agents together; more than a few are counted by kind.
fn edges(text: &mut String, edges: &[Edge]) {
    let row = |edge: &Edge| {
        let (from, to) = (&edge.from, &edge.to);
        vec![
            display::text(&from.to_string()),
            edge.kind.to_string(),
            display::text(&if from.gateway == to.gateway {
                to.agent.clone()
            } else {
                to.to_string()
            }),
            edge.place
                .as_ref()
                .map_or_else(|| "-".to_owned(), file_and_line),
        ]
    };
    let rows: Vec<_> = edges.iter().take(EDGES_SHOWN).map(row).collect();
    if !rows.is_empty() {
        let _ = writeln!(text, "Edges  {}", edges.len());
        text.push_str(&columns(&["agent", "", "agent", "place"], rows, "  "));
    }
    if let Some(more @ 1..) = edges.len().checked_sub(EDGES_SHOWN) {
        let _ = writeln!(text, "  and {more} more, all in --json");
    }
}

/// The last component of a place's path and its line: short enough for a table.
fn file_and_line(place: &Place) -> String {
    let name = place.path.file_name().unwrap_or(place.path.as_os_str());
    let name = display::path(name.as_ref());
    place
        .line
        .map_or_else(|| name.clone(), |line| format!("{name}:{line}"))
}

fn credentials(text: &mut String, gateways: &[Gateway]) {
    let all: Vec<&Credential> = gateways
        .iter()
        .flat_map(|gateway| &gateway.credentials)
        .collect();
    let _ = writeln!(text, "Credentials  {}", all.len());
    let rows = all.iter().map(|credential| row(credential)).collect();
    text.push_str(&columns(
        &["id", "hash", "kind", "account", "place"],
        rows,
        "  ",
    ));
}

fn row(credential: &Credential) -> Vec<String> {
    let places: Vec<_> = credential.places.iter().map(ToString::to_string).collect();
    vec![
        or_dash(&credential.public_id),
        credential.hash.to_string(),
        display::text(&credential.kind),
        or_dash(credential.account.as_deref().unwrap_or_default()),
        places.join(" "),
    ]
}

fn companions(text: &mut String, companions: &[Companion]) {
    let rows: Vec<_> = companions.iter().map(companion).collect();
    let titles = ["PID", "name", "gateway", "part", "port", "starter"];
    table(text, "Companions", &titles, rows);
}

fn companion(companion: &Companion) -> Vec<String> {
    let part = match companion.part {
        Part::Client => "client",
        Part::Service => "service",
        Part::Named => "named",
    };
    let gateway = companion.gateway.as_ref().map(ToString::to_string);
    vec![
        companion.process.pid.to_string(),
        display::text(&companion.name),
        or_dash(&gateway.unwrap_or_default()),
        part.to_owned(),
        or_dash(
            &companion
                .port
                .map_or_else(String::new, |port| port.to_string()),
        ),
        or_dash(&companion.starter),
    ]
}

fn contained(text: &mut String, contained: &[Contained]) {
    let row = |it: &Contained| {
        let state = it.state_directory.as_deref();
        vec![
            it.process.pid.to_string(),
            it.name(),
            or_dash(&state.map_or_else(String::new, display::path)),
            it.credentials.len().to_string(),
        ]
    };
    let rows: Vec<_> = contained.iter().map(row).collect();
    let titles = ["PID", "container", "state directory", "credentials"];
    table(text, "In containers already", &titles, rows);
}

fn states(text: &mut String, states: &[RestingState]) {
    let row = |state: &RestingState| {
        let more = if state.is_counted_whole { "" } else { "+" };
        vec![
            display::path(&state.path),
            display::text(&state.user),
            format!("{}{more}", state.size),
            span(state.unchanged_secs),
            state.revivers.len().to_string(),
        ]
    };
    let rows: Vec<_> = states.iter().map(row).collect();
    let titles = ["state directory", "user", "size", "unchanged", "revivers"];
    table(text, "Used by no gateway", &titles, rows);
}

/// A table with a title and the number of its rows; nothing where there are none.
fn table(text: &mut String, title: &str, titles: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        let _ = writeln!(text, "{title}  {}", rows.len());
        text.push_str(&columns(titles, rows, "  "));
    }
}

fn findings(text: &mut String, inventory: &Inventory) {
    let count = |severity| {
        inventory
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let _ = writeln!(
        text,
        "Findings   {}, {} high, {} medium, {} info",
        display::count(count(Severity::Inhibitor) as u64, "inhibitor", "inhibitors"),
        count(Severity::High),
        count(Severity::Medium),
        count(Severity::Info)
    );
    // Terminals are read from the bottom up: the worst stands last.
    let mut sorted: Vec<_> = inventory.findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    for finding in sorted {
        let place = if finding.place.is_empty() {
            String::new()
        } else {
            format!("  {}", display::text(&finding.place))
        };
        let severity = match finding.severity {
            Severity::Inhibitor => "inhibitor",
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Info => "info",
        };
        let _ = writeln!(
            text,
            "{} {severity}: {}: {}{place}\n  fix: {}",
            finding.id,
            display::text(&finding.about),
            display::text(&finding.summary),
            display::text(&finding.remedy)
        );
    }
}
