//! The examples, run against the embedded server.

mod common;

#[expect(dead_code, reason = "its main reads the command line")]
#[path = "../examples/chat_bot.rs"]
mod chat_bot;
#[expect(dead_code, reason = "its main reads the command line")]
#[path = "../examples/connect.rs"]
mod connect;
#[expect(dead_code, reason = "its main reads the command line")]
#[path = "../examples/resume_watcher.rs"]
mod resume_watcher;
#[expect(dead_code, reason = "its main reads the command line")]
#[path = "../examples/thousand_sessions.rs"]
mod thousand_sessions;
#[expect(dead_code, reason = "its main reads the command line")]
#[path = "../examples/token_refresh.rs"]
mod token_refresh;

use common::{options, server, within};
use futures_util::StreamExt;
use jitsimeet::{ConferenceEvent, ConferenceOptions, ConnectOptions, Error, Event, JitsiConnection};
use jitsimeet_testserver::{Order, TestServer, token};
use tokio::sync::mpsc;

#[tokio::test]
async fn chat_bot_greets_and_answers() {
    let server = server().await;
    let mut options = options(&server.service_url(), server.domain());
    options.set("disableFocus", true).unwrap();
    let bot = {
        let options = options.clone();
        tokio::spawn(async move { chat_bot::run(&options, "standup").await })
    };
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    let mut guest = ConferenceOptions::default();
    guest.display_name = Some("Alice".to_owned());
    let conference = connection.init_jitsi_conference("standup", &guest).unwrap();
    within("the room", conference.join(None)).await.unwrap();
    let mut asked = None;
    let talk = async {
        loop {
            let Some(Event::Conference(_, event)) = events.next().await else { continue };
            // One of the two is there first.
            if let ConferenceEvent::UserJoined(_) | ConferenceEvent::Joined = &*event
                && asked.is_none()
                && !conference.participants().is_empty()
            {
                asked = Some(conference.send_text_message("!ping", None).await.unwrap());
            }
            if let ConferenceEvent::MessageReceived(message) = *event
                && message.text == "pong"
            {
                assert_eq!(message.reply_to_id, asked);
                return;
            }
        }
    };
    within("the answer", talk).await;
    within("the end", conference.leave(None)).await.unwrap();
    bot.abort();
}

#[tokio::test]
async fn connect_says_under_which_jid() {
    let accounts = [("alice".to_owned(), "wonderland".to_owned())].into();
    let server = jitsimeet_testserver::Options { accounts, ..Default::default() };
    let server = TestServer::start(server).await.unwrap();
    let options = options(&server.service_url(), server.domain());
    for (login, user) in
        [(ConnectOptions::default(), ""), (ConnectOptions::account("alice", "wonderland"), "alice@")]
    {
        let jid = within("the connection", connect::run(&options, login)).await.unwrap();
        assert!(jid.starts_with(user) && jid.contains(server.domain()), "{jid}");
    }
}

#[tokio::test]
async fn resume_watcher_tells_of_a_loss_a_resume_and_the_end() {
    let server = server().await;
    let options = options(&server.service_url(), server.domain());
    let mut lines = Vec::new();
    let watching = resume_watcher::watch(&options, |line| {
        if line.starts_with("established as") {
            server.order(&Order::Cut);
        } else if line.starts_with("established again") {
            server.order(&Order::Close);
        }
        lines.push(line);
    });
    within("the end of the session", watching).await.unwrap();
    let said = ["established as", "interrupted", "resumed", "established again", "lost for good"];
    assert_eq!(lines.len(), said.len(), "{lines:?}");
    assert!(lines.iter().zip(said).all(|(line, said)| line.starts_with(said)), "{lines:?}");
}

#[tokio::test]
async fn thousand_sessions_come_and_go() {
    let server = server().await;
    let options = options(&server.service_url(), server.domain());
    let outcome = within("a thousand sessions", thousand_sessions::run(&options, 1000)).await.unwrap();
    assert_eq!(outcome, (1000, 0));
    assert_eq!(server.sessions(), [""; 0]);
}

#[tokio::test]
async fn token_refresh_goes_on_with_the_next_token() {
    let secret = "a secret of the server's";
    let server =
        jitsimeet_testserver::Options { token_secret: Some(secret.to_owned()), ..Default::default() };
    let server = TestServer::start(server).await.unwrap();
    let options = options(&server.service_url(), server.domain());
    let (sender, tokens) = mpsc::unbounded_channel();
    for next in [token(secret), "refused".to_owned(), token(secret)] {
        sender.send(next).unwrap();
    }
    drop(sender);
    let mut lines = Vec::new();
    let running = token_refresh::run(&options, tokens, |line| lines.push(line.to_owned()));
    within("the end of the tokens", running).await.unwrap();
    assert!(
        matches!(&lines[..], [connected, refused, refreshed]
        if connected == "connected" && refused.starts_with("not refreshed") && refreshed == "refreshed"),
        "{lines:?}"
    );
    let none = token_refresh::run(&options, mpsc::unbounded_channel().1, |_| {});
    assert!(!matches!(within("nothing", none).await, Err(Error::ConnectionFailed(_))));
}
