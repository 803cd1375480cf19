//! What a person should know about a plan that makes sense in itself, as findings of the one catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::blockers::is_accepted;
use super::{GatewayFacts, Group, Image, Network, Plan, surroundings};
use crate::display;
use crate::inventory::{AgentName, Edge, EdgeKind, Finding, GatewayName, Severity, catalogued};
use crate::openclaw::layout::derived_ports;
use crate::secret::KeyedHash;
use crate::units::Bytes;

/// The inhibitors of a plan that a person may accept.
const ACCEPTABLE: &[&str] = &[
    catalogued::OVER_HOST.id,
    catalogued::UNDER_PEAK.id,
    catalogued::CUT_EDGE.id,
    catalogued::MIXED_RELEASES.id,
];

/// A finding about a plan, and the groups that it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// What it is.
    pub finding: Finding,
    /// The groups' names.
    pub groups: BTreeSet<String>,
}

/// Returns everything that a person should know about a plan.
#[must_use]
pub fn concerns(plan: &Plan) -> Vec<Concern> {
    let homes = homes(plan);
    let mut all: Vec<Concern> = over_host(plan).into_iter().collect();
    all.extend(surroundings::gpus(plan).map(|finding| of_all(plan, finding)));
    all.extend(splits(plan));
    all.extend(tokens(plan));
    all.extend(cut_edges(plan, &homes));
    all.extend(ports_of_the_host(plan));
    for group in &plan.groups {
        let gateways: Vec<&GatewayFacts> = group
            .gateways()
            .iter()
            .filter_map(|name| plan.facts.find_gateway(name))
            .collect();
        let mut findings: Vec<Finding> = Vec::new();
        findings.extend(under_peak(plan, group));
        findings.extend(releases(group, &gateways));
        if group.network != Network::Host {
            findings.extend(ports(&gateways));
        }
        findings.extend(services(plan, group));
        findings.extend(surroundings::findings(plan, group));
        all.extend(findings.into_iter().map(|finding| Concern {
            finding,
            groups: [group.name.clone()].into(),
        }));
    }
    all
}

/// Returns the inhibitors of a plan that forbid to execute a group: those that concern it and that nobody accepted. A cut
/// edge is accepted only by its name.
#[must_use]
pub fn objections(plan: &Plan, group: &Group, accepted: &[String]) -> Vec<Finding> {
    let concerns = concerns(plan).into_iter();
    concerns
        .filter(|concern| concern.groups.contains(&group.name))
        .map(|concern| concern.finding)
        .filter(|finding| finding.severity == Severity::Inhibitor)
        .filter(|finding| {
            let lists = [accepted, &group.accepted, &plan.accepted];
            !lists.iter().any(|list| may_pass(finding, list))
        })
        .collect()
}

/// Returns the entry of a plan's `accepted` for a finding that a person may accept.
pub(super) fn entry(finding: &Finding) -> Option<String> {
    let is_acceptable = ACCEPTABLE.contains(&finding.id.as_str());
    let id = &finding.id;
    is_acceptable.then(|| match finding.about.as_str() {
        "host" => id.clone(),
        about => format!("{id}:{about}"),
    })
}

/// Returns whether an entry of `accepted` is about something that a plan itself says.
pub(super) fn is_asked(entry: &str) -> bool {
    let id = entry.split(':').next().unwrap_or_default();
    ACCEPTABLE.contains(&id)
}

pub(super) fn may_pass(finding: &Finding, accepted: &[String]) -> bool {
    let is_edge = finding.id == catalogued::CUT_EDGE.id;
    let by_name = accepted
        .iter()
        .filter(|entry| !is_edge || entry.contains(':'));
    let accepted: Vec<String> = by_name.cloned().collect();
    ACCEPTABLE.contains(&finding.id.as_str()) && is_accepted(finding, &accepted)
}

/// The group of every agent.
fn homes(plan: &Plan) -> BTreeMap<AgentName, &str> {
    let groups = plan.groups.iter();
    groups
        .flat_map(|group| {
            let agents = group.agents().into_iter();
            agents.map(|agent| (agent, group.name.as_str()))
        })
        .collect()
}

