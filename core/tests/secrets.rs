//! No secret reaches a log, an error, a Debug impl or `getLogs()`: a canary for each, at trace level, in success and in
//! failure. Each canary is shown to have been on the wire, so that the scan cannot pass for want of one.

mod common;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use common::{next, options, within};
use data_encoding::{BASE64, HEXLOWER};
use jitsimeet::{AttachOptions, ConnectOptions, Error, Event, Events, JitsiConnection, Options};
use jitsimeet_testproxy::Tunnel;
use jitsimeet_testserver::{
    ConferenceAnswer, Deployment, Faults, Order, Push, ResumeFault, Service, TestServer,
};
use ring::{digest, pbkdf2};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

static LOGGED: Mutex<String> = Mutex::new(String::new());

fn log(text: std::fmt::Arguments<'_>) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(logged, "{text}").expect("a string takes everything");
}

/// Takes all that goes through `tracing`.
struct Tracing;

struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        log(format_args!("{field}={value:?}"));
    }
}

impl Subscriber for Tracing {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields);
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Fields);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Takes all that goes through `log`, which some of our dependencies use.
struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        // The server of the tests logs what it receives; it is no part of the library.
        if !record.target().starts_with("tungstenite") && !record.target().starts_with("tokio_tungstenite") {
            log(format_args!("{} {}", record.target(), record.args()));
        }
    }
    fn flush(&self) {}
}

/// What must never be seen.
const PASSWORD: &str = "canary-password";
const WRONG: &str = "canary-wrong";
const STUN: &str = "canary-stun";
const HEADER: &str = "canary-header";
const PROXY_USER: &str = "canary-proxy-user";
const PROXY_PASSWORD: &str = "canary-proxy-password";
const TURN: &str = "canary-turn";
const SESSION: &str = "canary-session";
const ROOM: &str = "canary-room";
const USERINFO: &str = "canary-userinfo";
const QUERY: &str = "canary-query";

struct Rig {
    server: TestServer,
    token: String,
    shown: String,
}

impl Rig {
    async fn new() -> Self {
        let service = Service {
            kind: "turn".into(),
            host: "turn.example".into(),
            username: Some(TURN.into()),
            password: Some(TURN.into()),
            ..Service::default()
        };
        let secret = "canary-secret";
        let options = jitsimeet_testserver::Options {
            accounts: HashMap::from([("user".to_owned(), PASSWORD.to_owned())]),
            token_secret: Some(secret.to_owned()),
            deployment: Deployment {
                push: Push::AfterBind,
                services: vec![service],
                ..Deployment::default()
            },
            conference: vec![ConferenceAnswer { session_id: Some(SESSION.into()), ..Default::default() }],
            ..Default::default()
        };
        let server = TestServer::start(options).await.expect("a loopback server");
        Self { server, token: jitsimeet_testserver::token(secret), shown: String::new() }
    }

    fn connection(&mut self, token: Option<&str>, more: Value) -> JitsiConnection {
        let url = format!("ws://u:{USERINFO}@127.0.0.1:{}/xmpp-websocket?key={QUERY}", self.server.port());
        let mut options = options(&url, self.server.domain());
        options
            .merge(json!({
                "resume": { "attemptTimeout": 200, "maxElapsed": 500 },
                "sasl": { "allowPlainWithoutTls": true },
                "transport": { "headers": { "x-own": HEADER } },
                "p2pStunServers": [{ "urls": "turn:stun.example", "username": STUN, "credential": STUN }],
            }))
            .unwrap();
        options.merge(more).unwrap();
        self.say(&options);
        JitsiConnection::new(None, token, &options).expect("complete options")
    }

    fn http(&self) -> Value {
        json!({ "conferenceRequestUrl": self.server.conference_request_url() })
    }

    /// Everything that a program could print of a connection.
    fn show(&mut self, connection: &JitsiConnection) {
        let logs = connection.logs();
        let json = serde_json::to_string(&logs).expect("JSON");
        let shown =
            (logs, connection, connection.ice_servers(), connection.properties(), connection.statistics());
        writeln!(self.shown, "{shown:?}\n{json}").expect("a string takes everything");
    }

    fn say(&mut self, anything: impl std::fmt::Debug) {
        writeln!(self.shown, "{anything:?}").expect("a string takes everything");
    }

