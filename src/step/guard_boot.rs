//! Brings the group back at boot, should the power go while a run is open.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{FileMeta, Ownership};

/// The first line of every unit file that a step writes.
const HEADER: &str = "# Written by ocmigrate, which removes it again.\n";

/// Writes a unit that runs `ocmigrate recover` once at boot, and has the usual target want it; both are files, so that
/// nothing has to be loaded or enabled, and both are gone when the run has ended.
///
/// `Before` holds nothing; files of those names that are not ours stop the step. Idempotent. Undo removes both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardBoot {
    /// The group.
    pub group: String,
    /// The gateway's user, whose service manager must run before.
    pub uid: u32,
    /// This program.
    pub program: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// Where units of the system's manager lie.
    pub units: PathBuf,
}

/// Removes what [`GuardBoot`] wrote, for the run has ended well; undo puts it back, for going back is an open run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftGuard {
    /// The guard.
    pub guard: GuardBoot,
}

impl Kind for GuardBoot {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "guard-boot".to_owned(),
            sign: Sign::Add,
            what: format!("unit   {}, while the run is open", self.name()),
            why: "after a power cut the gateway would stay down; this brings it back to native at boot".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Nothing> {
        refuse_foreign(context, &[self.unit(), self.wish()])?;
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let ownership = Ownership::of_root(0o755);
        if let Some(directory) = self.wish().parent() {
            context.host.make_directory(directory, ownership)?;
        }
        write_unit(context, &self.unit(), &self.unit_text())?;
        let wish = format!("[Unit]\nWants={}\n", self.name());
        write_unit(context, &self.wish(), &wish)
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        // The wish first: a wish for a unit that is not there would be complained of at boot.
        context.host.remove(&self.wish())?;
        context.host.remove(&self.unit())?;
        if let Some(directory) = self.wish().parent() {
            context.host.remove_empty_directory(directory)?;
        }
        Ok(())
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl Kind for LiftGuard {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "lift-guard".to_owned(),
            sign: Sign::Change,
            what: format!("unit   {} goes", self.guard.name()),
            why: "from here on a reboot brings the container up".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, before: &Nothing, context: &Context) -> Result<()> {
        self.guard.undo(before, context)
    }

    fn undo(&self, before: &Nothing, context: &Context) -> Result<()> {
        self.guard.apply(before, context)
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let unit = self.guard.unit();
        let is_left = context.host.read(&unit)?.is_some();
        let drift = || {
            let unit = crate::display::path(&unit);
            Drift::new(format!("`{unit}` is there again"), format!("rm '{unit}'"))
        };
        Ok(is_left.then(drift).into_iter().collect())
    }
}

impl GuardBoot {
    fn name(&self) -> String {
        format!("ocmigrate-recover-{}.service", self.group)
    }

    fn unit(&self) -> PathBuf {
        self.units.join(self.name())
    }

    /// A drop-in does what enabling would do, and is one file; systemd.unit(5).
    fn wish(&self) -> PathBuf {
        let name = format!("50-ocmigrate-recover-{}.conf", self.group);
        self.units.join("multi-user.target.d").join(name)
    }

    fn unit_text(&self) -> String {
        let Self { group, uid, .. } = self;
        let (program, state) = (quoted(&self.program), quoted(&self.state));
        format!(
            "[Unit]\n\
             Description=ocmigrate: group {group} goes back to bare metal after a run that was cut off\n\
             Wants=docker.service\n\
             After=docker.service network-online.target systemd-logind.service user@{uid}.service\n\n\
             [Service]\n\
             Type=exec\n\
             ExecStart={program} --state-dir {state} recover --group {group}\n"
        )
    }
}

/// Quotes a word of a command line; systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers".
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%").replace('$', "$$"))
}

/// Refuses unit files that are there and that no step wrote.
pub(super) fn refuse_foreign(context: &Context, files: &[PathBuf]) -> Result<()> {
    for path in files {
        let found = context.host.read(path)?;
        if found.is_some_and(|file| !file.bytes.starts_with(HEADER.as_bytes())) {
            let what = format!("`{}`", crate::display::path(path));
            return Err(StepError::Foreign { what });
        }
    }
    Ok(())
}

/// Writes a unit file or a drop-in, marked as ocmigrate's.
pub(super) fn write_unit(context: &Context, path: &Path, text: &str) -> Result<()> {
    let meta = FileMeta::of_root(0o644);
    let text = format!("{HEADER}{text}");
    Ok(context.host.replace(path, text.as_bytes(), meta)?)
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn a_path_stays_one_word_of_a_command_line() {
        assert_eq!(quoted(Path::new("/a b/%h/$c\"")), r#""/a b/%%h/$$c\"""#);
    }
}
