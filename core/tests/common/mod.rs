//! What the tests of the crate share.
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub mod certificates;
pub mod player;
pub mod rig;
pub mod wire;

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use jitsimeet::{Code, ConferenceEvent, Error, ErrorType, Event, Events, Failure, JitsiConnection, Options};
use jitsimeet_testserver::{Faults, StreamFault, TestServer};
use serde_json::json;

/// No wait of a test is longer than this.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {DEADLINE:?}"),
    }
}

/// The next event of a conference for which `found` has an answer.
pub async fn conference_event<T>(
    events: &mut Events,
    mut found: impl FnMut(ConferenceEvent) -> Option<T>,
) -> T {
    let waiting = async {
        loop {
            if let Event::Conference(_, event) = events.next().await.expect("the connection is held")
                && let Some(found) = found(*event)
            {
                return found;
            }
        }
    };
    within("the event", waiting).await
}

pub async fn next(events: &mut Events) -> Event {
    within("the next event", events.next()).await.expect("the stream of events has ended")
}

pub async fn server() -> TestServer {
    TestServer::start(jitsimeet_testserver::Options::default()).await.expect("a loopback server")
}

pub async fn faulty(fault: StreamFault) -> TestServer {
    let server = server().await;
    server.set_faults(Faults { stream: Some(fault), ..Faults::default() });
    server
}

pub fn options(service_url: &str, domain: &str) -> Options {
    let mut options = Options::new();
    options.merge(json!({ "serviceUrl": service_url, "hosts": { "domain": domain } })).expect("right types");
    options
}

pub fn connection_to(server: &TestServer) -> JitsiConnection {
    let options = options(&server.service_url(), server.domain());
    JitsiConnection::new(None, None, &options).expect("complete options")
}

/// Connects, which must fail, and returns the failure. The event must carry the same one, and be the only event.
pub async fn failure(options: &Options) -> Failure {
    let connection = JitsiConnection::new(None, None, options).expect("complete options");
    let mut events = connection.events();
    let outcome = within("the end of the attempt", connection.connect()).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else {
        panic!("the attempt should fail, got {outcome:?}")
    };
    assert_eq!(next(&mut events).await, Event::ConnectionFailed(failure.clone()));
    drop(connection);
    assert_eq!(within("the end of the events", events.next()).await, None, "one failure is one event");
    *failure
}

pub fn assert_failure(failure: &Failure, error_type: ErrorType, code: Code, transient: bool, says: &[&str]) {
    assert_eq!((failure.error_type, failure.code), (error_type, code), "{failure}");
    assert_eq!(failure.transient, transient, "{failure}");
    for part in says {
        assert!(failure.message.contains(part), "{part:?} is missing in: {}", failure.message);
    }
}

/// Runs one test of this program again, in a process whose environment has these variables and no others that name a
/// proxy. Fails with its output unless it passes.
pub async fn again(test: &str, environment: &[(&str, String)]) {
    const PROXIES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    let mut command = tokio::process::Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]).kill_on_drop(true);
    for name in PROXIES {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = within("the end of the process", command.output()).await.expect("it starts");
    let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{environment:?}\n{said}{erred}");
}
