//! The log that a binding drains: one test, in a process of its own, since there is one log a process.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::{connection_to, server, within};
use jitsimeet::{
    Drained, LogLevel, LogRecord, Options, Status, close_log, drain_log, init, log_level, open_log,
    set_log_level,
};

static WAKE_UPS: AtomicUsize = AtomicUsize::new(0);

fn open() {
    open_log(|| {
        WAKE_UPS.fetch_add(1, Ordering::Relaxed);
    })
    .expect("nobody else subscribes");
}

fn records() -> Vec<LogRecord> {
    let mut records = Vec::new();
    while drain_log(usize::MAX, |record| records.push(record)) == Drained::More {}
    records
}

#[tokio::test]
async fn what_is_logged_is_kept_while_the_log_is_open_and_from_its_level_on() {
    let server = server().await;
    within("a connection", connection_to(&server).connect()).await.unwrap();
    open();
    assert_eq!(records(), [], "what was logged before is not kept");

    let connection = connection_to(&server);
    within("a connection", connection.connect()).await.unwrap();
    assert_eq!(WAKE_UPS.load(Ordering::Relaxed), 1, "one wake-up until the log has been found empty");
    let seen = records();
    let established = seen.iter().find(|record| record.message.starts_with("established"));
    let established = established.unwrap_or_else(|| panic!("{seen:?}"));
    assert_eq!((established.level, established.connection), (LogLevel::Info, Some(connection.id())));
    assert!(established.target.starts_with("jitsimeet::"), "{established:?}");
    assert!(established.message.contains("resumed=false"), "{established:?}");
    assert!(seen.iter().all(|record| record.level <= LogLevel::Info), "{seen:?}");

    // From the next record on there is more to see, and then nothing.
    set_log_level(LogLevel::Trace);
    within("a connection", connection_to(&server).connect()).await.unwrap();
    assert!(records().iter().any(|record| record.level == LogLevel::Debug));
    let mut options = Options::new();
    options.set("logLevel", "error").unwrap();
    init(&options).unwrap();
    assert_eq!(log_level(), LogLevel::Error);
    within("a connection", connection_to(&server).connect()).await.unwrap();
    assert_eq!(records(), []);
    options.set("logLevel", "loud").unwrap();
    assert_eq!(init(&options).unwrap_err().status(), Status::InvalidOption);

    // A consumer that does not drain costs bounded memory, and is told what it missed.
    set_log_level(LogLevel::Warn);
    let mut insecure = common::options(&server.service_url(), server.domain());
    for number in 0..1_500 {
        insecure
            .merge(serde_json::json!({ "tls": { "insecureSkipVerify": true }, "iqTimeout": number + 1 }))
            .unwrap();
        jitsimeet::JitsiConnection::new(None, None, &insecure).expect("complete options");
    }
    let kept = records();
    assert_eq!(kept.len(), 1_001);
    assert!(kept[0].message.starts_with("500 records were dropped"), "{:?}", kept[0]);

    close_log();
    jitsimeet::JitsiConnection::new(None, None, &insecure).expect("complete options");
    open();
    assert_eq!(records(), [], "nothing is kept while the log is closed");
}
