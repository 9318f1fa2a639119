//! The session in virtual time: every deadline is reached at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Ending, Output, Session};
use crate::options::Config;
use crate::times::Milestone;
use crate::transport::TransportError;
use crate::{Code, ErrorType, Failure, Options};

const OPEN: &str =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.example' version='1.0' id='1'/>";
const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const MECHANISMS: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>\
    </stream:features>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const FEATURES: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
const PUSH: &str = "<message xmlns='jabber:client' from='meet.example'/>";
const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>guest@meet.example/one</jid></bind></iq>";

/// A session at a moment of virtual time.
struct Rig {
    session: Session,
    start: Instant,
}

impl Rig {
    fn new() -> Self {
        let mut options = Options::new();
        let tree = json!({ "serviceUrl": "ws://h/x", "hosts": { "domain": "meet.example" },
            "transport": { "connectTimeout": 1000 }, "loginTimeout": 2000 });
        options.merge(tree).unwrap();
        let config: Arc<Config> = Arc::new(options.config(None).unwrap());
        let start = Instant::now();
        Self { session: Session::connect(config, start), start }
    }

    /// A session that the server has established.
    fn established() -> Self {
        let mut rig = Self::new();
        rig.session.handle_opened(rig.start);
        let outputs = rig.play(&[OPEN, MECHANISMS, SUCCESS, OPEN, FEATURES, PUSH, BOUND]);
        assert_eq!(outputs.last(), Some(&Output::Established { jid: "guest@meet.example/one".to_owned() }));
        rig
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    fn play(&mut self, frames: &[&str]) -> Vec<Output> {
        frames.iter().for_each(|frame| self.session.handle_frame(frame));
        self.outputs()
    }

    /// Lets time pass until the next deadline, which must be this one.
    fn time_out(&mut self, ms: u64) -> Vec<Output> {
        assert_eq!(self.session.poll_timeout(), Some(self.at(ms)));
        self.session.handle_timeout(self.at(ms - 1));
        assert_eq!(self.outputs(), [], "not before its time");
        self.session.handle_timeout(self.at(ms));
        self.outputs()
    }
}

fn failure(outputs: &[Output]) -> &Failure {
    match outputs.last() {
        Some(Output::Ended(Ending::Failed(failure))) => failure,
        other => panic!("the session should have failed: {other:?}"),
    }
}

fn sent(outputs: &[Output]) -> Vec<&str> {
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Send(frame) => Some(frame.as_str()),
        _ => None,
    });
    frames.collect()
}

