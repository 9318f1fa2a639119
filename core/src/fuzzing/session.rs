//! A session, with a server that says anything, a network that does anything and a caller that calls anything.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::options::Config;
use crate::session::{
    Attachment, CallId, Credentials, Ending, Entropy, Features, HttpAnswer, HttpPurpose, Known, Output,
    SaltedPassword, Session, Start, WallClock,
};
use crate::transport::TransportError;
use crate::xml::parse;
use crate::{Options, outgoing};

const MAX_STANZAS: usize = 16;
const MAX_BYTES: usize = 8_192;
/// What the session may hold beside what its queue and its caller account for: its own pings and questions.
const OWN: usize = 16;
const DISCONNECT: Duration = Duration::from_secs(2);
/// As often is a deadline waited for, and so many lines are played.
const MAX_STEPS: u32 = 1_000;
/// What a corpus is to reach.
#[cfg(test)]
pub(super) const MOMENTS: [&str; 8] = [
    "established",
    "resumed",
    "interrupted",
    "token refused",
    "derived",
    "failed",
    "disconnected",
    "redirected",
];
/// A login as a guest, from the open transport on.
const LOGIN: [&str; 9] = [
    "o",
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.example' version='1.0' id='1'/>",
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
     <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>",
    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.example' version='1.0' id='2'/>",
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
     <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>",
    "<iq xmlns='jabber:client' type='result' id='bind'>\
     <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>guest@meet.example/one</jid></bind></iq>",
    "<enabled xmlns='urn:xmpp:sm:3' id='previous' resume='true' max='60'/>",
    "f",
];

/// Whatever comes, in whatever order: no panic; every call has one outcome; frames go out where there is a transport,
/// well-formed; what is held is bounded; time always passes from one deadline to the next; and `disconnect` ends it all in
/// its time, with nothing behind the end.
///
/// The first line is letters for what is configured, `e` for one that is established first. Then a line is a frame that
/// comes, or a letter for something else and what it takes. `@@` is the id of the last request that went out.
pub fn session(data: &[u8]) {
    play(data);
}

pub(super) fn play(data: &[u8]) -> BTreeSet<&'static str> {
    let Ok(text) = std::str::from_utf8(data) else { return BTreeSet::new() };
    let (setting, script) = text.split_once('\n').unwrap_or((text, ""));
    let mut play = Play::new(setting);
    if setting.contains('e') {
        LOGIN.iter().for_each(|line| play.line(line));
    }
    let mut last = "";
    for line in script.lines() {
        match line.strip_prefix('*') {
            Some(times) => (0..times.parse::<u8>().unwrap_or(1)).for_each(|_| play.line(last)),
            None => play.line(line),
        }
        if !line.starts_with('*') {
            last = line;
        }
    }
    play.finish();
    play.reached
}

fn configure(setting: &str) -> std::sync::Arc<Config> {
    let has = |letter| setting.contains(letter);
    let mut options = Options::new();
    let scheme = if has('b') { "https" } else { "wss" };
    let common = json!({
        "serviceUrl": format!("{scheme}://h/x"),
        "hosts": { "domain": "meet.example", "anonymousdomain": "guest.example" },
        "sendQueue": { "maxStanzas": MAX_STANZAS, "maxBytes": MAX_BYTES },
        "websocketKeepAlive": if has('k') { 60_000 } else { -1 },
        "enableWebsocketResume": !has('m'),
        "transport": { "pipelining": if has('s') { "off" } else { "auto" } },
        "xmppPing": { "interval": if has('i') { 0 } else { 10_000 } },
    });
    options.merge(common).expect("right types");
    if has('c') {
        options.set("conferenceRequestUrl", "https://h/request").expect("a known option");
    }
    if has('r') {
        options.merge(json!({ "reconnect": { "maxAttempts": 5 } })).expect("right types");
    }
    if has('d') {
        options.set("deploymentInfo.shard", "one").expect("a known option");
    }
    options.config().expect("complete")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    None,
    Opening,
    Open,
}

/// What the driver does, without a network.
struct Play {
    session: Session,
    now: Instant,
    start: Instant,
    transport: Transport,
    parked: bool,
    reading: bool,
    deriving: bool,
    requests: Vec<HttpPurpose>,
    /// Calls without an outcome, and how many there were.
    calls: BTreeSet<u64>,
    called: u64,
    last_id: String,
    steps: u32,
    ended: bool,
    reached: BTreeSet<&'static str>,
}

