//! A steady stream of messages to one bot.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::bot::Bot;
use super::wire::Traffic;
use super::world::{World, lock};

/// Sends a message now and then one every `every_ms`, in place of a stream that ran before.
pub(super) fn start(world: &Arc<World>, bot: &Arc<Bot>, traffic: Traffic) {
    let mut running = lock(&bot.traffic);
    if let Some(older) = running.take() {
        older.abort();
    }
    let task = tokio::spawn(stream(Arc::clone(world), Arc::clone(bot), traffic));
    *running = Some(task.abort_handle());
}

/// Ends the stream of a bot; without one nothing happens.
pub(super) fn stop(bot: &Bot) {
    if let Some(running) = lock(&bot.traffic).take() {
        running.abort();
    }
}

async fn stream(world: Arc<World>, bot: Arc<Bot>, traffic: Traffic) {
    let mut ticks = interval(Duration::from_millis(traffic.every_ms.max(1)));
    // After a standstill of the machine the missed messages are not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for chat_id in (traffic.chat_id..).take(traffic.chats.max(1)).cycle() {
        ticks.tick().await;
        bot.enqueue(&world.ids, chat_id, &traffic.text);
    }
}
