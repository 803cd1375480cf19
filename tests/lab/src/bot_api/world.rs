//! All the bots of one server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bot::Bot;
use super::ids::{Ids, now_ms};
use super::records::Ledger;

/// The server's state.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) ids: Ids,
    /// What a client has to trust before it takes this server for Telegram's, in PEM.
    pub(super) certificate: String,
    bots: Mutex<BTreeMap<String, Arc<Bot>>>,
}

impl World {
    /// Returns a world without bots.
    pub(super) fn new(certificate: String) -> Self {
        Self {
            certificate,
            ..Self::default()
        }
    }

    /// Adds a bot; one that is there already stays as it is.
    pub(super) fn register(&self, token: &str, username: &str) -> Arc<Bot> {
        let mut bots = lock(&self.bots);
        let bot = bots
            .entry(token.to_owned())
            .or_insert_with(|| Arc::new(Bot::new(token, username)));
        Arc::clone(bot)
    }

    pub(super) fn find_bot(&self, token: &str) -> Option<Arc<Bot>> {
        lock(&self.bots).get(token).cloned()
    }

    /// Returns a copy of everything written down so far.
    pub(super) fn ledger(&self) -> Ledger {
        let bots: Vec<Arc<Bot>> = lock(&self.bots).values().cloned().collect();
        let bots = bots.iter().map(|bot| bot.ledger()).collect();
        Ledger {
            taken_ms: now_ms(),
            bots,
        }
    }
}

/// Locks; a panic elsewhere leaves nothing half done that would matter here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
