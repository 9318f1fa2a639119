//! Stays connected with tokens that expire. The first line of standard input is the token to begin with, each further
//! line the one to go on with; a program that issues tokens writes them there in time:
//!
//! ```sh
//! issue-tokens | cargo run --example token_refresh -- wss://meet.example.org/xmpp-websocket meet.example.org
//! ```

use futures_util::StreamExt;
use jitsimeet::{Error, Event, JitsiConnection, Options};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc::{self, UnboundedReceiver};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, domain] = &arguments[..] else {
        return Err(Error::InvalidArgument("token_refresh SERVICE_URL DOMAIN".to_owned()));
    };
    let mut options = Options::new();
    options.set("serviceUrl", url.as_str())?;
    options.set("hosts.domain", domain.as_str())?;
    let (sender, tokens) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let _ = sender.send(line);
        }
    });
    run(&options, tokens, |line| println!("{line}")).await
}

/// Returns when there are no more tokens, or the session has ended.
pub async fn run(
    options: &Options,
    mut tokens: UnboundedReceiver<String>,
    mut say: impl FnMut(&str),
) -> Result<(), Error> {
    let Some(first) = tokens.recv().await else { return Ok(()) };
    let connection = JitsiConnection::new(None, Some(&first), options)?;
    let mut events = connection.events();
    connection.connect().await?;
    say("connected");
    loop {
        tokio::select! {
            token = tokens.recv() => {
                let Some(token) = token else { return connection.disconnect().await };
                // A token that the server refuses leaves the session as it was.
                match connection.refresh_token(&token).await {
                    Ok(()) => say("refreshed"),
                    Err(error) => say(&format!("not refreshed: {error}")),
                }
            }
            event = events.next() => match event {
                // The link was lost, and the token has expired meanwhile: the session waits for the next one.
                Some(Event::TokenExpired) => say("a new token is needed"),
                Some(Event::ConnectionFailed(failure)) => return Err(Error::ConnectionFailed(failure)),
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}