#[test]
fn the_login_says_what_the_rfcs_ask_for_one_step_after_the_other() {
    let mut rig = Rig::new();
    assert_eq!(rig.outputs(), [Output::Reached(Milestone::Connecting), Output::Open]);
    rig.session.handle_opened(rig.start);
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>";
    assert_eq!(sent(&rig.outputs()), [open]);
    assert_eq!(sent(&rig.play(&[OPEN])), [""; 0]);
    assert_eq!(
        sent(&rig.play(&[MECHANISMS])),
        ["<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"]
    );
    assert_eq!(sent(&rig.play(&[SUCCESS])), [open]);
    assert_eq!(
        sent(&rig.play(&[OPEN, FEATURES])),
        [
            "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        ]
    );
    assert_eq!(sent(&rig.play(&[PUSH, BOUND])), [""; 0]);
    assert_eq!(rig.session.poll_timeout(), None, "nothing is waited for once established");
}

#[test]
fn the_connect_timeout_covers_everything_up_to_the_open_transport() {
    let mut rig = Rig::new();
    rig.outputs();
    let outputs = rig.time_out(1000);
    assert_eq!(failure(&outputs).code, Code::TimeoutConnect);
}

#[test]
fn the_login_timeout_runs_from_the_open_transport_and_no_frame_extends_it() {
    for done in 0..6 {
        let mut rig = Rig::new();
        rig.session.handle_opened(rig.at(500));
        rig.play(&[OPEN, MECHANISMS, SUCCESS, OPEN, FEATURES, PUSH][..done]);
        let outputs = rig.time_out(2500);
        assert_eq!(failure(&outputs).code, Code::TimeoutLogin, "after {done} frames");
    }
}

#[test]
fn disconnect_waits_for_the_server_only_so_long() {
    let mut rig = Rig::established();
    rig.session.disconnect(rig.at(10_000), Duration::from_millis(300));
    assert_eq!(
        sent(&rig.outputs()),
        [
            "<presence xmlns='jabber:client' type='unavailable'/>",
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
        ]
    );
    let outputs = rig.time_out(10_300);
    assert_eq!(outputs.last(), Some(&Output::Ended(Ending::Disconnected)));
}

#[test]
fn whatever_comes_after_our_close_the_session_ends_as_disconnected() {
    let endings: [&dyn Fn(&mut Rig); 4] = [
        &|rig| rig.session.handle_frame(CLOSE),
        &|rig| rig.session.handle_frame("<oops"),
        &|rig| rig.session.handle_transport_error(TransportError::Closed),
        &|rig| rig.session.handle_frame("<error xmlns='http://etherx.jabber.org/streams'/>"),
    ];
    for end in endings {
        let mut rig = Rig::established();
        rig.session.disconnect(rig.start, Duration::from_secs(2));
        rig.play(&[PUSH]);
        end(&mut rig);
        let outputs = rig.outputs();
        assert_eq!(outputs.last(), Some(&Output::Ended(Ending::Disconnected)));
    }
}

#[test]
fn an_ended_session_says_nothing_more() {
    let mut rig = Rig::established();
    rig.session.handle_transport_error(TransportError::Closed);
    assert_eq!(failure(&rig.outputs()).error_type, ErrorType::DroppedError);
    rig.session.handle_transport_error(TransportError::Closed);
    rig.session.handle_opened(rig.start);
    rig.session.disconnect(rig.start, Duration::from_secs(1));
    rig.session.handle_timeout(rig.at(100_000));
    assert_eq!(rig.play(&[OPEN, PUSH, "<oops", CLOSE]), []);
    assert_eq!(rig.session.poll_timeout(), None);
}

#[test]
fn a_request_of_the_server_is_answered_even_when_we_do_not_know_it() {
    let mut rig = Rig::established();
    let outputs = rig.play(&[
        "<iq xmlns='jabber:client' type='get' id='a&amp;b' from='meet.example'><query xmlns='urn:x'/></iq>",
        "<iq xmlns='jabber:client' type='result' id='unasked'/>",
        PUSH,
    ]);
    assert_eq!(
        sent(&outputs),
        ["<iq xmlns='jabber:client' type='error' id='a&amp;b' to='meet.example'><error type='cancel'>\
          <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"]
    );
}

#[test]
fn a_frame_out_of_turn_breaks_the_protocol() {
    let turns = [
        &[FEATURES][..],
        &[OPEN, SUCCESS],
        &[OPEN, MECHANISMS, FEATURES],
        &[OPEN, MECHANISMS, SUCCESS, PUSH],
    ];
    for frames in turns {
        let mut rig = Rig::new();
        rig.session.handle_opened(rig.start);
        let outputs = rig.play(frames);
        assert_eq!(failure(&outputs).code, Code::ProtocolViolation, "{frames:?}");
    }
    let mut rig = Rig::established();
    assert_eq!(failure(&rig.play(&[SUCCESS])).code, Code::ProtocolViolation);
}

#[test]
fn the_bound_jid_must_be_a_full_jid() {
    for jid in ["", "meet.example", "guest@meet.example", "@/"] {
        let mut rig = Rig::new();
        rig.session.handle_opened(rig.start);
        rig.play(&[OPEN, MECHANISMS, SUCCESS, OPEN, FEATURES]);
        let outputs = rig.play(&[&BOUND.replace("guest@meet.example/one", jid)]);
        assert_eq!(failure(&outputs).code, Code::ProtocolViolation, "{jid:?}");
    }
}

#[test]
fn a_stream_error_says_whether_to_try_again() {
    let cases = [("system-shutdown", true), ("host-unknown", false), ("conflict", false)];
    for (condition, transient) in cases {
        let mut rig = Rig::established();
        let outputs = rig.play(&[&format!(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>why</text></stream:error>"
        )]);
        let failure = failure(&outputs);
        assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::StreamError));
        assert_eq!(failure.condition.as_deref(), Some(condition));
        assert_eq!(failure.server_text.as_deref(), Some("why"));
        assert_eq!(failure.transient, transient, "{condition}");
    }
}
