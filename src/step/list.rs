//! The list of steps for one group: pure, and in the only order that keeps the promises.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::built::{Built, built};
use super::create_container::{SPEC_LABEL, served};
use super::drain::{Drain, Suspend};
use super::image::recipe_hash;
use super::mounts::{mounts, roots};
use super::proofs::Proofs;
use super::relay;
use super::starting::{disarm, stop_by};
use super::{
    ChangeOwners, CheckRoom, Choices, ConfirmContainer, ConfirmNative, CreateContainer,
    CreateNetwork, GuardBoot, LiftGuard, MakeBase, MakeImage, NoteOwners, Pass, Paths, Reach,
    RelayServices, RewriteConfig, Soak, StartContainer, Step, StopGateway, ValidateConfig,
    WriteGroupFiles,
};
use crate::docker::{ContainerSpec, HOST_NETWORK, LayerEntry, Published, compose};
use crate::host::GatewayTrace;
use crate::inventory::{GROUP_LABEL, GatewayName, Release};
use crate::openclaw::{Version, environment, release};
use crate::plan::{GatewayFacts, Image, ImageRecipe, Plan, measured_peak};
use crate::units::Bytes;

/// How long a stop of the container waits: OpenClaw drains for up to 315 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(340);

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

/// What is known of a gateway that can be moved.
pub(super) struct Movable<'a> {
    facts: &'a GatewayFacts,
    release: &'a Release,
    version: Version,
    serve: Vec<String>,
    validate: Vec<String>,
    channels: Vec<String>,
    drain: Drain,
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
    let room = |entries| {
        Step::CheckRoom(CheckRoom {
            image: group.image.reference().to_owned(),
            entries,
            rehearsal,
        })
    };
    let Image::FromHost(recipe) = &group.image else {
        return vec![room(Vec::new())];
    };
    let image = make_image(recipe, gateway);
    vec![
        room(image.entries.clone()),
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

/// The `uid:gid` that the container runs as.
fn runs_as(facts: &GatewayFacts) -> String {
    format!("{}:{}", facts.user.uid, facts.user.gid)
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

pub(super) fn movable<'a>(plan: &'a Plan, name: &GatewayName) -> Result<Movable<'a>, ListError> {
    let not_movable = |missing: &str| ListError::NotMovable {
        gateway: name.to_string(),
        missing: missing.to_owned(),
    };
    let facts = plan
        .facts
        .find_gateway(name)
        .ok_or_else(|| not_movable("the plan has no facts about it"))?;
    let release = facts
        .release
        .as_ref()
        .ok_or_else(|| not_movable("its installed OpenClaw was not found"))?;
    let version: Version = release
        .version
        .parse()
        .map_err(|_| not_movable("its version is no version of OpenClaw"))?;
    let text = |argv: Vec<OsString>| {
        let argv: Result<Vec<_>, _> = argv.into_iter().map(OsString::into_string).collect();
        argv.map_err(|_| not_movable("the path of its node or OpenClaw is no UTF-8"))
    };
    let drain = match () {
        () if release::can_suspend(&version) => Drain::Suspend(Suspend {
            when_idle: text(release::suspend_argv(release, release::Suspend::WhenIdle))?,
            at_once: text(release::suspend_argv(release, release::Suspend::AtOnce))?,
        }),
        () => Drain::Watch {
            state_directory: facts.state_directory.clone(),
        },
    };
    Ok(Movable {
        facts,
        release,
        version,
        serve: text(release::gateway_argv(release))?,
        validate: text(release::validate_argv(release))?,
        channels: text(release::channels_status_argv(release))?,
        drain,
    })
}

fn reach(gateway: &Movable) -> Reach {
    let Movable { facts, .. } = gateway;
    Reach {
        gateway: facts.name.to_string(),
        port: facts.port,
        user: facts.user.clone(),
        trace: GatewayTrace {
            state_directory: facts.state_directory.clone(),
            config: facts.config.clone(),
            uid: facts.user.uid,
            port: facts.port,
        },
        health: release::health(&gateway.version),
        channels_argv: gateway.channels.clone(),
        accounts: facts
            .accounts
            .iter()
            .filter(|account| account.enabled)
            .map(|account| format!("{}/{}", account.channel, account.id))
            .collect(),
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

pub(super) fn container(
    plan: &Plan,
    group: &Built,
    gateway: &Movable,
    paths: &Paths,
) -> ContainerSpec {
    let Movable { facts, .. } = gateway;
    let heap = group.budget.node_heap.map(environment::heap_limit);
    let published = group.bridge.is_some().then(|| Published {
        host: facts.port,
        container: relay::port(facts.port),
    });
    let mut spec = ContainerSpec {
        name: group.name.clone(),
        // OpenClaw keeps a lease in its state directory with the host's name. One of another host is held to be alive for
        // five minutes after a crash, so that neither side could start after the other; seen with 2026.9.6.
        hostname: plan.facts.host.name.clone(),
        image: group.image.reference().to_owned(),
        user: runs_as(facts),
        directory: facts.user.home.clone(),
        argv: served(&gateway.serve),
        environment: heap.into_iter().collect(),
        labels: BTreeMap::new(),
        mounts: mounts(plan, &group.name, group.sight, facts, paths),
        memory: group.budget.memory,
        cpu_milli: group.budget.cpu_milli,
        pids: group.budget.pids,
        ports: published.into_iter().collect(),
        network: Some(group.bridge.as_deref().unwrap_or(HOST_NETWORK).to_owned()),
        extra_hosts: Vec::new(),
        stop_timeout: STOP_TIMEOUT,
    };
    spec.labels
        .insert(GROUP_LABEL.to_owned(), group.name.clone());
    spec.labels.insert(SPEC_LABEL.to_owned(), spec_hash(&spec));
    spec
}

/// The compose project of all groups; 1.29.2 is the docker-compose of Debian 12.
pub(super) fn project(file: &Path) -> compose::Project<'_> {
    compose::Project {
        name: "ocmigrate",
        file,
        version: "1.29.2",
    }
}

/// The labels by which docker-compose and ocmigrate know the network; none where the group has none of its own.
pub(super) fn network_labels(group: &Built, paths: &Paths) -> BTreeMap<String, String> {
    let Some(network) = &group.bridge else {
        return BTreeMap::new();
    };
    let mut labels = compose::network_labels(&project(&paths.compose_file()), network);
    labels.insert(GROUP_LABEL.to_owned(), group.name.clone());
    labels
}

fn spec_hash(spec: &ContainerSpec) -> String {
    recipe_hash(&compose::service(spec))
}
