//! The XMPP stream: negotiation, stream management, and the few requests a client makes of a server.

use std::sync::Arc;

use minidom::{Element, ElementBuilder, rxml};

use crate::{DOMAIN, Faults, Shared, StreamFault};

const CLIENT: &str = "jabber:client";
const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
const STREAMS: &str = "http://etherx.jabber.org/streams";
const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
const SM: &str = "urn:xmpp:sm:3";
const PING: &str = "urn:xmpp:ping";
const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";

/// What a frame from the client leads to.
pub(crate) enum Reply {
    Text(String),
    Binary(Vec<u8>),
    /// Close the WebSocket.
    End,
    /// Drop the TCP connection.
    Cut,
}

/// One client's stream.
pub(crate) struct Stream {
    faults: Faults,
    shared: Arc<Shared>,
    phase: Phase,
    jid: Option<String>,
    /// Stanzas that the client has sent since `<enable/>` (XEP-0198, section 4).
    handled: Option<u32>,
    out: Vec<Reply>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No stream header since the connection, or since the authentication.
    Unopened {
        authenticated: bool,
    },
    Open {
        authenticated: bool,
    },
    Bound,
    /// We have sent `<close/>`.
    Closed,
}

impl Stream {
    pub(crate) const fn new(faults: Faults, shared: Arc<Shared>) -> Self {
        let phase = Phase::Unopened { authenticated: false };
        Self { faults, shared, phase, jid: None, handled: None, out: Vec::new() }
    }

    /// Takes a frame and returns what it leads to, in order.
    pub(crate) fn handle_frame(&mut self, frame: &str) -> Vec<Reply> {
        if self.faults.stream != Some(StreamFault::Silent) {
            match frame.parse::<Element>() {
                Ok(element) => self.handle_element(&element),
                Err(_) => self.fail("not-well-formed"),
            }
        }
        std::mem::take(&mut self.out)
    }

    /// Closes the stream from our side.
    pub(crate) fn close(&mut self) -> Vec<Reply> {
        if self.phase != Phase::Closed {
            self.send(element("close", FRAMING));
            self.phase = Phase::Closed;
        }
        std::mem::take(&mut self.out)
    }

    fn handle_element(&mut self, element: &Element) {
        if element.is("close", FRAMING) {
            return self.handle_close();
        }
        match self.phase {
            Phase::Unopened { authenticated } if element.is("open", FRAMING) => {
                self.open(element, authenticated)
            }
            Phase::Open { authenticated: false } if element.is("auth", SASL) => self.authenticate(element),
            Phase::Open { authenticated: true } if is_request(element, "set", "bind", BIND) => {
                self.bind(element)
            }
            Phase::Bound => self.handle_bound(element),
            Phase::Closed => {}
            _ => self.fail("not-authorized"),
        }
    }

    fn open(&mut self, open: &Element, authenticated: bool) {
        self.phase = Phase::Open { authenticated };
        let id = if authenticated { "stream-2" } else { "stream-1" };
        let header = element("open", FRAMING).with("from", DOMAIN).with("version", "1.0").with("id", id);
        match self.faults.stream {
            Some(StreamFault::Close) => {
                self.send(header);
                self.send(element("close", FRAMING));
                self.phase = Phase::Closed;
                return;
            }
            Some(StreamFault::Cut) => return self.out.push(Reply::Cut),
            Some(StreamFault::Malformed) => return self.out.push(Reply::Text("<open xmlns='x'".to_owned())),
            Some(StreamFault::Binary) => return self.out.push(Reply::Binary(vec![0; 4])),
            Some(StreamFault::Large) => return self.send(header.with("large", &"x".repeat(20_000))),
            Some(StreamFault::Stanza) => return self.send(element("message", CLIENT)),
            _ => self.send(header),
        }
        if open.attr("to") != Some(DOMAIN) || self.faults.stream == Some(StreamFault::HostUnknown) {
            return self.fail("host-unknown");
        }
        let features = element("features", STREAMS);
        if authenticated {
            let optional = (self.faults.stream != Some(StreamFault::RequireSession))
                .then(|| element("optional", SESSION).build());
            let session = element("session", SESSION).append_all(optional);
            let features = features.append(element("bind", BIND)).append(session).append(element("sm", SM));
            self.send(features);
        } else {
            let name =
                if self.faults.stream == Some(StreamFault::NoAnonymous) { "PLAIN" } else { "ANONYMOUS" };
            let mechanism = element("mechanism", SASL).append(name);
            self.send(features.append(element("mechanisms", SASL).append(mechanism)));
        }
    }

