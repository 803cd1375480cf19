//! The machine's size and name.

use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

use super::Reader;
use crate::units::Bytes;

/// The size and name of the machine, as the kernel tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineFacts {
    /// The host name.
    pub name: String,
    /// The processor architecture, for example `x86_64`.
    pub architecture: String,
    /// The number of processors.
    pub cores: u32,
    /// All memory.
    pub memory_total: Bytes,
    /// Memory that is neither free nor reclaimable cache.
    pub memory_used: Bytes,
    /// Whether control groups are the unified hierarchy; cgroups(7).
    pub is_cgroup_unified: bool,
}

impl Reader {
    /// Asks the kernel for the machine's size and name.
    #[must_use]
    pub fn machine(&self) -> MachineFacts {
        let mut system = System::new();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        let total = system.total_memory();
        MachineFacts {
            name: System::host_name().unwrap_or_default(),
            architecture: System::cpu_arch(),
            cores: u32::try_from(system.cpus().len()).unwrap_or(u32::MAX),
            memory_total: Bytes(total),
            memory_used: Bytes(total.saturating_sub(system.available_memory())),
            is_cgroup_unified: self
                .kind(Path::new("/sys/fs/cgroup/cgroup.controllers"))
                .is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_name_processors_and_memory() {
        let machine = Reader::new().machine();
        assert!(!machine.name.is_empty() && machine.cores > 0);
        assert!(machine.memory_used > Bytes(0) && machine.memory_used < machine.memory_total);
    }
}