fn over_host(plan: &Plan) -> Option<Concern> {
    let budgets = plan.groups.iter().map(|group| group.budget.memory.0);
    let sum = Bytes(budgets.fold(0, u64::saturating_add));
    let (reserve, memory) = (plan.reserve, plan.facts.host.memory);
    if sum.0.saturating_add(reserve.0) <= memory.0 {
        return None;
    }
    let summary = format!("budgets of {sum} and a reserve of {reserve} are more than {memory}");
    let finding = Finding::new(&catalogued::OVER_HOST, "host", summary);
    Some(of_all(plan, finding))
}

fn of_all(plan: &Plan, finding: Finding) -> Concern {
    Concern {
        finding,
        groups: plan.groups.iter().map(|group| group.name.clone()).collect(),
    }
}

/// Returns the most memory that gateways were seen to use, each at its own time; those that did not run count nothing.
#[must_use]
pub fn measured_peak(plan: &Plan, gateways: &[GatewayName]) -> Bytes {
    let peaks = plan.measured.iter();
    let peaks = peaks.filter(|it| gateways.contains(&it.gateway));
    let peaks = peaks.filter_map(|it| it.memory).map(|memory| memory.peak.0);
    Bytes(peaks.fold(0, u64::saturating_add))
}

fn under_peak(plan: &Plan, group: &Group) -> Option<Finding> {
    let peak = measured_peak(plan, &group.gateways());
    let limit = group.budget.memory;
    (limit < peak).then(|| {
        let summary = format!("its limit of {limit} is below the measured peak of {peak}");
        Finding::new(&catalogued::UNDER_PEAK, &group.name, summary)
    })
}

/// The groups of every gateway.
fn groups_by_gateway(plan: &Plan) -> BTreeMap<GatewayName, BTreeSet<String>> {
    let mut groups: BTreeMap<GatewayName, BTreeSet<String>> = BTreeMap::new();
    for group in &plan.groups {
        for gateway in group.gateways() {
            groups
                .entry(gateway)
                .or_default()
                .insert(group.name.clone());
        }
    }
    groups
}

fn splits(plan: &Plan) -> Vec<Concern> {
    let groups = groups_by_gateway(plan).into_iter();
    let split = groups.filter(|(_, groups)| groups.len() > 1);
    split
        .map(|(gateway, groups)| {
            let names: Vec<_> = groups.iter().map(String::as_str).collect();
            let summary = format!("its agents go to {}", names.join(" and "));
            Concern {
                finding: Finding::new(&catalogued::SPLIT, gateway, summary),
                groups,
            }
        })
        .collect()
}

/// The exclusive credentials that would be in several containers.
fn tokens(plan: &Plan) -> Vec<Concern> {
    let by_gateway = groups_by_gateway(plan);
    let mut holders: BTreeMap<&KeyedHash, (String, BTreeSet<String>)> = BTreeMap::new();
    for gateway in &plan.facts.gateways {
        let exclusive = gateway.credentials.iter();
        for credential in exclusive.filter(|it| it.exclusivity.is_exclusive()) {
            let holder = holders.entry(&credential.hash).or_default();
            holder.0 = format!("{} {}", credential.kind, credential.public_id);
            holder
                .1
                .extend(by_gateway.get(&gateway.name).cloned().unwrap_or_default());
        }
    }
    let twice = holders
        .into_iter()
        .filter(|(_, (_, groups))| groups.len() > 1);
    twice
        .map(|(hash, (what, groups))| {
            let names: Vec<_> = groups.iter().map(String::as_str).collect();
            let summary = format!("{what} would be in {}", names.join(" and "));
            Concern {
                finding: Finding::new(&catalogued::TOKEN_TWICE, hash, summary),
                groups,
            }
        })
        .collect()
}

fn cut_edges(plan: &Plan, homes: &BTreeMap<AgentName, &str>) -> Vec<Concern> {
    let cut = |edge: &Edge| {
        let (from, to) = (homes.get(&edge.from)?, homes.get(&edge.to)?);
        let consequence = consequence(edge.kind).filter(|_| from != to)?;
        let about = format!("{} -> {}", edge.from, edge.to);
        let summary = format!("{from} and {to}: {consequence}");
        let mut finding = Finding::new(&catalogued::CUT_EDGE, display::text(&about), summary);
        if let Some(place) = &edge.place {
            finding = finding.at(place);
        }
        Some(Concern {
            finding,
            groups: [(*from).to_owned(), (*to).to_owned()].into(),
        })
    };
    plan.facts.edges.iter().filter_map(cut).collect()
}

