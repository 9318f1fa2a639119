//! A real server behind a proxy that drops and counts, and what every such server must survive.

use jitsimeet::{ConnectOptions, Error, Event, Events, JitsiConnection, Milestone, Options};
use jitsimeet_testdaemon::{Daemon, Program};
use jitsimeet_testproxy::TestProxy;

use super::{next, options, within};

/// A server behind the proxy.
pub struct Rig<P> {
    pub server: Daemon<P>,
    pub proxy: TestProxy,
    secure: bool,
}

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Guest,
    Account,
}

/// (secure, what TLS 1.3 adds)
pub const TRANSPORTS: [(bool, usize); 2] = [(false, 0), (true, 1)];

impl<P: Program + Send + 'static> Rig<P> {
    pub async fn start(secure: bool) -> Option<Self> {
        let server = tokio::task::spawn_blocking(Daemon::start_or_skip).await.unwrap()?;
        let port = if secure { server.secure_port() } else { server.port() };
        let proxy = TestProxy::start(port).await.unwrap();
        Some(Self { server, proxy, secure })
    }

    pub fn domain(&self, who: Who) -> &'static str {
        match who {
            Who::Guest => self.server.domain(),
            Who::Account => self.server.accounts_domain(),
        }
    }

    pub fn options(&self, domain: &str) -> Options {
        let scheme = if self.secure { "wss" } else { "ws" };
        let url = format!("{scheme}://localhost:{}/xmpp-websocket", self.proxy.port());
        let mut options = options(&url, domain);
        options.set("tls.caCertificates", self.server.ca_certificate()).unwrap();
        // It would be one more connection through the proxy.
        options.set("websocketKeepAlive", -1).unwrap();
        options
    }

    pub fn connection(&self, who: Who) -> JitsiConnection {
        JitsiConnection::new(None, None, &self.options(self.domain(who))).unwrap()
    }

    /// One that nothing happens to.
    pub fn connection_without_proxy(&self, who: Who) -> JitsiConnection {
        let mut options = self.options(self.domain(who));
        options.set("serviceUrl", self.server.service_url()).unwrap();
        JitsiConnection::new(None, None, &options).unwrap()
    }

    /// Connects; returns the JID.
    pub async fn connect(&self, connection: &JitsiConnection, who: Who) -> String {
        let (name, password) = self.server.account();
        let options = match who {
            Who::Guest => ConnectOptions::default(),
            Who::Account => ConnectOptions::account(name, password),
        };
        within("the connection", connection.connect_with(options)).await.unwrap()
    }

    /// The flights that it took to get there, TCP's own not among them. What follows may be under way already.
    pub fn flights_to(&self, connection: &JitsiConnection, milestone: Milestone) -> usize {
        self.proxy.flights_before(connection.connection_times().get(milestone).unwrap())
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

/// Counts the flights of a login and of a resume, over TCP and, one more, over TLS.
pub async fn logs_in_and_resumes<P: Program + Send + 'static>(who: Who, login: usize, resume: usize) {
    for (secure, tls) in TRANSPORTS {
        let Some(rig) = Rig::<P>::start(secure).await else { return };
        let mut flights = Vec::new();
        let (connection, mut events, jid) = loop {
            let connection = rig.connection(who);
            let mut events = connection.events();
            let jid = rig.connect(&connection, who).await;
            assert!(jid.contains(&format!("@{}/", rig.domain(who))), "{jid}");
            assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
            let round_trips = connection.connection_times().round_trips().unwrap();
            assert_eq!(usize::try_from(round_trips).unwrap(), 1 + login + tls);
            answers_a_hundred(&connection, rig.domain(who)).await;
            flights.push(rig.flights_to(&connection, Milestone::Connected));
            if are(&flights, login + tls) {
                break (connection, events, jid);
            }
        };
        flights.clear();
        loop {
            rig.proxy.cut();
            resumed(&mut events).await;
            assert_eq!(connection.jid().as_ref(), Some(&jid));
            answers_a_hundred(&connection, rig.domain(who)).await;
            flights.push(rig.flights_to(&connection, Milestone::Resumed));
            if are(&flights, resume + tls) {
                break;
            }
        }
    }
}

/// Whether the last of them are as many as they should be. A server that is busy sends its answers one by one, and
/// what the first of them allows is sent before the last has come: a flight that nobody waits for.
fn are(flights: &[usize], expected: usize) -> bool {
    assert!(flights.len() <= 20, "never {expected} flights: {flights:?}");
    flights.last() == Some(&expected)
}

/// How many letters come before the drop.
const DROP: usize = 15;

/// Whether they have come, beside what binds the resource.
fn received(connection: &JitsiConnection) -> bool {
    connection.statistics().stanzas_received > DROP as u64
}

async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

/// Two clients write to each other across a drop.
pub async fn loses_and_doubles_nothing<P: Program + Send + 'static>(who: Who) {
    let Some(rig) = Rig::<P>::start(false).await else { return };
    // ejabberd 23.01 now and then does not answer who resumes a session to which it was sending when the link was cut, and
    // refuses it after 15 s. There one of the two loses its link, at rest, and both go on when it is back.
    let both = P::NAME != "ejabberd";
    let bob = if both { rig.connection(who) } else { rig.connection_without_proxy(who) };
    let alice = rig.connection(who);
    let mut inboxes = Vec::new();
    for connection in [&alice, &bob] {
        connection.set_stanza_listening(true).unwrap();
        let events = connection.events();
        inboxes.push((events, rig.connect(connection, who).await));
    }
    let letter = |to: &str, id: &str| format!("<message to='{to}' id='{id}'><body>x</body></message>");
    let mut outcomes: Vec<tokio::task::JoinHandle<Result<(), Error>>> = Vec::new();
    let mut expected: Vec<_> = (0..40).map(|number| format!("n{number}")).collect();
    for (number, id) in expected.iter().enumerate() {
        if number == DROP && both {
            rig.proxy.cut();
        } else if number == DROP {
            for outcome in outcomes.drain(..) {
                within("the first outcomes", outcome).await.unwrap().unwrap();
            }
            within("the first letters", until(|| received(&alice) && received(&bob))).await;
            rig.proxy.cut();
            within("the resume", until(|| alice.statistics().resumes == 1)).await;
        }
        for (from, (_, to)) in [(&alice, &inboxes[1]), (&bob, &inboxes[0])] {
            let (from, letter) = (from.clone(), letter(to, id));
            outcomes.push(tokio::spawn(async move { from.send_stanza(&letter).await }));
        }
        tokio::task::yield_now().await;
    }
    for outcome in outcomes {
        within("every outcome", outcome).await.unwrap().unwrap();
    }
    // Whatever came twice has come before the last.
    expected.push("last".to_owned());
    for (from, (_, to)) in [(&alice, &inboxes[1]), (&bob, &inboxes[0])] {
        within("the last", from.send_stanza(&letter(to, "last"))).await.unwrap();
    }
    for ((events, _), drops) in inboxes.iter_mut().zip([1, u32::from(both)]) {
        let (mut ids, mut resumed) = (Vec::new(), 0);
        while ids.last().is_none_or(|id| id != "last") {
            match next(events).await {
                Event::StanzaReceived(stanza) if stanza.name() == "message" => {
                    ids.extend(stanza.id().map(ToOwned::to_owned));
                }
                Event::Resumed { .. } => resumed += 1,
                _ => {}
            }
        }
        assert_eq!(ids, expected);
        assert_eq!(resumed, drops);
    }
}
