//! Frames as they may be shown: without passwords, tokens, keys, and what lets someone else take a session over.

use std::ops::Range;

use super::ns;
use super::reader::{Reader, Token};

const MASK: &str = "***";

/// Attributes whose value is a secret, wherever they stand.
const ATTRIBUTES: [&str; 6] = ["token", "session-id", "previd", "password", "credential", "sid"];
/// Elements whose text is a secret.
const ELEMENTS: [&str; 3] = ["password", "token", "hash"];
/// The messages of a login (RFC 6120, section 6).
const SASL: [&str; 4] = ["auth", "challenge", "response", "success"];
/// Fields of a room's form whose value is a secret (XEP-0045, and Jitsi's lobby).
const FIELDS: [&str; 2] = ["muc#roomconfig_roomsecret", "muc#roomconfig_lobbypassword"];

/// The frame with `***` in place of every secret. One that cannot be read cannot be judged, and is not shown.
pub(crate) fn redact(frame: &str) -> String {
    let Some(secrets) = find(frame) else { return omitted(frame) };
    let mut shown = String::with_capacity(frame.len());
    let mut at = 0;
    for secret in secrets {
        shown.push_str(&frame[at..secret.start]);
        shown.push_str(MASK);
        at = secret.end;
    }
    shown.push_str(&frame[at..]);
    shown
}

/// What stands for a frame that is not shown.
pub(crate) fn omitted(frame: &str) -> String {
    format!("<omitted bytes='{}'/>", frame.len())
}

/// Where the secrets of a frame are, in order; `None` if it is not well-formed.
fn find(frame: &str) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader::new(frame);
    let mut secrets = Vec::new();
    // For each open element, whether the text in it is secret.
    let mut open: Vec<bool> = Vec::new();
    loop {
        let before = reader.position();
        match reader.next().ok()? {
            Token::Start { local, namespace } => {
                let attributes = reader.attributes();
                let has = |name: &str, values: &[&str]| {
                    attributes.iter().any(|attribute| {
                        attribute.name == name && values.contains(&attribute.value().as_ref())
                    })
                };
                let secret = ELEMENTS.contains(&local)
                    || namespace == ns::SASL && SASL.contains(&local)
                    || local == "field" && has("var", &FIELDS)
                    || open.last().copied().unwrap_or(false);
                for attribute in attributes {
                    let of_the_stream = namespace == ns::SM && matches!(attribute.name, "id" | "location");
                    let of_a_relay = local == "service" && attribute.name == "username";
                    if ATTRIBUTES.contains(&attribute.name) || of_the_stream || of_a_relay {
                        secrets.push(attribute.range(frame));
                    }
                }
                open.push(secret);
            }
            Token::End => drop(open.pop()),
            Token::Text(text) => {
                if open.last() == Some(&true) && !text.value().trim().is_empty() {
                    secrets.push(before..reader.position());
                }
            }
            Token::Eof => return Some(secrets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_secret_is_masked() {
        let frames = [
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>canary</auth>",
            "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>canary</response>",
            "<enabled xmlns='urn:xmpp:sm:3' id='canary' resume='true' location='canary'/>",
            "<resume xmlns='urn:xmpp:sm:3' previd=\"canary\" h='1'/>",
            "<iq><conference xmlns='http://jitsi.org/protocol/focus' token='canary' session-id='canary'/></iq>",
            "<iq><services><service type='turn' username='canary' password='canary'/></services></iq>",
            "<presence><x xmlns='http://jabber.org/protocol/muc'><password>canary</password></x></presence>",
            "<iq><x><field var='muc#roomconfig_roomsecret'><value>canary</value></field></x></iq>",
            "<iq><x><password><![CDATA[canary]]></password></x></iq>",
            "<body xmlns='http://jabber.org/protocol/httpbind' sid='canary'/>",
            "<message><broken>canary",
        ];
        for frame in frames {
            let shown = redact(frame);
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn everything_else_is_shown_as_it_came() {
        let frame = "<message xmlns:x='u' x:a='1'>\u{e9} &amp; <b c=\"d\"/><![CDATA[<]]></message>";
        assert_eq!(redact(frame), frame);
        assert_eq!(
            redact("<a h='1'><password>p</password> tail</a>"),
            "<a h='1'><password>***</password> tail</a>"
        );
    }
}
