//! The hash by which docker-compose 1.29 tells whether a container still matches its service: SHA-256 of the service as
//! Python's `json.dumps(…, sort_keys=True, separators=(',', ':'))` writes it (compose/utils.py `json_hash`, compose/service.py
//! `Service.config_dict`, release 1.29.2). Proven against docker-compose itself in `tests/docker_contract`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Returns the hash of a service that [`super::compose::service`] made, run from the image with this id.
///
/// A service joins at most one network, which goes by the same name in the file and in the engine.
#[must_use]
pub fn config_hash(service: &Value, image_id: &str) -> String {
    let network = service.pointer("/networks/0").and_then(Value::as_str);
    let mode = service.get("network_mode").and_then(Value::as_str);
    let networks = network.map_or(json!({}), |name| json!({ name: {} }));
    let identity = json!({
        "options": options(service),
        "image_id": image_id,
        "links": [],
        "net": network.or(mode).unwrap_or("none"),
        "ipc_mode": null,
        "networks": networks,
        "secrets": [],
        "volumes_from": [],
    });
    hex::encode(Sha256::digest(python_json(&identity)))
}

/// Returns the service as docker-compose holds it after parsing.
fn options(service: &Value) -> Value {
    let mut options = Map::new();
    for (key, value) in service.as_object().into_iter().flatten() {
        let parsed = match key.as_str() {
            "networks" | "network_mode" => continue,
            "ports" => each(value, port),
            "security_opt" => each(value, |option| json!([option, null])),
            "restart" => json!({ "Name": value, "MaximumRetryCount": 0 }),
            _ => value.clone(),
        };
        options.insert(key.clone(), parsed);
    }
    // Filled in by docker-compose for every service.
    options.entry("volumes").or_insert_with(|| json!([]));
    options.insert("device_requests".to_owned(), Value::Null);
    options.insert("platform".to_owned(), Value::Null);
    Value::Object(options)
}

fn each(list: &Value, parse: impl Fn(&Value) -> Value) -> Value {
    list.as_array().into_iter().flatten().map(parse).collect()
}

/// `ServicePort`: target, published, protocol, mode, address.
fn port(text: &Value) -> Value {
    let mut parts = text.as_str().unwrap_or_default().splitn(3, ':');
    let address = parts.next();
    let mut number = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let (published, target) = (number(), number());
    json!([target, published, null, null, address])
}

/// Writes a value as Python does: keys sorted, no spaces, nothing but ASCII.
fn python_json(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(pairs) => {
            let sorted: BTreeMap<&String, &Value> = pairs.iter().collect();
            let pair = |(key, value): (&String, &Value)| {
                format!("{}:{}", python_string(key), python_json(value))
            };
            let pairs: Vec<String> = sorted.into_iter().map(pair).collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::String(text) => python_string(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn python_string(text: &str) -> String {
    let mut ascii = String::new();
    for unit in Value::from(text).to_string().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => ascii.push(char::from(byte)),
            _ => write!(ascii, "\\u{unit:04x}").unwrap_or_default(),
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = json!({ "b": [1, 2.0, null, true], "a": "é\u{1f600}\n\u{7f}" });
        let wanted = "{\"a\":\"\\u00e9\\ud83d\\ude00\\n\u{7f}\",\"b\":[1,2.0,null,true]}";
        assert_eq!(python_json(&value), wanted);
    }
}