impl Play {
    fn new(setting: &str) -> Self {
        let config = configure(setting);
        let now = Instant::now();
        let has = |letter| setting.contains(letter);
        let token = has('t').then(|| "header.e30.signature".to_owned());
        let account = has('a').then_some(("user", "pencil")).unzip();
        let attachment = has('h').then(|| Attachment {
            jid: "guest@meet.example/one".to_owned(),
            sid: "s".to_owned(),
            rid: 7,
        });
        let credentials = match &attachment {
            Some(attachment) => Credentials::attached(&attachment.jid),
            None => Credentials::new(&config, token.as_deref(), account.0, account.1)
                .unwrap_or(Credentials::Anonymous { domain: "meet.example".to_owned() }),
        };
        let start = Start {
            features: Features::new(&config),
            credentials,
            token,
            attachment,
            room: has('n').then(|| "room".to_owned()),
            machine_uid: "machine".to_owned(),
            conference_session: None,
            known: Known::default(),
            entropy: Entropy { seed: 1, nonces: [7; 32] },
            wall: WallClock { instant: now, system: SystemTime::UNIX_EPOCH },
        };
        let mut play = Self {
            session: Session::connect(config, start, now),
            now,
            start: now,
            transport: Transport::None,
            parked: false,
            reading: true,
            deriving: false,
            requests: Vec::new(),
            calls: BTreeSet::new(),
            called: 0,
            last_id: String::new(),
            steps: 0,
            ended: false,
            reached: BTreeSet::new(),
        };
        play.settle();
        play
    }

    fn line(&mut self, line: &str) {
        self.steps += 1;
        if self.ended || self.steps > MAX_STEPS {
            return;
        }
        let (what, rest) = line.split_at_checked(1).unwrap_or_default();
        if what == "<" || what == "=" {
            self.receive(line.strip_prefix('=').unwrap_or(line));
        } else if !self.happen(what, rest) {
            self.call(what, rest);
        }
        self.settle();
    }

    fn receive(&mut self, frame: &str) {
        if self.transport == Transport::Open && self.reading && self.session.may_read() {
            let frame = frame.replace("@@", &self.last_id);
            self.session.handle_frame(self.now, &frame.as_str().into());
        }
    }

    /// What comes from the network and the clock. False if it is something else.
    fn happen(&mut self, what: &str, rest: &str) -> bool {
        let open = self.transport == Transport::Open;
        match what {
            "o" if self.transport == Transport::Opening => {
                self.transport = Transport::Open;
                self.session.handle_opened(self.now, 2);
            }
            "f" if open => self.session.handle_flushed(),
            "b" if open => self.session.handle_bytes(self.now),
            "x" if self.transport != Transport::None => {
                self.transport = Transport::None;
                self.session.handle_transport_error(self.now, broken(rest));
            }
            "y" if std::mem::take(&mut self.deriving) => {
                self.reached.insert("derived");
                self.session.handle_derived(&SaltedPassword::new(vec![0; 20]));
            }
            "h" if !self.requests.is_empty() => {
                let purpose = self.requests.remove(0);
                self.session.handle_http(self.now, purpose, answer(rest));
            }
            "+" => self.pass(rest),
            // The time passes, and the timer is late.
            "-" => {
                self.now += milliseconds(rest);
                self.time_out();
            }
            "." => self.pass_to_deadline(),
            "z" => {
                self.reading = !self.reading;
                if self.reading { self.session.unpause(self.now) } else { self.session.pause() }
            }
            "w" if !self.reading => self.session.handle_stalled(Duration::from_secs(30)),
            "o" | "f" | "b" | "x" | "y" | "h" | "w" => {}
            _ => return false,
        }
        true
    }

    fn call(&mut self, what: &str, rest: &str) {
        let now = self.now;
        match what {
            "s" => {
                if let Ok(xml) = outgoing::stanza(rest) {
                    let call = self.called();
                    self.session.send_stanza(now, call, xml);
                }
            }
            "q" => {
                if let Ok(outgoing::Request { id, to, xml }) = outgoing::request(rest) {
                    let call = self.called();
                    self.session.send_iq(now, call, id, to, xml, Duration::from_secs(5));
                }
            }
            "p" => {
                let call = self.called();
                self.session.ping(now, call, Duration::from_secs(5));
            }
            "t" => {
                let call = self.called();
                self.session.refresh_token(now, call, rest.to_owned());
            }
            "c" => {
                let call = self.called();
                self.session.request_conference(now, call, "room".to_owned());
            }
            "d" => self.session.disconnect(now, DISCONNECT),
            "n" => self.session.set_online(now, rest != "0"),
            "l" => self.session.set_listening(rest != "0"),
            _ => {}
        }
    }

    fn called(&mut self) -> CallId {
        self.called += 1;
        self.calls.insert(self.called);
        CallId(self.called)
    }

    fn pass(&mut self, rest: &str) {
        let then = self.now + milliseconds(rest);
        while let Some(deadline) = self.session.poll_timeout().filter(|deadline| *deadline <= then) {
            self.steps += 1;
            if self.ended || self.steps > MAX_STEPS {
                return;
            }
            self.now = deadline.max(self.now);
            self.time_out();
        }
        self.now = then;
    }

    fn pass_to_deadline(&mut self) {
        if let Some(deadline) = self.session.poll_timeout() {
            self.now = deadline.max(self.now);
            self.time_out();
        }
    }

