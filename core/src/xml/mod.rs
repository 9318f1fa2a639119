//! XML as XMPP uses it: RFC 6120, section 11, framed by RFC 7395.

mod element;
mod parse;
mod reader;
#[cfg(test)]
mod verdicts;

pub(crate) use element::{Element, condition_and_text};
pub(crate) use parse::parse;
pub(crate) use reader::XmlError;

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
    pub(crate) const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
}
