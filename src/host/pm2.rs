//! Starts and stops applications of pm2 by that user's own pm2.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{HostError, Result, program};
use crate::inventory::{Pm2Starter, User};

/// pm2 answers when the application has ended, which its `kill_timeout` bounds; 1.6 s where nobody set it.
const DEADLINE: Duration = Duration::from_mins(6);
/// Only the places are taken from the file: pm2 must not give an application's variables to its daemon.
const SCRIPT: &str = ". \"$1\"; exec env -i PATH=\"$PATH\" HOME=\"$2\" USER=\"$3\" PM2_HOME=\"$4\" pm2 \"$5\" \"$6\"";

/// Runs `pm2 VERB NAME` as the user; `environment` says where its programs are.
pub(super) fn turn(app: &Pm2Starter, user: &User, environment: &Path, verb: &str) -> Result<()> {
    let home = app.dump.parent().unwrap_or(Path::new("/"));
    let words = ["/bin/sh", "-c", SCRIPT, "sh"].map(OsString::from);
    let places = [environment, &user.home].map(OsString::from);
    let rest = [
        OsString::from(&user.name),
        home.into(),
        verb.into(),
        (&app.name).into(),
    ];
    let argv: Vec<OsString> = words.into_iter().chain(places).chain(rest).collect();
    let output = program::run_as(user, &argv, &[], DEADLINE, &mut |_| ())?;
    if output.code == 0 {
        return Ok(());
    }
    Err(HostError::Program {
        program: format!("pm2 {verb} {}", crate::display::text(&app.name)),
        said: format!("exit code {}", output.code),
    })
}
