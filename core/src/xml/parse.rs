//! Reading a frame: one element, in the restricted XML of RFC 6120, section 11.

use super::element::{Element, Node};
use super::reader::{Reader, Token, XmlError};

/// Reads the one element of a frame into a tree.
pub(crate) fn parse(frame: &str) -> Result<Element<'_>, XmlError> {
    let mut reader = Reader::new(frame);
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut root = None;
    loop {
        match reader.next()? {
            Token::Start { local, namespace } => {
                let mut element = Element::new(local, namespace);
                for attribute in reader.attributes() {
                    element = element.with_attribute(attribute.name, attribute.value());
                }
                open.push(element);
            }
            Token::End => {
                let element = open.pop();
                match (open.last_mut(), element) {
                    (Some(parent), Some(element)) => parent.push(Node::Element(element)),
                    (None, element) => root = element,
                    (Some(_), None) => {}
                }
            }
            Token::Text(text) => {
                if let Some(parent) = open.last_mut() {
                    parent.push(Node::Text(text.value()));
                }
            }
            Token::Eof => return root.ok_or(XmlError::Empty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_element_with_its_namespaces() {
        let frame = "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
                     <sm xmlns='urn:xmpp:sm:3' a='&lt;&#x20ac;'><optional/></sm>a&amp;b</stream:features>";
        let features = parse(frame).unwrap();
        assert!(features.is("features", "http://etherx.jabber.org/streams"));
        let sm = features.child("sm", "urn:xmpp:sm:3").unwrap();
        assert_eq!(sm.attribute("a"), Some("<\u{20ac}"));
        assert!(sm.child("optional", "urn:xmpp:sm:3").is_some());
        assert_eq!(features.text(), "a&b");
    }

    #[test]
    fn white_space_is_normalised_as_xml_says() {
        let element = parse("<a b='1\t2\r\n3&#9;4'>1\r\n2\r3&#13;<![CDATA[<\r\n>]]></a>").unwrap();
        assert_eq!(element.attribute("b"), Some("1 2 3\t4"));
        assert_eq!(element.text(), "1\n2\n3\r<\n>");
    }
}
