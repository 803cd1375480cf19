//! Keeps the native gateway from starting while the container owns it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{FileMeta, Ownership};
use crate::inventory::{UnitScope, UnitStarter};

/// How long a reviver may take to stop.
const STOP_DEADLINE: Duration = Duration::from_mins(2);

/// Puts a drop-in beside the unit with a condition on a marker file: while the marker stands the unit cannot start,
/// whoever asks, at boot or by hand, and `systemctl status` names the marker.
///
/// The unit itself, its file and its enablement stay as they are, and nothing is written below a user's HOME:
/// `systemctl mask` refuses a unit file that lies in ~/.config or /etc, and links there could be swapped by an agent.
/// A reviver that runs is stopped too; the gateway's own unit is stopped later, once the gateway is drained. `Before`
/// holds whether the unit ran. Idempotent: files are replaced whole. Undo removes marker and drop-in and starts
/// the unit if it ran; it refuses while the container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisarmUnit {
    /// The step's id.
    pub id: String,
    /// What the unit is to the gateway.
    pub part: Part,
    /// The group whose container owns the gateway.
    pub group: String,
    /// The gateway's name, for messages.
    pub gateway: String,
    /// The unit.
    pub unit: UnitStarter,
    /// The container that must not run when the unit starts.
    pub container: String,
}

/// What something is to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// It starts the gateway.
    Starter,
    /// It would start it again beside that.
    Reviver,
}

/// What the unit was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    was_active: bool,
}

impl Kind for DisarmUnit {
    type Before = Before;

    fn describe(&self) -> Description {
        Description {
            id: self.id.clone(),
            sign: Sign::Change,
            what: format!(
                "unit   {}: a condition keeps it from starting",
                self.unit.name
            ),
            why: "whatever starts the gateway again would become a second poller of its bots"
                .to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let state = context.host.unit(&self.unit)?;
        if state.file != self.unit.file {
            return Err(StepError::unmet_with_hint(
                format!(
                    "unit `{}` comes from another file than planned",
                    self.unit.name
                ),
                "scan and plan again",
            ));
        }
        for path in [self.drop_in(context), self.marker(context)] {
            if context.host.read(&path)?.is_some() {
                let what = format!("`{}`", crate::display::path(&path));
                return Err(StepError::Foreign { what });
            }
        }
        Ok(Before {
            was_active: matches!(state.active.as_str(), "active" | "activating" | "reloading"),
        })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        let root = Ownership::of_root(0o755);
        let (drop_in, marker) = (self.drop_in(context), self.marker(context));
        for path in [&drop_in, &marker] {
            if let Some(directory) = path.parent() {
                context.host.make_directory(directory, root)?;
            }
        }
        context
            .host
            .replace(&drop_in, self.drop_in_text(context).as_bytes(), META)?;
        let note = format!(
            "{} runs in the container {}.\n",
            self.gateway, self.container
        );
        context.host.replace(&marker, note.as_bytes(), META)?;
        context.host.reload_units(&self.unit)?;
        let state = context.host.unit(&self.unit)?;
        if !state.drop_ins.contains(&drop_in) {
            let what = format!(
                "the manager of unit `{}` does not see `{}`",
                self.unit.name,
                crate::display::path(&drop_in)
            );
            return Err(StepError::unmet(what));
        }
        if self.part == Part::Reviver && before.was_active {
            context.host.stop_unit(&self.unit, STOP_DEADLINE)?;
        }
        Ok(())
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        context.refuse_while_it_runs(&self.container)?;
        let (drop_in, marker) = (self.drop_in(context), self.marker(context));
        for path in [&marker, &drop_in] {
            context.host.remove(path)?;
            let parents = path.ancestors().skip(1).take(3);
            for directory in parents.filter(|parent| {
                parent.starts_with(&context.paths.etc)
                    || *parent == drop_in.parent().unwrap_or(parent)
            }) {
                if !context.host.remove_empty_directory(directory)? {
                    break;
                }
            }
        }
        context.host.reload_units(&self.unit)?;
        if before.was_active {
            context.host.start_unit(&self.unit)?;
        }
        Ok(())
    }

    fn verify(&self, _before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let mut drifts = Vec::new();
        let drop_in = self.drop_in(context);
        let written = context.host.read(&drop_in)?;
        let stands =
            written.is_some_and(|file| file.bytes == self.drop_in_text(context).as_bytes());
        if !stands || context.host.read(&self.marker(context))?.is_none() {
            drifts.push(Drift::new(
                format!(
                    "unit `{}` is armed again: it could start a second poller",
                    self.unit.name
                ),
                format!("ocmigrate rollback --group {}", self.group),
            ));
        }
        let state = context.host.unit(&self.unit)?;
        if state.active == "active" {
            drifts.push(Drift::new(
                format!("unit `{}` runs beside the container", self.unit.name),
                format!("ocmigrate rollback --group {}", self.group),
            ));
        }
        Ok(drifts)
    }
}

const META: FileMeta = FileMeta::of_root(0o644);

impl DisarmUnit {
    /// A drop-in of /etc counts for all users' units of that name, so the marker's path names the user: `%U` is the id
    /// of the user whose manager reads it (systemd.unit(5), Specifiers).
    fn drop_in(&self, context: &Context) -> PathBuf {
        let units = match self.unit.scope {
            UnitScope::System => &context.paths.system_units,
            UnitScope::User { .. } => &context.paths.user_units,
        };
        units
            .join(format!("{}.d", self.unit.name))
            .join(format!("50-ocmigrate-{}.conf", self.group))
    }

    fn marker(&self, context: &Context) -> PathBuf {
        self.marker_directory(context)
            .join(self.manager().to_string())
    }

    fn marker_directory(&self, context: &Context) -> PathBuf {
        context.paths.etc.join("disarmed").join(&self.group)
    }

    /// The user whose manager runs the unit; `%U` is 0 for the system's manager.
    fn manager(&self) -> u32 {
        match self.unit.scope {
            UnitScope::System => 0,
            UnitScope::User { uid } => uid,
        }
    }

    fn drop_in_text(&self, context: &Context) -> String {
        let Self {
            group, container, ..
        } = self;
        let directory = self.marker_directory(context);
        format!(
            "# Written by ocmigrate: the container {container} owns this gateway.\n\
             # Back to this unit: ocmigrate rollback --group {group}\n\
             [Unit]\nConditionPathExists=!{}/%U\n",
            directory.display()
        )
    }
}
