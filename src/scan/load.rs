//! What gateways keep busy: threads, open files, and the processors over a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::host::reader::Reader;
use crate::inventory::{Gateway, Load, Process, ProcessId, ProcessorUse};

/// The time that processes ran until a moment.
pub(super) struct Watch {
    began: Instant,
    used: BTreeMap<ProcessId, Duration>,
}

impl Watch {
    /// Reads the clocks of some processes.
    pub(super) fn begin(reader: &Reader, processes: impl Iterator<Item = ProcessId>) -> Self {
        let used = processes.filter_map(|id| Some((id, reader.processor_time(id)?)));
        Self {
            used: used.collect(),
            began: Instant::now(),
        }
    }

    /// Waits until the window is over, and writes down what each gateway used in it. Processes that ended or began in it
    /// do not count.
    pub(super) fn end(&self, reader: &Reader, window: Duration, gateways: &mut [Gateway]) {
        reader.wait(window.saturating_sub(self.began.elapsed()));
        let window_ms = ms(self.began.elapsed());
        for gateway in gateways {
            let used = gateway.process.iter().flat_map(members).filter_map(|id| {
                let before = self.used.get(&id)?;
                Some(reader.processor_time(id)?.saturating_sub(*before))
            });
            let used_ms = ms(used.sum());
            if let Some(load) = &mut gateway.load {
                load.processor = Some(ProcessorUse { window_ms, used_ms });
            }
        }
    }
}

/// Counts threads and open files of a gateway's processes.
pub(super) fn load(reader: &Reader, process: &Process) -> Load {
    let sum = |of: &dyn Fn(ProcessId) -> Option<u64>| members(process).filter_map(of).sum();
    Load {
        threads: sum(&|id| reader.threads(id)),
        open_files: sum(&|id| reader.open_files(id)),
        processor: None,
    }
}

/// Returns all processes of a gateway.
pub(super) fn members(process: &Process) -> impl Iterator<Item = ProcessId> {
    [process.id]
        .into_iter()
        .chain(process.others.iter().copied())
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
#[expect(clippy::disallowed_methods, reason = "the test reads its own clock")]
mod tests {
    use super::*;

    const BURNED: Duration = Duration::from_millis(200);

    /// The time that this thread ran on a processor; `/proc/PID/schedstat`, Documentation/scheduler/sched-stats.rst.
    fn burned() -> Duration {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let nanoseconds = text.split(' ').next().unwrap().parse().unwrap();
        Duration::from_nanos(nanoseconds)
    }

    /// Uses the processor's time and not the wall's: others may need the processors meanwhile.
    fn burn() {
        let until = burned() + BURNED;
        while burned() < until {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn this_process_has_threads_and_files_and_used_what_it_burned() {
        let reader = Reader::new();
        let own = i32::try_from(std::process::id()).unwrap();
        let glances = reader.glance();
        let id = glances.iter().find(|it| it.id.pid == own).unwrap().id;
        let mut gateway = crate::scan::findings::tests::gateway();
        let process = Process {
            id,
            others: Vec::new(),
            uptime_secs: 0,
        };
        gateway.load = Some(load(&reader, &process));
        gateway.process = Some(process);
        // What was used before the window does not count, so there has to be some.
        burn();
        let before = reader.processor_time(id).unwrap();
        let watch = Watch::begin(&reader, [id].into_iter());
        burn();
        let mut gateways = [gateway];
        watch.end(&reader, Duration::from_millis(1), &mut gateways);
        let after = reader.processor_time(id).unwrap();
        let most = ms(after.checked_sub(before).unwrap());
        let load = gateways[0].load.unwrap();
        let processor = load.processor.unwrap();
        assert!(load.threads > 0 && load.open_files > 2);
        // User's and system's time are counted in ticks, and may lack one each.
        let slack = 2 * 1000 / procfs::ticks_per_second();
        let expected = ms(BURNED) - slack..=most;
        assert!(
            expected.contains(&processor.used_ms),
            "{processor:?} {expected:?}"
        );
        assert!(processor.window_ms >= ms(BURNED), "{processor:?}");
    }

    #[test]
    fn a_window_lasts_at_least_as_long_as_was_asked() {
        let mut gateway = crate::scan::findings::tests::gateway();
        gateway.load = Some(Load {
            threads: 1,
            open_files: 1,
            processor: None,
        });
        let reader = Reader::new();
        let watch = Watch::begin(&reader, [].into_iter());
        let mut gateways = [gateway];
        watch.end(&reader, Duration::from_millis(50), &mut gateways);
        let processor = gateways[0].load.unwrap().processor.unwrap();
        assert!(processor.window_ms >= 50, "{processor:?}");
        assert_eq!(processor.used_ms, 0);
    }
}