/// What stops working over a border; a companion stays where it is, and how it is reached is a matter of its own.
fn consequence(kind: EdgeKind) -> Option<&'static str> {
    match kind {
        EdgeKind::Spawns => Some("the first can no longer spawn the second"),
        EdgeKind::Messages => Some("the first can no longer send to the second"),
        EdgeKind::SharedWorkspace => Some("only one of them keeps the workspace that they share"),
        EdgeKind::SharedAccount => Some("the account that both answer reaches only one of them"),
        EdgeKind::NamesWorkspace => {
            Some("paths that the first names in the second's workspace lead nowhere")
        }
        EdgeKind::SharedCompanion => None,
    }
}

fn releases(group: &Group, gateways: &[&GatewayFacts]) -> Option<Finding> {
    let found = |summary| {
        Some(Finding::new(
            &catalogued::MIXED_RELEASES,
            &group.name,
            summary,
        ))
    };
    if let Image::Given { reference } = &group.image {
        let reference = display::text(reference);
        return found(format!("which OpenClaw is in {reference} is not known"));
    }
    let version = |gateway: &&GatewayFacts| {
        let release = gateway.release.as_ref()?;
        Some(release.version.clone())
    };
    let versions: BTreeSet<String> = gateways.iter().filter_map(version).collect();
    if versions.len() < 2 {
        return None;
    }
    let versions: Vec<_> = versions.iter().map(String::as_str).collect();
    found(format!("its gateways run {}", versions.join(" and ")))
}

/// The gateways of one container that meet an earlier one at a port, derived ones included; each is told once.
fn ports(gateways: &[&GatewayFacts]) -> Vec<Finding> {
    let mut holders: BTreeMap<u16, &GatewayName> = BTreeMap::new();
    let mut findings = Vec::new();
    for gateway in gateways {
        let own = ports_of(gateway);
        let met = own
            .iter()
            .find_map(|port| Some((port, *holders.get(port)?)));
        if let Some((port, other)) = met {
            let summary = format!("{other} takes port {port} too, for a browser perhaps");
            findings.push(Finding::new(
                &catalogued::DERIVED_PORTS,
                &gateway.name,
                summary,
            ));
        }
        for port in own {
            holders.entry(port).or_insert(&gateway.name);
        }
    }
    findings
}

/// The groups on the host's network share its ports.
fn ports_of_the_host(plan: &Plan) -> Vec<Concern> {
    let groups = plan.groups.iter();
    let groups: Vec<&Group> = groups.filter(|it| it.network == Network::Host).collect();
    let names = groups.iter().flat_map(|group| group.gateways());
    let names: Vec<GatewayName> = names.collect();
    let gateways: Vec<&GatewayFacts> = names
        .iter()
        .filter_map(|name| plan.facts.find_gateway(name))
        .collect();
    let concern = |finding| Concern {
        finding,
        groups: groups.iter().map(|group| group.name.clone()).collect(),
    };
    ports(&gateways).into_iter().map(concern).collect()
}

fn ports_of(gateway: &GatewayFacts) -> BTreeSet<u16> {
    let version = gateway.release.as_ref();
    let version = version.and_then(|release| release.version.parse().ok());
    let derived = derived_ports(version.as_ref(), gateway.port).into_iter();
    derived.chain([gateway.port]).collect()
}

/// The loopback services that the plan says nothing about.
fn services(plan: &Plan, group: &Group) -> Vec<Finding> {
    if group.network == Network::Host {
        return Vec::new();
    }
    let own = group.gateways();
    let services = plan.facts.services.iter();
    let used = services.filter(|service| own.contains(&service.gateway));
    let open = used.filter(|service| !group.loopback.iter().any(|it| it.port == service.port));
    open.map(|service| {
        let name = display::text(&service.name);
        let summary = format!("it uses {name} on 127.0.0.1:{}", service.port);
        Finding::new(&catalogued::LOST_SERVICE, &service.gateway, summary)
    })
    .collect()
}
