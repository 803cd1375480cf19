//! Looks whether the native gateway serves and its bots poll.

use std::ffi::OsString;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::context::{COMMAND_DEADLINE, find_silent_account};
use super::{Context, Description, Drift, Kind, Reach, Result, Sign, StepError};

/// How long a gateway that runs may leave it unanswered whether it is well, in milliseconds: one with many turns to do answers
/// late; 2026.9.6 on two processors with a load of 12.
const PATIENCE_MS: i64 = 30_000;
const PAUSE: Duration = Duration::from_secs(1);

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
        let end = context.host.now_ms() + PATIENCE_MS;
        while let Some(problem) = self.find_problem(context)? {
            let told = format!("native gateway {}: {problem}", self.reach.gateway);
            if context.host.now_ms() >= end || !self.runs(context)? {
                let hint = "mend the native gateway first, then scan and plan again";
                return Err(StepError::unmet_with_hint(told, hint));
            }
            (context.say)(&told);
            context.host.sleep(PAUSE);
        }
        Ok(())
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
    fn runs(&self, context: &Context) -> Result<bool> {
        Ok(!context.host.find_gateway(&self.reach.trace)?.is_empty())
    }

    fn find_problem(&self, context: &Context) -> Result<Option<String>> {
        if !self.runs(context)? {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::host::Host as _;
    use crate::host::fake::FakeHost;
    use crate::step::testing::{reach, start_natively, with_context};

    /// Looks at a gateway that has just been started, if at all, and answers after so many seconds.
    fn told(boot: Option<u64>) -> Option<String> {
        let look = ConfirmNative { reach: reach() };
        let host = FakeHost::new();
        if let Some(seconds) = boot {
            start_natively(&host, Duration::from_secs(seconds));
        }
        let begun = host.now_ms();
        let result = with_context(&host, &|_| {}, |it| look.apply(&Nothing {}, it));
        let waited = (host.now_ms() - begun) / 1000;
        result.err().map(|error| format!("{waited} s: {error}"))
    }

    #[test]
    fn a_gateway_that_is_busy_is_waited_for_a_while_and_one_that_does_not_run_is_not() {
        assert_eq!(told(Some(20)), None);
        let late = told(Some(60)).unwrap();
        let start = "30 s: native gateway joe/.openclaw: nobody";
        assert!(late.starts_with(start), "{late}");
        let stopped = told(None).unwrap();
        let is_told = stopped.starts_with("0 s:") && stopped.contains("does not run");
        assert!(is_told, "{stopped}");
    }
}
