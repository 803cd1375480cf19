//! What a configuration says, as bytes that are equal for equal meanings.

use serde_json::Value;

use super::Document;

/// Returns canonical bytes of the meaning, to be hashed by the caller: they hold the secrets.
///
/// Comments, the order of keys and OpenClaw's own `meta` do not count.
#[must_use]
pub fn meaning(document: &Document) -> Vec<u8> {
    let mut value = document.value();
    if let Value::Object(object) = &mut value {
        object.remove("meta");
    }
    value.sort_all_objects();
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u8> {
        meaning(&Document::parse(text.as_bytes()).expect("parses"))
    }

    #[test]
    fn comments_order_and_meta_do_not_count() {
        let one = of("{b: 1, /* x */ a: [{d: 1, c: 2}], meta: {lastTouchedVersion: '1'}}");
        assert_eq!(one, of("{\"a\":[{\"c\":2,\"d\":1}],\r\n\"b\":1}"));
    }

    #[test]
    fn a_changed_value_counts() {
        assert_ne!(of("{a: [1, 2]}"), of("{a: [2, 1]}"));
        assert_ne!(of("{a: 1}"), of("{a: '1'}"));
        assert_ne!(of("{a: {meta: 1}}"), of("{a: {meta: 2}}"));
    }
}
