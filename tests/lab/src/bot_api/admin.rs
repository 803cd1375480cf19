//! The admin interface: bots, messages, traffic, and the ledger.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::bot::Bot;
use super::ledger::{Window, summarize};
use super::records::Ledger;
use super::traffic;
use super::wire::{BotToken, Message, Registration, Sent, Summary, SummaryQuery, Traffic};
use super::world::World;

const PATIENCE_MS: u64 = 120_000;

type Refusal = (StatusCode, Json<Value>);
type Shared = State<Arc<World>>;

/// Returns the routes below `/admin`.
pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/bot", post(register))
        .route("/message", post(send))
        .route("/traffic", post(start_traffic))
        .route("/traffic/stop", post(stop_traffic))
        .route("/ledger", get(ledger))
        .route("/summary", get(summary))
        .route("/certificate", get(certificate))
}

async fn certificate(State(world): Shared) -> Json<Value> {
    Json(json!(world.certificate))
}

async fn register(State(world): Shared, Json(bot): Json<Registration>) -> Json<Value> {
    world.register(&bot.token, &bot.username);
    done()
}

async fn send(State(world): Shared, Json(message): Json<Message>) -> Result<Json<Sent>, Refusal> {
    let bot = find_bot(&world, &message.token)?;
    let update = bot.enqueue(&world.ids, message.chat_id, &message.text);
    Ok(Json(Sent {
        update_id: update.update_id,
        mark: update.mark,
    }))
}

async fn start_traffic(
    State(world): Shared,
    Json(traffic): Json<Traffic>,
) -> Result<Json<Value>, Refusal> {
    let bot = find_bot(&world, &traffic.token)?;
    traffic::start(&world, &bot, traffic);
    Ok(done())
}

async fn stop_traffic(
    State(world): Shared,
    Json(bot): Json<BotToken>,
) -> Result<Json<Value>, Refusal> {
    traffic::stop(&*find_bot(&world, &bot.token)?);
    Ok(done())
}

async fn ledger(State(world): Shared) -> Json<Ledger> {
    Json(world.ledger())
}

async fn summary(State(world): Shared, Query(query): Query<SummaryQuery>) -> Json<Summary> {
    Json(summary_of(&world.ledger(), query))
}

fn summary_of(ledger: &Ledger, query: SummaryQuery) -> Summary {
    let patience_ms = query.patience_ms.unwrap_or(PATIENCE_MS);
    let bots = ledger.bots.iter().map(|bot| {
        let since_ms = query.since.unwrap_or(bot.registered_ms);
        let until_ms = query.until.unwrap_or(ledger.taken_ms);
        summarize(bot, Window { since_ms, until_ms }, patience_ms)
    });
    Summary {
        taken_ms: ledger.taken_ms,
        bots: bots.collect(),
    }
}

fn find_bot(world: &World, token: &str) -> Result<Arc<Bot>, Refusal> {
    let refusal = || {
        (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": "no such bot" })),
        )
    };
    world.find_bot(token).ok_or_else(refusal)
}

fn done() -> Json<Value> {
    Json(json!({ "ok": true }))
}
