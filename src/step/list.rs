//! The list of steps for one group: pure, and in the only order that keeps the promises.

use std::path::Path;

use super::built::{Built, built};
use super::group_container::{container, network_labels, runs_as};
use super::mounts::roots;
use super::movable::{Movable, movable, reach};
use super::proofs::Proofs;
use super::starting::{disarm, stop_by};
use super::{
    ChangeOwners, CheckRoom, Choices, ConfirmContainer, ConfirmNative, CreateContainer,
    CreateNetwork, GuardBoot, LiftGuard, MakeBase, MakeImage, NoteOwners, Pass, Paths, Reach,
    RelayServices, RewriteConfig, Soak, StartContainer, Step, StopGateway, ValidateConfig,
    WriteGroupFiles,
};
use crate::docker::LayerEntry;
use crate::openclaw::release;
use crate::plan::{BaseImage, GatewayFacts, Image, ImageRecipe, Plan, measured_peak};
use crate::units::Bytes;

/// Why no steps can be made for a group.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ListError {
    /// No group of that name.
    #[error("the plan has no group `{name}`; it has {known}")]
    NoGroup {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// Something that can be planned and not be carried out.
    #[error("group `{group}` has {what}; this ocmigrate plans that and does not carry it out")]
    NotBuilt {
        /// The group.
        group: String,
        /// What it asks for.
        what: String,
    },
    /// Something about the gateway is not known.
    #[error("gateway `{gateway}` cannot be moved: {missing}")]
    NotMovable {
        /// The gateway.
        gateway: String,
        /// What is missing.
        missing: String,
    },
}

/// Makes the list of steps that moves one group; the same plan always gives the same list.
///
/// # Errors
///
/// Says what of the plan cannot be carried out by this version.
pub fn steps(
    plan: &Plan,
    name: &str,
    paths: &Paths,
    choices: &Choices,
) -> Result<Vec<Step>, ListError> {
    let group = plan.find_group(name).ok_or_else(|| no_group(plan, name))?;
    let group = &built(plan, group)?;
    let gateway = movable(plan, &group.gateway)?;
    let (facts, reach) = (gateway.facts, reach(&gateway));
    let container = container(plan, group, &gateway, paths);
    let disarming =
        disarm(&group.name, facts, &reach.trace, &gateway.serve).map_err(|missing| {
            ListError::NotMovable {
                gateway: facts.name.to_string(),
                missing,
            }
        })?;
    let proofs = Proofs {
        facts,
        release: gateway.release,
        version: gateway.version,
        serve: &gateway.serve,
        roots: roots(facts),
        is_on_host: group.bridge.is_none(),
        is_given: matches!(group.image, Image::Given { .. }),
        container: &container,
    };
    let owners = owners(group, facts);
    let peak = || measured_peak(plan, std::slice::from_ref(&facts.name));
    let rehearsal = choices.rehearsal.then(peak);
    let guard = guard(group, facts.user.uid, paths);
    let guarded = vec![
        Step::NoteOwners(NoteOwners {
            change: owners.clone(),
        }),
        Step::GuardBoot(guard.clone()),
    ];
    // The order is the promise: nothing before the starter is disarmed stops anything, and going back through the list
    // undoes the bind before it arms the starter.
    Ok([
        made(group, &gateway, &proofs, &reach, rehearsal, paths),
        proofs.container(choices),
        guarded,
        disarming,
        silence(group, &gateway, reach, owners),
        vec![
            soak(group, &gateway, choices),
            Step::LiftGuard(LiftGuard { guard }),
        ],
    ]
    .concat())
}

/// Everything up to the container, which is made and not started.
fn made(
    group: &Built,
    gateway: &Movable,
    proofs: &Proofs,
    reach: &Reach,
    rehearsal: Option<Bytes>,
    paths: &Paths,
) -> Vec<Step> {
    let container = proofs.container;
    let mut steps = vec![Step::ConfirmNative(ConfirmNative {
        reach: reach.clone(),
    })];
    steps.extend(image(group, gateway, rehearsal, paths));
    steps.extend([
        proofs.image(),
        Step::WriteGroupFiles(WriteGroupFiles {
            group: group.name.clone(),
            user: gateway.facts.user.clone(),
            trace: reach.trace.clone(),
            container: container.clone(),
            network: group.bridge.clone(),
            network_labels: network_labels(group, paths),
            services: group.services.clone(),
        }),
    ]);
    if !group.services.is_empty() {
        steps.push(Step::RelayServices(RelayServices {
            group: group.name.clone(),
            ports: group.services.clone(),
            uid: gateway.facts.user.uid,
            gid: gateway.facts.user.gid,
            units: paths.system_units.clone(),
        }));
    }
    if release::can_validate(&gateway.version) {
        steps.push(Step::ValidateConfig(ValidateConfig {
            group: group.name.clone(),
            candidate: proofs.candidate(),
            argv: gateway.validate.clone(),
            container: container.clone(),
            trace: Some(reach.trace.clone()),
        }));
    }
    if let Some(name) = &group.bridge {
        steps.push(Step::CreateNetwork(CreateNetwork {
            name: name.clone(),
            labels: network_labels(group, paths),
        }));
    }
    steps.push(Step::CreateContainer(CreateContainer {
        spec: container.clone(),
    }));
    steps
}

