//! What a room does to a conference: the embedded server makes it happen.

mod common;

use common::{conference_event, options, server, within};
use jitsimeet::{
    ConferenceErrorType, ConferenceEvent, ConferenceOptions, Error, Events, JitsiConference, JitsiConnection,
};
use jitsimeet_testserver::{RoomOrder, TestServer};
use serde_json::{Value, json};

/// A client in the room, which the focus serves.
async fn joined(server: &TestServer) -> (JitsiConference, Events) {
    let options = options(&server.service_url(), server.domain());
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    let events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    let mut options = ConferenceOptions::default();
    options.hidden_domain = Some("recorder.meet.example".to_owned());
    let conference = connection.init_jitsi_conference("standup", &options).unwrap();
    within("the room", conference.join(None)).await.unwrap();
    (conference, events)
}

fn order(server: &TestServer, order: Value) {
    let order: RoomOrder = serde_json::from_value(order).expect("an order");
    assert!(server.order_room("standup", &order), "{order:?}");
}

async fn failure(events: &mut Events) -> ConferenceErrorType {
    conference_event(events, |event| match event {
        ConferenceEvent::Failed(failure) => Some(failure.error_type),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn the_focus_makes_the_first_a_moderator_and_is_no_participant() {
    let server = server().await;
    let (conference, mut events) = joined(&server).await;
    let role = conference_event(&mut events, |event| match event {
        ConferenceEvent::RoleChanged { role, .. } if role == "moderator" => Some(role),
        _ => None,
    });
    role.await;
    assert!(conference.is_moderator());
    assert_eq!((conference.participants().len(), conference.participant_count(true)), (0, 1));
    let meeting = conference_event(&mut events, |event| match event {
        ConferenceEvent::UniqueIdSet { meeting_id } => Some(meeting_id),
        _ => None,
    });
    assert_eq!(Some(meeting.await), conference.info().meeting_id);
    order(&server, json!({ "order": "focus_leaves" }));
    assert_eq!(failure(&mut events).await, ConferenceErrorType::FocusLeft);
}

#[tokio::test]
async fn media_that_the_focus_offers_is_declined_so_that_it_does_not_offer_again() {
    let server = server().await;
    let (conference, _events) = joined(&server).await;
    let (other, _) = joined(&server).await;
    let declined = async {
        loop {
            let answers = server.jingle_answers();
            let of = |nick: &str, answer: &str| {
                answers.iter().filter(|one| one.nick == nick && one.answer == answer).collect::<Vec<_>>()
            };
            let nicks = [conference.my_user_id(), other.my_user_id()];
            if nicks.iter().all(|nick| !of(nick, "session-terminate").is_empty()) {
                for nick in nicks {
                    assert_eq!(of(nick, "result").len(), 1, "{answers:?}");
                    let terminated = of(nick, "session-terminate");
                    assert_eq!((terminated.len(), terminated[0].condition.as_deref()), (1, Some("decline")));
                    assert_eq!(
                        (terminated[0].refused.as_ref(), terminated[0].bridge_session.is_some()),
                        (None, true)
                    );
                }
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within("the answers", declined).await;
}

#[tokio::test]
async fn roles_and_kicks_are_told() {
    let server = server().await;
    let (conference, mut events) = joined(&server).await;
    order(&server, json!({ "order": "enter", "nick": "bob" }));
    order(&server, json!({ "order": "affiliate", "nick": "bob", "affiliation": "owner" }));
    let role = conference_event(&mut events, |event| match event {
        ConferenceEvent::RoleChanged { id, role } if id == "bob" => Some(role),
        _ => None,
    });
    assert_eq!(role.await, "moderator");
    assert!(conference.participant("bob").is_some_and(|bob| bob.is_moderator()));
    let me = conference.my_user_id().to_owned();
    order(&server, json!({ "order": "kick", "nick": "bob", "reason": "noise", "actor": me }));
    let (actor, reason) = conference_event(&mut events, |event| match event {
        ConferenceEvent::ParticipantKicked { actor, reason, .. } => Some((actor, reason)),
        _ => None,
    })
    .await;
    assert_eq!((actor.as_ref(), reason.as_deref()), (Some(&me), Some("noise")));
    order(&server, json!({ "order": "kick", "nick": me }));
    conference_event(&mut events, |event| matches!(event, ConferenceEvent::Kicked { .. }).then_some(()))
        .await;
    conference_event(&mut events, |event| matches!(event, ConferenceEvent::Left).then_some(())).await;
    let error = within("the call", conference.join(None)).await.unwrap_err();
    assert_eq!(error, Error::InvalidState { call: "join", state: "left" });
}

#[tokio::test]
async fn a_room_with_a_password_or_for_members_or_that_is_destroyed_fails_with_its_reason() {
    let server = server().await;
    let (conference, mut events) = joined(&server).await;
    order(&server, json!({ "order": "configure", "password": "sesame" }));
    conference_event(&mut events, |event| {
        matches!(event, ConferenceEvent::LockStateChanged { locked: true }).then_some(())
    })
    .await;
    let options = options(&server.service_url(), server.domain());
    let late = JitsiConnection::new(None, None, &options).unwrap();
    within("the connection", late.connect()).await.unwrap();
    let guest = late.init_jitsi_conference("standup", &ConferenceOptions::default()).unwrap();
    let refused = |outcome: Result<(), Error>| match outcome {
        Err(Error::ConferenceFailed(failure)) => failure,
        other => panic!("{other:?}"),
    };
    let wrong = refused(within("the room", guest.join(Some("open"))).await);
    assert_eq!(wrong.error_type, ConferenceErrorType::PasswordRequired);
    within("the room", guest.join(Some("sesame"))).await.unwrap();
    within("the leave", guest.leave(None)).await.unwrap();

    order(&server, json!({ "order": "configure", "password": "", "lobby": true }));
    let guest = late.init_jitsi_conference("standup", &ConferenceOptions::default()).unwrap();
    let nameless = refused(within("the room", guest.join(None)).await);
    assert_eq!(nameless.error_type, ConferenceErrorType::DisplayNameRequired);
    within("the leave", guest.leave(None)).await.unwrap();
    let mut named = ConferenceOptions::default();
    named.display_name = Some("Carol".to_owned());
    let guest = late.init_jitsi_conference("standup", &named).unwrap();
    let members = refused(within("the room", guest.join(None)).await);
    assert_eq!(members.error_type, ConferenceErrorType::MembersOnlyError);
    assert!(members.room.is_some_and(|lobby| lobby.starts_with("standup@lobby.")));

    order(&server, json!({ "order": "destroy", "reason": "over" }));
    assert_eq!(failure(&mut events).await, ConferenceErrorType::ConferenceDestroyed);
    assert!(!conference.info().joined);
}

#[tokio::test]
async fn what_is_too_much_or_false_does_no_harm() {
    let server = server().await;
    let (conference, mut events) = joined(&server).await;
    // Somebody who passes for the focus, floods, and has a name of a megabyte.
    order(&server, json!({ "order": "enter", "nick": "mallory", "jid": "focus@meet.example/focus" }));
    order(&server, json!({ "order": "flood", "nick": "mallory", "count": 5000 }));
    order(&server, json!({ "order": "long_name", "nick": "mallory", "bytes": 1_000_000 }));
    order(&server, json!({ "order": "leave", "nick": "mallory", "status": "bye" }));
    let reason = conference_event(&mut events, |event| match event {
        ConferenceEvent::UserLeft { reason, .. } => Some(reason),
        ConferenceEvent::DisplayNameChanged { display_name: Some(name), .. } if name.len() > 100_000 => {
            panic!("{} bytes", name.len())
        }
        ConferenceEvent::Failed(failure) => panic!("{failure}"),
        _ => None,
    });
    assert_eq!(reason.await.as_deref(), Some("bye"));
    assert!(conference.participants().is_empty());
    within("a message", conference.send_text_message("still here", None)).await.unwrap();
}

#[tokio::test]
async fn a_thousand_participants_are_known() {
    let server = server().await;
    order(&server, json!({ "order": "populate", "count": 1000 }));
    let (conference, _events) = joined(&server).await;
    assert_eq!(conference.participant_count(false), 1001);
    within("the leave", conference.leave(None)).await.unwrap();
    assert_eq!(conference.participant_count(false), 1);
}
