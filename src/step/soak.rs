//! Watches the container for a while before the run ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_container::ConfirmContainer;
use super::confirm_native::Nothing;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::openclaw::output;

const PAUSE: Duration = Duration::from_secs(2);
/// How many lines of the log are looked through each time; a busy gateway writes fewer in a pause.
const LINES: u32 = 300;
/// How many looks in a row may find the gateway too busy to answer.
const PATIENCE: u32 = 10;
/// How long a look at the control group may take.
const COUNT_DEADLINE: Duration = Duration::from_secs(30);
/// Where a container sees its own control group, first generation and second; cgroup-v1 memory.rst, cgroup-v2.rst.
const COUNTERS: &str = "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2> /dev/null || true";

/// Watches the container for a second poller, for processes that ran out of memory, for restarts, for errors that end a
/// gateway, and for whether it stays ready and its bots go on polling; changes nothing. `Before` holds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soak {
    /// The container, and how its gateway is seen.
    pub watched: ConfirmContainer,
    /// The user that it runs as.
    pub user: String,
    /// For how long.
    pub seconds: u64,
}

impl Kind for Soak {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "soak".to_owned(),
            sign: Sign::Look,
            what: format!("watch  {} for {} s", self.watched.container, self.seconds),
            why: "a second poller, too little memory or a restart shows soon, and is rolled back at once".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let end = context.host.now_ms() + i64::try_from(self.seconds).unwrap_or(0) * 1000;
        let mut unready = 0;
        while context.host.now_ms() < end {
            if let Some(alarm) = self.find_alarm(context)? {
                return Err(self.refusal(context, &alarm));
            }
            match context.find_unreadiness(&self.watched.reach)? {
                Some(problem) if unready >= PATIENCE => return Err(self.refusal(context, &problem)),
                Some(_) => unready += 1,
                None => unready = 0,
            }
            let left = (end - context.host.now_ms()) / 1000;
            (context.say)(&format!(
                "{}: watched, {} s left",
                self.watched.container,
                left.max(0)
            ));
            context.host.sleep(PAUSE);
        }
        self.watched.wait(context)
    }

    fn undo(&self, _before: &Nothing, _context: &Context) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl Soak {
    fn find_alarm(&self, context: &Context) -> Result<Option<String>> {
        if let Some(end) = self.watched.find_end(context)? {
            return Ok(Some(end));
        }
        if let Some(rival) = self.watched.find_rival(context)? {
            return Ok(Some(rival));
        }
        let name = &self.watched.container;
        let log = context.docker.log_tail(name, LINES)?;
        if let Some(alarm) = output::find_alarm(&log) {
            return Ok(Some(alarm.to_owned()));
        }
        let argv = ["/bin/sh", "-c", COUNTERS].map(str::to_owned);
        let counters = context
            .docker
            .exec(name, &self.user, &argv, &[], COUNT_DEADLINE)?;
        let kills = oom_kills(&String::from_utf8_lossy(&counters.stdout));
        Ok((kills > 0).then(|| "the kernel killed a process of it for want of memory".to_owned()))
    }

    fn refusal(&self, context: &Context, what: &str) -> StepError {
        let ConfirmContainer { container, reach } = &self.watched;
        let log = context.container_log(container, &reach.trace.config);
        StepError::unmet(format!("container {container}: {what}{log}"))
    }
}

/// Reads the count of kills from either generation's file.
fn oom_kills(counters: &str) -> u64 {
    let lines = counters
        .lines()
        .filter_map(|line| line.strip_prefix("oom_kill "));
    lines
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::oom_kills;

    #[test]
    fn kills_are_counted_in_either_generation_of_control_groups() {
        assert_eq!(
            oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
            2
        );
        assert_eq!(
            oom_kills("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n"),
            1
        );
        assert_eq!(oom_kills(""), 0);
    }
}