/// Room for what comes, and the image where it is not a given one.
fn image(group: &Built, gateway: &Movable, rehearsal: Option<Bytes>, paths: &Paths) -> Vec<Step> {
    let room = |base: Option<&BaseImage>, entries| {
        Step::CheckRoom(CheckRoom {
            image: group.image.reference().to_owned(),
            base: base.map(|base| base.reference().to_owned()),
            entries,
            rehearsal,
        })
    };
    let Image::FromHost(recipe) = &group.image else {
        return vec![room(None, Vec::new())];
    };
    let made = matches!(recipe.base, BaseImage::Own { .. }).then_some(&recipe.base);
    let image = make_image(recipe, gateway);
    vec![
        room(made, image.entries.clone()),
        Step::MakeBase(MakeBase {
            base: recipe.base.clone(),
            archive: paths.state.join("base.tar"),
        }),
        Step::MakeImage(image),
    ]
}

/// From the stop of the native gateway to the work of the contained one, once everything that would start it is disarmed.
fn silence(group: &Built, gateway: &Movable, reach: Reach, owners: ChangeOwners) -> Vec<Step> {
    let Movable { facts, version, .. } = gateway;
    let mut steps = vec![
        Step::StopGateway(StopGateway {
            gateway: facts.name.to_string(),
            group: group.name.clone(),
            by: stop_by(&facts.starter),
            user: facts.user.clone(),
            drain: gateway.drain.clone(),
            trace: reach.trace.clone(),
        }),
        Step::ChangeOwners(owners.clone()),
    ];
    // On the host's network it listens where it listened, and its configuration is left alone.
    if group.bridge.is_some() {
        steps.push(Step::RewriteConfig(RewriteConfig {
            config: facts.config.clone(),
            port: facts.port,
            version: *version,
            bind: facts.bind.clone(),
        }));
    }
    steps.extend([
        Step::StartContainer(StartContainer {
            container: group.name.clone(),
            user: runs_as(facts),
            drain: gateway.drain.clone(),
            trace: reach.trace.clone(),
        }),
        Step::ConfirmContainer(ConfirmContainer {
            container: group.name.clone(),
            reach,
        }),
        Step::ChangeOwners(ChangeOwners {
            pass: Pass::Late,
            ..owners
        }),
    ]);
    steps
}

fn soak(group: &Built, gateway: &Movable, choices: &Choices) -> Step {
    Step::Soak(Soak {
        watched: ConfirmContainer {
            container: group.name.clone(),
            reach: reach(gateway),
        },
        user: runs_as(gateway.facts),
        seconds: choices.soak_seconds,
    })
}

fn owners(group: &Built, facts: &GatewayFacts) -> ChangeOwners {
    ChangeOwners {
        group: group.name.clone(),
        pass: Pass::Noted,
        roots: roots(facts),
        uid: facts.user.uid,
        gid: facts.user.gid,
        strays: group.strays,
    }
}

fn guard(group: &Built, uid: u32, paths: &Paths) -> GuardBoot {
    GuardBoot {
        group: group.name.clone(),
        uid,
        program: paths.program.clone(),
        state: paths.state.clone(),
        units: paths.system_units.clone(),
    }
}

fn no_group(plan: &Plan, name: &str) -> ListError {
    let known: Vec<_> = plan
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    ListError::NoGroup {
        name: crate::display::text(name),
        known: if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        },
    }
}

fn make_image(recipe: &ImageRecipe, gateway: &Movable) -> MakeImage {
    let release = &gateway.release;
    let tree = |path: &Path| LayerEntry::Tree {
        path: path.to_owned(),
    };
    let entries = vec![tree(&release.node), tree(release.tree())];
    MakeImage {
        reference: recipe.reference.clone(),
        base: recipe.base.reference().to_owned(),
        entries,
        content: format!("node and OpenClaw {} from this host", release.version),
    }
}
