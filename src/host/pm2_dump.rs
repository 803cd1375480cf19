//! The dump of pm2 as text: whether an application of it comes back, and the edit that keeps it from that.
//!
//! `pm2 resurrect` takes an application whose `status` is `stopped` in and does not start it (`God.prepare` of pm2 7.0.4),
//! as after `pm2 stop` and `pm2 save`.

use serde_json::Value;

/// The status of an application that pm2 knows and does not start.
pub const STOPPED: &str = "stopped";
/// How the dump of pm2 writes the status of an application; `JSON.stringify(list, '', 2)`.
const KEY: &str = "\"status\":";

/// Returns the status of the application in a dump; `None` where it has none, or where two have the name.
#[must_use]
pub fn status(dump: &[u8], name: &str) -> Option<String> {
    let (start, end) = find(dump, name)?;
    let literal = dump.get(start..end)?;
    serde_json::from_slice(literal).ok()
}

/// Returns the dump with another status of the application; every other byte stays.
#[must_use]
pub fn with_status(dump: &[u8], name: &str, status: &str) -> Option<Vec<u8>> {
    let (start, end) = find(dump, name)?;
    let literal = serde_json::to_vec(status).ok()?;
    let edited = [dump.get(..start)?, &literal, dump.get(end..)?].concat();
    // Believed only if it is the intended change and no other.
    let mut wanted: Value = serde_json::from_slice(dump).ok()?;
    let app = wanted
        .as_array_mut()?
        .iter_mut()
        .find(|app| is_named(app, name))?;
    app.as_object_mut()?
        .insert("status".to_owned(), status.into());
    let found: Value = serde_json::from_slice(&edited).ok()?;
    (found == wanted).then_some(edited)
}

/// Returns where the value of the application's status stands: of all places that say `"status":` the one whose change
/// changes this application.
fn find(dump: &[u8], name: &str) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(dump).ok()?;
    let apps: Vec<Value> = serde_json::from_str(text).ok()?;
    let mut named = apps
        .iter()
        .enumerate()
        .filter(|(_, app)| is_named(app, name));
    let (index, app) = named.next()?;
    if named.next().is_some() {
        return None;
    }
    app.get("status")?.as_str()?;
    let spans = text.match_indices(KEY).filter_map(|(at, _)| {
        let rest = text.get(at + KEY.len()..)?;
        let start = text.len() - rest.trim_start().len();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        values.next()?.ok()?;
        Some((start, at + KEY.len() + values.byte_offset()))
    });
    let mut spans = spans.filter(|(start, end)| {
        let tried = [text.get(..*start), Some("\"ocmigrate?\""), text.get(*end..)];
        let tried: String = tried.into_iter().flatten().collect();
        let changed: Option<Vec<Value>> = serde_json::from_str(&tried).ok();
        let app = changed.as_ref().and_then(|apps| apps.get(index));
        app.and_then(|app| app.get("status"))
            .and_then(Value::as_str)
            == Some("ocmigrate?")
    });
    spans.next()
}

fn is_named(app: &Value, name: &str) -> bool {
    app.get("name").and_then(Value::as_str) == Some(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DUMP: &str = "[\n  {\n    \"name\": \"web\",\n    \"status\": \"online\"\n  },\n  {\n    \"env\": {\n      \
        \"status\": \"mine\"\n    },\n    \"note\": \"say \\\"status\\\": \\\"x\\\"\",\n    \"status\": \"online\",\n    \
        \"name\": \"claw\"\n  }\n]";

    #[test]
    fn only_the_status_of_the_application_changes_and_changes_back() {
        let stopped = with_status(DUMP.as_bytes(), "claw", STOPPED).unwrap();
        assert_eq!(status(&stopped, "claw").as_deref(), Some(STOPPED));
        assert_eq!(status(&stopped, "web").as_deref(), Some("online"));
        assert_eq!(stopped.len(), DUMP.len() + 1);
        assert_eq!(
            with_status(&stopped, "claw", "online").unwrap(),
            DUMP.as_bytes()
        );
    }

    #[test]
    fn an_application_that_is_not_there_or_there_twice_is_left_alone() {
        assert_eq!(with_status(DUMP.as_bytes(), "other", STOPPED), None);
        let twice = DUMP.replace("web", "claw");
        assert_eq!(with_status(twice.as_bytes(), "claw", STOPPED), None);
        assert_eq!(status(b"[{\"name\": \"claw\"}]", "claw"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_dump_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = with_status(&bytes, "claw", STOPPED);
        }
    }
}
