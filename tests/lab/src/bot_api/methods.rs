//! The methods of the Bot API.

use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::bot::Bot;
use super::connection::Connection;
use super::get_updates::{Replaced, get_updates};
use super::ids::{Ids, now_ms};
use super::params::Params;
use super::world::World;

const CONFLICT: &str = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

type Answer = (StatusCode, Json<Value>);

/// Answers `/bot<TOKEN>/<method>`; a method that is not known is answered with `true`.
pub(super) async fn answer(
    State(world): State<Arc<World>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Answer {
    let path = request.uri().path().to_owned();
    let Some((token, method)) = token_and_method(&path) else {
        return refusal(StatusCode::NOT_FOUND, "Not Found");
    };
    let Some(bot) = world.find_bot(&token) else {
        return refusal(StatusCode::UNAUTHORIZED, "Unauthorized");
    };
    connection.identify();
    let params = Params::read(request).await;
    call(&world.ids, &bot, &connection, method, &params).await
}

async fn call(
    ids: &Ids,
    bot: &Arc<Bot>,
    connection: &Connection,
    method: &str,
    params: &Params,
) -> Answer {
    match method.to_ascii_lowercase().as_str() {
        "getme" => result(&me(bot)),
        "getwebhookinfo" => result(&webhook(bot)),
        "getupdates" => match get_updates(bot, connection, params).await {
            Ok(updates) => result(&Value::Array(updates)),
            Err(Replaced) => refusal(StatusCode::CONFLICT, CONFLICT),
        },
        "sendmessage" => send_message(ids, bot, connection, params),
        "editmessagetext" => edit_message(bot, params),
        "deletemessage" => delete_message(bot, params),
        _ => result(&Value::Bool(true)),
    }
}

/// Splits `/bot1:A/getMe`; the colon may be percent-encoded.
fn token_and_method(path: &str) -> Option<(String, &str)> {
    let (token, method) = path.strip_prefix("/bot")?.split_once('/')?;
    Some((token.replace("%3A", ":").replace("%3a", ":"), method))
}

fn me(bot: &Bot) -> Value {
    json!({
        "id": bot.id(), "is_bot": true, "first_name": bot.username, "username": bot.username,
        "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false,
    })
}

fn webhook(bot: &Bot) -> Value {
    json!({ "url": "", "has_custom_certificate": false, "pending_update_count": bot.pending() })
}

fn send_message(ids: &Ids, bot: &Bot, connection: &Connection, params: &Params) -> Answer {
    let (Some(chat_id), Some(text)) = (params.integer("chat_id"), params.text("text")) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "Bad Request: message text is empty",
        );
    };
    let message_id = bot.add_reply(ids, connection, chat_id, text);
    result(&message(bot, message_id, chat_id, text))
}

fn edit_message(bot: &Bot, params: &Params) -> Answer {
    let message_id = params.integer("message_id").unwrap_or_default();
    let text = params.text("text").unwrap_or_default();
    let is_known = bot.change_reply(message_id, |reply| {
        text.clone_into(&mut reply.text);
        reply.edited_ms = Some(now_ms());
    });
    if !is_known {
        return refusal(
            StatusCode::BAD_REQUEST,
            "Bad Request: message to edit not found",
        );
    }
    result(&message(
        bot,
        message_id,
        params.integer("chat_id").unwrap_or_default(),
        text,
    ))
}

fn delete_message(bot: &Bot, params: &Params) -> Answer {
    let message_id = params.integer("message_id").unwrap_or_default();
    if bot.change_reply(message_id, |reply| reply.is_deleted = true) {
        return result(&Value::Bool(true));
    }
    refusal(
        StatusCode::BAD_REQUEST,
        "Bad Request: message to delete not found",
    )
}

fn message(bot: &Bot, message_id: i64, chat_id: i64, text: &str) -> Value {
    json!({
        "message_id": message_id, "date": now_ms() / 1000, "from": me(bot), "text": text,
        "chat": { "id": chat_id, "type": "private", "first_name": "Lab" },
    })
}

fn result(value: &Value) -> Answer {
    (StatusCode::OK, Json(json!({ "ok": true, "result": value })))
}

fn refusal(status: StatusCode, description: &str) -> Answer {
    let body = json!({ "ok": false, "error_code": status.as_u16(), "description": description });
    (status, Json(body))
}
