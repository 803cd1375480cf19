//! What a configuration says, as bytes that are equal for equal meanings.

use serde_json::Value;

use super::merged::Merged;

/// Returns canonical bytes of the meaning, to be hashed by the caller: they hold the secrets.
///
/// Included files count; comments, the order of keys and OpenClaw's own `meta` do not.
#[must_use]
pub fn meaning(config: &Merged) -> Vec<u8> {
    let mut value = config.value();
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
        meaning(&Merged::alone(text))
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
