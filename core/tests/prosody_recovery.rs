//! Logins, flights and resumed sessions against a real Prosody, through a proxy that drops and counts.

mod common;

use common::{next, options, within};
use jitsimeet::{Code, ConnectOptions, Error, Event, Events, JitsiConnection, Options};
use jitsimeet_testprosody::TestProsody;
use jitsimeet_testproxy::TestProxy;

/// Prosody behind the proxy.
struct Rig {
    prosody: TestProsody,
    proxy: TestProxy,
    secure: bool,
}

impl Rig {
    async fn start(secure: bool) -> Option<Self> {
        let prosody = tokio::task::spawn_blocking(TestProsody::start_or_skip).await.unwrap()?;
        let port = if secure { prosody.secure_port() } else { prosody.port() };
        let proxy = TestProxy::start(port).await.unwrap();
        Some(Self { prosody, proxy, secure })
    }

    fn options(&self, domain: &str) -> Options {
        let scheme = if self.secure { "wss" } else { "ws" };
        let url = format!("{scheme}://localhost:{}/xmpp-websocket", self.proxy.port());
        let mut options = options(&url, domain);
        options.set("tls.caCertificates", self.prosody.ca_certificate()).unwrap();
        options
    }

    fn guest(&self) -> JitsiConnection {
        JitsiConnection::new(None, None, &self.options(self.prosody.domain())).unwrap()
    }

    fn account(&self) -> JitsiConnection {
        JitsiConnection::new(None, None, &self.options(self.prosody.accounts_domain())).unwrap()
    }

    fn credentials(&self) -> ConnectOptions {
        let (name, password) = self.prosody.account();
        ConnectOptions::account(name, password)
    }

    /// The flights of the last connection, TCP's own not among them.
    fn flights(&self) -> u32 {
        self.proxy.seen().last().unwrap().flights
    }
}

/// A session whose parser has lost its place dies at the next stanza: a hundred prove that it has not.
async fn answers_a_hundred(connection: &JitsiConnection, domain: &str) {
    for _ in 0..100 {
        let ping = format!("<iq type='get' to='{domain}'><ping xmlns='urn:xmpp:ping'/></iq>");
        let answer = within("the answer", connection.send_iq(&ping, None)).await.unwrap();
        assert!(answer.contains("result"), "{answer}");
    }
}

async fn resumed(events: &mut Events) {
    assert!(matches!(next(events).await, Event::Interrupted { .. }));
    assert!(matches!(next(events).await, Event::Resumed { .. }));
    assert!(matches!(next(events).await, Event::ConnectionEstablished { resumed: true, .. }));
}

/// (secure, what TLS 1.3 adds)
const TRANSPORTS: [(bool, u32); 2] = [(false, 0), (true, 1)];

#[tokio::test]
async fn a_guest_logs_in_with_three_flights_and_resumes_with_two() {
    for (secure, tls) in TRANSPORTS {
        let Some(rig) = Rig::start(secure).await else { return };
        let connection = rig.guest();
        let mut events = connection.events();
        let jid = within("the connection", connection.connect()).await.unwrap();
        assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
        assert_eq!(rig.flights(), 3 + tls);
        assert_eq!(connection.connection_times().round_trips(), Some(4 + tls));
        answers_a_hundred(&connection, rig.prosody.domain()).await;

        rig.proxy.cut();
        resumed(&mut events).await;
        assert_eq!(rig.flights(), 2 + tls);
        assert_eq!(connection.jid(), Some(jid));
        answers_a_hundred(&connection, rig.prosody.domain()).await;
    }
}

#[tokio::test]
async fn an_account_logs_in_with_four_flights_and_resumes() {
    for (secure, tls) in TRANSPORTS {
        let Some(rig) = Rig::start(secure).await else { return };
        let connection = rig.account();
        let mut events = connection.events();
        let jid = within("the connection", connection.connect_with(rig.credentials())).await.unwrap();
        assert!(jid.starts_with("user@accounts.localhost/"), "{jid}");
        assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
        assert_eq!(rig.flights(), 4 + tls);
        answers_a_hundred(&connection, rig.prosody.accounts_domain()).await;

        rig.proxy.cut();
        resumed(&mut events).await;
        assert_eq!(connection.jid(), Some(jid));
        answers_a_hundred(&connection, rig.prosody.accounts_domain()).await;
    }
}

#[tokio::test]
async fn no_stanza_is_lost_or_doubled_across_a_drop_either_way() {
    let Some(rig) = Rig::start(false).await else { return };
    let (alice, bob) = (rig.guest(), rig.guest());
    let mut inboxes = Vec::new();
    for connection in [&alice, &bob] {
        connection.set_stanza_listening(true);
        let events = connection.events();
        let jid = within("the connection", connection.connect()).await.unwrap();
        inboxes.push((events, jid));
    }
    let mut outcomes = Vec::new();
    for number in 0..40 {
        if number == 15 {
            rig.proxy.cut();
        }
        for (from, (_, to)) in [(&alice, &inboxes[1]), (&bob, &inboxes[0])] {
            let message = format!("<message to='{to}' id='n{number}'><body>x</body></message>");
            let from = from.clone();
            outcomes.push(tokio::spawn(async move { from.send_stanza(&message).await }));
        }
        tokio::task::yield_now().await;
    }
    for outcome in outcomes {
        within("every outcome", outcome).await.unwrap().unwrap();
    }
    let expected: Vec<_> = (0..40).map(|n| format!("n{n}")).collect();
    for (events, _) in &mut inboxes {
        let mut ids = Vec::new();
        while ids.len() < expected.len() {
            if let Event::StanzaReceived(stanza) = next(events).await
                && stanza.name() == "message"
            {
                ids.extend(stanza.id().map(ToOwned::to_owned));
            }
        }
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_host_are_final() {
    let Some(rig) = Rig::start(false).await else { return };
    let wrong = ConnectOptions::account("user", "wrong");
    let outcome = within("the refusal", rig.account().connect_with(wrong)).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code, failure.transient), (Code::SaslFailure, false), "{failure}");

    let unknown = JitsiConnection::new(None, None, &rig.options("nobody.localhost")).unwrap();
    let outcome = within("the refusal", unknown.connect()).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.condition.as_deref(), Some("host-unknown"), "{failure}");
}

#[tokio::test]
async fn a_black_hole_is_left_for_a_new_transport() {
    let Some(rig) = Rig::start(false).await else { return };
    let mut options = rig.options(rig.prosody.domain());
    options.set("xmppPing.interval", 100).unwrap();
    options.set("xmppPing.timeout", 100).unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    rig.proxy.stall();
    let Event::Interrupted { code, .. } = next(&mut events).await else { panic!("the link is dead") };
    assert_eq!(code, Code::PingTimeout);
    assert!(matches!(next(&mut events).await, Event::Resumed { .. }));
}