    fn authenticate(&mut self, auth: &Element) {
        if self.faults.stream == Some(StreamFault::RefuseAuth) {
            let text = element("text", SASL).append("token required");
            self.send(element("failure", SASL).append(element("not-allowed", SASL)).append(text));
        } else if auth.attr("mechanism") == Some("ANONYMOUS") {
            self.send(element("success", SASL));
            self.phase = Phase::Unopened { authenticated: true };
        } else {
            self.send(element("failure", SASL).append(element("invalid-mechanism", SASL)));
        }
    }

    fn bind(&mut self, iq: &Element) {
        if self.faults.stream == Some(StreamFault::RefuseBind) {
            return self.send(refuse(iq, "wait", "resource-constraint"));
        }
        let jid = self.shared.bind();
        let bound = element("bind", BIND).append(element("jid", BIND).append(jid.as_str()));
        self.send(answer(iq, "result").append(bound));
        self.jid = Some(jid);
        self.phase = Phase::Bound;
    }

    fn handle_bound(&mut self, element: &Element) {
        if element.is("enable", SM) {
            return self.enable(element);
        }
        if element.is("r", SM)
            && let Some(handled) = self.handled
        {
            return self.send(self::element("a", SM).with("h", &handled.to_string()));
        }
        if element.is("a", SM) && self.handled.is_some() {
            return;
        }
        if !element.has_ns(CLIENT) || !matches!(element.name(), "iq" | "message" | "presence") {
            return self.fail("unsupported-stanza-type");
        }
        self.handled = self.handled.map(|handled| handled.wrapping_add(1));
        if is_request(element, "get", "ping", PING) || is_request(element, "set", "session", SESSION) {
            self.send(answer(element, "result"));
        } else if is_request(element, "get", "query", DISCO_INFO) {
            let identity =
                self::element("identity", DISCO_INFO).with("category", "server").with("type", "im");
            let features =
                [DISCO_INFO, PING].map(|var| self::element("feature", DISCO_INFO).with("var", var).build());
            let query = self::element("query", DISCO_INFO).append(identity).append_all(features);
            self.send(answer(element, "result").append(query));
        } else if element.name() == "iq" && matches!(element.attr("type"), Some("get" | "set")) {
            self.send(refuse(element, "cancel", "service-unavailable"));
        }
    }

    /// Stream management without resumption: the counters are kept, the session is not.
    fn enable(&mut self, _enable: &Element) {
        if self.handled.is_some() {
            let condition = element("unexpected-request", STANZA_ERRORS);
            return self.send(element("failed", SM).append(condition));
        }
        self.handled = Some(0);
        self.send(element("enabled", SM));
    }

    fn handle_close(&mut self) {
        let silent = self.faults.stream == Some(StreamFault::NoClose);
        if self.phase != Phase::Closed && !silent {
            self.send(element("close", FRAMING));
            self.phase = Phase::Closed;
        }
        self.unbind();
        if !silent {
            self.out.push(Reply::End);
        }
    }

    /// Ends the stream with an error (RFC 6120, section 4.9, framed by RFC 7395, section 3.5).
    fn fail(&mut self, condition: &str) {
        if self.phase != Phase::Closed {
            self.send(element("error", STREAMS).append(element(condition, STREAM_ERRORS)));
            self.send(element("close", FRAMING));
            self.phase = Phase::Closed;
        }
    }

    fn send(&mut self, element: ElementBuilder) {
        self.out.push(Reply::Text(String::from(&element.build())));
    }

    fn unbind(&mut self) {
        if let Some(jid) = self.jid.take() {
            self.shared.unbind(&jid);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.unbind();
    }
}

fn element(name: &str, namespace: &str) -> ElementBuilder {
    Element::builder(name, namespace)
}

trait With {
    fn with(self, name: &'static str, value: &str) -> Self;
}

impl With for ElementBuilder {
    fn with(self, name: &'static str, value: &str) -> Self {
        self.attr(rxml::NcName::try_from(name).expect("attribute names here are literals"), value)
    }
}

/// An IQ request whose payload is this element.
fn is_request(iq: &Element, kind: &str, name: &str, namespace: &str) -> bool {
    iq.is("iq", CLIENT) && iq.attr("type") == Some(kind) && iq.has_child(name, namespace)
}

fn answer(iq: &Element, kind: &str) -> ElementBuilder {
    element("iq", CLIENT).with("type", kind).with("id", iq.attr("id").unwrap_or_default())
}

fn refuse(iq: &Element, kind: &str, condition: &str) -> ElementBuilder {
    let condition = element(condition, STANZA_ERRORS);
    answer(iq, "error").append(element("error", CLIENT).with("type", kind).append(condition))
}
