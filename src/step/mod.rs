//! The closed catalogue of steps. A step describes itself, captures what was there, applies, undoes and verifies; making
//! the list of them from a plan is pure, their verbs get a [`Context`] with the doors to the host and to Docker.

mod at_work;
mod built;
mod candidate;
mod change_owners;
mod check_image;
mod check_room;
mod confirm_container;
mod confirm_native;
mod context;
mod create_container;
mod create_network;
mod disarm_app;
mod disarm_cron;
mod disarm_unit;
mod drain;
mod export;
mod freeze_loop;
mod group_container;
mod guard_boot;
mod image;
mod keep_native_start;
mod list;
mod log_tail;
mod make_base;
mod make_image;
mod mounts;
mod movable;
mod native_start;
mod note_owners;
mod probe_writing;
mod proofs;
mod rehearse;
mod relay;
mod relay_services;
mod rewrite_config;
mod soak;
mod start_container;
mod starting;
mod stop_gateway;
#[cfg(test)]
mod testing;
mod throwaway;
mod validate_config;
mod write_group_files;

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use built::unbuilt;
pub use candidate::Candidate;
pub use change_owners::Pass;
pub use context::{Choices, Context, Paths, Reach};
pub use export::compose_file;
pub use list::{ListError, steps};
pub use rehearse::Rehearsed;

use crate::docker::DockerError;
use crate::host::HostError;

/// How a step changes the world, in terraform's signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// Makes something new.
    #[serde(rename = "+")]
    Add,
    /// Changes something in place.
    #[serde(rename = "~")]
    Change,
    /// Takes the place of something.
    #[serde(rename = "-/+")]
    Replace,
    /// Changes owners.
    #[serde(rename = "!")]
    Own,
    /// Looks, and changes nothing.
    #[serde(rename = "?")]
    Look,
}

impl Sign {
    /// Returns the sign as it is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
            Self::Replace => "-/+",
            Self::Own => "!",
            Self::Look => "?",
        }
    }
}

/// What a step says of itself before it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name in the journal, unique in its list.
    pub id: String,
    /// How it changes the world.
    pub sign: Sign,
    /// What it does, one line.
    pub what: String,
    /// Why, one sentence.
    pub why: String,
    /// Whether the gateway's bots are silent while it runs.
    pub in_silence: bool,
}

/// Something that is not as a finished step left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What differs.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Drift {
    /// Makes a drift.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// Why a step could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The host refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The engine refused.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// Something that this run did not make stands in the way.
    #[error("{what} exists and was not made by ocmigrate for this group")]
    Foreign {
        /// The thing, for example ``container `oc-work` ``.
        what: String,
    },
    /// The world is not as the step needs it.
    #[error("{what}")]
    Unmet {
        /// What is not so.
        what: String,
        /// What to do, where there is something.
        hint: Option<String>,
    },
    /// The journal holds something that this version cannot read.
    #[error("the journal's record of step `{step}` was written by another version of ocmigrate")]
    Record {
        /// The step.
        step: String,
    },
}

impl StepError {
    /// Makes an [`StepError::Unmet`] without a hint.
    pub(crate) fn unmet(what: impl Into<String>) -> Self {
        Self::Unmet {
            what: what.into(),
            hint: None,
        }
    }

    /// Makes the error of a person who said no.
    pub(crate) fn declined() -> Self {
        Self::unmet(DECLINED)
    }

    /// Makes an [`StepError::Unmet`] with a hint.
    pub(crate) fn unmet_with_hint(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unmet {
            what: what.into(),
            hint: Some(hint.into()),
        }
    }

    /// Returns the remedy, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unmet { hint, .. } => hint.as_deref(),
            Self::Foreign { .. } => {
                Some("rename the group in the plan, or remove that thing by hand")
            }
            _ => None,
        }
    }
}

/// The reason of a run that a person ended at the question.
pub const DECLINED: &str = "declined";

/// A `Result` of this room.
pub type Result<T, E = StepError> = std::result::Result<T, E>;

/// What every kind of step can do. `Before` is what was there; it is on disk before [`Kind::apply`] begins.
trait Kind {
    /// What was there before.
    type Before: Serialize + DeserializeOwned;

