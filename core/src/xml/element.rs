//! A small element tree, for what the session reads and writes.

use std::borrow::Cow;

use super::ns;

/// An element with its namespace resolved. Attributes keep the name as written; only those without a prefix matter
/// to XMPP (RFC 6120, section 8.1).
///
/// It borrows its texts from the frame that it was read from, or from what it is to tell: nearly all of them are as they
/// stand there, and a login reads and writes hundreds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element<'text> {
    pub name: Cow<'text, str>,
    pub namespace: Cow<'text, str>,
    attributes: Vec<(Cow<'text, str>, Cow<'text, str>)>,
    children: Vec<Node<'text>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node<'text> {
    Element(Element<'text>),
    Text(Cow<'text, str>),
}

impl<'text> Element<'text> {
    pub(crate) fn new(name: impl Into<Cow<'text, str>>, namespace: impl Into<Cow<'text, str>>) -> Self {
        Self { name: name.into(), namespace: namespace.into(), attributes: Vec::new(), children: Vec::new() }
    }

    pub(crate) fn with_attribute(mut self, name: &'text str, value: impl Into<Cow<'text, str>>) -> Self {
        self.attributes.push((Cow::Borrowed(name), value.into()));
        self
    }

    pub(crate) fn with_child(mut self, child: Self) -> Self {
        self.push(Node::Element(child));
        self
    }

    pub(crate) fn with_text(mut self, text: impl Into<Cow<'text, str>>) -> Self {
        self.push(Node::Text(text.into()));
        self
    }

    /// Adjacent texts become one, and empty ones none: how a parser cuts them says nothing.
    pub(super) fn push(&mut self, node: Node<'text>) {
        match (self.children.last_mut(), node) {
            (_, Node::Text(text)) if text.is_empty() => {}
            (Some(Node::Text(before)), Node::Text(text)) => before.to_mut().push_str(&text),
            (_, node) => self.children.push(node),
        }
    }

    pub(crate) fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub(crate) fn child(&self, name: &str, namespace: &str) -> Option<&Self> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// The text directly inside this element.
    pub(crate) fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(&**text),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// The XML text, with every namespace declared where it changes.
    pub(crate) fn to_xml(&self) -> String {
        let mut out = String::with_capacity(128);
        self.write(&mut out, "");
        out
    }

    fn write(&self, out: &mut String, inherited: &str) {
        out.push('<');
        out.push_str(&self.name);
        if self.namespace != inherited {
            write_attribute(out, "xmlns", &self.namespace);
        }
        for (name, value) in &self.attributes {
            write_attribute(out, name, value);
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(out, &self.namespace),
                Node::Text(text) => escape(out, text),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    escape(out, value);
    out.push('\'');
}

/// Escapes text so that it reads back the same in an element and in an attribute. A character that XML 1.0 cannot
/// carry at all becomes U+FFFD: what the session writes comes from checked options and from parsed frames.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            // White space that a parser would fold in an attribute.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// The first child that is a defined condition of `namespace`, and the text beside it (RFC 6120, sections 4.9.2,
/// 6.5 and 8.3.2: the three error elements share this shape).
pub(crate) fn condition_and_text(error: &Element<'_>, namespace: &str) -> (Option<String>, Option<String>) {
    let defined = || error.children().filter(|child| child.namespace == namespace);
    let condition = defined().find(|child| child.name != "text").map(|child| child.name.to_string());
    let text = defined().find(|child| child.name == "text").map(Element::text);
    (condition, text.filter(|text| !text.is_empty()))
}

impl<'text> Element<'text> {
    /// An IQ of our own to the server.
    pub(crate) fn iq(kind: &'text str, id: &'text str) -> Self {
        Self::new("iq", ns::CLIENT).with_attribute("type", kind).with_attribute("id", id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = "<&>\"' \t\n\r\u{20ac}\u{1f600}";
        let mut inner = Element::new("body", "urn:example");
        inner.push(Node::Text(value.into()));
        let written = Element::iq("set", value).with_child(inner);
        assert_eq!(parse(&written.to_xml()).unwrap(), written);
    }

    #[test]
    fn a_text_that_is_empty_is_none() {
        assert_eq!(parse("<a><![CDATA[]]></a>"), parse("<a/>"));
        assert_eq!(Element::new("a", "").with_text("").to_xml(), "<a/>");
    }

    #[test]
    fn namespaces_are_declared_where_they_change() {
        let iq = Element::iq("set", "1").with_child(Element::new("bind", ns::BIND));
        assert_eq!(
            iq.to_xml(),
            "<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        );
    }
}
