//! What gateway processes cost in memory, and what fewer of them would: values for a person who weighs a grouping.

use super::Plan;
use crate::units::{Bytes, MIB};

/// An idle gateway of 2026.9.6 with its helpers, where nothing was measured.
const IDLE: Bytes = Bytes(750 * MIB);

/// What the plan's gateway processes cost, each by itself and together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// What one more gateway process costs: the mean of those that were measured.
    pub one_more: Bytes,
    /// Whether any was measured.
    pub is_measured: bool,
    /// The gateway processes of the plan; it has as many after the move as before.
    pub gateways: usize,
    /// What all of them cost now.
    pub now: Bytes,
    /// What the agents of each group would cost in one gateway a group.
    pub one_a_group: Bytes,
}

/// Weighs the plan's gateways.
#[must_use]
pub fn cost(plan: &Plan) -> Cost {
    let measured = plan.measured.iter().filter_map(|it| it.memory);
    let measured: Vec<u64> = measured.map(|memory| memory.pss.0).collect();
    let count = u64::try_from(measured.len()).unwrap_or(u64::MAX);
    let mean = measured.iter().sum::<u64>().checked_div(count);
    let one_more = mean.map_or(IDLE, Bytes);
    let times = |number: usize| {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        Bytes(one_more.0.saturating_mul(number))
    };
    let gateways = plan.groups.iter().map(|group| group.gateways().len()).sum();
    Cost {
        one_more,
        is_measured: mean.is_some(),
        gateways,
        now: times(gateways),
        one_a_group: times(plan.groups.len()),
    }
}
