//! A thousand sessions in one process, all served by one hub from one place:
//!
//! ```sh
//! cargo run --release --example thousand_sessions -- wss://meet.example.org/xmpp-websocket meet.example.org 1000
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use jitsimeet::{
    Completed, ConnectOptions, ConnectionId, Drained, Error, EventHub, Item, JitsiConnection, Options,
};
use tokio::sync::Notify;

/// Logins under way at the same time: servers have limits.
const AT_ONCE: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, domain, count) = match &arguments[..] {
        [url, domain] => (url, domain, 1000),
        [url, domain, count] => (url, domain, count.parse().unwrap_or(1000)),
        _ => return Err(Error::InvalidArgument("thousand_sessions SERVICE_URL DOMAIN [COUNT]".to_owned())),
    };
    let mut options = Options::new();
    options.set("serviceUrl", url.as_str())?;
    options.set("hosts.domain", domain.as_str())?;
    let (connected, failed) = run(&options, count).await?;
    println!("{connected} sessions connected and disconnected, {failed} failed");
    Ok(())
}

/// Connects so many sessions, and disconnects each as soon as it is there. Tells how many came and how many failed.
pub async fn run(options: &Options, count: usize) -> Result<(usize, usize), Error> {
    let wake = Arc::new(Notify::new());
    let hub = EventHub::new({
        let wake = Arc::clone(&wake);
        move || wake.notify_one()
    });
    let mut waiting = Vec::new();
    let mut connections: HashMap<ConnectionId, JitsiConnection> = HashMap::new();
    for _ in 0..count {
        let connection = JitsiConnection::with_hub(&hub, None, None, options)?;
        waiting.push(connection.clone());
        connections.insert(connection.id(), connection);
    }
    // The completions of both calls come under the id of the connection.
    let start = |waiting: &mut Vec<JitsiConnection>| match waiting.pop() {
        Some(next) => next.start_connect(&ConnectOptions::default(), Some(next.id())),
        None => Ok(()),
    };
    for _ in 0..AT_ONCE {
        start(&mut waiting)?;
    }
    let (mut connected, mut failed, mut outcome) = (0, 0, Ok(()));
    while !connections.is_empty() {
        wake.notified().await;
        let mut deliver = |id: ConnectionId, item: Item| match item {
            Item::Completed { result: Ok(Completed::Connected { .. }), .. } => {
                connected += 1;
                // Only a fork of the process that made it could not.
                connections[&id].start_disconnect(Some(id)).expect("made here");
            }
            Item::Completed { result, .. } => {
                failed += usize::from(result.is_err());
                connections.remove(&id);
                if let Err(error) = start(&mut waiting) {
                    outcome = Err(error);
                }
            }
            _ => {}
        };
        while hub.drain(256, &mut deliver) == Drained::More {}
        outcome.clone()?;
    }
    Ok((connected, failed))
}
