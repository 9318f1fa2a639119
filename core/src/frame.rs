//! A frame that came: text whose bytes whoever needs it shares.

use std::fmt;
use std::ops::Deref;

use tokio_websockets::Message;

/// Cheap to clone: the clones share the text.
#[derive(Clone)]
pub(crate) struct Frame(Message);

impl Frame {
    /// From a message that is text.
    pub(crate) const fn new(message: Message) -> Self {
        Self(message)
    }
}

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self(Message::text(text.to_owned()))
    }
}

impl Deref for Frame {
    type Target = str;

    fn deref(&self) -> &str {
        // The library has checked that it is UTF-8 when it came.
        self.0.as_text().unwrap_or_default()
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
