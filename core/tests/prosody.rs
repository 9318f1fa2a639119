//! The same behaviour against a server that this project did not write.

use std::time::Duration;

use futures_util::StreamExt as _;
use jitsimeet::{Code, Error, Event, Failure, JitsiConnection, Options};
use jitsimeet_testprosody::TestProsody;
use tokio::time::timeout;

/// Far more than anything here takes; the options' own deadlines are shorter.
const DEADLINE: Duration = Duration::from_secs(30);

fn connection(service_url: &str, prosody: &TestProsody, ca_certificate: Option<&str>) -> JitsiConnection {
    let mut options = Options::new();
    options.set("serviceUrl", service_url).unwrap();
    options.set("hosts.domain", prosody.domain()).unwrap();
    if let Some(certificate) = ca_certificate {
        options.set("tls.caCertificates", certificate).unwrap();
    }
    JitsiConnection::new(None, None, &options).unwrap()
}

/// Connects and disconnects, and checks what a listener is told of it.
async fn connects_and_disconnects(connection: JitsiConnection, prosody: &TestProsody) {
    let mut events = connection.events();

    let jid = timeout(DEADLINE, connection.connect()).await.unwrap().unwrap();
    let (bare, resource) = jid.split_once('/').unwrap();
    assert_eq!(bare.split_once('@').unwrap().1, prosody.domain());
    let established = timeout(DEADLINE, events.next()).await.unwrap().unwrap();
    assert_eq!(
        established,
        Event::ConnectionEstablished { id: resource.to_owned(), resumed: false, reconnected: false }
    );

    timeout(DEADLINE, connection.disconnect()).await.unwrap().unwrap();
    let disconnected = timeout(DEADLINE, events.next()).await.unwrap().unwrap();
    assert!(matches!(disconnected, Event::ConnectionDisconnected { .. }), "{disconnected:?}");

    drop(connection);
    assert_eq!(timeout(DEADLINE, events.next()).await.unwrap(), None, "one attempt, two events");
}

/// Connects in vain, and checks that the call and the one event agree.
async fn fails(connection: JitsiConnection) -> Failure {
    let mut events = connection.events();
    let Error::ConnectionFailed(failure) =
        timeout(DEADLINE, connection.connect()).await.unwrap().unwrap_err()
    else {
        panic!("connect failed otherwise than by a failed connection");
    };
    let event = timeout(DEADLINE, events.next()).await.unwrap().unwrap();
    assert_eq!(event, Event::ConnectionFailed(failure.clone()));
    drop(connection);
    assert_eq!(timeout(DEADLINE, events.next()).await.unwrap(), None, "one attempt, one event");
    *failure
}

#[tokio::test]
async fn connects_without_tls() {
    let Some(prosody) = TestProsody::start_or_skip() else { return };
    connects_and_disconnects(connection(&prosody.service_url(), &prosody, None), &prosody).await;
}

#[tokio::test]
async fn connects_over_tls_with_the_callers_authority() {
    let Some(prosody) = TestProsody::start_or_skip() else { return };
    let connection = connection(&prosody.secure_service_url(), &prosody, Some(prosody.ca_certificate()));
    connects_and_disconnects(connection, &prosody).await;
}

#[tokio::test]
async fn over_bosh_the_server_is_told_of_the_end() {
    let Some(prosody) = TestProsody::start_or_skip() else { return };
    let service_url = format!("http://localhost:{}/http-bind", prosody.port());
    connects_and_disconnects(connection(&service_url, &prosody, None), &prosody).await;
    // A session that is only left is ended a minute later, and for being silent.
    let line =
        tokio::task::spawn_blocking(move || prosody.await_log("BOSH client disconnected")).await.unwrap();
    assert!(line.ends_with("session close"), "{line}");
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_a_certificate_failure() {
    let Some(prosody) = TestProsody::start_or_skip() else { return };
    let failure = fails(connection(&prosody.secure_service_url(), &prosody, None)).await;
    assert_eq!(failure.code, Code::TlsCertificate, "{failure}");
    assert!(failure.message.contains("tls.caCertificates"), "{failure}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_a_certificate_failure_that_names_the_host() {
    let Some(prosody) = TestProsody::start_or_skip() else { return };
    let by_address = prosody.secure_service_url().replace("localhost", "127.0.0.1");
    let failure = fails(connection(&by_address, &prosody, Some(prosody.ca_certificate()))).await;
    assert_eq!(failure.code, Code::TlsCertificate, "{failure}");
    assert!(failure.message.contains("not for 127.0.0.1"), "{failure}");
}
