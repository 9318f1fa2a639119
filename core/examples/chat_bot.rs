//! A bot in a conference: greets whoever joins, and answers `!ping`:
//!
//! ```sh
//! cargo run --example chat_bot -- wss://meet.example.org/xmpp-websocket meet.example.org standup
//! ```

use futures_util::StreamExt;
use jitsimeet::{ConferenceEvent, ConferenceOptions, Error, Event, JitsiConnection, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, domain, room] = &arguments[..] else {
        return Err(Error::InvalidArgument("chat_bot SERVICE_URL DOMAIN ROOM".to_owned()));
    };
    let mut options = Options::new();
    options.set("serviceUrl", url.as_str())?;
    options.set("hosts.domain", domain.as_str())?;
    run(&options, room).await
}

/// Returns when the conference is over.
pub async fn run(options: &Options, room: &str) -> Result<(), Error> {
    let connection = JitsiConnection::new(None, None, options)?;
    let mut events = connection.events();
    connection.connect().await?;
    let mut options = ConferenceOptions::default();
    options.display_name = Some("Chat bot".to_owned());
    let conference = connection.init_jitsi_conference(room, &options)?;
    conference.join(None).await?;
    while let Some(event) = events.next().await {
        let event = match event {
            Event::Conference(_, event) => *event,
            Event::ConnectionFailed(failure) => return Err(Error::ConnectionFailed(failure)),
            _ => continue,
        };
        match event {
            ConferenceEvent::UserJoined(participant) => {
                let name = participant.display_name.as_ref().unwrap_or(&participant.id);
                conference.send_text_message(&format!("Hello, {name}!"), None).await?;
            }
            // What was said before the bot came has a time.
            ConferenceEvent::MessageReceived(message)
                if message.text.trim() == "!ping" && message.timestamp.is_none() =>
            {
                conference.send_text_message("pong", message.message_id.as_deref()).await?;
            }
            ConferenceEvent::Failed(failure) => return Err(Error::ConferenceFailed(failure)),
            ConferenceEvent::Left => break,
            _ => {}
        }
    }
    connection.disconnect().await
}
