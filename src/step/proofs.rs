//! The steps that prove, before anything is stopped, that the container will do: pure, like the list that they are part of.

use std::path::PathBuf;

use super::mounts::runtime_in_home;
use super::{Candidate, CheckImage, Choices, ProbeWriting, Rehearse, Step};
use crate::docker::{ContainerSpec, Mount};
use crate::inventory::Release;
use crate::openclaw::Version;
use crate::plan::GatewayFacts;

/// What the proofs are made from.
pub(super) struct Proofs<'a> {
    pub(super) facts: &'a GatewayFacts,
    pub(super) release: &'a Release,
    pub(super) version: Version,
    /// The argv that serves; node comes first.
    pub(super) serve: &'a [String],
    /// The state directory and the workspaces outside it.
    pub(super) roots: Vec<PathBuf>,
    /// Whether the group is on the host's network.
    pub(super) is_on_host: bool,
    /// Whether its image is a given one.
    pub(super) is_given: bool,
    pub(super) container: &'a ContainerSpec,
}

impl Proofs<'_> {
    /// The configuration to be.
    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            config: self.facts.config.clone(),
            user: self.facts.user.clone(),
            bind: self.facts.bind.clone(),
            port: self.facts.port,
            version: self.version,
            keeps_bind: self.is_on_host,
        }
    }

    /// What the image holds answers.
    pub(super) fn image(&self) -> Step {
        Step::CheckImage(CheckImage {
            node: self.node(),
            package: self.release.package.to_string_lossy().into_owned(),
            modules: self.release.tree().to_string_lossy().into_owned(),
            version: self.release.version.clone(),
            home: self.facts.user.home.clone(),
            runtime: runtime_in_home(self.release, &self.facts.user.home),
            user: Some(self.facts.user.clone()),
            is_given: self.is_given,
            container: self.container.clone(),
        })
    }

    /// The container can write, and starts on a copy unless that was declined.
    pub(super) fn container(&self, choices: &Choices) -> Vec<Step> {
        let mut steps = vec![Step::ProbeWriting(self.probe())];
        if choices.rehearsal {
            steps.push(Step::Rehearse(self.rehearse()));
        }
        steps
    }

    fn probe(&self) -> ProbeWriting {
        let writable = self
            .container
            .mounts
            .iter()
            .filter_map(|mount| match mount {
                Mount::Bind {
                    target,
                    read_only: false,
                    ..
                } => Some(target.clone()),
                Mount::Bind { .. } | Mount::Empty { .. } => None,
            });
        let mut directories: Vec<_> = writable.chain(self.roots.iter().cloned()).collect();
        directories.sort();
        directories.dedup();
        ProbeWriting {
            node: self.node(),
            directories,
            uid: self.facts.user.uid,
            given: self.roots.clone(),
            container: self.container.clone(),
        }
    }

    fn rehearse(&self) -> Rehearse {
        Rehearse {
            group: self.container.name.clone(),
            state_directory: self.facts.state_directory.clone(),
            workspaces: self
                .facts
                .agents
                .iter()
                .map(|agent| agent.workspace.clone())
                .collect(),
            runtime: runtime_in_home(self.release, &self.facts.user.home),
            candidate: self.candidate(),
            serve: self.serve.to_vec(),
            container: self.container.clone(),
        }
    }

    fn node(&self) -> String {
        self.serve.first().cloned().unwrap_or_default()
    }
}
