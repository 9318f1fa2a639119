//! Connects as a guest, or to an account, says under which JID, and disconnects:
//!
//! ```sh
//! cargo run --example connect -- wss://meet.example.org/xmpp-websocket meet.example.org [USER PASSWORD]
//! ```

use jitsimeet::{ConnectOptions, Error, JitsiConnection, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, login) = match &arguments[..] {
        [url, domain] => (options(url, domain)?, ConnectOptions::default()),
        [url, domain, user, password] => (options(url, domain)?, ConnectOptions::account(user, password)),
        _ => return Err(Error::InvalidArgument("connect SERVICE_URL DOMAIN [USER PASSWORD]".to_owned())),
    };
    println!("connected as {}", run(&options, login).await?);
    Ok(())
}

fn options(url: &str, domain: &str) -> Result<Options, Error> {
    let mut options = Options::new();
    options.set("serviceUrl", url)?;
    options.set("hosts.domain", domain)?;
    Ok(options)
}

/// From `connect` to `disconnect`. A failure says what was tried and what to check.
pub async fn run(options: &Options, login: ConnectOptions) -> Result<String, Error> {
    let connection = JitsiConnection::new(None, None, options)?;
    let jid = connection.connect_with(login).await?;
    connection.disconnect().await?;
    Ok(jid)
}
