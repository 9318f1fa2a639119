//! Rooms: coming and going, who is there, what is said, and what becomes of them when the connection fails.

use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::conference::{ConferenceErrorType, ConferenceEvent, ConferenceOptions};
use crate::session::{RoomOutput, RoomStart};
use crate::{Completed, Error};

const ROOM: &str = "standup@conference.meet.example";
const JOIN: CallId = CallId(77);
const LEAVE: CallId = CallId(78);
const READY: &str =
    "<conference xmlns='http://jitsi.org/protocol/focus' ready='true' focusjid='focus@auth.meet.example'/>";

fn start() -> RoomStart {
    RoomStart {
        id: 1,
        name: "standup".to_owned(),
        address: ROOM.to_owned(),
        nick: "me".to_owned(),
        options: ConferenceOptions {
            display_name: Some("A bot".to_owned()),
            hidden_domain: Some("recorder.meet.example".to_owned()),
            ..ConferenceOptions::default()
        },
    }
}

fn presence(name: &str, item: &str, more: &str) -> String {
    format!(
        "<presence xmlns='jabber:client' from='{ROOM}/{name}'><x xmlns='http://jabber.org/protocol/muc#user'>{item}</x>{more}</presence>"
    )
}

fn alice(more: &str) -> String {
    presence("alice", "<item jid='alice@meet.example/a' role='participant' affiliation='none'/>", more)
}

fn me() -> String {
    presence("me", "<item jid='guest@meet.example/one' role='participant'/><status code='110'/>", "")
}

fn focus(more: &str) -> String {
    presence("focus", "<item jid='focus@auth.meet.example/f' role='moderator' affiliation='owner'/>", more)
}

fn gone(name: &str, x: &str, more: &str) -> String {
    presence(name, x, more).replacen("<presence ", "<presence type='unavailable' ", 1)
}

fn refused(error: &str) -> String {
    format!("<presence xmlns='jabber:client' type='error' from='{ROOM}/me'><error {error}</error></presence>")
}

fn message(from: &str, kind: &str, content: &str) -> String {
    let from = if from.is_empty() { ROOM.to_owned() } else { format!("{ROOM}/{from}") };
    format!("<message xmlns='jabber:client' from='{from}' type='{kind}' id='7'>{content}</message>")
}

const CONDITION: &str = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";

fn events(outputs: &[Output]) -> Vec<&ConferenceEvent> {
    let rooms = outputs.iter().filter_map(|output| match output {
        Output::Room(_, RoomOutput::Event(event)) => Some(&**event),
        _ => None,
    });
    rooms.collect()
}

fn names(outputs: &[Output]) -> Vec<&'static str> {
    events(outputs).into_iter().map(|event| event.kind().as_str()).collect()
}

fn id_of(iq: &str) -> &str {
    iq.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).expect("an id")
}

impl Rig {
    fn without_focus() -> Self {
        Self::established(json!({ "disableFocus": true, "focusUserJid": "focus@auth.meet.example" }))
    }

    fn join(&mut self, start: RoomStart) -> Vec<Output> {
        self.session.join_room(self.now, JOIN, start, None);
        self.outputs()
    }

    fn joined(start: RoomStart) -> Self {
        let mut rig = Self::without_focus();
        rig.join(start);
        let outputs = rig.play(&[&alice(""), &me()]);
        assert!(completed(&outputs).contains(&(JOIN.0, &Ok(Completed::Done))), "{outputs:?}");
        rig
    }

    /// The next attempt begins.
    fn try_again(&mut self) {
        self.now = self.session.poll_timeout().expect("a deadline");
        self.session.handle_timeout(self.now);
    }

    fn hear(&mut self, frame: &str) -> Vec<Output> {
        self.play(&[frame])
    }
}

