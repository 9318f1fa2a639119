//! A frame that came: text that whoever needs it shares.

use std::ops::Deref;
use std::sync::Arc;

/// Cheap to clone: the clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame(Arc<str>);

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Deref for Frame {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
