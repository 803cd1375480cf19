//! A row of the bench: one piece of work, done by ocmigrate and by its peers in turns.

use std::time::Duration;

use crate::Outcome;
use crate::drive;
use crate::measure::{self, Argv, Cost};

/// Who does the work, and how.
pub(crate) struct Contestant {
    /// What to call it.
    pub(crate) name: String,
    /// A shell's line that makes things ready; not measured.
    pub(crate) prepare: String,
    pub(crate) argv: Argv,
    /// For a driver of ocmigrate: how many things, at least, it has to say that it dealt with.
    pub(crate) expected: Option<u64>,
    /// The share of this peer's cost that ocmigrate may take.
    pub(crate) goal: Option<f64>,
}

impl Contestant {
    /// Makes a peer of a program's line, words parted by blanks.
    pub(crate) fn peer(name: &str, line: &str, goal: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            prepare: String::new(),
            argv: line.split(' ').map(str::to_owned).collect(),
            expected: None,
            goal,
        }
    }

    /// Makes a driver of ocmigrate's own work, which has to say that it dealt with this many things, or more: the host has
    /// processes of its own.
    pub(crate) fn driver<const N: usize>(
        verb: &str,
        arguments: [String; N],
        expected: u64,
    ) -> Outcome<Self> {
        Ok(Self {
            name: "ocmigrate".to_owned(),
            prepare: String::new(),
            argv: drive::argv(verb, arguments)?,
            expected: Some(expected),
            goal: None,
        })
    }

    /// Makes a peer of a shell's line.
    pub(crate) fn shell(name: &str, line: &str, goal: Option<f64>) -> Self {
        Self {
            argv: measure::in_shell(line),
            ..Self::peer(name, "", goal)
        }
    }

    /// Says what makes things ready.
    pub(crate) fn after(self, prepare: &str) -> Self {
        Self {
            prepare: prepare.to_owned(),
            ..self
        }
    }

    fn run(&self) -> Outcome<Cost> {
        if !self.prepare.is_empty() {
            measure::shell(&self.prepare)?;
        }
        let Some(expected) = self.expected else {
            return measure::run(&self.argv);
        };
        let cost = measure::run_driver(&self.argv)?;
        match cost.said {
            Some(said) if said.count >= expected => Ok(cost),
            said => Err(format!(
                "{}: {said:?} where {expected} were expected",
                self.argv.join(" ")
            )
            .into()),
        }
    }
}

/// Which cost the goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Time on processors: of work that one thread does.
    Cpu,
    /// Time: of work that two threads share, or that the disk or the engine takes part in.
    Wall,
}

/// A piece of work of one size.
pub(crate) struct Row {
    pub(crate) work: &'static str,
    pub(crate) size: String,
    pub(crate) judged: Judged,
    pub(crate) ours: Contestant,
    pub(crate) peers: Vec<Contestant>,
}

/// The medians of a row for one peer.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) work: &'static str,
    pub(crate) size: String,
    pub(crate) judged: Judged,
    pub(crate) peer: String,
    pub(crate) goal: Option<f64>,
    pub(crate) theirs: Medians,
    pub(crate) ours: Medians,
}

/// The medians of a contestant's runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Medians {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: Option<u64>,
}

impl Row {
    /// Runs all in turns, `runs` times, and returns a line for each peer.
    pub(crate) fn measure(&self, runs: usize) -> Outcome<Vec<Line>> {
        let everybody: Vec<_> = self.peers.iter().chain([&self.ours]).collect();
        let mut costs: Vec<Vec<Cost>> = everybody.iter().map(|_| Vec::new()).collect();
        for _ in 0..runs {
            for (contestant, costs) in everybody.iter().zip(&mut costs) {
                costs.push(contestant.run()?);
            }
        }
        let ours = costs
            .pop()
            .map(|costs| medians(&costs))
            .ok_or("nothing ran")?;
        let line = |(peer, costs): (&Contestant, Vec<Cost>)| Line {
            work: self.work,
            size: self.size.clone(),
            judged: self.judged,
            peer: peer.name.clone(),
            goal: peer.goal,
            theirs: medians(&costs),
            ours,
        };
        Ok(self.peers.iter().zip(costs).map(line).collect())
    }
}

impl Line {
    /// Returns our time over the peer's.
    pub(crate) fn wall_ratio(&self) -> f64 {
        ratio(self.ours.wall, self.theirs.wall)
    }

    /// Returns our time on processors over the peer's.
    pub(crate) fn cpu_ratio(&self) -> f64 {
        ratio(self.ours.cpu, self.theirs.cpu)
    }

    /// Returns whether the goal is met; `None` where there is none.
    pub(crate) fn meets_goal(&self) -> Option<bool> {
        let ratio = match self.judged {
            Judged::Cpu => self.cpu_ratio(),
            Judged::Wall => self.wall_ratio(),
        };
        self.goal.map(|goal| ratio <= goal)
    }
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn medians(costs: &[Cost]) -> Medians {
    Medians {
        wall: median(costs.iter().map(|cost| cost.wall).collect()).unwrap_or_default(),
        cpu: median(costs.iter().map(|cost| cost.cpu).collect()).unwrap_or_default(),
        peak_kib: median(
            costs
                .iter()
                .filter_map(|cost| Some(cost.said?.peak_kib))
                .collect(),
        ),
    }
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![9, 1, 5]), Some(5));
        assert_eq!(median::<u64>(Vec::new()), None);
    }
}