#[test]
fn the_focus_is_asked_first_and_then_the_room() {
    let mut rig = Rig::established(json!({}));
    let outputs = rig.join(start());
    let asked = sent(&outputs);
    assert!(asked[0].contains("<conference ") && asked[0].contains(&format!("room='{ROOM}'")), "{asked:?}");
    assert!(!asked.iter().any(|frame| frame.contains("<presence ")));
    let answer = format!(
        "<iq xmlns='jabber:client' type='result' from='focus.meet.example' id='{}'>{READY}</iq>",
        id_of(asked[0])
    );
    let outputs = rig.hear(&answer);
    let presence = sent(&outputs)[0];
    assert!(presence.starts_with(&format!("<presence xmlns='jabber:client' to='{ROOM}/me'>")), "{presence}");
    for part in [
        "<x xmlns='http://jabber.org/protocol/muc'/>",
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1'",
        ">A bot</nick>",
    ] {
        assert!(presence.contains(part), "{part}: {presence}");
    }
}

#[test]
fn a_focus_that_refuses_is_a_failure_with_its_reason() {
    for (error, expected) in [
        (format!("<error type='auth'><not-authorized {CONDITION}/></error>"), ConferenceErrorType::AuthenticationRequired),
        (
            "<error type='cancel'><reservation-error xmlns='http://jitsi.org/protocol/focus' error-code='409'/></error>".to_owned(),
            ConferenceErrorType::ReservationError,
        ),
        (format!("<error type='wait'><internal-server-error {CONDITION}/></error>"), ConferenceErrorType::FocusDisconnected),
    ] {
        let mut rig = Rig::established(json!({}));
        let outputs = rig.join(start());
        let id = id_of(sent(&outputs)[0]).to_owned();
        let answer =
            format!("<iq xmlns='jabber:client' type='error' from='focus.meet.example' id='{id}'>{error}</iq>");
        let outputs = rig.hear(&answer);
        let [ConferenceEvent::Failed(failure)] = events(&outputs)[..] else { panic!("{outputs:?}") };
        assert_eq!(failure.error_type, expected);
        assert_eq!(completed(&outputs), [(JOIN.0, &Err(Error::ConferenceFailed(failure.clone())))]);
        assert!(outputs.contains(&Output::Room(1, RoomOutput::Over { spent: false })));
    }
}

#[test]
fn who_is_there_is_told_before_the_room_is_joined() {
    let mut rig = Rig::without_focus();
    rig.join(start());
    let outputs =
        rig.play(&[&focus(""), &alice("<nick xmlns='http://jabber.org/protocol/nick'>Alice</nick>"), &me()]);
    let expected = [
        "conference.join_in_progress",
        "conference.userJoined",
        "conference.joined",
        "conference.roleChanged",
    ];
    assert_eq!(names(&outputs), expected);
    let ConferenceEvent::UserJoined(alice) = events(&outputs)[1] else { panic!("{outputs:?}") };
    assert_eq!((alice.id.as_str(), alice.display_name.as_deref()), ("alice", Some("Alice")));
    assert_eq!(alice.connection_jid.as_deref(), Some("alice@meet.example/a"));
    assert!(sent(&outputs).iter().any(|frame| frame.contains("disco#info")), "the room is asked what it is");
}

#[test]
fn a_new_room_shows_everyone_who_is_in_it() {
    let mut rig = Rig::without_focus();
    rig.join(start());
    let outputs = rig.hear(&me().replace("code='110'/>", "code='110'/><status code='201'/>"));
    let form =
        sent(&outputs).into_iter().find(|frame| frame.contains("muc#owner")).expect("the form").to_owned();
    let answer = format!(
        "<iq xmlns='jabber:client' type='result' from='{ROOM}' id='{}'><query xmlns='http://jabber.org/protocol/muc#owner'>\
         <x xmlns='jabber:x:data' type='form'><field var='muc#roomconfig_whois'/></x></query></iq>",
        id_of(&form)
    );
    let outputs = rig.hear(&answer);
    assert!(sent(&outputs)[0].contains("<field var='muc#roomconfig_whois'><value>anyone</value></field>"));
}

