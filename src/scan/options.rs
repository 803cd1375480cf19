//! What a person asks of a scan beyond the usual.

use std::time::Duration;

use super::Named;
use crate::inventory::GatewayName;

/// What a person asks of a scan beyond the usual.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Processes that a person calls companions of gateways.
    pub named: &'o [Named],
    /// How long the processors' work is watched; `None` does not watch it.
    pub window: Option<Duration>,
    /// Told how many entries of a gateway's files were counted, from any thread.
    pub progress: &'o (dyn Fn(&GatewayName, u64) + Sync),
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            named: &[],
            window: None,
            progress: &|_, _| {},
        }
    }
}
