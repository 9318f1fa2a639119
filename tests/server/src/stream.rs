//! The XMPP stream: negotiation, stream management, and the few requests a client makes of a server.

use std::sync::Arc;

use data_encoding::BASE64;
use minidom::{Element, ElementBuilder, rxml};
use tokio::sync::mpsc::UnboundedSender;
use url::form_urlencoded;

use crate::auth::{Refusal, Scram, check_token};
use crate::requests::{self, Reply};
use crate::sessions::{MAX, Out};
use crate::xml::{CLIENT, STANZA_ERRORS, With, answer, bare, condition, element, is_request, name, refuse};
use crate::{DOMAIN, Faults, Push, ResumeFault, Shared, StreamFault, conference, muc};

const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
const STREAMS: &str = "http://etherx.jabber.org/streams";
const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
const SM: &str = "urn:xmpp:sm:3";

/// What the query of the service URL says.
#[derive(Debug, Default)]
pub(crate) struct Query {
    token: Option<String>,
    previd: Option<String>,
}

impl Query {
    pub(crate) fn of(token: Option<&str>) -> Self {
        Self { token: token.map(ToOwned::to_owned), previd: None }
    }

    pub(crate) fn parse(query: &str) -> Self {
        let value = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        Self { token: value("token"), previd: value("previd") }
    }
}

/// One client's stream.
pub(crate) struct Stream {
    query: Query,
    faults: Faults,
    shared: Arc<Shared>,
    /// To this connection.
    out: UnboundedSender<Out>,
    phase: Phase,
    scram: Option<Scram>,
    /// The bare JID that has authenticated.
    user: String,
    /// What its token says of the user.
    identity: Option<Arc<str>>,
    jid: Option<String>,
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
    pub(crate) const fn new(
        query: Query,
        faults: Faults,
        shared: Arc<Shared>,
        out: UnboundedSender<Out>,
    ) -> Self {
        let phase = Phase::Unopened { authenticated: false };
        Self {
            query,
            faults,
            shared,
            out,
            phase,
            scram: None,
            user: String::new(),
            identity: None,
            jid: None,
        }
    }

    /// The full JID that is bound.
    pub(crate) fn jid(&self) -> Option<String> {
        self.jid.clone()
    }

    /// Takes a frame; what it leads to goes out in order.
    pub(crate) fn handle_frame(&mut self, frame: &str) {
        if self.faults.stream != Some(StreamFault::Silent) {
            match frame.parse::<Element>() {
                Ok(element) => self.handle_element(&element, frame),
                Err(_) => self.fail("not-well-formed"),
            }
        }
    }

    /// Acknowledges so many stanzas more than were handled; first what was, if it is to go backwards.
    pub(crate) fn count(&self, beyond: i32) {
        let handled = self.jid.as_deref().and_then(|jid| self.shared.state().sessions.count(jid));
        let Some(handled) = handled else { return };
        if beyond < 0 {
            self.acknowledge(handled);
        }
        self.acknowledge(handled.wrapping_add_signed(beyond));
    }

    fn acknowledge(&self, h: u32) {
        self.send(element("a", SM).with("h", &h.to_string()));
    }

    /// Closes the stream from our side.
    pub(crate) fn close(&mut self) {
        if self.phase != Phase::Closed {
            self.send(element("close", FRAMING));
            self.unbind();
            self.phase = Phase::Closed;
        }
    }

