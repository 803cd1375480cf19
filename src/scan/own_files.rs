//! Reads the text files of agents' workspaces once, for everything that is told from them: what they reach of the host,
//! whose workspace they name, which interpreters their scripts begin with, and which programs their skills declare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::references::{self, Outlook};
use crate::host::reader::Reader;
use crate::inventory::{Gateway, HostReference, NeedKind, Place};
use crate::openclaw::{SkillPrograms, skill_programs};

/// The most paths of one agent's files that are looked for among the workspaces of others.
const PATHS: usize = 10_000;

/// What the files of one gateway's agents say.
#[derive(Debug, Default)]
pub(super) struct OwnFiles {
    pub(super) references: Vec<HostReference>,
    /// The absolute paths that an agent's files name, each with its first place.
    pub(super) named: BTreeMap<(String, PathBuf), Place>,
    /// The programs that they ask for, each with its first place.
    pub(super) programs: BTreeMap<(String, NeedKind), Place>,
    /// Skills that want one of several programs.
    pub(super) choices: Vec<(Vec<String>, Place)>,
    /// Agents of which not all files were read, or not all references kept.
    pub(super) cut: BTreeSet<String>,
}

/// Reads the files of a gateway's agents. A workspace inside of another one is read for its own agent alone, and one that
/// several share for the first.
pub(super) fn read(reader: &Reader, gateway: &Gateway) -> OwnFiles {
    let outlook = outlook(gateway);
    let workspaces: Vec<PathBuf> = gateway
        .agents
        .iter()
        .map(|agent| agent.workspace.clone())
        .collect();
    let mut own = OwnFiles::default();
    let mut read = BTreeSet::new();
    for agent in &gateway.agents {
        if !read.insert(&agent.workspace) {
            continue;
        }
        let mut references = BTreeSet::new();
        let user = gateway.user.uid;
        let is_whole = reader.texts(&agent.workspace, &workspaces, user, &mut |path, text| {
            own.take(&agent.id, path, text, gateway);
            for (number, line) in numbered(text) {
                let there = |path: &Path| reader.kind(path).is_some();
                let found = references::in_line(line, &outlook, &there);
                references.extend(found.into_iter().map(|(kind, what)| HostReference {
                    agent: agent.id.clone(),
                    place: place(path, number),
                    kind,
                    what,
                }));
                // The last ones go: which those are does not depend on the order of the directory.
                while references.len() > Gateway::REFERENCES + 1 {
                    references.pop_last();
                }
            }
        });
        if !is_whole || references.len() > Gateway::REFERENCES {
            own.cut.insert(agent.id.clone());
        }
        own.references
            .extend(references.into_iter().take(Gateway::REFERENCES));
    }
    own.references.sort();
    own
}

impl OwnFiles {
    fn take(&mut self, agent: &str, path: &Path, text: &str, gateway: &Gateway) {
        for (number, line) in numbered(text) {
            for named in references::paths_in(line, &gateway.user.home) {
                if self.named.len() < PATHS {
                    let key = (agent.to_owned(), named);
                    keep_first(&mut self.named, key, place(path, number));
                }
            }
        }
        if let Some(interpreter) = interpreter(text) {
            let key = (interpreter, NeedKind::Interpreter);
            keep_first(&mut self.programs, key, place(path, 1));
        }
        if path.file_name().is_some_and(|name| name == "SKILL.md") {
            self.take_skill(path, text);
        }
    }

    /// Takes what a skill declares.
    pub(super) fn take_skill(&mut self, path: &Path, text: &str) {
        let SkillPrograms { all, any } = skill_programs(text);
        let line = numbered(text).find(|(_, line)| line.contains("requires"));
        let place = place(path, line.map_or(1, |(number, _)| number));
        for name in all {
            keep_first(&mut self.programs, (name, NeedKind::Skill), place.clone());
        }
        if !any.is_empty() {
            self.choices.push((any, place));
        }
    }
}

fn keep_first<K: Ord>(map: &mut BTreeMap<K, Place>, key: K, place: Place) {
    let known = map.entry(key).or_insert_with(|| place.clone());
    if place < *known {
        *known = place;
    }
}

