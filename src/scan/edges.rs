//! What holds the agents of the whole host together: what configurations say, and what is shared between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::inventory::{
    Agent, AgentName, Companion, Edge, EdgeKind, Gateway, GatewayName, Part, Place, ProcessId,
};
use crate::openclaw::Facts;

/// What connects the agents of gateways, gathered gateway by gateway.
#[derive(Default)]
pub(super) struct Bonds {
    seats: Vec<Seat>,
    edges: Vec<Edge>,
    /// The paths that agents' files name, and where.
    named: Vec<(AgentName, PathBuf, Place)>,
    /// Ports of loopback behind which a model server or a channel's API answers: its clients do not meet there.
    apis: BTreeSet<u16>,
}

/// An agent and where it works.
struct Seat {
    agent: AgentName,
    workspace: PathBuf,
    /// Where the workspace is set.
    place: Option<Place>,
}

impl Bonds {
    /// Returns what one gateway's agents and its configuration say.
    pub(super) fn of(gateway: &GatewayName, agents: &[Agent], facts: Option<&Facts>) -> Self {
        let name = |agent: &str| name(gateway, agent);
        let seats = agents.iter().map(|agent| Seat {
            agent: name(&agent.id),
            workspace: agent.workspace.clone(),
            place: facts.and_then(|facts| facts.workspace_places.get(&agent.id).cloned()),
        });
        let relations = facts.into_iter().flat_map(|facts| &facts.relations);
        let edges = relations.map(|relation| Edge {
            from: name(&relation.from),
            to: name(&relation.to),
            kind: relation.kind,
            place: relation.place.clone(),
        });
        let urls = facts.into_iter().flat_map(|facts| &facts.loopback_urls);
        let apis = urls.filter(|url| API_KEYS.iter().any(|key| url.key.starts_with(key)));
        Self {
            seats: seats.collect(),
            edges: edges.collect(),
            named: Vec::new(),
            apis: apis.filter_map(|url| url.port).collect(),
        }
    }

    /// Takes the paths in that the files of a gateway's agents name.
    pub(super) fn naming(
        mut self,
        gateway: &GatewayName,
        named: BTreeMap<(String, PathBuf), Place>,
    ) -> Self {
        let named = named.into_iter();
        let named = named.map(|((agent, path), place)| (name(gateway, &agent), path, place));
        self.named.extend(named);
        self
    }

    /// Takes those of another gateway in.
    pub(super) fn add(&mut self, other: Self) {
        let Self {
            seats,
            edges,
            named,
            apis,
        } = other;
        self.named.extend(named);
        self.seats.extend(seats);
        self.edges.extend(edges);
        self.apis.extend(apis);
    }

    /// Returns every edge, sorted, each pair and kind once, with its first place.
    pub(super) fn edges(mut self, gateways: &[Gateway], companions: &[Companion]) -> Vec<Edge> {
        self.edges.extend(shared_workspaces(&self.seats));
        self.edges
            .extend(named_workspaces(&self.seats, &self.named));
        self.edges
            .extend(shared_companions(gateways, companions, &self.apis));
        self.edges.sort();
        self.edges.dedup_by(|one, other| {
            (&one.from, &one.to, one.kind) == (&other.from, &other.to, other.kind)
        });
        self.edges
    }
}

/// Settings whose addresses are model servers and channels' APIs.
const API_KEYS: [&str; 2] = ["models.", "channels."];

/// Returns the pairs that work in one workspace, or one in a directory of the other's.
fn shared_workspaces(seats: &[Seat]) -> Vec<Edge> {
    let mut sorted: Vec<&Seat> = seats.iter().collect();
    sorted.sort_by(|one, other| one.workspace.cmp(&other.workspace));
    let mut edges = Vec::new();
    for (index, outer) in sorted.iter().enumerate() {
        // Sorted by components, everything below a directory follows it at once.
        let inside = sorted.iter().skip(index + 1);
        let inside = inside.take_while(|it| it.workspace.starts_with(&outer.workspace));
        edges.extend(inside.map(|inner| {
            let place = inner.place.clone().or_else(|| outer.place.clone());
            pair(&outer.agent, &inner.agent, EdgeKind::SharedWorkspace, place)
        }));
    }
    edges
}