    fn handle_element(&mut self, element: &Element, frame: &str) {
        if element.is("close", FRAMING) {
            return self.handle_close();
        }
        match self.phase {
            Phase::Unopened { authenticated } if element.is("open", FRAMING) => {
                self.open(element, authenticated)
            }
            Phase::Open { authenticated: false } if element.has_ns(SASL) => self.authenticate(element),
            Phase::Open { authenticated: true } if is_request(element, "set", "bind", BIND) => {
                self.bind(element)
            }
            Phase::Open { authenticated: true } if element.is("resume", SM) => self.resume(element),
            Phase::Bound => self.handle_bound(element, frame),
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
                return self.close();
            }
            Some(StreamFault::Cut) => return self.order(Out::Cut),
            Some(StreamFault::Malformed) => return self.order(Out::Text("<open xmlns='x'".to_owned())),
            Some(StreamFault::Binary) => return self.order(Out::Binary(vec![0; 4])),
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
            let management = (!self.faults.no_management).then(|| element("sm", SM).build());
            self.send(features.append(element("bind", BIND)).append(session).append_all(management));
        } else {
            let names = self.mechanisms();
            let mechanism = |name: &String| element("mechanism", SASL).append(name.as_str()).build();
            self.send(features.append(element("mechanisms", SASL).append_all(names.iter().map(mechanism))));
        }
    }

    fn mechanisms(&self) -> Vec<String> {
        let mut names = vec!["ANONYMOUS"];
        if !self.shared.accounts.is_empty() {
            names.extend(["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]);
        }
        if self.faults.stream == Some(StreamFault::NoAnonymous) {
            names = vec!["PLAIN"];
        }
        let ours = names.into_iter().map(ToOwned::to_owned).collect();
        self.faults.mechanisms.clone().unwrap_or(ours)
    }

    fn authenticate(&mut self, element: &Element) {
        self.shared.sasl.add(element.text());
        let outcome = match element.name() {
            "auth" => self.start_authentication(element),
            "response" => self.finish_scram(element).map(|answer| Some(("success", answer))),
            _ => Err(Refusal::MALFORMED),
        };
        match outcome {
            Ok(Some((name, text))) => {
                let text = BASE64.encode(text.as_bytes());
                self.shared.sasl.add(text.clone());
                self.send(self::element(name, SASL).append(text));
                if name == "success" {
                    self.phase = Phase::Unopened { authenticated: true };
                }
            }
            Ok(None) => {
                self.send(self::element("success", SASL));
                self.phase = Phase::Unopened { authenticated: true };
            }
            Err(refusal) => {
                let text = refusal.text.map(|text| self::element("text", SASL).append(text).build());
                let condition = self::element(refusal.condition, SASL);
                self.send(self::element("failure", SASL).append(condition).append_all(text));
            }
        }
    }

    /// `None` is success at once; else the name of what to answer, and its content.
    fn start_authentication(&mut self, auth: &Element) -> Result<Option<(&'static str, String)>, Refusal> {
        if self.faults.stream == Some(StreamFault::RefuseAuth) {
            return Err(Refusal { condition: "not-allowed", text: Some("token required") });
        }
        let mechanism = auth.attr("mechanism").unwrap_or_default();
        if !self.mechanisms().iter().any(|offered| offered == mechanism) {
            return Err(Refusal { condition: "invalid-mechanism", text: None });
        }
        let message = decode(auth);
        match mechanism {
            "ANONYMOUS" => {
                if let Some(secret) = &self.shared.token_secret {
                    self.identity = check_token(secret, self.query.token.as_deref())?.map(Arc::from);
                }
                self.user = self.guest();
                Ok(None)
            }
            "PLAIN" => {
                let message = message.ok_or(Refusal::MALFORMED)?;
                let mut parts = message.splitn(3, '\0').skip(1);
                let (name, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                if self.shared.accounts.get(name).is_none_or(|expected| expected != password) {
                    return Err(Refusal::NOT_AUTHORIZED);
                }
                self.user = format!("{name}@{DOMAIN}");
                Ok(None)
            }
            _ => {
                let message = message.ok_or(Refusal::MALFORMED)?;
                let sha256 = mechanism == "SCRAM-SHA-256";
                let (accounts, salted) = (&self.shared.accounts, &self.shared.salted_passwords);
                let (scram, challenge) = Scram::start(sha256, &message, accounts, salted)?;
                self.scram = Some(scram);
                Ok(Some(("challenge", challenge)))
            }
        }
    }

    fn finish_scram(&mut self, response: &Element) -> Result<String, Refusal> {
        let scram = self.scram.take().ok_or(Refusal::MALFORMED)?;
        let proof = scram.finish(&decode(response).ok_or(Refusal::MALFORMED)?)?;
        self.user = format!("{}@{DOMAIN}", scram.username);
        Ok(proof)
    }

    /// As Jitsi's authentication modules do: a guest that comes back to resume is the user of its old session, and
    /// any other guest a new one.
    fn guest(&self) -> String {
        let mut state = self.shared.state();
        let old = self.query.previd.as_deref().and_then(|previd| state.sessions.resumable(previd));
        match old {
            Some(jid) => bare(&jid).to_owned(),
            None => format!("guest{:06}@{DOMAIN}", state.sessions.next_number()),
        }
    }

    fn bind(&mut self, iq: &Element) {
        if self.faults.stream == Some(StreamFault::RefuseBind) {
            return self.send(refuse(iq, "wait", "resource-constraint"));
        }
        let asked =
            iq.get_child("bind", BIND).and_then(|bind| bind.get_child("resource", BIND)).map(Element::text);
        let resource =
            asked.unwrap_or_else(|| format!("res{:06}", self.shared.state().sessions.next_number()));
        let jid = format!("{}/{resource}", self.user);
        // Who was bound there before is not there any more.
        self.shared.in_rooms(|rooms, out| rooms.ended(&jid, out));
        let mut state = self.shared.state();
        state.sessions.bind(jid.clone(), self.out.clone(), self.identity.clone());
        let deployment = Arc::clone(&state.deployment);
        drop(state);
        let push = |moment| {
            if let Some(push) = requests::push(&deployment, moment, &jid) {
                // Stream management is not on yet, and counts nothing.
                self.order(Out::Text(push));
            }
        };
        push(Push::BeforeBind);
        let bound = element("bind", BIND).append(element("jid", BIND).append(jid.as_str()));
        self.send(answer(iq, "result").append(bound));
        push(Push::AfterBind);
        self.jid = Some(jid);
        self.phase = Phase::Bound;
    }

    fn resume(&mut self, resume: &Element) {
        let previd = resume.attr("previd").unwrap_or_default();
        let h = resume.attr("h").and_then(|h| h.parse().ok());
        let mut state = self.shared.state();
        let jid = state.sessions.resumable(previd).filter(|jid| bare(jid) == self.user);
        let fault = self.faults.resume;
        let (Some(jid), Some(h), None | Some(ResumeFault::OverAcknowledge)) = (&jid, h, fault) else {
            let count = jid.as_deref().and_then(|jid| state.sessions.count(jid));
            if let Some(jid) = &jid
                && fault != Some(ResumeFault::Silent)
            {
                drop(state);
                self.shared.end_session(jid);
            } else {
                drop(state);
            }
            return self.refuse_resume(fault, count);
        };
        let (handled, again) = state.sessions.resume(jid, h, self.out.clone()).unwrap_or_default();
        drop(state);
        let handled = if fault.is_some() { handled.wrapping_add(1) } else { handled };
        self.send(element("resumed", SM).with("previd", previd).with("h", &handled.to_string()));
        for stanza in again {
            self.order(Out::Text(stanza));
        }
        self.jid = Some(jid.clone());
        self.phase = Phase::Bound;
    }

    fn refuse_resume(&self, fault: Option<ResumeFault>, count: Option<u32>) {
        if fault == Some(ResumeFault::Silent) {
            return;
        }
        let mut failed = element("failed", SM).append(element("item-not-found", STANZA_ERRORS));
        if let Some(count) = count.filter(|_| fault == Some(ResumeFault::RefuseWithCount)) {
            failed = failed.with("h", &count.to_string());
        }
        self.send(failed);
    }

    fn handle_bound(&mut self, element: &Element, frame: &str) {
        let Some(jid) = self.jid.clone() else { return };
        if element.has_ns(SM) {
            return self.handle_management(&jid, element);
        }
        if !element.has_ns(CLIENT) || !matches!(element.name(), "iq" | "message" | "presence") {
            return self.fail("unsupported-stanza-type");
        }
        self.shared.state().sessions.handled(&jid);
        self.shared.handled.send_modify(|handled| *handled += 1);
        if conference::iq::is_asked(element) {
            return conference::iq::handle(&self.shared, &jid, element, frame.len());
        }
        if muc::is_for_rooms(element) {
            return self.shared.handle_in_rooms(&jid, element);
        }
        let deployment = Arc::clone(&self.shared.state().deployment);
        let reply = match requests::reply(element, &jid, &deployment) {
            Reply::Answer(reply) => reply,
            Reply::Route(to) => return self.route(&jid, &to, frame),
            Reply::Nothing => return,
        };
        self.deliver(&jid, reply.with("from", element.attr("to").unwrap_or(bare(&jid))).with("to", &jid));
    }

    /// Sends a stanza on to another session, with the true sender.
    fn route(&self, from: &str, to: &str, frame: &str) {
        let Ok(mut stanza) = frame.parse::<Element>() else { return };
        stanza.set_attr(rxml::Namespace::NONE, name("from"), from);
        let delivered = self.shared.state().sessions.deliver(to, String::from(&stanza));
        if !delivered && stanza.name() == "iq" {
            self.deliver(from, refuse(&stanza, "cancel", "service-unavailable").with("from", to));
        }
    }

    fn handle_management(&mut self, jid: &str, element: &Element) {
        match element.name() {
            "enable" if self.faults.no_management => self.fail("unsupported-stanza-type"),
            "enable" => {
                let resume = matches!(element.attr("resume"), Some("true" | "1"));
                let id = self.shared.state().sessions.enable(jid, resume);
                self.send(match id {
                    Some(id) if resume => self.granted(&id),
                    Some(_) => self::element("enabled", SM),
                    None => {
                        self::element("failed", SM).append(self::element("unexpected-request", STANZA_ERRORS))
                    }
                });
            }
            "r" => {
                let count = self.shared.state().sessions.count(jid);
                if let Some(count) = count {
                    self.acknowledge(count);
                }
            }
            "a" => {
                if let Some(h) = element.attr("h").and_then(|h| h.parse().ok()) {
                    self.shared.state().sessions.acknowledge(jid, h);
                }
            }
            _ => self.fail("unsupported-stanza-type"),
        }
    }

    fn granted(&self, id: &str) -> ElementBuilder {
        let enabled = element("enabled", SM).with("resume", "true").with("max", &MAX.as_secs().to_string());
        let enabled = if self.faults.no_id { enabled } else { enabled.with("id", id) };
        match &self.faults.location {
            Some(location) => enabled.with("location", location),
            None => enabled,
        }
    }

    fn handle_close(&mut self) {
        let silent = self.faults.stream == Some(StreamFault::NoClose);
        if self.phase != Phase::Closed && !silent {
            self.send(element("close", FRAMING));
            self.phase = Phase::Closed;
        }
        self.unbind();
        if !silent {
            self.order(Out::End);
        }
    }

    /// Ends the stream with an error (RFC 6120, section 4.9, framed by RFC 7395, section 3.5).
    pub(crate) fn fail(&mut self, condition: &str) {
        if self.phase != Phase::Closed {
            self.send(element("error", STREAMS).append(self::condition(condition, STREAM_ERRORS)));
            self.close();
        }
    }

    fn send(&self, element: ElementBuilder) {
        self.order(Out::Text(String::from(&element.build())));
    }

    /// A stanza to our own client, which stream management counts.
    fn deliver(&self, jid: &str, stanza: ElementBuilder) {
        self.shared.state().sessions.deliver(jid, String::from(&stanza.build()));
    }

    fn order(&self, out: Out) {
        // The connection that reads these orders is the one that makes us give them.
        let _ = self.out.send(out);
    }

    /// The client, or we, closed the stream in an orderly way: nothing is left to resume.
    fn unbind(&mut self) {
        if let Some(jid) = self.jid.take() {
            self.shared.end_session(&jid);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(jid) = self.jid.take() {
            self.shared.lose_connection(jid, &self.out);
        }
    }
}

fn decode(element: &Element) -> Option<String> {
    String::from_utf8(BASE64.decode(element.text().as_bytes()).ok()?).ok()
}
