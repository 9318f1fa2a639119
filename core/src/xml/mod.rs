//! XML as XMPP uses it: RFC 6120, section 11, framed by RFC 7395.

mod element;
mod parse;
mod reader;
mod redact;
mod scan;
mod unwrap;
#[cfg(test)]
mod verdicts;

pub(crate) use element::{Element, condition_and_text};
pub(crate) use parse::parse;
pub(crate) use reader::XmlError;
#[cfg(any(test, fuzzing))]
pub(crate) use reader::{Reader, Token};
pub(crate) use redact::{omitted, redact};
pub(crate) use scan::{Head, scan};
pub(crate) use unwrap::unwrap;
#[cfg(test)]
pub(crate) use verdicts::expat;

/// The namespaces that the engine speaks.
pub(crate) mod ns {
    pub(crate) const CLIENT: &str = "jabber:client";
    pub(crate) const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
    pub(crate) const STREAM: &str = "http://etherx.jabber.org/streams";
    pub(crate) const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
    pub(crate) const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
    pub(crate) const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
    pub(crate) const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
    pub(crate) const SM: &str = "urn:xmpp:sm:3";
    pub(crate) const PING: &str = "urn:xmpp:ping";
    pub(crate) const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
    pub(crate) const CAPS: &str = "http://jabber.org/protocol/caps";
    pub(crate) const VERSION: &str = "jabber:iq:version";
    pub(crate) const EXTDISCO_1: &str = "urn:xmpp:extdisco:1";
    pub(crate) const EXTDISCO_2: &str = "urn:xmpp:extdisco:2";
    pub(crate) const FOCUS: &str = "http://jitsi.org/protocol/focus";
    pub(crate) const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
    pub(crate) const XBOSH: &str = "urn:xmpp:xbosh";
    pub(crate) const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
}
