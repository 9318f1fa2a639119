//! `init` and `shutdown`, which concern the whole process: one test, in a process of its own.

mod common;

use common::{connection_to, next, server, within};
use jitsimeet::{Event, Options, Status, init, shutdown};

#[tokio::test]
async fn shutdown_closes_everything_and_later_calls_start_afresh() {
    let mut options = Options::new();
    options.set("workerThreads", 1).unwrap();
    init(&options).unwrap();
    init(&options).expect("allowed again before the first connection");

    let server = server().await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
    init(&options).expect("nothing changes");
    assert_eq!(init(&Options::new()).unwrap_err().status(), Status::InvalidState);
    assert_eq!(engine_threads(), 1);

    // The server runs on this thread, so the blocking call needs another.
    let stopped = tokio::task::spawn_blocking(|| shutdown(common::DEADLINE));
    within("the shutdown", stopped).await.unwrap().unwrap();
    assert_eq!(next(&mut events).await, Event::ConnectionDisconnected { message: None });
    assert_eq!(engine_threads(), 0, "all threads are joined");
    assert_eq!(server.sessions(), [""; 0]);

    within("a connection after the shutdown", connection.connect()).await.unwrap();
}

/// The threads of the engine, by their names.
fn engine_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "jitsimeet").count()
}