fn outlook(gateway: &Gateway) -> Outlook<'_> {
    let workspaces = gateway.agents.iter().map(|agent| agent.workspace.as_path());
    let release = gateway.release.iter();
    let release = release.flat_map(|it| {
        // `PREFIX/bin/node`: what npm installs lies beside it.
        let prefix = it.node.parent().and_then(Path::parent);
        [Some(it.tree()), prefix].into_iter().flatten()
    });
    Outlook {
        home: &gateway.user.home,
        seen: [gateway.state_directory.as_path()]
            .into_iter()
            .chain(workspaces)
            .chain(release)
            .filter(|path| path.parent().is_some())
            .collect(),
        port: gateway.port,
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    (1..).zip(text.lines())
}

fn place(path: &Path, line: u32) -> Place {
    Place {
        path: path.to_owned(),
        line: Some(line),
    }
}

/// The program of a line `#!`: that of env(1), else the last component; execve(2).
fn interpreter(text: &str) -> Option<String> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace();
    let first = words.next()?.rsplit('/').next()?;
    let name = if first == "env" {
        words.find(|word| !word.starts_with('-') && !word.contains('='))?
    } else {
        first
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let name = name.rsplit('/').next()?;
    (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test makes files and may panic"
)]
mod tests {
    use super::*;
    use crate::inventory::Agent;
    use crate::scan::findings::tests::gateway;
    use std::fs;

    #[test]
    fn files_are_read_for_the_agent_that_works_there() {
        let room = tempfile::tempdir().unwrap();
        let (outer, inner) = (room.path().join("w"), room.path().join("w/inner"));
        fs::create_dir_all(inner.join("skills/x")).unwrap();
        fs::write(
            outer.join("MEMORY.md"),
            "\nsystemctl restart x\nsee /home/joe/other/notes.md",
        )
        .unwrap();
        fs::write(
            inner.join("run.sh"),
            "#!/usr/bin/env -S python3 -u\njournalctl\n",
        )
        .unwrap();
        fs::write(
            inner.join("skills/x/SKILL.md"),
            "---\nmetadata: {x: {requires: {bins: ['jq'], anyBins: ['a', 'b']}}}\n---\n",
        )
        .unwrap();
        let mut gateway = gateway();
        gateway.agents = [
            ("a", outer.clone()),
            ("b", inner.clone()),
            ("c", inner.clone()),
        ]
        .map(|(id, workspace)| Agent {
            id: id.into(),
            workspace,
        })
        .to_vec();
        let own = read(&Reader::new(), &gateway);
        let shown: Vec<_> = own
            .references
            .iter()
            .map(|it| {
                let file = it
                    .place
                    .path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                format!(
                    "{} {file}:{} {} {}",
                    it.agent,
                    it.place.line.unwrap(),
                    it.kind,
                    it.what
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "a MEMORY.md:2 services systemctl",
                "b run.sh:2 journal journalctl"
            ]
        );
        let programs: Vec<_> = own
            .programs
            .keys()
            .map(|(name, kind)| format!("{kind} {name}"))
            .collect();
        assert_eq!(programs, ["skill jq", "interpreter python3"]);
        assert_eq!(own.choices.first().unwrap().0, ["a", "b"]);
        let named = own
            .named
            .keys()
            .map(|(agent, path)| format!("{agent} {}", path.display()));
        assert!(
            named
                .into_iter()
                .any(|it| it == "a /home/joe/other/notes.md")
        );
        assert!(own.cut.is_empty());
    }

    #[test]
    fn references_of_an_agent_are_cut_at_the_same_ones() {
        let room = tempfile::tempdir().unwrap();
        let line = "systemctl\n".repeat(Gateway::REFERENCES + 9);
        fs::write(room.path().join("a.md"), line).unwrap();
        let mut gateway = gateway();
        gateway.agents = vec![Agent {
            id: "a".into(),
            workspace: room.path().into(),
        }];
        let own = read(&Reader::new(), &gateway);
        assert_eq!(own.references.len(), Gateway::REFERENCES);
        assert_eq!(own.references.last().unwrap().place.line, Some(50));
        assert!(own.cut.contains("a"));
    }

    #[test]
    fn interpreters_are_told_from_the_first_line() {
        let expected = [
            ("#!/bin/bash -e\n", Some("bash")),
            ("#! /usr/bin/env node", Some("node")),
            ("#!/usr/bin/env -S FOO=1 deno run", Some("deno")),
            ("#!/usr/bin/env", None),
            ("#!\n", None),
            ("# x", None),
            ("#!/bin/\u{1b}x", None),
        ];
        for (text, name) in expected {
            assert_eq!(interpreter(text).as_deref(), name, "{text}");
        }
    }
}