    /// As the driver does it when its timer fires: again and again, as long as something is due.
    fn time_out(&mut self) {
        for _ in 0..10 {
            let system = SystemTime::UNIX_EPOCH + self.now.duration_since(self.start);
            self.session.set_wall_clock(WallClock { instant: self.now, system });
            self.session.handle_timeout(self.now);
            self.settle();
            if self.ended || self.session.poll_timeout().is_none_or(|next| next > self.now) {
                return;
            }
        }
        panic!("a deadline stays due");
    }

    fn settle(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert!(!self.ended, "nothing follows the end");
            self.apply(output);
        }
        self.session.rest();
        let held = self.session.held();
        // A call may be a stanza, a request and what is asked in it.
        let bound = 2 * MAX_STANZAS + 3 * self.calls.len() + OWN;
        assert!(held <= bound, "{held} are held, {} of them for the caller", self.calls.len());
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::Open { .. } => self.transport = Transport::Opening,
            Output::Drop => self.transport = Transport::None,
            Output::Park => {
                assert_eq!(self.transport, Transport::Open, "what is parked is open");
                (self.transport, self.parked) = (Transport::None, true);
            }
            Output::Unpark => {
                assert!(self.parked, "what is taken back is parked");
                (self.transport, self.parked) = (Transport::Open, false);
            }
            Output::DropParked => self.parked = false,
            Output::TokenRefused(_) => drop(self.reached.insert("token refused")),
            Output::Send(frame) => {
                assert_eq!(self.transport, Transport::Open, "there is nowhere to send {frame}");
                let element = parse(&frame).expect("what goes out is well-formed");
                if element.name == "iq" && matches!(element.attribute("type"), Some("get" | "set")) {
                    self.last_id = element.attribute("id").unwrap_or_default().to_owned();
                }
            }
            Output::Derive(_) => self.deriving = true,
            Output::Request(purpose, _) => {
                self.requests.retain(|other| *other != purpose);
                self.requests.push(purpose);
            }
            Output::Established { resumed, .. } => {
                assert_eq!(self.transport, Transport::Open, "a session has a transport");
                self.reached.insert(if resumed { "resumed" } else { "established" });
            }
            Output::Interrupted(_) => drop(self.reached.insert("interrupted")),
            Output::Completed(call, _) => assert!(self.calls.remove(&call.0), "a call has one outcome"),
            Output::Ended(ending) => {
                self.ended = true;
                self.reached.insert(match ending {
                    Ending::Failed(_) => "failed",
                    Ending::Disconnected => "disconnected",
                    Ending::Redirected { .. } => "redirected",
                });
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        if !self.ended {
            self.session.disconnect(self.now, DISCONNECT);
            self.settle();
        }
        let latest = self.now + DISCONNECT;
        for _ in 0..100 {
            match self.session.poll_timeout().filter(|deadline| !self.ended && *deadline <= latest) {
                Some(deadline) => self.now = deadline.max(self.now),
                None => break,
            }
            self.time_out();
        }
        assert!(self.ended, "it ends in the time that `disconnect` has");
        // Its caller settles that one with the end.
        let refreshing = self.session.refreshing().map(|call| call.0);
        assert!(self.calls.iter().all(|call| Some(*call) == refreshing), "every call has an outcome");
        self.session.handle_frame(self.now, &LOGIN[1].into());
        self.session.handle_opened(self.now, 2);
        self.session.handle_flushed();
        self.session.handle_transport_error(self.now, TransportError::Closed);
        self.session.disconnect(self.now, DISCONNECT);
        self.session.set_online(self.now, true);
        self.session.handle_timeout(self.now + Duration::from_secs(1_000_000));
        assert!(self.session.poll_output().is_none(), "nothing follows the end");
        assert_eq!(self.session.poll_timeout(), None);
    }
}

/// Up to ten minutes.
fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.parse::<u64>().unwrap_or(0).min(600_000))
}

fn broken(text: &str) -> TransportError {
    let reason = "broken".to_owned();
    match text {
        "s" => TransportError::HttpStatus { status: 503 },
        "t" => TransportError::TlsCertificate { reason },
        "b" => TransportError::BadFrame { reason },
        "l" => TransportError::TooLarge { limit: MAX_BYTES },
        "i" => TransportError::Terminated { condition: Some("item-not-found".to_owned()), status: Some(404) },
        "c" => TransportError::Closed,
        _ => TransportError::Lost { reason },
    }
}

/// A status and a body; without a status the request failed.
fn answer(text: &str) -> Result<HttpAnswer, TransportError> {
    let (status, body) = text.split_at_checked(3).unwrap_or_default();
    match status.parse() {
        Ok(status) => Ok(HttpAnswer { status, shard: Some(body.to_owned()), body: body.to_owned() }),
        Err(_) => Err(TransportError::Closed),
    }
}
