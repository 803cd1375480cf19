//! Keeps pm2 from starting the gateway, now and at its next resurrection, while the container owns it.

use serde::{Deserialize, Serialize};

use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::{FileMeta, GatewayTrace, pm2_dump};
use crate::inventory::{Pm2Starter, User};
use crate::secret::KeyedHash;

/// Marks the application as stopped in pm2's dump, where `pm2 resurrect` leaves such a one alone.
///
/// The running daemon is told when the gateway is stopped: until then it keeps it serving. `Before` holds the status that
/// the dump told, and a keyed hash of the dump, whose variables may be secrets. Idempotent: a stopped one stays. Undo sets
/// the status back, byte for byte where nobody else changed the dump, and lets pm2 start the application if it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisarmApp {
    /// The step's id.
    pub id: String,
    /// The group whose container owns the gateway.
    pub group: String,
    /// The application.
    pub app: Pm2Starter,
    /// The user whose pm2 it is.
    pub user: User,
    /// What identifies the gateway's processes.
    pub trace: GatewayTrace,
    /// The container that must not run when the application starts.
    pub container: String,
}

/// What the application was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    was_running: bool,
    /// `None` where the dump does not have it: nothing brings it back.
    dumped: Option<Dumped>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Dumped {
    status: String,
    dump: KeyedHash,
    meta: FileMeta,
}

impl Kind for DisarmApp {
    type Before = Before;

    fn describe(&self) -> Description {
        let dump = crate::display::path(&self.app.dump);
        let name = crate::display::text(&self.app.name);
        Description {
            id: self.id.clone(),
            sign: Sign::Change,
            what: format!("pm2    {dump}: `{name}` is kept as stopped"),
            why: "pm2 starts whatever its dump says ran, and would become a second poller"
                .to_owned(),
            in_silence: true,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        let dump = context.host.read(&self.app.dump)?;
        let dumped = dump.and_then(|file| {
            Some(Dumped {
                status: pm2_dump::status(&file.bytes, &self.app.name)?,
                dump: context.hasher.hash(&file.bytes),
                meta: file.meta,
            })
        });
        Ok(Before {
            was_running: !context.host.find_gateway(&self.trace)?.is_empty(),
            dumped,
        })
    }

    fn apply(&self, before: &Before, context: &Context) -> Result<()> {
        if before.dumped.is_none() {
            return Ok(());
        }
        self.set_status(pm2_dump::STOPPED, |_| None, context)
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        context.refuse_while_it_runs(&self.container)?;
        if let Some(dumped) = &before.dumped {
            let mtime_ns = |edited: &[u8]| {
                let is_as_before = context.hasher.hash(edited) == dumped.dump;
                dumped.meta.mtime_ns.filter(|_| is_as_before)
            };
            self.set_status(&dumped.status, mtime_ns, context)?;
        }
        if before.was_running && context.host.find_gateway(&self.trace)?.is_empty() {
            let environment = context.paths.environment(&self.group);
            context
                .host
                .start_app(&self.app, &self.user, &environment)?;
        }
        Ok(())
    }

    fn verify(&self, before: &Before, context: &Context) -> Result<Vec<Drift>> {
        let dump = context.host.read(&self.app.dump)?;
        let status = dump.and_then(|file| pm2_dump::status(&file.bytes, &self.app.name));
        let is_armed = before.dumped.is_some() && status.is_some_and(|it| it != pm2_dump::STOPPED);
        let drift = || {
            let name = crate::display::text(&self.app.name);
            Drift::new(
                format!("pm2 would start `{name}` at its next resurrection: a second poller"),
                format!("as {}: pm2 stop '{name}' && pm2 save", self.user.name),
            )
        };
        Ok(is_armed.then(drift).into_iter().collect())
    }
}

impl DisarmApp {
    /// Changes the application's status in the dump; one that is gone from it starts nothing.
    fn set_status(
        &self,
        status: &str,
        mtime_ns: impl Fn(&[u8]) -> Option<i128>,
        context: &Context,
    ) -> Result<()> {
        let Some(file) = context.host.read(&self.app.dump)? else {
            return Ok(());
        };
        let now = pm2_dump::status(&file.bytes, &self.app.name);
        if now.is_none_or(|now| now == status) {
            return Ok(());
        }
        let edited = pm2_dump::with_status(&file.bytes, &self.app.name, status);
        let edited = edited.ok_or_else(|| {
            let dump = crate::display::path(&self.app.dump);
            StepError::unmet(format!(
                "`{dump}` could not be edited without touching anything else"
            ))
        })?;
        let meta = FileMeta {
            mtime_ns: mtime_ns(&edited),
            ..file.meta
        };
        Ok(context.host.replace(&self.app.dump, &edited, meta)?)
    }
}
