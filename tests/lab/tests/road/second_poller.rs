//! The ledger is believed only because it shows what it must show: two real gateways on one token.

use crate::world::{CONFIG, World, now_ms};

const SECOND: &str = "/home/joe/.openclaw-second";

/// Starts a second gateway with the same tokens beside the first; both the overlap and the conflict are in the ledger.
pub(crate) fn is_seen_as_overlap_and_conflict(world: &World) {
    assert!(world.is_native());
    beside(world, || {});
}

/// Does something while a second gateway with the same tokens polls beside the first one, wherever that runs.
pub(crate) fn beside(world: &World, act: impl FnOnce()) {
    let joe = |command: &str| world.server.shell_as("joe", command).unwrap();
    joe(&format!(
        "mkdir -m 700 {SECOND} && sed 's/18789/18989/; s/bind: \"lan\"/bind: \"loopback\"/' {CONFIG} > {SECOND}/openclaw.json && \
         chmod 600 {SECOND}/openclaw.json"
    ));
    let since = now_ms();
    joe(&format!(
        "systemd-run --user --unit=second -E OPENCLAW_STATE_DIR={SECOND} -E OPENCLAW_CONFIG_PATH={SECOND}/openclaw.json \
         openclaw gateway run"
    ));
    let is_seen = World::wait_until(|| {
        let summaries = world.summaries(since);
        summaries
            .iter()
            .any(|bot| !bot.overlaps.is_empty() && bot.conflicts > 0)
    });
    act();
    joe(&format!("systemctl --user stop second && rm -rf {SECOND}"));
    assert!(is_seen, "{:?}", world.summaries(since));
}
