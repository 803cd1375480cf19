//! The parameters of a method, however they were sent: query, JSON, form or multipart.

use std::collections::BTreeMap;

use axum::Form;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use serde_json::{Map, Value};

/// The largest body that is read; Telegram takes files of 50 MB.
const LARGEST_BODY_BYTES: usize = 64 << 20;

/// Named values; those of the body win over those of the query.
#[derive(Debug, Default)]
pub(super) struct Params(Map<String, Value>);

impl Params {
    /// Reads what can be read of a request; what cannot is left out.
    pub(super) async fn read(request: Request) -> Self {
        let mut values = from_query(request.uri());
        let kind = content_type(request.headers());
        values.extend(match kind.split(';').next() {
            Some("multipart/form-data") => from_multipart(request).await,
            Some("application/x-www-form-urlencoded") => from_form(request).await,
            _ => from_json(request).await,
        });
        Self(values)
    }

    /// Returns a whole number, which may be written as text.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

fn from_query(uri: &Uri) -> Map<String, Value> {
    let pairs = Query::<BTreeMap<String, String>>::try_from_uri(uri);
    pairs
        .map(|Query(pairs)| as_values(pairs))
        .unwrap_or_default()
}

async fn from_form(request: Request) -> Map<String, Value> {
    let pairs = Form::<BTreeMap<String, String>>::from_request(request, &()).await;
    pairs
        .map(|Form(pairs)| as_values(pairs))
        .unwrap_or_default()
}

async fn from_json(request: Request) -> Map<String, Value> {
    let body = to_bytes(request.into_body(), LARGEST_BODY_BYTES).await;
    serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default()
}

async fn from_multipart(request: Request) -> Map<String, Value> {
    let mut values = Map::new();
    let Ok(mut parts) = Multipart::from_request(request, &()).await else {
        return values;
    };
    while let Ok(Some(part)) = parts.next_field().await {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_none()
            && let Ok(text) = part.text().await
        {
            values.insert(name, Value::String(text));
        }
    }
    values
}

fn as_values(pairs: BTreeMap<String, String>) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, text)| (name, Value::String(text)))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const MULTIPART: &str = "--X\r\nContent-Disposition: form-data; name=\"offset\"\r\n\r\n-5\r\n\
        --X\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na b!\r\n--X--\r\n";

    async fn read(uri: &str, kind: &str, body: &'static str) -> (Option<i64>, Option<String>) {
        let request = Request::post(uri)
            .header(CONTENT_TYPE, kind)
            .body(body.into());
        let params = Params::read(request.unwrap()).await;
        (
            params.integer("offset"),
            params.text("text").map(str::to_owned),
        )
    }

    #[tokio::test]
    async fn every_way_to_send_parameters_says_the_same() {
        let expected = (Some(-5), Some("a b!".to_owned()));
        let json = r#"{"offset":-5,"text":"a b!"}"#;
        assert_eq!(read("/", "application/json", json).await, expected);
        assert_eq!(read("/?offset=-5&text=a+b%21", "", "").await, expected);
        assert_eq!(
            read(
                "/?offset=1",
                "application/x-www-form-urlencoded",
                "offset=-5&text=a+b%21"
            )
            .await,
            expected
        );
        assert_eq!(
            read("/", "multipart/form-data; boundary=X", MULTIPART).await,
            expected
        );
    }
}
