//! Building and reading stanzas.

use std::borrow::Cow;

use minidom::{Element, ElementBuilder, rxml};

pub(crate) const CLIENT: &str = "jabber:client";
pub(crate) const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

pub(crate) fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or_default()
}

pub(crate) fn element(name: &str, namespace: &str) -> ElementBuilder {
    Element::builder(name, namespace)
}

pub(crate) fn name(literal: &'static str) -> rxml::NcName {
    rxml::NcName::try_from(literal).expect("attribute names here are literals")
}

/// The element of an error condition. What is no name in XML cannot be one.
pub(crate) fn condition(name: &str, namespace: &str) -> ElementBuilder {
    let valid = rxml::NcName::try_from(name).is_ok();
    element(if valid { name } else { "undefined-condition" }, namespace)
}

/// Text without the characters that XML has no place for, and that the writer panics on.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let banned =
        |c: char| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if text.contains(banned) { text.replace(banned, "").into() } else { text.into() }
}

/// Short forms of what a builder does.
pub(crate) trait With {
    fn with(self, name: &'static str, value: &str) -> Self;

    /// With this attribute if there is a value.
    fn with_some(self, name: &'static str, value: Option<&str>) -> Self;
}

impl With for ElementBuilder {
    fn with(self, name: &'static str, value: &str) -> Self {
        self.attr(self::name(name), &*clean(value))
    }

    fn with_some(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// An IQ request whose payload is this element.
pub(crate) fn is_request(iq: &Element, kind: &str, name: &str, namespace: &str) -> bool {
    iq.is("iq", CLIENT) && iq.attr("type") == Some(kind) && iq.has_child(name, namespace)
}

pub(crate) fn answer(iq: &Element, kind: &str) -> ElementBuilder {
    element("iq", CLIENT).with("type", kind).with("id", iq.attr("id").unwrap_or_default())
}

pub(crate) fn refuse(iq: &Element, kind: &str, condition: &str) -> ElementBuilder {
    answer(iq, "error").append(error(kind, condition))
}

/// The `<error/>` of a stanza.
pub(crate) fn error(kind: &str, name: &str) -> ElementBuilder {
    element("error", CLIENT).with("type", kind).append(condition(name, STANZA_ERRORS))
}

/// Text as it stands between tags or in an attribute.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    // Most of what is written is plain, a thousand times over in a large room.
    let plain = |byte: u8| byte >= b' ' && !matches!(byte, b'&' | b'<' | b'>' | b'\'' | b'"' | 0xef);
    if text.bytes().all(plain) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            '\t' => escaped.push_str("&#x9;"),
            '\n' => escaped.push_str("&#xA;"),
            '\r' => escaped.push_str("&#xD;"),
            c => escaped.push(c),
        }
    }
    escaped.into()
}

/// Children of a stanza as they stand between its tags.
pub(crate) fn inner<'a>(children: impl IntoIterator<Item = &'a Element>) -> String {
    let parent = element("x", CLIENT).append_all(children.into_iter().cloned()).build();
    let text = String::from(&parent);
    // The start tag holds the namespace alone, so that the first bracket ends it.
    let content = text.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</x>"));
    content.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_tags_can_be_put_into_another_stanza() {
        let text = "<presence xmlns='jabber:client'><a b='&apos;&lt;'>&amp;&#10;</a><c xmlns='d'><e/></c></presence>";
        let stanza: Element = text.parse().unwrap();
        let again = format!("<presence xmlns='jabber:client'>{}</presence>", inner(stanza.children()));
        assert_eq!(again.parse::<Element>().unwrap(), stanza);
        assert_eq!(inner([]), "");
    }

    #[test]
    fn escaped_text_reads_back() {
        // The last has the first byte of characters that have no place in XML.
        let text = "a<b>&'\"\t\n\rc\0\u{ffff}\u{ff01}";
        let read: Element = format!("<x xmlns='y' z='{0}'>{0}</x>", escape(text)).parse().unwrap();
        assert_eq!(
            (read.attr("z").unwrap(), read.text().as_str()),
            ("a<b>&'\"\t\n\rc\u{ff01}", "a<b>&'\"\t\n\rc\u{ff01}")
        );
    }
}