    async fn connect(&mut self, connection: &JitsiConnection, options: ConnectOptions) -> Events {
        let mut events = connection.events();
        let outcome = within("the attempt", connection.connect_with(options)).await;
        self.say(&outcome);
        if outcome.is_ok() {
            loop {
                let event = next(&mut events).await;
                self.say(&event);
                if matches!(event, Event::ConnectionEstablished { .. }) {
                    break;
                }
            }
        }
        events
    }

    async fn until(&mut self, events: &mut Events, last: impl Fn(&Event) -> bool) {
        loop {
            let event = next(events).await;
            self.say(&event);
            if last(&event) {
                return;
            }
        }
    }
}

/// With user information in the URL of the proxy, which lets one connection through and another not. What went to it.
async fn through_a_proxy(rig: &mut Rig) -> String {
    let credentials = BASE64.encode(format!("{PROXY_USER}:{PROXY_PASSWORD}").as_bytes());
    let token = rig.token.clone();
    for wanted in [format!("Basic {credentials}"), "Basic other".to_owned()] {
        let tunnel = Tunnel::start(Some(&wanted)).await.unwrap();
        let proxy = format!("http://{PROXY_USER}:{PROXY_PASSWORD}@127.0.0.1:{}", tunnel.port());
        let connection = rig.connection(Some(&token), json!({ "transport": { "proxy": proxy } }));
        let _events = rig.connect(&connection, ConnectOptions::default()).await;
        rig.show(&connection);
        let seen = tunnel.seen();
        assert!(seen.contains(&credentials), "the proxy was not exercised");
        assert_eq!(seen.contains(HEADER), wanted != "Basic other", "the header was not exercised");
    }
    credentials
}

/// Over TLS with a certificate of our own: the lines of its key, which are long enough to be recognised.
async fn with_a_client_certificate(rig: &mut Rig) -> Vec<String> {
    let options = jitsimeet_testserver::Options { tls: true, ..Default::default() };
    let server = TestServer::start(options).await.expect("a loopback server");
    let (certificate, key) = server.client_certificate().expect("it has an authority");
    let tls = json!({ "caCertificates": server.ca_certificate(), "clientCertificate": certificate, "clientKey": key });
    let good = server.service_url();
    for (url, fails) in [(good.clone(), false), (good.replace("localhost", "127.0.0.1"), true)] {
        let connection = rig.connection(None, json!({ "serviceUrl": url, "tls": tls }));
        let mut events = connection.events();
        let outcome = within("the attempt", connection.connect()).await;
        assert_eq!(outcome.is_err(), fails, "{outcome:?}");
        rig.say((outcome, next(&mut events).await));
        rig.show(&connection);
    }
    assert_eq!(server.certified_connections(), 1, "the client key was not exercised");
    key.lines().filter(|line| !line.starts_with("---")).map(ToOwned::to_owned).collect()
}

/// Options that are refused: the error names the key and quotes nothing.
fn refused_options(rig: &mut Rig, client_keys: &[String]) {
    let key = client_keys.concat();
    let cases = [
        json!({ "serviceUrl": format!("ws://u:{USERINFO}@[/?token={QUERY}") }),
        json!({ "conferenceRequestUrl": format!("ftp://u:{USERINFO}@h/?token={QUERY}") }),
        json!({ "transport": { "proxy": format!("socks5://{PROXY_USER}:{PROXY_PASSWORD}@h/") } }),
        json!({ "transport": { "headers": { "x-own": format!("{HEADER}\n") } } }),
        json!({ "tls": { "clientCertificate": key, "clientKey": key } }),
        json!({ "tls": { "clientCertificate": [key], "clientKey": key } }),
        json!({ "p2pStunServers": [{ "urls": 7, "credential": STUN }] }),
    ];
    for case in cases {
        let mut options = Options::new();
        options
            .merge(json!({ "serviceUrl": "ws://h/x", "hosts": { "domain": "meet.example" } }))
            .expect("right types");
        let outcome = options.merge(case.clone()).and_then(|()| JitsiConnection::new(None, None, &options));
        let error = outcome.err().unwrap_or_else(|| panic!("{case} is taken"));
        assert!(matches!(error, Error::InvalidOption { .. }), "{error:?}");
        rig.say((error.to_string(), error));
    }
}

