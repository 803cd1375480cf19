//! Which gateways are held together by what connects their agents.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{Edge, EdgeKind, GatewayName};

/// Something shared by at least so many gateways, and by more than half of all, tells nothing about who belongs together:
/// the message bus of a whole fleet.
const COMMON: usize = 4;

/// Gateways that belong together, each with the edges that say so; a gateway alone is a bond of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bond<'a> {
    pub(super) gateways: Vec<GatewayName>,
    pub(super) edges: Vec<&'a Edge>,
}

/// Unites gateways by edges, then by things that they share; sorted by their first gateway.
pub(super) fn bonds<'a>(gateways: &[GatewayName], edges: &'a [Edge]) -> Vec<Bond<'a>> {
    let mut homes: BTreeMap<&GatewayName, usize> = gateways.iter().zip(0..).collect();
    let uniting: Vec<&Edge> = edges
        .iter()
        .filter(|edge| edge.from.gateway != edge.to.gateway)
        .collect();
    let (calls, shared): (Vec<&Edge>, Vec<&Edge>) =
        uniting.into_iter().partition(|edge| is_call(edge.kind));
    let telling = telling(&shared, gateways.len());
    let uniting: Vec<&Edge> = calls.into_iter().chain(telling).collect();
    for edge in &uniting {
        let ends = (homes.get(&edge.from.gateway), homes.get(&edge.to.gateway));
        if let (Some(&one), Some(&other)) = ends {
            let (kept, lost) = (one.min(other), one.max(other));
            homes
                .values_mut()
                .filter(|home| **home == lost)
                .for_each(|home| *home = kept);
        }
    }
    let mut bonds: BTreeMap<usize, Bond> = BTreeMap::new();
    for (gateway, home) in &homes {
        let empty = || Bond {
            gateways: Vec::new(),
            edges: Vec::new(),
        };
        let bond = bonds.entry(*home).or_insert_with(empty);
        bond.gateways.push((*gateway).clone());
    }
    for edge in uniting {
        let home = homes.get(&edge.from.gateway);
        if let Some(bond) = home.and_then(|home| bonds.get_mut(home)) {
            bond.edges.push(edge);
        }
    }
    bonds.into_values().collect()
}

fn is_call(kind: EdgeKind) -> bool {
    match kind {
        EdgeKind::Spawns | EdgeKind::Messages => true,
        EdgeKind::SharedWorkspace
        | EdgeKind::SharedAccount
        | EdgeKind::SharedCompanion
        | EdgeKind::NamesWorkspace => false,
    }
}

/// Leaves out what most gateways share with most others.
fn telling<'a>(shared: &[&'a Edge], fleet: usize) -> Vec<&'a Edge> {
    let mut neighbours: BTreeMap<(EdgeKind, &GatewayName), BTreeSet<&GatewayName>> =
        BTreeMap::new();
    for edge in shared {
        let (from, to) = (&edge.from.gateway, &edge.to.gateway);
        neighbours.entry((edge.kind, from)).or_default().insert(to);
        neighbours.entry((edge.kind, to)).or_default().insert(from);
    }
    let is_common = |kind: EdgeKind, gateway: &'a GatewayName| {
        let sharing = neighbours
            .get(&(kind, gateway))
            .map_or(0, |it| it.len() + 1);
        sharing >= COMMON && sharing * 2 > fleet
    };
    let tells = |edge: &&&'a Edge| {
        !is_common(edge.kind, &edge.from.gateway) && !is_common(edge.kind, &edge.to.gateway)
    };
    shared.iter().filter(tells).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::AgentName;

    fn edge(from: &str, to: &str, kind: EdgeKind) -> Edge {
        let name = |gateway: &str| AgentName {
            gateway: GatewayName(gateway.to_owned()),
            agent: "main".to_owned(),
        };
        Edge {
            from: name(from),
            to: name(to),
            kind,
            place: None,
        }
    }

    fn united(names: &[&str], edges: &[Edge]) -> Vec<Vec<String>> {
        let names: Vec<_> = names
            .iter()
            .map(|it| GatewayName((*it).to_owned()))
            .collect();
        let names_of = |bond: Bond| bond.gateways.into_iter().map(|it| it.0).collect();
        bonds(&names, edges).into_iter().map(names_of).collect()
    }

    #[test]
    fn edges_unite_gateways_over_others() {
        let edges = [
            edge("a", "c", EdgeKind::SharedWorkspace),
            edge("c", "d", EdgeKind::Messages),
        ];
        let wanted = vec![vec!["a", "c", "d"], vec!["b"]];
        assert_eq!(united(&["a", "b", "c", "d"], &edges), wanted);
    }

    #[test]
    fn the_bus_of_the_whole_fleet_unites_nobody() {
        let names = ["a", "b", "c", "d", "e"];
        let mut edges = Vec::new();
        for (index, from) in names.iter().enumerate() {
            let others = names.iter().skip(index + 1);
            edges.extend(others.map(|to| edge(from, to, EdgeKind::SharedCompanion)));
        }
        assert_eq!(united(&names, &edges).len(), 5);
        edges.truncate(1);
        assert_eq!(united(&names, &edges).len(), 4);
    }
}