/// Returns for each path that an agent's file names the agents in whose workspace it lies, of several nested ones the
/// innermost. Agents that share a workspace have an edge for that.
fn named_workspaces(seats: &[Seat], named: &[(AgentName, PathBuf, Place)]) -> Vec<Edge> {
    let owners: BTreeMap<&Path, Vec<&Seat>> = seats.iter().fold(BTreeMap::new(), |mut map, it| {
        map.entry(it.workspace.as_path())
            .or_insert_with(Vec::new)
            .push(it);
        map
    });
    let mut edges = Vec::new();
    for (from, path, place) in named {
        let inside = path.ancestors().find_map(|it| owners.get(it));
        let others = inside.into_iter().flatten();
        if others.clone().any(|it| it.agent == *from) {
            continue;
        }
        edges.extend(others.map(|it| Edge {
            from: from.clone(),
            to: it.agent.clone(),
            kind: EdgeKind::NamesWorkspace,
            place: Some(place.clone()),
        }));
    }
    edges
}

/// Returns the pairs of gateways that speak to one companion, each by its first agent.
fn shared_companions(
    gateways: &[Gateway],
    companions: &[Companion],
    apis: &BTreeSet<u16>,
) -> Vec<Edge> {
    let own: BTreeSet<ProcessId> = gateways.iter().flat_map(processes).collect();
    let is_api = |it: &Companion| {
        it.part == Part::Service && it.port.is_some_and(|port| apis.contains(&port))
    };
    let mut clients: BTreeMap<ProcessId, BTreeSet<&GatewayName>> = BTreeMap::new();
    for it in companions {
        if own.contains(&it.process) || is_api(it) {
            continue;
        }
        let known = clients.entry(it.process).or_default();
        known.extend(it.gateway.as_ref());
    }
    let first = |wanted: &GatewayName| {
        let gateway = gateways.iter().find(|it| it.name == *wanted)?;
        Some(name(wanted, &gateway.agents.first()?.id))
    };
    let mut edges = Vec::new();
    for gateways in clients.into_values() {
        let agents: Vec<AgentName> = gateways.into_iter().filter_map(first).collect();
        for (index, one) in agents.iter().enumerate() {
            let others = agents.iter().skip(index + 1);
            edges.extend(others.map(|other| pair(one, other, EdgeKind::SharedCompanion, None)));
        }
    }
    edges
}

fn processes(gateway: &Gateway) -> impl Iterator<Item = ProcessId> {
    let own = gateway.process.iter();
    own.flat_map(|it| [it.id].into_iter().chain(it.others.iter().copied()))
}

fn name(gateway: &GatewayName, agent: &str) -> AgentName {
    AgentName {
        gateway: gateway.clone(),
        agent: agent.to_owned(),
    }
}