#[test]
fn every_refusal_has_its_error() {
    use ConferenceErrorType as Type;
    let lobby = format!(
        "type='auth'><registration-required {CONDITION}/><lobbyroom xmlns='http://jitsi.org/jitmeet'>lobby@l.meet.example</lobbyroom>"
    );
    let rows = [
        (format!("type='auth'><not-authorized {CONDITION}/>"), Type::PasswordRequired),
        (lobby, Type::MembersOnlyError),
        (format!("type='cancel'><not-allowed {CONDITION}/>"), Type::NotAllowedError),
        (format!("type='auth'><forbidden {CONDITION}/>"), Type::NotAllowedError),
        (format!("type='wait'><service-unavailable {CONDITION}/>"), Type::ConferenceMaxUsers),
        (
            format!(
                "type='modify'><not-acceptable {CONDITION}/><displayname-required xmlns='http://jitsi.org/jitmeet'/>"
            ),
            Type::DisplayNameRequired,
        ),
        (format!("type='cancel'><conflict {CONDITION}/>"), Type::ConnectionError),
        ("type='cancel'>".to_owned(), Type::ConnectionError),
    ];
    for (error, expected) in rows {
        let mut rig = Rig::without_focus();
        rig.join(start());
        let outputs = rig.hear(&refused(&error));
        let [ConferenceEvent::Failed(failure)] = events(&outputs)[..] else { panic!("{outputs:?}") };
        assert_eq!(failure.error_type, expected, "{error}");
        let lobby = (expected == Type::MembersOnlyError).then(|| "lobby@l.meet.example".to_owned());
        assert_eq!(failure.room, lobby);
    }
}

#[test]
fn a_room_that_only_the_focus_may_create_is_tried_three_times_more() {
    let mut rig = Rig::without_focus();
    rig.join(start());
    let restricted = refused(&format!(
        "type='cancel'><not-allowed {CONDITION}/><text {CONDITION}>Room creation is restricted</text>"
    ));
    for _ in 0..3 {
        assert_eq!(names(&rig.hear(&restricted)), [""; 0]);
        let outputs = rig.time_out();
        assert!(sent(&outputs).iter().any(|frame| frame.starts_with("<presence ")), "{outputs:?}");
    }
    assert_eq!(names(&rig.hear(&restricted)), ["conference.failed"]);
}

