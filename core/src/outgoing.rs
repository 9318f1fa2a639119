//! What the caller sends: checked before it goes out, so that a bad stanza costs nobody the session.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::xml::{Element, ns, parse, scan};

/// Answers are matched by their sender too, so that it does not matter whether an id can be guessed.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// An id for a request.
pub(crate) fn next_id() -> String {
    format!("jm-{}", NEXT_ID.fetch_add(1, Ordering::Relaxed))
}

/// A request, ready to be sent.
pub(crate) struct Request {
    pub id: String,
    pub to: Option<String>,
    pub xml: String,
}

/// A stanza of any kind, ready to be sent.
pub(crate) fn stanza(xml: &str) -> Result<String, Error> {
    let (stanza, xml) = check(xml)?;
    if stanza.name == "iq" && stanza.attribute("id").is_none() {
        return Err(invalid("an iq needs an id (RFC 6120, section 8.2.3)"));
    }
    Ok(xml)
}

/// An IQ request, ready to be sent; it gets an id if it has none.
pub(crate) fn request(xml: &str) -> Result<Request, Error> {
    let (iq, mut xml) = check(xml)?;
    if iq.name != "iq" || !matches!(iq.attribute("type"), Some("get" | "set")) {
        return Err(invalid("not an iq of type get or set"));
    }
    if iq.children().count() != 1 {
        return Err(invalid("a request has exactly one child element (RFC 6120, section 8.2.3)"));
    }
    let id = iq.attribute("id").map_or_else(
        || {
            let id = next_id();
            insert(&mut xml, &format!(" id='{id}'"));
            id
        },
        ToOwned::to_owned,
    );
    Ok(Request { id, to: iq.attribute("to").map(ToOwned::to_owned), xml })
}

/// The stanza as a tree, to look at, and its text, which goes out as the caller wrote it.
fn check(xml: &str) -> Result<(Element<'_>, String), Error> {
    let stanza = parse(xml).map_err(|error| invalid(&error.to_string()))?;
    let mut xml = xml.trim().to_owned();
    if stanza.namespace.is_empty() {
        insert(&mut xml, &format!(" xmlns='{}'", ns::CLIENT));
        // It may have said itself that it is of none.
        scan(&xml).map_err(|_| invalid("not of the namespace jabber:client"))?;
    } else if stanza.namespace != ns::CLIENT {
        return Err(invalid("not of the namespace jabber:client"));
    }
    match &*stanza.name {
        "message" | "presence" | "iq" => Ok((stanza, xml)),
        _ => Err(invalid("not a message, presence or iq")),
    }
}

/// Puts an attribute behind the name of the root.
fn insert(xml: &mut String, attribute: &str) {
    let end = xml.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(xml.len());
    xml.insert_str(end, attribute);
}

fn invalid(problem: &str) -> Error {
    Error::InvalidStanza(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_without_a_namespace_is_of_jabber_client() {
        let body = "<body>1 &lt; 2</body><y:x xmlns:y='urn:x' y:z='1'/></message>";
        let sent = stanza(&format!(" <message to='a@b'>{body}\n")).unwrap();
        assert_eq!(sent, format!("<message xmlns='jabber:client' to='a@b'>{body}"));
        assert_eq!(stanza("<presence/>").unwrap(), "<presence xmlns='jabber:client'/>");
    }

    #[test]
    fn a_bad_stanza_is_refused_with_the_reason() {
        let cases = [
            ("", "it holds no element"),
            ("<message/><message/>", "more than one element"),
            ("<message>", "not well-formed"),
            ("<error xmlns='http://etherx.jabber.org/streams'/>", "not of the namespace"),
            ("<message xmlns='jabber:server'/>", "not of the namespace"),
            ("<message xmlns=''/>", "not of the namespace"),
            ("<body/>", "not a message, presence or iq"),
            ("<iq type='get'><a xmlns='u'/></iq>", "needs an id"),
        ];
        for (xml, expected) in cases {
            let error = stanza(xml).unwrap_err().to_string();
            assert!(error.contains(expected), "{xml}: {error}");
        }
        for xml in ["<message/>", "<iq type='result' id='1'><a/></iq>", "<iq type='get' id='1'/>"] {
            assert!(request(xml).is_err(), "{xml}");
        }
    }

    #[test]
    fn a_request_gets_an_id() {
        let request = request("<iq type='get' to='a'><q xmlns='u'/></iq>").unwrap();
        assert!(request.xml.contains(&format!("id='{}'", request.id)));
        assert_eq!(request.to.as_deref(), Some("a"));
    }
}
