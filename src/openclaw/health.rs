//! What a gateway's health endpoints answer.
//!
//! Old releases answer 200 with the control page on every path, so the status alone proves nothing.

use serde_json::Value;

use crate::host::Reply;

/// The path that answers while the process lives; docs/gateway/health.md of the package.
pub const LIVE_PATH: &str = "/healthz";
/// The path that answers whether it serves.
pub const READY_PATH: &str = "/readyz";

/// Returns whether this is a live gateway's answer to [`LIVE_PATH`].
#[must_use]
pub fn is_live(reply: &Reply) -> bool {
    body(reply).is_some_and(|body| says(&body, "ok", true) && says(&body, "status", "live"))
}

/// Returns whether this is a ready gateway's answer to [`READY_PATH`].
#[must_use]
pub fn is_ready(reply: &Reply) -> bool {
    body(reply).is_some_and(|body| says(&body, "ready", true))
}

fn says(body: &Value, key: &str, what: impl Into<Value>) -> bool {
    body.get(key) == Some(&what.into())
}

fn body(reply: &Reply) -> Option<Value> {
    let is_json = reply.content_type.trim().starts_with("application/json");
    (reply.status == 200 && is_json)
        .then(|| serde_json::from_slice(&reply.body).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, content_type: &str, body: &str) -> Reply {
        Reply {
            status,
            content_type: content_type.to_owned(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_live_gateway_says_so_in_json() {
        let live = r#"{"ok":true,"status":"live"}"#;
        assert!(is_live(&reply(
            200,
            "application/json; charset=utf-8",
            live
        )));
        assert!(!is_live(&reply(200, "text/html", live)));
        assert!(!is_live(&reply(503, "application/json", live)));
        assert!(!is_live(&reply(200, "application/json", "{\"ok\":true}")));
        assert!(!is_live(&reply(200, "application/json", "[]")));
    }

    #[test]
    fn a_draining_gateway_is_not_ready() {
        let draining = r#"{"ready":false,"failing":["gateway-draining"]}"#;
        assert!(is_ready(&reply(
            200,
            "application/json",
            r#"{"ready":true,"failing":[]}"#
        )));
        assert!(!is_ready(&reply(200, "application/json", draining)));
        assert!(!is_ready(&reply(
            200,
            "application/json",
            r#"{"ready":"true"}"#
        )));
    }
}
