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
    pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
    pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
    pub(crate) const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
    pub(crate) const DATA: &str = "jabber:x:data";
    pub(crate) const NICK: &str = "http://jabber.org/protocol/nick";
    pub(crate) const DELAY: &str = "urn:xmpp:delay";
    pub(crate) const DELAY_OF_OLD: &str = "jabber:x:delay";
    pub(crate) const ADDRESS: &str = "http://jabber.org/protocol/address";
    pub(crate) const REACTIONS: &str = "urn:xmpp:reactions:0";
    pub(crate) const RETRACT: &str = "urn:xmpp:message-retract:1";
    pub(crate) const FALLBACK: &str = "urn:xmpp:fallback:0";
    pub(crate) const HINTS: &str = "urn:xmpp:hints";
    pub(crate) const REPLY: &str = "urn:xmpp:reply:0";
    pub(crate) const JINGLE: &str = "urn:xmpp:jingle:1";
    pub(crate) const JITMEET: &str = "http://jitsi.org/jitmeet";
    pub(crate) const DISPLAY_NAME: &str = "http://jitsi.org/protocol/display-name";
    pub(crate) const FOCUS: &str = "http://jitsi.org/protocol/focus";
    pub(crate) const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
    pub(crate) const XBOSH: &str = "urn:xmpp:xbosh";
    pub(crate) const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
}
