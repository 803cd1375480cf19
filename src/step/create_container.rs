//! Creates the group's container, stopped.

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::group_container::project;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::{
    Aspect, Confinement, Container, ContainerSpec, ContainerState, Difference, compose,
};
use crate::inventory::GROUP_LABEL;

/// Where a container sees its group's launcher and environment.
pub(super) const GROUP_FILES: &str = "/run/ocmigrate";
/// The label whose value is the hash of everything that a container was created with.
pub(super) const SPEC_LABEL: &str = "ocmigrate.spec";

/// What puts a container right that cannot be put right as it is.
const MADE_ANEW: &str = "ocmigrate rollback, then execute again";

/// Creates the container under its planned name, stopped and with no restart policy.
///
/// `Before` holds nothing: a container of that name that is not exactly ours stops the step before anything happened.
/// Idempotent: a container with the same specification's label is taken as the result of an earlier try. Undo removes
/// that container once it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateContainer {
    /// The container.
    pub spec: ContainerSpec,
}

/// Puts the launcher, which loads the environment, before an argv.
pub(super) fn launched(argv: &[String]) -> Vec<String> {
    by_script("launch", argv)
}

/// Puts the script of the main process before the gateway's argv.
pub(super) fn served(argv: &[String]) -> Vec<String> {
    by_script("serve", argv)
}

fn by_script(name: &str, argv: &[String]) -> Vec<String> {
    let script = ["/bin/sh".to_owned(), format!("{GROUP_FILES}/{name}")];
    script.into_iter().chain(argv.iter().cloned()).collect()
}

impl Kind for CreateContainer {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let ContainerSpec {
            name,
            memory,
            cpu_milli,
            user,
            environment,
            ..
        } = &self.spec;
        let variables = environment.iter().map(|line| format!(", {line}"));
        let variables: String = variables.collect();
        let cpus = f64::from(*cpu_milli) / 1000.0;
        Description {
            id: "create-container".to_owned(),
            sign: Sign::Add,
            what: format!(
                "container {name}, as {user}, memory {memory}, {cpus} cpus{variables}, stopped"
            ),
            why: "made before anything stops, so that the silence holds only a start".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Nothing> {
        match context.docker.find_container(&self.spec.name)? {
            None => Ok(Nothing {}),
            Some(container)
                if self.is_ours(&container) && container.state == ContainerState::Created =>
            {
                Ok(Nothing {})
            }
            Some(_) => Err(StepError::Foreign {
                what: format!("container `{}`", self.spec.name),
            }),
        }
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        match context.docker.find_container(&self.spec.name)? {
            Some(container) if self.is_ours(&container) => Ok(()),
            Some(_) => Err(StepError::Foreign {
                what: format!("container `{}`", self.spec.name),
            }),
            None => self.create(context),
        }
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let ours = context
            .docker
            .find_container(&self.spec.name)?
            .is_some_and(|container| self.is_ours(&container));
        if ours {
            context.docker.remove_container(&self.spec.name)?;
        }
        Ok(())
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let remedy = MADE_ANEW;
        let name = &self.spec.name;
        Ok(match context.docker.find_container(name)? {
            None => vec![Drift::new(format!("container `{name}` is gone"), remedy)],
            Some(container) if !self.is_ours(&container) => {
                vec![Drift::new(
                    format!("container `{name}` was made anew"),
                    remedy,
                )]
            }
            Some(container) if self.runs_another_image(&container, context)? => vec![Drift::new(
                format!(
                    "container `{name}` runs another image than `{}`",
                    self.spec.image
                ),
                remedy,
            )],
            Some(_) => self.unconfined(context)?,
        })
    }
}

impl CreateContainer {
    /// Adds the labels by which docker-compose takes the container for its own; their hash covers the image's id, so it
    /// is known only now.
    fn create(&self, context: &Context) -> Result<()> {
        let image = context
            .docker
            .find_image(&self.spec.image)?
            .ok_or_else(|| StepError::unmet(format!("image `{}` is gone", self.spec.image)))?;
        let file = context.paths.compose_file();
        let hash = compose::config_hash(&compose::service(&self.spec), &image.id);
        let mut spec = self.spec.clone();
        spec.labels
            .extend(compose::labels(&project(&file), &spec.name, &hash));
        Ok(context.docker.create_container(&spec)?)
    }

    /// Tells what the container may see or use otherwise than planned, be it updated or made anew by somebody else.
    fn unconfined(&self, context: &Context) -> Result<Vec<Drift>> {
        let name = &self.spec.name;
        let Some(found) = context.docker.find_confinement(name)? else {
            return Ok(Vec::new());
        };
        let differences = Confinement::planned(&self.spec).differences(&found);
        let drift = |difference: Difference| {
            let what = format!("container `{name}`: {difference}");
            Drift::new(what, self.remedy(difference.aspect))
        };
        Ok(differences.into_iter().map(drift).collect())
    }

    fn remedy(&self, aspect: Aspect) -> String {
        let ContainerSpec { name, memory, .. } = &self.spec;
        match aspect {
            Aspect::Memory => format!(
                "docker update --memory {0} --memory-swap {0} {name}",
                memory.0
            ),
            Aspect::Processors => {
                let cpus = f64::from(self.spec.cpu_milli) / 1000.0;
                format!("docker update --cpus {cpus} {name}")
            }
            Aspect::Processes => format!("docker update --pids-limit {} {name}", self.spec.pids),
            _ => MADE_ANEW.to_owned(),
        }
    }

    /// One that was removed or replaced is told of by the step that makes it.
    fn runs_another_image(&self, container: &Container, context: &Context) -> Result<bool> {
        let image = context.docker.find_image(&self.spec.image)?;
        Ok(image.is_some_and(|image| image.id != container.image))
    }

    fn is_ours(&self, container: &Container) -> bool {
        let label = |name| container.labels.get(name);
        label(SPEC_LABEL) == self.spec.labels.get(SPEC_LABEL)
            && label(GROUP_LABEL) == self.spec.labels.get(GROUP_LABEL)
    }
}
