//! Stays connected and says what befalls the session: each loss of the transport, each resume, the end:
//!
//! ```sh
//! cargo run --example resume_watcher -- wss://meet.example.org/xmpp-websocket meet.example.org
//! ```

use futures_util::StreamExt;
use jitsimeet::{Error, Event, JitsiConnection, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, domain] = &arguments[..] else {
        return Err(Error::InvalidArgument("resume_watcher SERVICE_URL DOMAIN".to_owned()));
    };
    let mut options = Options::new();
    options.set("serviceUrl", url.as_str())?;
    options.set("hosts.domain", domain.as_str())?;
    watch(&options, |line| println!("{line}")).await
}

/// Returns when the session has ended.
pub async fn watch(options: &Options, mut say: impl FnMut(String)) -> Result<(), Error> {
    let connection = JitsiConnection::new(None, None, options)?;
    // Before connecting, so that nothing is missed.
    let mut events = connection.events();
    connection.connect().await?;
    while let Some(event) = events.next().await {
        match event {
            Event::ConnectionEstablished { id, resumed, .. } => {
                say(format!("{} as {id}", if resumed { "established again" } else { "established" }));
            }
            Event::Interrupted { code, message } => say(format!("interrupted ({code}): {message}")),
            Event::Resumed { attempts, downtime, resent } => {
                say(format!("resumed after {downtime:?}, {attempts} attempts, {resent} stanzas sent again"));
            }
            Event::ConnectionFailed(failure) => {
                say(format!("lost for good: {failure}"));
                return Ok(());
            }
            Event::ConnectionDisconnected { .. } => return Ok(()),
            // New kinds of events may come with any version.
            _ => {}
        }
    }
    Ok(())
}
