//! Makes a comment of a line of a crontab while the container owns the gateway.

use serde::{Deserialize, Serialize};

use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::crontab;
use crate::host::{FileMeta, FileState};
use crate::inventory::CronStarter;
use crate::secret::KeyedHash;

/// Puts `#` and the group's name before a line of a crontab, so that cron runs it no more, also after a reboot.
///
/// cron(8) reads a table anew when its time of change, in whole seconds, or that of its directory has changed; a file that
/// is put in place by a rename changes both. `Before` holds keyed hashes of the line and of the table, never their text,
/// which may hold secrets. Idempotent: a line that is a comment already stays. Undo takes only the mark away: the table is
/// byte for byte as before where nobody else changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisarmCron {
    /// The step's id.
    pub id: String,
    /// The group whose container owns the gateway.
    pub group: String,
    /// The line.
    pub line: CronStarter,
    /// The container that must not run when the line counts again.
    pub container: String,
}

/// What the line was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    line: KeyedHash,
    table: KeyedHash,
    meta: FileMeta,
}

impl Kind for DisarmCron {
    type Before = Before;

    fn describe(&self) -> Description {
        let place = self.place();
        Description {
            id: self.id.clone(),
            sign: Sign::Change,
            what: format!("cron   {place} ({}): becomes a comment", self.line.schedule),
            why: "whatever starts the gateway again would become a second poller of its bots"
                .to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let table = self.read(context)?;
        let has_user = !self.line.is_users();
        let lines = crontab::lines(&String::from_utf8_lossy(&table.bytes), has_user);
        let is_it = |line: &crontab::Line| {
            line.number == self.line.line && line.schedule == self.line.schedule
        };
        let text = crontab::line_at(&table.bytes, self.line.line);
        let text = text.filter(|_| lines.iter().any(is_it)).ok_or_else(|| {
            let what = format!("{} is no longer the line that was planned", self.place());
            StepError::unmet_with_hint(what, "scan and plan again")
        })?;
        Ok(Before {
            line: context.hasher.hash(text),
            table: context.hasher.hash(&table.bytes),
            meta: table.meta,
        })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        let table = self.read(context)?;
        let is_it = |line: &[u8]| context.hasher.hash(line) == before.line;
        let edited = crontab::disarm(&table.bytes, &self.mark(), &is_it);
        if !crontab::is_disarmed(&edited, &self.mark(), &is_it) {
            let what = format!("{} was changed by somebody else meanwhile", self.place());
            return Err(StepError::unmet(what));
        }
        self.write(&table, &edited, None, context)
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        context.refuse_while_it_runs(&self.container)?;
        let Some(table) = context.host.read(&self.line.file)? else {
            return Ok(());
        };
        let is_it = |line: &[u8]| context.hasher.hash(line) == before.line;
        let edited = crontab::arm(&table.bytes, &self.mark(), &is_it);
        let is_as_before = context.hasher.hash(&edited) == before.table;
        let mtime_ns = before.meta.mtime_ns.filter(|_| is_as_before);
        self.write(&table, &edited, mtime_ns, context)
    }

    fn verify(&self, before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let is_it = |line: &[u8]| context.hasher.hash(line) == before.line;
        let table = context.host.read(&self.line.file)?;
        let is_armed = table.is_some_and(|table| crontab::is_armed(&table.bytes, &is_it));
        let drift = || {
            Drift::new(
                format!(
                    "{} runs again: it could start a second poller",
                    self.place()
                ),
                format!(
                    "put the # before it back, or: ocmigrate rollback --group {}",
                    self.group
                ),
            )
        };
        Ok(is_armed.then(drift).into_iter().collect())
    }
}

impl DisarmCron {
    /// Stands before the line, and names whose it is.
    fn mark(&self) -> String {
        format!("#ocmigrate {}: ", self.group)
    }

    fn place(&self) -> String {
        format!(
            "{}:{}",
            crate::display::path(&self.line.file),
            self.line.line
        )
    }

    fn read(&self, context: &Context) -> Result<FileState> {
        let file = &self.line.file;
        let table = context.host.read(file)?;
        table.ok_or_else(|| StepError::unmet(format!("`{}` is gone", crate::display::path(file))))
    }

    fn write(
        &self,
        table: &FileState,
        edited: &[u8],
        mtime_ns: Option<i128>,
        context: &Context,
    ) -> Result<()> {
        if edited == table.bytes {
            return Ok(());
        }
        let meta = FileMeta {
            mtime_ns,
            ..table.meta
        };
        Ok(context.host.replace(&self.line.file, edited, meta)?)
    }
}
