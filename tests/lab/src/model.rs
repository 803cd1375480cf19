//! A model server in the manner of `OpenAI`'s chat completions: it echoes the marks of the last message.
//!
//! `sleep-<ms>` in a message makes its answer take that long. Every request needs a bearer key, any will do.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::bot_api::ids::now_ms;
use crate::bot_api::marks::marks_in;

/// How a message begins that `OpenClaw` writes in the name of the user.
const INTERNAL_CONTEXT: &str = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>";

/// Answers requests on the listener until the task is dropped; each answer takes `delay`.
///
/// # Errors
///
/// Fails when the listener does.
pub async fn serve(listener: TcpListener, delay: Duration) -> io::Result<()> {
    let router = Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(complete))
        .with_state(delay);
    axum::serve(listener, router).await
}

async fn models(headers: HeaderMap) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    Json(json!({ "object": "list", "data": [{ "id": "echo", "object": "model" }] })).into_response()
}

async fn complete(State(delay): State<Duration>, headers: HeaderMap, body: Bytes) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is no JSON");
    };
    let question = last_user_text(&request);
    tokio::time::sleep(delay + asked_delay(&question)).await;
    let reply = reply_to(&question);
    if request.get("stream").and_then(Value::as_bool) == Some(true) {
        return ([(CONTENT_TYPE, "text/event-stream")], streamed(&reply)).into_response();
    }
    Json(whole(&reply)).into_response()
}

fn has_key(headers: &HeaderMap) -> bool {
    let value = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let key = value.and_then(|value| value.strip_prefix("Bearer "));
    key.is_some_and(|key| !key.trim().is_empty())
}

fn unauthorized() -> Response {
    refusal(StatusCode::UNAUTHORIZED, "a bearer key is needed")
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}

/// Returns the last message the user wrote.
///
/// `OpenClaw` 2026.9.6 puts a message of the role `user` after it that holds notes of its own, among them earlier
/// messages of the chat.
fn last_user_text(request: &Value) -> String {
    let messages = request.get("messages").and_then(Value::as_array);
    let from_last = messages.into_iter().flatten().rev();
    let mut texts = from_last
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("user"))
        .map(text_of);
    texts
        .find(|text| !text.trim_start().starts_with(INTERNAL_CONTEXT))
        .unwrap_or_default()
}

/// Returns the text of a message, whether plain or in parts.
fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn reply_to(question: &str) -> String {
    let marks = marks_in(question);
    if marks.is_empty() {
        "echo".to_owned()
    } else {
        format!("echo {}", marks.join(" "))
    }
}

/// Returns the delay a message asks for with the word `sleep-<ms>`.
fn asked_delay(question: &str) -> Duration {
    let mut words = question.split_whitespace();
    let asked = words.find_map(|word| word.strip_prefix("sleep-")?.parse().ok());
    Duration::from_millis(asked.unwrap_or(0))
}

fn whole(reply: &str) -> Value {
    json!({
        "id": format!("chatcmpl-{}", now_ms()), "object": "chat.completion", "created": now_ms() / 1000,
        "model": "echo", "usage": usage(),
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": reply },
        }],
    })
}

/// Renders the answer as server-sent events: the text, the end, the usage.
fn streamed(reply: &str) -> String {
    let text = json!([{ "index": 0, "finish_reason": null, "delta": { "role": "assistant", "content": reply } }]);
    let end = json!([{ "index": 0, "finish_reason": "stop", "delta": {} }]);
    let events = [
        chunk(&text, &Value::Null),
        chunk(&end, &Value::Null),
        chunk(&json!([]), &usage()),
    ];
    let lines = events.iter().map(|event| format!("data: {event}\n\n"));
    lines.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn chunk(choices: &Value, usage: &Value) -> Value {
    json!({
        "id": "chatcmpl-lab", "object": "chat.completion.chunk", "created": now_ms() / 1000,
        "model": "echo", "choices": choices, "usage": usage,
    })
}

fn usage() -> Value {
    json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_marks_of_the_last_user_message_come_back() {
        let request = json!({ "messages": [
            { "role": "user", "content": "mark-a-1" },
            { "role": "assistant", "content": "echo mark-a-1" },
            { "role": "user", "content": [{ "type": "text", "text": "mark-a-2" }, { "text": "mark-a-3" }] },
            { "role": "system", "content": "mark-a-4" },
            { "role": "user", "content": [{ "text": format!("{INTERNAL_CONTEXT}\nmark-a-1") }] },
        ]});
        assert_eq!(
            reply_to(&last_user_text(&request)),
            "echo mark-a-2 mark-a-3"
        );
    }

    #[test]
    fn a_message_can_ask_for_a_delay() {
        assert_eq!(
            asked_delay("please sleep-250 mark-a-1"),
            Duration::from_millis(250)
        );
        assert_eq!(asked_delay("sleepy mark-a-1"), Duration::ZERO);
    }
}
