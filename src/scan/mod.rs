//! Host to inventory: finds the gateways of this machine, reads what they are made of, and says what a person should know.
//!
//! Read-only by type: everything comes through a [`Reader`], which has no method that changes anything, and through the
//! census, which only looks. Gateways are told by the files that they hold open, never by their arguments.

mod ancestry;
mod auth_store;
mod bindings;
mod companions;
mod config;
mod contained;
mod credentials;
mod crontab;
mod dotenv;
mod drop_ins;
mod edges;
mod engine;
mod exposure;
mod family;
mod findings;
mod gateway;
mod ground;
mod host_files;
mod include;
mod inside;
mod inspect;
mod launch;
mod libraries;
mod load;
mod machine;
mod needs;
mod options;
mod own_files;
mod ownership;
mod packages;
mod pm2;
mod references;
mod release;
mod rest;
mod script;
mod shelf;
mod sighting;
mod starter;
mod states;
mod tokens;
mod unit_file;
mod units;
mod users;

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::host::reader::Reader;
use crate::inventory::{Engine, FORMAT, Finding, Gateway, Inventory};
use crate::secret::Hasher;

use companions::Web;
use edges::Bonds;
use load::Watch;

pub use companions::Named;
pub use inspect::inspect;
pub use machine::hasher;
pub use options::Options;
pub use tokens::{Rival, rivals};

/// Scans the host.
///
/// `engine` is what the Docker Engine says of itself, where one answered; the hasher is [`hasher`]'s. Without root only
/// the gateways of the calling user are seen, and `unseen` says so.
#[must_use]
pub fn scan(
    reader: &Reader,
    engine: Option<Engine>,
    hasher: &Hasher,
    options: &Options<'_>,
) -> Inventory {
    let mut unseen = Vec::new();
    let host = machine::host(reader, engine, hasher);
    let mut findings = Vec::new();
    match engine::hidden(reader, host.engine.as_ref()) {
        Some(hidden) => unseen.push(hidden),
        None => findings.extend(engine::findings(host.engine.as_ref())),
    }
    // Finding who listens costs more than all else where nothing runs.
    let listeners = LazyCell::new(|| reader.listeners());
    let glances = reader.glance();
    let found = family::find(
        reader,
        &glances,
        &|| listeners.as_slice(),
        hasher,
        &mut unseen,
    );
    let (families, contained) = found;
    let launches = rest::launches(reader, &glances, &mut unseen);
    let running = families
        .into_iter()
        .map(|family| sighting::running(reader, family, &launches));
    let mut sightings: Vec<_> = running.collect();
    findings.extend(launches.findings);
    let sleeping = rest::place(reader, launches.found, &mut sightings);
    let members = sightings.iter().flat_map(gateway::members);
    let watch = Watch::begin(reader, members);
    let states = states::resting(reader, &sightings, &sleeping);
    findings.extend(states::findings(&states));
    let is_asking = !sightings.is_empty() || !options.named.is_empty();
    let heard = if is_asking { listeners.as_slice() } else { &[] };
    let web = Web::read(reader, heard, is_asking);
    let mut companions = companions::named(reader, &web, options.named, &mut unseen);
    let mut gateways: Vec<Gateway> = Vec::new();
    let mut bonds = Bonds::default();
    let mut noted = Vec::new();
    for sighting in sightings {
        let seen = gateway::read(reader, &sighting, &listeners, hasher, options);
        unseen.extend(seen.unseen);
        findings.extend(seen.findings);
        let found = companions::of(reader, &web, &seen.gateway, &seen.named_ports);
        noted.extend(companions::noted(reader, &web, &seen.gateway, &found));
        companions.extend(found);
        bonds.add(seen.bonds);
        gateways.push(seen.gateway);
    }
    findings.extend(companions::findings(&companions));
    findings.extend(companions::findings(&noted));
    gateways.sort_by(|one, other| one.name.cmp(&other.name));
    findings.extend(tokens::shared(&gateways, &contained));
    findings.extend(auth_store::shared(reader, &gateways, hasher));
    contained::tell(&contained, &gateways, &mut findings);
    needs::complete(reader, &mut gateways);
    findings.extend(gateways.iter().flat_map(needs::findings));
    if let Some(window) = options.window {
        watch.end(reader, window, &mut gateways);
    }
    let edges = bonds.edges(&gateways, &companions);
    companions.extend(noted);
    let configs: BTreeSet<_> = gateways.iter().map(|it| &it.config.path).collect();
    let refused = reader.take_refused().into_iter();
    // A configuration that cannot be read is a finding.
    let refused = refused.filter(|(path, _)| !configs.contains(path));
    unseen.extend(refused.map(|(_, why)| why));
    sort(&mut findings);
    Inventory {
        format: FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        host,
        uids: users::all(reader).iter().map(|user| user.uid).collect(),
        gateways,
        edges,
        states,
        companions,
        contained,
        findings,
        unseen,
    }
}

/// Sorts findings, worst first.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| {
        let worst_first = other.severity.cmp(&one.severity);
        worst_first.then_with(|| {
            (&one.id, &one.about, &one.place).cmp(&(&other.id, &other.about, &other.place))
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_scanned_twice_with_the_same_identity() {
        let reader = Reader::new();
        let hasher = hasher(&reader);
        let options = Options::default();
        let scanned = || scan(&reader, None, &hasher, &options);
        let (one, other) = (scanned(), scanned());
        assert_eq!(one.host.machine, other.host.machine);
        assert_eq!(one.format, FORMAT);
        assert!(one.findings.iter().any(|finding| finding.id == "OM-D001"));
    }
}
