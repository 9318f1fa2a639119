//! The options as they were given.

use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value};
use zeroize::Zeroize;

/// An object whose texts are wiped when it is dropped: any of them may be a secret, such as a key or a credential.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Tree(Map<String, Value>);

impl Deref for Tree {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Tree {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Wipes every text in a value that is not needed any more.
pub(super) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_is_wiped_at_every_depth() {
        let mut value = json!({ "a": "x", "b": { "c": ["y", { "d": "z" }], "e": 7 }, "f": null });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": { "c": ["", { "d": "" }], "e": 7 }, "f": null }));
    }
}
