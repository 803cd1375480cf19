//! Looks whether the native gateway serves and its bots poll.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use super::context::{COMMAND_DEADLINE, find_silent_account};
use super::{Context, Description, Drift, Kind, Reach, Result, Sign, StepError};

/// Looks whether the native gateway is live and ready and its bots poll; changes nothing.
///
/// As the first step it makes sure that a working gateway is moved. Undone, as the last thing of a rollback, it waits
/// until the native gateway works again. `Before` holds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmNative {
    /// How the gateway is seen.
    pub reach: Reach,
}

/// Nothing is captured.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Nothing {}

impl Kind for ConfirmNative {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let bots = self.reach.accounts.len();
        Description {
            id: "confirm-native".to_owned(),
            sign: Sign::Look,
            what: format!(
                "look   {} serves on port {}, {bots} bots poll",
                self.reach.gateway, self.reach.port
            ),
            why: "what does not work natively would not work in a container either".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        match self.find_problem(context)? {
            None => Ok(()),
            Some(problem) => Err(StepError::unmet_with_hint(
                format!("native gateway {}: {problem}", self.reach.gateway),
                "mend the native gateway first, then scan and plan again",
            )),
        }
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let what = format!("native gateway {}", self.reach.gateway);
        context.wait_until_well(&what, &|| self.find_problem(context), &|| Ok(None))
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl ConfirmNative {
    fn find_problem(&self, context: &Context) -> Result<Option<String>> {
        if context.host.find_gateway(&self.reach.trace)?.is_empty() {
            return Ok(Some("its process does not run".to_owned()));
        }
        if let Some(problem) = context.find_unreadiness(&self.reach)? {
            return Ok(Some(problem));
        }
        if self.reach.accounts.is_empty() {
            return Ok(None);
        }
        let printed = self.print_channels(context)?;
        Ok(find_silent_account(&self.reach, &printed))
    }

    /// Runs OpenClaw's own command as the gateway's user, with the gateway's own environment.
    fn print_channels(&self, context: &Context) -> Result<Vec<u8>> {
        let Some(process) = context
            .host
            .find_gateway(&self.reach.trace)?
            .first()
            .copied()
        else {
            return Ok(Vec::new());
        };
        let argv: Vec<OsString> = self
            .reach
            .channels_argv
            .iter()
            .map(OsString::from)
            .collect();
        let environment = context.host.environment(process)?;
        let output =
            context
                .host
                .run_as(&self.reach.user, &argv, &environment, COMMAND_DEADLINE)?;
        Ok(output.stdout)
    }
}
