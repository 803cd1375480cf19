//! The power switch of a box, and when it counts as up.

use std::time::Duration;

use super::command::docker;
use super::{BOOT_DEADLINE, Server, ServerError, poll};

impl Server {
    /// Cuts the power: every process of the box is gone at once, nothing is told.
    ///
    /// OpenClaw counts unclean boots: with the third within five minutes a gateway starts without its channels.
    pub fn power_cut(&self) -> Result<(), ServerError> {
        docker(["kill", &self.name]).run()?.checked()?;
        docker(["wait", &self.name]).run()?.checked().map(drop)
    }

    /// Switches the power on and waits until systemd is `running` and the nested engine answers.
    ///
    /// Lingering users' services are started by then, not ready.
    pub fn power_on(&self) -> Result<(), ServerError> {
        docker(["start", &self.name]).run()?.checked()?;
        self.wait_until_up(BOOT_DEADLINE)
    }

    /// Waits until systemd says `running` and the nested engine answers.
    pub(super) fn wait_until_up(&self, deadline: Duration) -> Result<(), ServerError> {
        poll("systemd `running`", deadline, || self.system_state())?;
        poll("an answer of the nested engine", deadline, || {
            let output = self.exec(&["docker", "version"])?;
            Ok(if output.is_success() {
                Ok(())
            } else {
                Err(output.stderr)
            })
        })
    }

    fn system_state(&self) -> Result<Result<(), String>, ServerError> {
        let state = self.exec(&["systemctl", "is-system-running"])?;
        if state.stdout.trim() == "running" {
            return Ok(Ok(()));
        }
        let failed = self.exec(&[
            "systemctl",
            "list-units",
            "--failed",
            "--no-legend",
            "--plain",
        ])?;
        Ok(Err(format!(
            "{} {} {}",
            state.stdout.trim(),
            state.stderr.trim(),
            failed.stdout.trim()
        )))
    }
}