#[test]
fn a_room_that_says_nothing_is_given_up() {
    let mut rig = Rig::established(json!({ "disableFocus": true, "xmppPing": { "interval": 600000 } }));
    rig.join(start());
    let mut outputs = Vec::new();
    while events(&outputs).is_empty() {
        outputs = rig.time_out();
    }
    let [ConferenceEvent::Failed(failure)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(failure.error_type, ConferenceErrorType::ConnectionError);
    assert!(failure.message.contains("15000 ms (joinTimeout)"), "{failure}");
    assert!(sent(&outputs).iter().any(|frame| frame.contains("type='unavailable'")), "it may have let us in");
}

#[test]
fn what_a_participant_changes_is_told_and_what_they_repeat_is_not() {
    let mut rig = Rig::joined(start());
    let said = "<nick xmlns='http://jabber.org/protocol/nick'>Al</nick><status>away</status><bot type='b'/>\
        <features><feature var='f'/></features><jitsi_participant_lang>en</jitsi_participant_lang>";
    let outputs = rig.hear(&alice(said));
    let expected = [
        "conference.bot_type_changed",
        "conference.partcipant_features_changed",
        "conference.displayNameChanged",
        "conference.participant_property_changed",
        "conference.statusChanged",
    ];
    assert_eq!(names(&outputs), expected);
    assert_eq!(names(&rig.hear(&alice(said))), [""; 0]);
    let outputs = rig.hear(&alice(said).replace("role='participant'", "role='moderator'"));
    let role = ConferenceEvent::RoleChanged { id: "alice".to_owned(), role: "moderator".to_owned() };
    assert_eq!(events(&outputs), [&role]);
}

#[test]
fn the_first_presence_tells_the_properties_too() {
    let mut rig = Rig::joined(start());
    let bob = presence(
        "bob",
        "<item jid='b@recorder.meet.example/b' role='participant'/>",
        "<jitsi_participant_lang>en</jitsi_participant_lang>\
         <identity><user><id>7</id><name>Bob</name></user><group>g</group></identity>",
    );
    let outputs = rig.hear(&bob);
    let [ConferenceEvent::UserJoined(bob), ConferenceEvent::ParticipantPropertyChanged { participant, .. }] =
        events(&outputs)[..]
    else {
        panic!("{outputs:?}")
    };
    assert!(bob.hidden, "of the hidden domain");
    let identity = bob.identity.as_ref().expect("an identity");
    assert_eq!((identity.user["name"].as_str(), identity.group.as_deref()), ("Bob", Some("g")));
    assert_eq!(participant.properties["lang"], "en");
}

#[test]
fn whoever_goes_is_told_with_the_reason_and_who_was_kicked_with_the_actor() {
    let mut rig = Rig::joined(start());
    let outputs = rig.hear(&gone("alice", "<item role='none'/>", "<status>bye</status>"));
    let [ConferenceEvent::UserLeft { participant, reason }] = events(&outputs)[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!((participant.id.as_str(), reason.as_deref()), ("alice", Some("bye")));
    rig.hear(&alice(""));
    let kicked = "<item role='none'><actor nick='me'/><reason>noise</reason></item><status code='307'/>";
    let outputs = rig.hear(&gone("alice", kicked, ""));
    assert_eq!(names(&outputs), ["conference.participant_kicked", "conference.userLeft"]);
    let ConferenceEvent::ParticipantKicked { actor, reason, .. } = events(&outputs)[0] else { panic!() };
    assert_eq!((actor.as_deref(), reason.as_deref()), (Some("me"), Some("noise")));
}

#[test]
fn a_client_that_is_kicked_is_out_and_so_is_one_of_a_room_that_is_destroyed() {
    let mut rig = Rig::joined(start());
    let kicked = "<item role='none'><actor nick='alice'/></item><status code='110'/><status code='307'/>";
    let outputs = rig.hear(&gone("me", kicked, ""));
    assert_eq!(names(&outputs), ["conference.kicked", "conference.userLeft", "conference.left"]);
    assert!(outputs.contains(&Output::Room(1, RoomOutput::Over { spent: true })));

    let mut rig = Rig::joined(start());
    let destroyed =
        "<item role='none'/><destroy jid='next@conference.meet.example'><reason>done</reason></destroy>";
    let outputs = rig.hear(&gone("me", destroyed, ""));
    let Some(ConferenceEvent::Failed(failure)) = events(&outputs).into_iter().next_back() else { panic!() };
    assert_eq!(failure.error_type, ConferenceErrorType::ConferenceDestroyed);
    assert_eq!(failure.room.as_deref(), Some("next@conference.meet.example"));
}

#[test]
fn nobody_passes_for_the_focus() {
    let mut rig = Rig::joined(start());
    let properties = "<conference-properties xmlns='http://jitsi.org/protocol/focus'><property key='a' value='1'/></conference-properties>";
    let spoof = presence("focus", "<item jid='mallory@meet.example/m' role='participant'/>", properties);
    assert_eq!(names(&rig.hear(&spoof)), [""; 0], "neither a participant nor the focus");
    assert_eq!(names(&rig.hear(&gone("focus", "<item role='none'/>", ""))), [""; 0]);
    let outputs = rig.hear(&focus(properties));
    assert_eq!(names(&outputs), ["conference.propertiesChanged"]);
    let outputs = rig.hear(&gone("focus", "<item role='none'/>", ""));
    let [ConferenceEvent::Failed(failure)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(failure.error_type, ConferenceErrorType::FocusLeft);
}

#[test]
fn media_is_declined_with_the_session_of_the_bridge() {
    let mut rig = Rig::joined(start());
    let offer = format!(
        "<iq xmlns='jabber:client' type='set' id='o' from='{ROOM}/focus'><jingle xmlns='urn:xmpp:jingle:1' \
         action='session-initiate' sid='s'><bridge-session xmlns='http://jitsi.org/protocol/focus' id='b'/></jingle></iq>"
    );
    let outputs = rig.hear(&offer);
    let frames: Vec<_> = sent(&outputs).into_iter().filter(|frame| frame.starts_with("<iq ")).collect();
    assert_eq!(frames[0], format!("<iq xmlns='jabber:client' type='result' id='o' to='{ROOM}/focus'/>"));
    assert!(
        frames[1].contains("action='session-terminate' sid='s'><reason><decline/></reason>"),
        "{}",
        frames[1]
    );
    assert!(frames[1].contains("<bridge-session xmlns='http://jitsi.org/protocol/focus' id='b'/>"));
    let outside = offer.replace(ROOM, "other@conference.meet.example");
    assert!(sent(&rig.hear(&outside))[0].contains("service-unavailable"), "of a room that is not ours");
}

#[test]
fn what_is_said_is_told_with_its_arguments() {
    let mut rig = Rig::joined(start());
    let reply = "<body>hi &lt;all&gt;</body><reply xmlns='urn:xmpp:reply:0' to='6'/>";
    let outputs = rig.hear(&message("alice", "groupchat", reply));
    let [ConferenceEvent::MessageReceived(said)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!((said.id.as_str(), said.text.as_str()), ("alice", "hi <all>"));
    assert_eq!((said.message_id.as_deref(), said.reply_to_id.as_deref()), (Some("7"), Some("6")));
    assert_eq!((said.timestamp.as_deref(), said.is_visitor), (None, false));

    let old = "<body>old</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>\
        <display-name xmlns='http://jitsi.org/protocol/display-name' source='visitor'>Vi</display-name>";
    let outputs = rig.hear(&message("alice", "groupchat", old));
    let [ConferenceEvent::MessageReceived(said)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(said.timestamp.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!((said.is_visitor, said.display_name.as_deref()), (true, Some("Vi")));

    let outputs = rig.hear(&message("alice", "chat", "<body>psst</body>"));
    assert!(matches!(events(&outputs)[..], [ConferenceEvent::PrivateMessageReceived(_)]), "{outputs:?}");

    let reactions =
        "<reactions xmlns='urn:xmpp:reactions:0' id='6'><reaction>\u{1f44d}</reaction></reactions>";
    let outputs = rig.hear(&message("alice", "groupchat", reactions));
    let [ConferenceEvent::ReactionReceived { reactions, message_id, .. }] = events(&outputs)[..] else {
        panic!()
    };
    assert_eq!((reactions[0].as_str(), message_id.as_str()), ("\u{1f44d}", "6"));

    let outputs =
        rig.hear(&message("alice", "groupchat", "<retract xmlns='urn:xmpp:message-retract:1' id='6'/>"));
    assert!(matches!(events(&outputs)[..], [ConferenceEvent::MessageRetracted { .. }]), "{outputs:?}");

    let outputs = rig.hear(&message("", "groupchat", "<subject>Monday</subject>"));
    assert_eq!(events(&outputs), [&ConferenceEvent::SubjectChanged { subject: "Monday".to_owned() }]);

    let error = format!("<error type='auth'><forbidden {CONDITION}/><text {CONDITION}>no</text></error>");
    let outputs = rig.hear(&message("", "error", &error));
    let [ConferenceEvent::Error(failure)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(
        (failure.error_type, failure.server_text.as_deref()),
        (ConferenceErrorType::ChatError, Some("no"))
    );
}

#[test]
fn a_json_message_is_an_object_with_a_type_that_is_not_old() {
    let mut rig = Rig::joined(start());
    let json = |text: &str| format!("<json-message xmlns='http://jitsi.org/jitmeet'>{text}</json-message>");
    let outputs = rig.hear(&message("alice", "groupchat", &json("{\"type\":\"x\"}")));
    let [ConferenceEvent::EndpointMessageReceived { participant, payload }] = events(&outputs)[..] else {
        panic!()
    };
    assert_eq!((participant.id.as_str(), payload.as_str()), ("alice", "{\"type\":\"x\"}"));
    let outputs = rig.hear(&message("stranger", "groupchat", &json("{\"type\":\"x\"}")));
    assert!(matches!(events(&outputs)[..], [ConferenceEvent::NonParticipantMessageReceived { .. }]));
    for text in ["{}", "[1]", "7", "{", ""] {
        assert_eq!(names(&rig.hear(&message("alice", "groupchat", &json(text)))), [""; 0], "{text}");
    }
    let old =
        format!("{}<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>", json("{\"type\":\"x\"}"));
    assert_eq!(names(&rig.hear(&message("alice", "groupchat", &old))), [""; 0]);
}

#[test]
fn what_the_room_says_of_itself_is_known() {
    let mut rig = Rig::without_focus();
    rig.join(start());
    let outputs = rig.hear(&me());
    let asked =
        sent(&outputs).into_iter().find(|frame| frame.contains("disco#info")).expect("a question").to_owned();
    let field =
        |name: &str, value: &str| format!("<field var='muc#roominfo_{name}'><value>{value}</value></field>");
    let fields = [
        field("meetingId", "m"),
        field("created_timestamp", "17"),
        field("lobbyroom", "lobby@l.meet.example"),
        field("visitorsEnabled", "1"),
    ]
    .concat();
    let answer = format!(
        "<iq xmlns='jabber:client' type='result' from='{ROOM}' id='{}'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <feature var='muc_passwordprotected'/><feature var='muc_membersonly'/>\
         <x xmlns='jabber:x:data' type='result'>{fields}</x></query></iq>",
        id_of(&asked)
    );
    let outputs = rig.hear(&answer);
    let expected = [
        "conference.lock_state_changed",
        "conference.unique_id_set",
        "conference.createdTimestamp",
        "conference.membersOnlyChanged",
        "conference.visitorsSupported",
    ];
    assert_eq!(names(&outputs), expected);
    let changed =
        message("", "groupchat", "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>");
    assert!(sent(&rig.hear(&changed)).iter().any(|frame| frame.contains("disco#info")), "asked again");
}

#[test]
fn leaving_waits_for_the_room_and_not_for_ever() {
    let mut rig = Rig::joined(start());
    rig.session.leave_room(rig.now, LEAVE, 1, Some("done".to_owned()));
    let outputs = rig.outputs();
    let goodbye = format!(
        "<presence xmlns='jabber:client' to='{ROOM}/me' type='unavailable'><status>done</status></presence>"
    );
    assert!(sent(&outputs).contains(&goodbye.as_str()), "{outputs:?}");
    let outputs = rig.hear(&gone("me", "<item role='none'/><status code='110'/>", ""));
    assert_eq!(names(&outputs), ["conference.userLeft", "conference.left"]);
    assert_eq!(completed(&outputs), [(LEAVE.0, &Ok(Completed::Done))]);

    let mut rig = Rig::joined(start());
    rig.session.leave_room(rig.now, LEAVE, 1, None);
    rig.outputs();
    let mut outputs = Vec::new();
    while completed(&outputs).is_empty() {
        outputs = rig.time_out();
    }
    assert_eq!(names(&outputs).last(), Some(&"conference.left"), "{outputs:?}");
    assert!(matches!(completed(&outputs)[..], [(_, Err(Error::Timeout(_)))]), "{outputs:?}");
}

#[test]
fn leaving_once_more_waits_for_the_same_answer() {
    let mut rig = Rig::joined(start());
    rig.session.leave_room(rig.now, LEAVE, 1, None);
    rig.session.leave_room(rig.now, CallId(79), 1, None);
    let outputs = rig.outputs();
    assert_eq!((completed(&outputs).len(), names(&outputs).len()), (0, 0), "{outputs:?}");
    let outputs = rig.hear(&gone("me", "<item role='none'/><status code='110'/>", ""));
    assert_eq!(names(&outputs), ["conference.userLeft", "conference.left"]);
    assert_eq!(completed(&outputs), [(LEAVE.0, &Ok(Completed::Done)), (79, &Ok(Completed::Done))]);
}

#[test]
fn a_feature_that_is_submitted_is_told_to_the_room_once() {
    let mut rig = Rig::joined(start());
    let mut features = rig.session.features.clone();
    features.add("urn:example:bot");
    rig.session.set_features(rig.now, features.clone(), false);
    assert_eq!(sent(&rig.outputs()), [""; 0], "not before the next presence");
    rig.session.set_features(rig.now, features.clone(), true);
    let outputs = rig.outputs();
    let told = sent(&outputs).into_iter().find(|frame| frame.starts_with("<presence ")).expect("a presence");
    assert!(told.contains("<features><feature var='urn:example:bot'/></features>"), "{told}");
    assert!(!told.contains("http://jabber.org/protocol/muc'"), "it joins nothing");
    rig.session.set_features(rig.now, features, true);
    assert!(!sent(&rig.outputs()).iter().any(|frame| frame.starts_with("<presence ")), "nothing has changed");
}

#[test]
fn a_conference_outlives_a_resume_and_sends_its_presence_only_if_that_has_changed() {
    let mut rig = Rig::joined(start());
    rig.cut();
    rig.try_again();
    let outputs = rig.resume(2);
    assert_eq!(names(&outputs), [""; 0]);
    assert!(!sent(&outputs).iter().any(|frame| frame.starts_with("<presence ")), "{outputs:?}");
    assert_eq!(
        names(&rig.hear(&message("alice", "groupchat", "<body>still here</body>"))),
        ["conference.messageReceived"]
    );
}

#[test]
fn with_the_session_the_place_in_the_room_is_lost() {
    let refuse = |rig: &mut Rig| {
        rig.cut();
        rig.try_again();
        rig.open();
        let failed = "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
        rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, failed])
    };
    let mut rig = Rig::joined(start());
    let outputs = refuse(&mut rig);
    assert_eq!(names(&outputs), ["conference.userLeft", "conference.failed"]);

    let reconnect = json!({ "disableFocus": true, "reconnect": {} });
    let mut rig = Rig::established(reconnect);
    rig.join(RoomStart { options: ConferenceOptions { rejoin: true, ..start().options }, ..start() });
    rig.play(&[&alice(""), &me()]);
    assert_eq!(names(&refuse(&mut rig)), ["conference.userLeft"], "it is to come back");
    rig.try_again();
    rig.open();
    let outputs =
        rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, ENABLED]);
    assert!(
        sent(&outputs).iter().any(|frame| frame.contains("http://jabber.org/protocol/muc'")),
        "{outputs:?}"
    );
    assert_eq!(
        names(&rig.hear(&me())),
        ["conference.join_in_progress", "conference.joined", "conference.roleChanged"]
    );
}

#[test]
fn what_is_too_much_is_not_kept() {
    let mut rig = Rig::joined(start());
    let item = "<item jid='m@meet.example/m' role='participant'/>";
    assert_eq!(
        names(&rig.hear(&presence(&"n".repeat(1_000_000), item, ""))),
        [""; 0],
        "no resource is that long"
    );
    let long = format!("<nick xmlns='http://jabber.org/protocol/nick'>{}</nick>", "n".repeat(1_000_000));
    let outputs = rig.hear(&presence("mallory", item, &long));
    let [ConferenceEvent::UserJoined(mallory)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(mallory.display_name, None);
    let properties: String =
        (0..1000).map(|n| format!("<jitsi_participant_{n}>x</jitsi_participant_{n}>")).collect();
    let outputs = rig.hear(&presence("mallory", item, &properties));
    assert_eq!(names(&outputs).len(), 100);
}

#[test]
fn disconnecting_leaves_every_conference() {
    let mut rig = Rig::joined(start());
    rig.session.disconnect(rig.now, Duration::from_secs(2));
    rig.outputs();
    let outputs = rig.hear(CLOSE);
    assert_eq!(names(&outputs), ["conference.userLeft", "conference.left"]);
    assert!(matches!(outputs.last(), Some(Output::Ended(Ending::Disconnected))));
}

#[test]
fn a_password_goes_to_the_room_and_locks_it() {
    let mut rig = Rig::without_focus();
    let password = Some(Zeroizing::new("sesame".to_owned()));
    rig.session.join_room(rig.now, JOIN, start(), password);
    let outputs = rig.outputs();
    assert!(sent(&outputs)[0].contains("<password>sesame</password>"));
    let outputs = rig.hear(&me());
    let locked = outputs.iter().any(|output| match output {
        Output::Room(_, RoomOutput::Info(info)) => info.locked,
        _ => false,
    });
    assert!(locked, "{outputs:?}");
}