/// What the password becomes, in every form that a log could give it: the salts are the server's, one for an account.
fn scram_keys() -> Vec<String> {
    let salt = &digest::digest(&digest::SHA256, b"user").as_ref()[..16].to_vec();
    let iterations = std::num::NonZeroU32::new(4096).expect("not zero");
    let mut forms = Vec::new();
    for (algorithm, length) in [(pbkdf2::PBKDF2_HMAC_SHA1, 20), (pbkdf2::PBKDF2_HMAC_SHA256, 32)] {
        for password in [PASSWORD, WRONG] {
            let mut key = vec![0; length];
            pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut key);
            forms.extend([HEXLOWER.encode(&key), BASE64.encode(&key), format!("{key:?}")]);
        }
    }
    forms
}

fn room(name: &str) -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.name = Some(name.to_owned());
    options
}

#[tokio::test]
async fn no_secret_is_shown() {
    tracing::subscriber::set_global_default(Tracing).expect("the only one");
    log::set_logger(&Log).expect("the only one");
    log::set_max_level(log::LevelFilter::Trace);
    let mut rig = Rig::new().await;

    // An account by either SCRAM and by PLAIN, a wrong password.
    for mechanism in ["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"] {
        let mechanisms = Some(vec![mechanism.to_owned()]);
        rig.server.set_faults(Faults { mechanisms, ..Faults::default() });
        let connection = rig.connection(None, json!({}));
        let account = ConnectOptions::account("user", PASSWORD);
        rig.say(&account);
        let mut events = rig.connect(&connection, account).await;
        let _ = within("the end", connection.disconnect()).await;
        rig.until(&mut events, |event| {
            matches!(event, Event::ConnectionDisconnected { .. } | Event::ConnectionFailed(_))
        })
        .await;
        rig.show(&connection);
        let wrong = rig.connection(None, json!({}));
        let _events = rig.connect(&wrong, ConnectOptions::account("user", WRONG)).await;
        rig.show(&wrong);
    }
    rig.server.set_faults(Faults::default());
    let tunnel = through_a_proxy(&mut rig).await;
    let client_keys = with_a_client_certificate(&mut rig).await;
    refused_options(&mut rig, &client_keys);

    // A token: login, drop and resume, refresh, a bad one, a resume that is refused.
    let token = rig.token.clone();
    let http = rig.http();
    let connection = rig.connection(Some(&token), http);
    let mut events = rig.connect(&connection, room("daily")).await;
    let conference = within("the conference", connection.send_conference_request("daily")).await;
    rig.say(&conference);
    rig.server.order(&Order::Cut);
    rig.until(&mut events, |event| matches!(event, Event::ConnectionEstablished { .. })).await;
    let refreshed = within("the refresh", connection.refresh_token(&token)).await;
    rig.say(&refreshed);
    let refused = within("the refusal", connection.refresh_token("canary.bad.token")).await;
    rig.say(&refused);
    let presence = format!(
        "<presence to='r@conference.meet.example/n'><x xmlns='http://jabber.org/protocol/muc'><password>{ROOM}</password></x></presence>"
    );
    within("the presence", connection.send_stanza(&presence)).await.expect("it is sent");
    let servers = connection.ice_servers();
    for (server, canary) in servers.iter().zip([STUN, TURN]) {
        assert_eq!((server.username.as_deref(), server.credential.as_deref()), (Some(canary), Some(canary)));
    }
    assert_eq!(servers.len(), 2, "those of the options and of the server");
    rig.show(&connection);
    rig.server.set_faults(Faults { resume: Some(ResumeFault::Refuse), ..Faults::default() });
    rig.server.order(&Order::Cut);
    rig.until(&mut events, |event| matches!(event, Event::ConnectionFailed(_))).await;
    rig.show(&connection);
    rig.server.set_faults(Faults::default());

    // The conference request as an IQ, with the token and the session.
    let connection = rig.connection(Some(&token), json!({}));
    let _events = rig.connect(&connection, ConnectOptions::default()).await;
    for _ in 0..2 {
        let conference = within("the conference", connection.send_conference_request("daily")).await;
        rig.say(&conference);
    }
    rig.show(&connection);

    // A BOSH session that is set up, one that is attached to, and one that is not there.
    let url = format!("{}?key={QUERY}", rig.server.bosh_url());
    let bosh = |rig: &Rig, token: Option<&str>| {
        let mut options = options(&url, rig.server.domain());
        options.set("httpTimeout", 300).unwrap();
        JitsiConnection::new(None, token, &options).expect("complete options")
    };
    let login = bosh(&rig, Some(&token));
    let mut events = rig.connect(&login, ConnectOptions::default()).await;
    rig.server.order(&Order::Terminate { condition: Some("policy-violation".to_owned()) });
    rig.until(&mut events, |event| matches!(event, Event::ConnectionFailed(_))).await;
    rig.show(&login);
    let prebound = rig.server.prebind(Some(&token)).expect("the token is good");
    for sid in [prebound.sid.as_str(), "canary-sid"] {
        let attaching = bosh(&rig, Some(&token));
        let attach = AttachOptions::new(&prebound.jid, sid, prebound.rid);
        rig.say(&attach);
        let outcome = within("the attempt", attaching.attach(attach)).await;
        assert_eq!(outcome.is_ok(), sid == prebound.sid);
        rig.say(&outcome);
        rig.show(&attaching);
        let _ = within("the end", attaching.disconnect()).await;
    }
    let bodies: String = rig.server.requests().into_iter().map(|request| request.body).collect();
    assert!(bodies.contains("canary-sid") && bodies.contains("sid='sid-0000"), "a sid was exercised");

    // Every canary was on the wire.
    let requests = rig.server.requests();
    let paths: String = requests.iter().map(|request| request.path.as_str()).collect();
    let previd =
        paths.split("previd=").nth(1).expect("a resume").split('&').next().expect("its value").to_owned();
    for canary in [token.as_str(), "canary.bad.token", QUERY] {
        assert!(paths.contains(canary), "{canary} was not exercised");
    }
    assert!(
        requests
            .iter()
            .any(|request| request.authorization.as_ref().is_some_and(|value| value.contains(&token)))
    );
    let conferences = rig.server.conference_requests();
    assert!(conferences.iter().any(|request| request.session_id.as_deref() == Some(SESSION)));
    assert!(conferences.iter().any(|request| request.token.as_deref() == Some(&token)));
    assert!(rig.shown.contains("user@meet.example"), "the login by password succeeded");
    assert!(rig.shown.contains("***"), "something was redacted");
    let sasl = rig.server.sasl_messages();
    let plain = |password: &str| BASE64.encode(format!("\0user\0{password}").as_bytes());
    for message in [plain(PASSWORD), plain(WRONG)] {
        assert!(sasl.contains(&message), "PLAIN was not exercised");
    }
    for begin in ["n,,n=user,r=", "c=biws,r=", "v="] {
        let begin = BASE64.encode(&begin.as_bytes()[..begin.len() / 3 * 3]);
        assert!(sasl.iter().any(|message| message.starts_with(&begin)), "SCRAM was not exercised");
    }

    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(logged.contains("established"), "the log was taken");
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    let mut secrets = vec![
        PASSWORD,
        WRONG,
        TURN,
        STUN,
        SESSION,
        ROOM,
        USERINFO,
        QUERY,
        HEADER,
        PROXY_USER,
        PROXY_PASSWORD,
        "canary.bad.token",
        "canary-secret",
        &signature,
        &previd,
        &tunnel,
        "canary-sid",
        "sid-0000",
    ];
    secrets.extend(client_keys.iter().map(String::as_str));
    let keys = scram_keys();
    secrets.extend(keys.iter().map(String::as_str));
    let read = |message: &String| String::from_utf8(BASE64.decode(message.as_bytes()).ok()?).ok();
    let sasl: Vec<_> = sasl.iter().cloned().chain(sasl.iter().filter_map(read)).collect();
    secrets.extend(sasl.iter().map(String::as_str).filter(|message| !message.is_empty()));
    for (place, text) in [("the log", &logged), ("what is shown", &rig.shown)] {
        for secret in &secrets {
            let at = text
                .find(secret)
                .map(|at| text[at.saturating_sub(200)..].chars().take(400).collect::<String>());
            assert_eq!(at, None, "{secret} is in {place}");
        }
    }
}