    /// Says what the step does, and why.
    fn describe(&self) -> Description;
    /// Looks at what is there, and refuses what is foreign.
    fn capture(&self, context: &Context) -> Result<Self::Before>;
    /// Does the work, from any state, own half-done work included.
    fn apply(&self, before: &Self::Before, context: &Context) -> Result<()>;
    /// Goes back to what was captured, from any state.
    fn undo(&self, before: &Self::Before, context: &Context) -> Result<()>;
    /// Compares what is there with what the step left; changes nothing.
    fn verify(&self, before: &Self::Before, context: &Context) -> Result<Vec<Drift>>;
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident in $module:ident;)*) => {
        $(pub use $module::$name;)*

        /// One reversible action, with every name decided. It lies beside the journal as it was begun, so that a later
        /// version of ocmigrate takes back what this one did.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", tag = "kind")]
        pub enum Step {
            $($(#[$doc])* $name($name),)*
        }

        impl Step {
            /// Says what the step does, and why.
            #[must_use]
            pub fn describe(&self) -> Description {
                match self { $(Self::$name(step) => step.describe(),)* }
            }

            /// Looks at what is there before; the value goes into the journal.
            pub fn capture(&self, context: &Context) -> Result<Value> {
                match self { $(Self::$name(step) => encode(step, step.capture(context)?),)* }
            }

            /// Does the work, from any state.
            pub fn apply(&self, before: &Value, context: &Context) -> Result<()> {
                match self { $(Self::$name(step) => step.apply(&decode(step, before)?, context),)* }
            }

            /// Goes back to what was captured, from any state.
            pub fn undo(&self, before: &Value, context: &Context) -> Result<()> {
                match self { $(Self::$name(step) => step.undo(&decode(step, before)?, context),)* }
            }

            /// Compares what is there with what the step left.
            pub fn verify(&self, before: &Value, context: &Context) -> Result<Vec<Drift>> {
                match self { $(Self::$name(step) => step.verify(&decode(step, before)?, context),)* }
            }
        }
    };
}

catalogue! {
    /// Looks whether the native gateway serves and its bots poll.
    ConfirmNative in confirm_native;
    /// Looks whether there is room for what comes before the silence.
    CheckRoom in check_room;
    /// Makes the base image.
    MakeBase in make_base;
    /// Makes the runtime's image.
    MakeImage in make_image;
    /// Runs what the image holds once.
    CheckImage in check_image;
    /// Writes the compose file, the launcher and the environment.
    WriteGroupFiles in write_group_files;
    /// Hands the host's loopback services to the container.
    RelayServices in relay_services;
    /// Has OpenClaw itself check the configuration to be.
    ValidateConfig in validate_config;
    /// Creates the group's network.
    CreateNetwork in create_network;
    /// Creates the container, stopped.
    CreateContainer in create_container;
    /// Writes in every directory as the final user.
    ProbeWriting in probe_writing;
    /// Starts the gateway on a copy of its state.
    Rehearse in rehearse;
    /// Notes whose files will change their owner.
    NoteOwners in note_owners;
    /// Brings the group back at boot while the run is open.
    GuardBoot in guard_boot;
    /// Keeps how a gateway that no manager knows was started.
    KeepNativeStart in keep_native_start;
    /// Keeps a unit from starting the gateway.
    DisarmUnit in disarm_unit;
    /// Keeps cron from starting the gateway.
    DisarmCron in disarm_cron;
    /// Keeps pm2 from starting the gateway.
    DisarmApp in disarm_app;
    /// Keeps a loop from starting the gateway.
    FreezeLoop in freeze_loop;
    /// Stops the native gateway and proves it dead.
    StopGateway in stop_gateway;
    /// Gives stray files to the owner.
    ChangeOwners in change_owners;
    /// Rewrites `gateway.bind`.
    RewriteConfig in rewrite_config;
    /// Starts the container.
    StartContainer in start_container;
    /// Waits until the container serves and its bots poll.
    ConfirmContainer in confirm_container;
    /// Watches the container for a while.
    Soak in soak;
    /// Removes what brings the group back at boot.
    LiftGuard in guard_boot;
}

impl Step {
    /// Returns whether the step keeps the native gateway down while the container owns it.
    #[must_use]
    pub const fn keeps_native_down(&self) -> bool {
        matches!(
            self,
            Self::DisarmUnit(_)
                | Self::DisarmCron(_)
                | Self::DisarmApp(_)
                | Self::FreezeLoop(_)
                | Self::StopGateway(_)
        )
    }

    /// Returns whether the step may only be taken while the native gateway is kept down.
    #[must_use]
    pub const fn needs_native_down(&self) -> bool {
        matches!(self, Self::StartContainer(_))
    }

    /// Returns whether the step changes the gateway's configuration.
    #[must_use]
    pub const fn rewrites_config(&self) -> bool {
        matches!(self, Self::RewriteConfig(_))
    }

    /// Returns how the group's gateway is seen, where this step looks at it.
    #[must_use]
    pub fn find_reach(&self) -> Option<&Reach> {
        match self {
            Self::ConfirmNative(step) => Some(&step.reach),
            Self::ConfirmContainer(step) => Some(&step.reach),
            _ => None,
        }
    }

    /// Returns whether all that the step left is what a way back needs, which a final group has no more.
    #[must_use]
    pub const fn is_for_the_way_back(&self) -> bool {
        matches!(self, Self::ChangeOwners(_) | Self::KeepNativeStart(_))
    }

    /// Returns the files that only a way back needs, beside those in the group's own state.
    #[must_use]
    pub fn means_of_return(&self, paths: &Paths) -> Vec<PathBuf> {
        match self {
            Self::KeepNativeStart(step) => vec![step.script(paths), step.begun(paths)],
            _ => Vec::new(),
        }
    }

    /// Returns the reference of the group's image, where this step makes it.
    #[must_use]
    pub fn find_image(&self) -> Option<&str> {
        match self {
            Self::MakeImage(step) => Some(&step.reference),
            _ => None,
        }
    }
}

fn encode<K: Kind>(step: &K, before: K::Before) -> Result<Value> {
    serde_json::to_value(before).map_err(|_| unreadable(step))
}

fn decode<K: Kind>(step: &K, before: &Value) -> Result<K::Before> {
    K::Before::deserialize(before).map_err(|_| unreadable(step))
}

fn unreadable(step: &impl Kind) -> StepError {
    StepError::Record {
        step: step.describe().id,
    }
}