/// An edge without a direction: it begins at the first by name.
fn pair(one: &AgentName, other: &AgentName, kind: EdgeKind, place: Option<Place>) -> Edge {
    let (from, to) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    Edge {
        from: from.clone(),
        to: to.clone(),
        kind,
        place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::{Context, Merged, facts};
    use crate::scan::findings::tests::gateway;

    fn named(gateway_name: &str, text: &str) -> (Gateway, Facts) {
        let context = Context {
            home: "/home/joe".as_ref(),
            directory: "/home/joe".as_ref(),
            state_directory: &PathBuf::from(format!("/{gateway_name}")),
            environment: &BTreeMap::new(),
        };
        let facts = facts(&Merged::alone(text), &context);
        let gateway = Gateway {
            name: GatewayName(gateway_name.into()),
            agents: facts.agents.clone(),
            ..gateway()
        };
        (gateway, facts)
    }

    fn shown(edges: &[Edge]) -> Vec<String> {
        let edges = edges.iter().map(|it| {
            let line = it.place.as_ref().and_then(|place| place.line);
            format!("{} {:?} {} {line:?}", it.from, it.kind, it.to)
        });
        edges.collect()
    }

    fn companion(pid: i32, gateway: &str, port: u16) -> Companion {
        Companion {
            gateway: Some(GatewayName(gateway.into())),
            part: Part::Service,
            process: ProcessId {
                pid,
                start_ticks: 1,
            },
            name: "bus".into(),
            uid: None,
            starter: String::new(),
            directory: None,
            port: Some(port),
        }
    }

    #[test]
    fn workspaces_are_shared_also_between_gateways_and_inside_one_another() {
        let one = "{agents: {entries: {a: {workspace: '/w/x'},\nb: {workspace: '/w'}, c: {workspace: '/w-2'}}}}";
        let other = "{agents: {entries: {d: {\n\nworkspace: '/w/x/y'}}}}";
        let mut bonds = Bonds::default();
        for (name, text) in [("one", one), ("other", other)] {
            let (gateway, facts) = named(name, text);
            bonds.add(Bonds::of(&gateway.name, &gateway.agents, Some(&facts)));
        }
        let expected = [
            "one:a SharedWorkspace one:b Some(1)",
            "one:a SharedWorkspace other:d Some(3)",
            "one:b SharedWorkspace other:d Some(3)",
        ];
        assert_eq!(shown(&bonds.edges(&[], &[])), expected);
    }

    #[test]
    fn clients_of_a_bus_meet_there_and_clients_of_a_model_server_do_not() {
        let text = "{models: {providers: {x: {baseUrl: 'http://127.0.0.1:11434'}}}, plugins: {bus: 'ws://127.0.0.1:7'}}";
        let mut gateways = Vec::new();
        let mut bonds = Bonds::default();
        for name in ["one", "other", "third"] {
            let (gateway, facts) = named(name, text);
            bonds.add(Bonds::of(&gateway.name, &gateway.agents, Some(&facts)));
            gateways.push(gateway);
        }
        let companions = [
            companion(5, "one", 7),
            companion(5, "other", 7),
            companion(6, "one", 11434),
            companion(6, "other", 11434),
            companion(7, "third", 9),
        ];
        let expected = ["one:main SharedCompanion other:main None"];
        assert_eq!(shown(&bonds.edges(&gateways, &companions)), expected);
    }

    #[test]
    fn a_path_in_a_file_leads_to_the_agent_of_the_innermost_workspace() {
        let text = "{agents: {entries: {a: {workspace: '/w'}, b: {workspace: '/w/b'}, c: {workspace: '/c'}, d: {workspace: '/c'}}}}";
        let (gateway, facts) = named("one", text);
        let place = |line| Place {
            path: "/w/MEMORY.md".into(),
            line: Some(line),
        };
        let paths = [
            ("a", "/w/b/x"),
            ("a", "/w/y"),
            ("b", "/c"),
            ("c", "/c/z"),
            ("b", "/elsewhere"),
        ];
        let paths = (1..).zip(paths);
        let paths =
            paths.map(|(line, (agent, path))| ((agent.to_owned(), path.into()), place(line)));
        let bonds = Bonds::of(&gateway.name, &gateway.agents, Some(&facts));
        let bonds = bonds.naming(&gateway.name, paths.collect());
        let edges = bonds.edges(&[], &[]);
        let found: Vec<_> = shown(&edges)
            .into_iter()
            .filter(|it| it.contains("Names"))
            .collect();
        let expected = [
            "one:a NamesWorkspace one:b Some(1)",
            "one:b NamesWorkspace one:c Some(3)",
            "one:b NamesWorkspace one:d Some(3)",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_pair_and_kind_stands_once_and_agents_without_facts_have_workspaces() {
        let text = "{agents: {entries: {a: {subagents: {allowAgents: ['b']}}, b: {}}}}";
        let (mut gateway, facts) = named("one", text);
        let mut bonds = Bonds::of(&gateway.name, &gateway.agents, Some(&facts));
        bonds.edges.extend(bonds.edges.clone());
        let edges = bonds.edges(&[], &[]);
        assert_eq!(shown(&edges), ["one:a Spawns one:b Some(1)"]);
        for agent in &mut gateway.agents {
            agent.workspace = "/w".into();
        }
        let edges = Bonds::of(&gateway.name, &gateway.agents, None).edges(&[], &[]);
        assert_eq!(shown(&edges), ["one:a SharedWorkspace one:b None"]);
    }
}
