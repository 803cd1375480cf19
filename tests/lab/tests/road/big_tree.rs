//! A workspace of many files.

use crate::there_and_back::{Told, told_silence, under_messages};
use crate::world::{GROUP, PLAN, World};

/// How many, in directories of a thousand each.
const FILES: u32 = 300_000;
const TREE: &str = "/home/joe/.openclaw/workspace/tree";
/// The time between two messages to one bot, in milliseconds.
const EVERY_MS: u64 = 20_000;

/// With so many files and without them, all of the gateway's user already: the silence that is ocmigrate's own is the same, and
/// so is the memory that it takes.
pub(crate) fn neither_lengthens_the_silence_nor_takes_memory(world: &World) {
    let few = there_and_back(world, "few files");
    world.shell(&format!(
        "mkdir {TREE}; for directory in $(seq {}); do mkdir {TREE}/$directory; \
         (cd {TREE}/$directory; seq -f file-%g 1000 | xargs touch); done; chown -R joe: {TREE}",
        FILES / 1000
    ));
    let many = there_and_back(world, "many files");
    world.shell(&format!("rm -r {TREE}"));
    eprintln!("few: {few:?}, many: {many:?}");
    assert!(
        many.told.own < few.told.own + 1.0,
        "{many:?} after {few:?}: the silence grows with the files"
    );
    assert!(
        many.peak_kib < few.peak_kib + 8 * 1024,
        "{many:?} after {few:?}: the memory grows with the files"
    );
}

#[derive(Debug)]
struct Cost {
    told: Told,
    /// The most memory that the run had, in KiB.
    peak_kib: u64,
}

fn there_and_back(world: &World, what: &str) -> Cost {
    world.plan();
    // The kernel keeps the most that a process had, proc_pid_status(5); the last reading before its end is as good as that.
    let execute = format!(
        "ocmigrate execute --group {GROUP} --plan {PLAN} --no-rehearsal --soak 0 --yes & pid=$!; \
         while now=$(grep VmHWM /proc/$pid/status 2> /dev/null); do peak=$now; sleep 0.05; done; wait $pid; echo $peak"
    );
    let forth = under_messages(world, EVERY_MS, what, || world.run_to(0, &execute));
    let rollback = format!("ocmigrate rollback --group {GROUP} --yes");
    under_messages(world, EVERY_MS, what, || world.run_to(0, &rollback));
    let said = forth.value;
    let peak = said
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    Cost {
        told: told_silence(&said),
        peak_kib: peak.trim().trim_end_matches(" kB").parse().unwrap(),
    }
}
