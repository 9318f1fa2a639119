//! Reading a frame without building anything: is it well-formed, and what does it begin with?

use std::borrow::Cow;

use super::reader::{Attribute, Attributes, Reader, Token, XmlError};

/// The root of a frame.
pub(crate) struct Head<'frame> {
    pub name: &'frame str,
    pub namespace: Cow<'frame, str>,
    attributes: Attributes<'frame>,
}

impl<'frame> Head<'frame> {
    pub(super) const fn new(
        name: &'frame str,
        namespace: Cow<'frame, str>,
        attributes: Attributes<'frame>,
    ) -> Self {
        Self { name, namespace, attributes }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute<'frame>> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<Cow<'frame, str>> {
        self.attribute(name).map(Attribute::value)
    }
}

/// Reads a frame to its end, with the same verdict as `parse`.
pub(crate) fn scan(frame: &str) -> Result<Head<'_>, XmlError> {
    let mut reader = Reader::new(frame);
    let mut head = None;
    loop {
        match reader.next()? {
            Token::Start { local, namespace } if head.is_none() => {
                head = Some(Head::new(local, namespace, reader.attributes().into()));
            }
            Token::Start { .. } | Token::End | Token::Text(_) => {}
            Token::Eof => return head.ok_or(XmlError::Empty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_the_root_and_the_rest_is_read_too() {
        let head =
            scan("<message xmlns='jabber:client' id='1' from='a&amp;b'><body id='2'/></message>").unwrap();
        assert_eq!((head.name, &*head.namespace), ("message", "jabber:client"));
        assert_eq!(head.value("id").as_deref(), Some("1"));
        assert_eq!(head.value("from").as_deref(), Some("a&b"));
        assert!(head.attribute("to").is_none());
        assert!(scan("<message><body></message>").is_err());
        assert!(scan("").is_err());
    }
}
