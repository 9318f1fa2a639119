//! The session in virtual time: every deadline is reached at once, and any seed replays.

mod attach;
mod conference;
mod discovery;
mod ends;
mod login;
mod recovery;
mod rooms;
mod stanzas;
mod tokens;

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::{
    Attachment, CallId, Credentials, Ending, Entropy, Features, Known, Output, Session, Start, WallClock,
};
use crate::{CompletionResult, Failure, Options};

const OPEN: &str =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.example' version='1.0' id='1'/>";
const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const FEATURES: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>";
/// Tells as little as a push can.
const PUSH: &str = "<message xmlns='jabber:client' from='meet.example'>\
    <query xmlns='http://jabber.org/protocol/disco#info'/></message>";
/// The calendar's time when the session begins, since 1970.
const WALL: Duration = Duration::from_secs(1_000_000);
const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>guest@meet.example/one</jid></bind></iq>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='previous' resume='true' max='60'/>";

const SENT_OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>";
const SENT_AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
const SENT_BIND: &str =
    "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
const SENT_ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const SENT_CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const SENT_REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn mechanisms(names: &[&str]) -> String {
    let offered: String = names.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    format!(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{offered}</mechanisms></stream:features>"
    )
}

fn resume(h: u32) -> String {
    format!("<resume xmlns='urn:xmpp:sm:3' previd='previous' h='{h}'/>")
}

/// A session at a moment of virtual time.
struct Rig {
    session: Session,
    now: Instant,
}

impl Rig {
    fn new(options: Value) -> Self {
        Self::with(options, None, Known::default())
    }

    fn with(options: Value, account: Option<(&str, &str)>, known: Known) -> Self {
        let mut tree = Options::new();
        // Without keep-alive, which the tests of it turn on, the next deadline is that of the ping.
        let base = json!({ "serviceUrl": "wss://h/x", "hosts": { "domain": "meet.example" }, "websocketKeepAlive": -1 });
        tree.merge(base).unwrap();
        tree.merge(options).unwrap();
        let (id, password) = account.unzip();
        let credentials = Credentials::new(&tree.config().unwrap(), None, id, password).unwrap();
        Self::of(&tree, credentials, known, None)
    }

    fn of(tree: &Options, credentials: Credentials, known: Known, attachment: Option<Attachment>) -> Self {
        let config = tree.config().unwrap();
        let now = Instant::now();
        let start = Start {
            features: Features::new(&config),
            credentials,
            token: None,
            attachment,
            room: config.conference.room.clone(),
            machine_uid: "machine".to_owned(),
            conference_session: None,
            known,
            entropy: Entropy { seed: 1, nonces: [7; 32] },
            wall: WallClock { instant: now, system: SystemTime::UNIX_EPOCH + WALL },
        };
        Self { session: Session::connect(config, start, now), now }
    }

    /// A session that the server has established, with stream management.
    fn established(options: Value) -> Self {
        let mut rig = Self::new(options);
        rig.open();
        let outputs =
            rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, ENABLED]);
        assert!(matches!(outputs.last(), Some(Output::Established { resumed: false, .. })), "{outputs:?}");
        rig
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    /// The transport opens, over TCP alone.
    fn open(&mut self) -> Vec<Output> {
        let before = self.outputs();
        assert!(before.iter().any(|output| matches!(output, Output::Open { .. })), "{before:?}");
        self.session.handle_opened(self.now, 2);
        self.outputs()
    }

    fn play(&mut self, frames: &[&str]) -> Vec<Output> {
        frames.iter().for_each(|frame| self.session.handle_frame(self.now, &(*frame).into()));
        self.outputs()
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// Lets time pass until the next deadline.
    fn time_out(&mut self) -> Vec<Output> {
        self.now = self.session.poll_timeout().expect("a deadline");
        self.session.handle_timeout(self.now - Duration::from_nanos(1));
        assert_eq!(self.outputs(), [], "not before its time");
        self.session.handle_timeout(self.now);
        self.outputs()
    }

    /// The transport breaks.
    fn cut(&mut self) -> Vec<Output> {
        let reason = "reset".to_owned();
        self.session.handle_transport_error(self.now, crate::transport::TransportError::Lost { reason });
        self.outputs()
    }

    /// The server takes the session up again, having handled `h` of our stanzas.
    fn resume(&mut self, h: u32) -> Vec<Output> {
        self.open();
        let resumed = format!("<resumed xmlns='urn:xmpp:sm:3' previd='previous' h='{h}'/>");
        self.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, &resumed])
    }

    fn send(&mut self, call: u64) -> Vec<Output> {
        self.session.send_stanza(self.now, CallId(call), stanza(call));
        self.outputs()
    }
}

fn stanza(number: u64) -> String {
    format!("<message xmlns='jabber:client' id='{number}'/>")
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

fn completed(outputs: &[Output]) -> Vec<(u64, &CompletionResult)> {
    let calls = outputs.iter().filter_map(|output| match output {
        Output::Completed(call, result) => Some((call.0, result)),
        _ => None,
    });
    calls.collect()
}
