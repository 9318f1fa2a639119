//! TLS: what is refused, by which code, and what the message says to do about it.

mod common;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use common::certificates::{Authority, Identity};
use common::wire::{Service, relay, serve};
use common::{assert_failure, failure, options, server, within};
use jitsimeet::{Code, ErrorType, JitsiConnection, Options};
use jitsimeet_testserver::TestServer;
use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

/// The embedded server behind TLS of the test's making, and the options to reach it at `localhost`.
async fn behind(acceptor: TlsAcceptor, authority: &Authority) -> (TestServer, Service, Options) {
    let server = server().await;
    let service = relay(Ipv4Addr::LOCALHOST.into(), Some(acceptor), server.port()).await.unwrap();
    let mut options = options(&format!("wss://localhost:{}/xmpp-websocket", service.port), server.domain());
    options.set("tls.caCertificates", authority.pem()).unwrap();
    (server, service, options)
}

async fn assert_connects(options: &Options) {
    let connection = JitsiConnection::new(None, None, options).unwrap();
    within("the connection", connection.connect()).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();
}

async fn assert_refused(options: &Options, code: Code, says: &[&str]) {
    let failure = failure(options).await;
    assert_failure(&failure, ErrorType::OtherError, code, false, says);
}

#[tokio::test]
async fn an_expired_certificate() {
    let authority = Authority::new();
    let identity = authority.issue_with("localhost", |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    let (_server, _service, options) = behind(identity.acceptor(), &authority).await;
    assert_refused(&options, Code::TlsCertificate, &["has expired", "clock"]).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet() {
    let authority = Authority::new();
    let identity = authority.issue_with("localhost", |params| params.not_before = date_time_ymd(2999, 1, 1));
    let (_server, _service, options) = behind(identity.acceptor(), &authority).await;
    assert_refused(&options, Code::TlsCertificate, &["not valid yet", "clocks"]).await;
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let authority = Authority::new();
    let identity = authority.issue("meet.example.org");
    let (_server, _service, mut options) = behind(identity.acceptor(), &authority).await;
    assert_refused(&options, Code::TlsCertificate, &["not for localhost", "serviceUrl"]).await;
    options.set("tls.serverName", "meet.example.org").unwrap();
    assert_connects(&options).await;
}

#[tokio::test]
async fn a_self_signed_certificate() {
    let identity = Identity::self_signed("localhost", |_| {});
    let (_server, _service, mut options) = behind(identity.acceptor(), &Authority::new()).await;
    assert_refused(&options, Code::TlsCertificate, &["tls.caCertificates"]).await;
    options.set("tls.caCertificates", identity.pem()).unwrap();
    assert_connects(&options).await;
}

/// As `openssl req -x509` makes them.
#[tokio::test]
async fn a_self_signed_certificate_that_is_an_authority() {
    let identity =
        Identity::self_signed("localhost", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let (_server, _service, options) = behind(identity.acceptor(), &Authority::new()).await;
    assert_refused(&options, Code::TlsCertificate, &["certificate of an authority", "basicConstraints"])
        .await;
}

/// One of another name, and one of the same name with another key, as an authority that was made anew.
#[tokio::test]
async fn an_authority_that_is_not_trusted() {
    for other in [Authority::named("another"), Authority::new()] {
        let identity = other.issue("localhost");
        let (_server, _service, options) = behind(identity.acceptor(), &Authority::new()).await;
        assert_refused(&options, Code::TlsCertificate, &["authority", "trusted here", "tls.caCertificates"])
            .await;
    }
}

/// Reads the client's first record and agrees on TLS 1.1, as a server that has nothing newer does.
#[tokio::test]
async fn a_server_that_speaks_tls_1_1_only() {
    let old = serve(Ipv4Addr::LOCALHOST.into(), None, |mut stream| async move {
        let mut header = [0; 5];
        stream.read_exact(&mut header).await.unwrap();
        let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut hello).await.unwrap();
        // RFC 4346, section 7.4.1.3: version 3.2, a random, no session, the first suite of RFC 5246, no compression.
        let body: Vec<u8> = [&[3, 2][..], &[7; 32], &[0], &[0, 47], &[0]].concat();
        let mut record = vec![22, 3, 2, 0, u8::try_from(body.len() + 4).unwrap(), 2, 0, 0];
        record.push(u8::try_from(body.len()).unwrap());
        record.extend(body);
        stream.write_all(&record).await.unwrap();
        // Until the client has gone.
        while stream.read_u8().await.is_ok() {}
    });
    let old = old.await.unwrap();
    let options = options(&format!("wss://localhost:{}/x", old.port), "meet.example");
    assert_refused(&options, Code::TlsHandshake, &["TLS 1.2 or 1.3"]).await;
}

/// With TLS 1.3 the server says so behind a handshake that the client has taken for good.
#[tokio::test]
async fn a_client_certificate_that_is_missing() {
    for version in [&TLS12, &TLS13] {
        let authority = Authority::new();
        let acceptor = authority.issue("localhost").acceptor_of(&authority, version);
        let (_server, _service, options) = behind(acceptor, &authority).await;
        assert_refused(&options, Code::TlsHandshake, &["tls.clientCertificate", "tls.clientKey"]).await;
    }
}

#[tokio::test]
async fn a_client_certificate_of_another_authority() {
    for version in [&TLS12, &TLS13] {
        let authority = Authority::new();
        let acceptor = authority.issue("localhost").acceptor_of(&authority, version);
        let (_server, _service, mut options) = behind(acceptor, &authority).await;
        let client = Authority::new().issue("client");
        options.set("tls.clientCertificate", client.pem()).unwrap();
        options.set("tls.clientKey", client.key_pem()).unwrap();
        assert_refused(&options, Code::TlsHandshake, &["did not accept", "tls.clientCertificate"]).await;
    }
}

#[tokio::test]
async fn a_client_certificate_opens_the_door() {
    for version in [&TLS12, &TLS13] {
        let authority = Authority::new();
        let acceptor = authority.issue("localhost").acceptor_of(&authority, version);
        let (_server, _service, mut options) = behind(acceptor, &authority).await;
        let client = authority.issue("client");
        options.set("tls.clientCertificate", client.pem()).unwrap();
        options.set("tls.clientKey", client.key_pem()).unwrap();
        assert_connects(&options).await;
    }
}

#[tokio::test]
async fn every_certificate_is_taken_on_demand_and_a_warning_is_given() {
    let identity = Identity::self_signed("elsewhere", |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let (_server, _service, mut options) = behind(identity.acceptor(), &Authority::new()).await;
    options.set("tls.insecureSkipVerify", true).unwrap();
    let warnings = Warnings::default();
    let connection = tracing::subscriber::with_default(warnings.clone(), || {
        JitsiConnection::new(None, None, &options).unwrap()
    });
    let warnings = warnings.0.lock().unwrap().join("\n");
    assert!(warnings.contains("tls.insecureSkipVerify"), "{warnings}");
    within("the connection", connection.connect()).await.unwrap();
}

/// The messages of `tracing` at the level of warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Visit for Warnings {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
