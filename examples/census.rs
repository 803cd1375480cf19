//! Counts a tree as a scan does and says how much memory that took; for benchmarks: `census DIRECTORY`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its figures and reads its own memory"
)]

use std::error::Error;

use ocmigrate::host::{Ground, census};

fn main() -> Result<(), Box<dyn Error>> {
    let roots: Vec<_> = std::env::args_os().skip(1).map(Into::into).collect();
    let ground = Ground {
        roots: &roots,
        inside: Vec::new(),
        owner: (0, 0),
    };
    let census = census(&ground, &|_| {})?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{} entries, {}", census.entries, peak.unwrap_or_default());
    Ok(())
}
