//! Reading a frame: one element, in the restricted XML of RFC 6120, section 11.

use quick_xml::NsReader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::XmlVersion;

use super::element::{Element, Node};

/// Deeper than any stanza; a bound on what a hostile peer can make us build.
const MAX_DEPTH: usize = 128;

/// Why a frame is not the XML of XMPP. The text describes the defect and never quotes the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("it is not well-formed")]
    NotWellFormed,
    #[error("it holds no element")]
    Empty,
    #[error("it holds more than one element")]
    SecondRoot,
    #[error("it holds text outside the element")]
    TextOutsideRoot,
    #[error("it uses {0}, which XMPP forbids (RFC 6120, section 11.1)")]
    Restricted(&'static str),
    #[error("it uses a namespace prefix that is not declared")]
    UndeclaredPrefix,
    #[error("its elements are nested too deeply")]
    TooDeep,
}

impl From<quick_xml::Error> for XmlError {
    fn from(_: quick_xml::Error) -> Self {
        Self::NotWellFormed
    }
}

/// Reads the one element of a frame.
pub(crate) fn parse(frame: &str) -> Result<Element, XmlError> {
    let mut reader = NsReader::from_str(frame);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let (namespace, event) = reader.read_resolved_event()?;
        let text = match event {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err(XmlError::TooDeep);
                }
                open.push(element(&namespace, &start)?);
                continue;
            }
            Event::Empty(start) => {
                let element = element(&namespace, &start)?;
                close(&mut open, &mut root, element)?;
                continue;
            }
            Event::End(_) => {
                let element = open.pop().ok_or(XmlError::NotWellFormed)?;
                close(&mut open, &mut root, element)?;
                continue;
            }
            Event::Text(text) => text.xml10_content().into_owned(),
            Event::CData(text) => text.xml10_content().into_owned(),
            Event::GeneralRef(reference) => match reference.resolve_char_ref()? {
                Some(character) if is_xml_char(character) => character.to_string(),
                Some(_) => return Err(XmlError::NotWellFormed),
                None => match resolve_xml_entity(&reference) {
                    Some(text) => text.to_owned(),
                    None => return Err(XmlError::Restricted("an entity other than the predefined five")),
                },
            },
            Event::Eof if open.is_empty() => return root.ok_or(XmlError::Empty),
            Event::Eof => return Err(XmlError::NotWellFormed),
            Event::Comment(_) => return Err(XmlError::Restricted("a comment")),
            Event::PI(_) => return Err(XmlError::Restricted("a processing instruction")),
            Event::DocType(_) => return Err(XmlError::Restricted("a document type")),
            Event::Decl(_) => return Err(XmlError::Restricted("an XML declaration within the stream")),
        };
        match open.last_mut() {
            Some(parent) => parent.push(Node::Text(text)),
            None if text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) => {}
            None => return Err(XmlError::TextOutsideRoot),
        }
    }
}

fn close(open: &mut [Element], root: &mut Option<Element>, element: Element) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(parent) => parent.push(Node::Element(element)),
        None if root.is_some() => return Err(XmlError::SecondRoot),
        None => *root = Some(element),
    }
    Ok(())
}

fn element(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.as_ref(),
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => return Err(XmlError::UndeclaredPrefix),
    };
    let mut element = Element::new(start.local_name().as_ref(), namespace);
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| XmlError::NotWellFormed)?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
        element = element.with_attribute(attribute.key.as_ref(), &value);
    }
    Ok(element)
}

/// The `Char` production of XML 1.0, section 2.2.
const fn is_xml_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
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
    fn what_xmpp_forbids_is_refused_by_name() {
        let cases = [
            ("", XmlError::Empty),
            ("<a/><b/>", XmlError::SecondRoot),
            ("x<a/>", XmlError::TextOutsideRoot),
            ("<a>", XmlError::NotWellFormed),
            ("</a>", XmlError::NotWellFormed),
            ("<a></b>", XmlError::NotWellFormed),
            ("<a b='1' b='2'/>", XmlError::NotWellFormed),
            ("<a>&#0;</a>", XmlError::NotWellFormed),
            ("<x:a/>", XmlError::UndeclaredPrefix),
            ("<!DOCTYPE a><a/>", XmlError::Restricted("a document type")),
            ("<a><!-- --></a>", XmlError::Restricted("a comment")),
            ("<a><?php ?></a>", XmlError::Restricted("a processing instruction")),
            ("<a>&nbsp;</a>", XmlError::Restricted("an entity other than the predefined five")),
        ];
        for (frame, expected) in cases {
            assert_eq!(parse(frame), Err(expected), "{frame}");
        }
        assert_eq!(parse(&"<a>".repeat(10_000)), Err(XmlError::TooDeep));
    }
}
