//! Conferences: two clients in one room, on the embedded server and on Prosody's own mod_muc.

mod common;

use common::{conference_event, options, server, within};
use jitsimeet::{
    ConferenceErrorType, ConferenceEvent, ConferenceOptions, Error, Events, JitsiConference, JitsiConnection,
    Status,
};
use jitsimeet_testprosody::TestProsody;
use jitsimeet_testserver::Order;
use serde_json::json;

/// A client that is connected.
async fn client(url: &str, domain: &str) -> (JitsiConnection, Events) {
    let mut options = options(url, domain);
    options.merge(json!({ "disableFocus": true, "websocketKeepAlive": -1 })).unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    let events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    (connection, events)
}

async fn joined(connection: &JitsiConnection, display_name: &str) -> JitsiConference {
    let mut options = ConferenceOptions::default();
    options.display_name = Some(display_name.to_owned());
    let conference = connection.init_jitsi_conference("standup", &options).unwrap();
    within("the room", conference.join(None)).await.unwrap();
    conference
}

/// Two clients see each other come, talk and go.
async fn meet(url: &str, domain: &str) {
    let ((one, mut one_events), (other, mut other_events)) =
        (client(url, domain).await, client(url, domain).await);
    let alice = joined(&one, "Alice").await;
    let bob = joined(&other, "Bob").await;

    let came = conference_event(&mut one_events, |event| match event {
        ConferenceEvent::UserJoined(participant) => Some(participant),
        _ => None,
    });
    let came = came.await;
    assert_eq!((came.id.as_str(), came.display_name.as_deref()), (bob.my_user_id(), Some("Bob")));
    assert_eq!(alice.participant(bob.my_user_id()).map(|bob| bob.jid.clone()), Some(came.jid.clone()));
    assert_eq!((alice.participant_count(false), bob.participant_count(false)), (2, 2));

    let id = within("the message", alice.send_text_message("hello <all>\u{1}", None)).await.unwrap();
    let heard = conference_event(&mut other_events, |event| match event {
        ConferenceEvent::MessageReceived(message) => Some(message),
        _ => None,
    });
    let heard = heard.await;
    assert_eq!((heard.id.as_str(), heard.text.as_str()), (alice.my_user_id(), "hello <all>"));
    assert_eq!(heard.message_id.as_deref(), Some(id.as_str()));

    within("the answer", bob.send_private_text_message(alice.my_user_id(), "psst", Some(&id))).await.unwrap();
    let heard = conference_event(&mut one_events, |event| match event {
        ConferenceEvent::PrivateMessageReceived(message) => Some(message),
        _ => None,
    });
    let heard = heard.await;
    assert_eq!((heard.text.as_str(), heard.reply_to_id.as_deref()), ("psst", Some(id.as_str())));

    within("the JSON", bob.send_json_message(r#"{"type":"cursor"}"#, None)).await.unwrap();
    let payload = conference_event(&mut one_events, |event| match event {
        ConferenceEvent::EndpointMessageReceived { payload, .. } => Some(payload),
        _ => None,
    });
    assert_eq!(payload.await, r#"{"type":"cursor"}"#);

    within("the subject", alice.set_subject("Monday")).await.unwrap();
    let subject = conference_event(&mut other_events, |event| match event {
        ConferenceEvent::SubjectChanged { subject } if !subject.is_empty() => Some(subject),
        _ => None,
    });
    assert_eq!(subject.await, "Monday");

    within("the leave", bob.leave(Some("enough"))).await.unwrap();
    let (gone, reason) = conference_event(&mut one_events, |event| match event {
        ConferenceEvent::UserLeft { participant, reason } => Some((participant, reason)),
        _ => None,
    })
    .await;
    assert_eq!((gone.id.as_str(), reason.as_deref()), (bob.my_user_id(), Some("enough")));
    assert!(alice.participants().is_empty());
    let error = bob.send_text_message("too late", None).await.unwrap_err();
    assert_eq!(error, Error::InvalidState { call: "sendTextMessage", state: "left" });
    within("the end", alice.dispose()).await.unwrap();
    within("the end", other.disconnect()).await.unwrap();
}

#[tokio::test]
async fn two_clients_meet_on_the_embedded_server() {
    let server = server().await;
    meet(&server.service_url(), server.domain()).await;
}

#[tokio::test]
async fn two_clients_meet_on_prosody() {
    let prosody = tokio::task::spawn_blocking(TestProsody::start_or_skip).await.unwrap();
    let Some(prosody) = prosody else { return };
    meet(&prosody.service_url(), prosody.domain()).await;
}

#[tokio::test]
async fn a_conference_goes_on_when_the_connection_is_resumed() {
    let server = server().await;
    let (one, mut one_events) = client(&server.service_url(), server.domain()).await;
    let alice = joined(&one, "Alice").await;
    server.order(&Order::Cut);
    let (other, _) = client(&server.service_url(), server.domain()).await;
    let bob = joined(&other, "Bob").await;
    let came = conference_event(&mut one_events, |event| match event {
        ConferenceEvent::UserJoined(participant) => Some(participant.id.clone()),
        ConferenceEvent::Failed(failure) => panic!("{failure}"),
        _ => None,
    });
    assert_eq!(came.await, bob.my_user_id());
    assert!(alice.info().joined);
}

#[tokio::test]
async fn what_cannot_be_is_an_error_of_the_call() {
    let server = server().await;
    let (connection, _) = client(&server.service_url(), server.domain()).await;
    let options = ConferenceOptions::default();
    for name in ["", "Standup", "stand up", "a@b", "a/b"] {
        let error = connection.init_jitsi_conference(name, &options).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{name}");
    }
    let conference = connection.init_jitsi_conference("standup", &options).unwrap();
    let mut others = ConferenceOptions::default();
    others.display_name = Some("another".to_owned());
    let error = connection.init_jitsi_conference("standup", &others).unwrap_err();
    assert_eq!(error.status(), Status::InvalidState);
    let early = conference.send_text_message("early", None).await.unwrap_err();
    assert_eq!(early, Error::InvalidState { call: "sendTextMessage", state: "idle" });

    within("the room", conference.join(None)).await.unwrap();
    let twice = within("the call", conference.join(None)).await.unwrap_err();
    assert_eq!(twice, Error::InvalidState { call: "join", state: "joined" });
    for error in [
        conference.send_text_message("", None).await.unwrap_err(),
        conference.send_text_message("\u{1}", None).await.unwrap_err(),
        conference.send_private_text_message("nobody", "psst", None).await.unwrap_err(),
        conference.send_json_message("[]", None).await.unwrap_err(),
        conference.send_json_message("{", None).await.unwrap_err(),
        conference.send_reaction("yes", "1", None).await.unwrap_err(),
        conference.send_reaction("\u{1f44d}", "", None).await.unwrap_err(),
    ] {
        assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    }

    let options = common::options(&server.service_url(), server.domain());
    let away = JitsiConnection::new(None, None, &options).unwrap();
    let error = away.init_jitsi_conference("standup", &ConferenceOptions::default()).unwrap_err();
    assert_eq!(error, Error::NotConnected);
}

#[tokio::test]
async fn a_conference_ends_with_its_connection() {
    let server = server().await;
    let (connection, mut events) = client(&server.service_url(), server.domain()).await;
    let conference = joined(&connection, "Alice").await;
    server.order(&Order::Restart);
    let failure = conference_event(&mut events, |event| match event {
        ConferenceEvent::Failed(failure) => Some(failure),
        _ => None,
    });
    assert_eq!(failure.await.error_type, ConferenceErrorType::ConnectionError);
    assert!(!conference.info().joined);
    within("the connection", connection.connect()).await.unwrap();
    within("the room", conference.join(None)).await.unwrap();
}
