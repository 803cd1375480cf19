//! An object of the inventory whose keys are taken one by one, so that nothing of it goes unread.

use serde_json::{Map, Value};

/// An object, and where it stands.
pub(crate) struct Object {
    what: String,
    left: Map<String, Value>,
}

impl Object {
    pub(crate) fn new(what: &str, value: Value) -> Self {
        match value {
            Value::Object(left) => Self {
                what: what.to_owned(),
                left,
            },
            other => panic!("{what} is no object: {other}"),
        }
    }

    pub(crate) fn take(&mut self, key: &str) -> Value {
        self.left
            .remove(key)
            .unwrap_or_else(|| panic!("{} has no {key}", self.what))
    }

    /// Leaves out a key that need not be there, and that something else compares.
    pub(crate) fn pass(&mut self, key: &str) {
        self.left.remove(key);
    }

    /// Takes a text, a number or a truth value as a text; `absent` for null.
    pub(crate) fn text(&mut self, key: &str) -> String {
        text(&self.take(key))
    }

    /// Takes a text that need not be there.
    pub(crate) fn text_or_none(&mut self, key: &str) -> Option<String> {
        self.left.remove(key).as_ref().map(text)
    }

    pub(crate) fn list(&mut self, key: &str) -> Vec<Value> {
        match self.take(key) {
            Value::Array(list) => list,
            other => panic!("{key} of {} is no list: {other}", self.what),
        }
    }

    pub(crate) fn object(&mut self, key: &str) -> Self {
        Self::new(key, self.take(key))
    }

    pub(crate) fn objects(&mut self, key: &str) -> Vec<Self> {
        let list = self.list(key).into_iter();
        list.map(|value| Self::new(key, value)).collect()
    }

    /// Ends the reading: a key that is left was not compared.
    pub(crate) fn end(self) {
        let left: Vec<_> = self.left.keys().collect();
        assert!(left.is_empty(), "{} has more: {left:?}", self.what);
    }
}

/// A text, a number or a truth value as a text; `absent` for null.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is_so) => is_so.to_string(),
        other => panic!("no text: {other}"),
    }
}
