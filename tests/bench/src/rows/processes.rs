//! Finding the processes that could be gateways among many, and who listens.

use crate::Outcome;
use crate::arguments::Choices;
use crate::row::{Contestant, Judged, Line, Row};
use crate::sleepers::{CANDIDATES, Sleepers};

use super::tool::PS;

/// How many processes to start, and the share of ps that finding the few among them may take.
const GOALS: [(u64, f64); 3] = [(300, 0.45), (1_000, 0.45), (5_000, 0.35)];
/// The share of ps that finding out who listens may take.
const SOCKETS_GOAL: f64 = 0.1;

pub(super) fn measure(choices: &Choices) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for count in choices.sizes(CANDIDATES, &GOALS.map(|(count, _)| count)) {
        let goal = GOALS.iter().find(|(size, _)| *size == count);
        let sleepers = Sleepers::start(count)?;
        for row in [
            found(count, goal.map(|(_, goal)| *goal))?,
            sockets(count, &sleepers)?,
        ] {
            lines.extend(row.measure(choices.runs_of(count))?);
        }
    }
    Ok(lines)
}

fn found(count: u64, goal: Option<f64>) -> Outcome<Row> {
    Ok(Row {
        work: "find the processes",
        size: format!("{count} and the host's"),
        judged: Judged::Cpu,
        ours: Contestant::driver("processes", [], CANDIDATES)?,
        peers: vec![Contestant::peer("ps", PS, goal)],
    })
}

fn sockets(count: u64, sleepers: &Sleepers) -> Outcome<Row> {
    let pids: Vec<_> = sleepers.candidates().map(|pid| pid.to_string()).collect();
    let mut ours = Contestant::driver("sockets", [], CANDIDATES)?;
    ours.argv.extend(pids);
    Ok(Row {
        work: "who listens",
        size: format!("{count} and the host's"),
        judged: Judged::Cpu,
        ours,
        peers: vec![
            Contestant::peer("ps", PS, Some(SOCKETS_GOAL)),
            Contestant::peer("ss", "ss -ltnp", None),
            Contestant::peer("lsof", "lsof -nP -iTCP", None),
        ],
    })
}
