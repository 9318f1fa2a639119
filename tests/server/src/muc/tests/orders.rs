//! What a room does on command.

use super::*;

fn order(stage: &mut Stage, json: serde_json::Value) -> bool {
    let order: RoomOrder = serde_json::from_value(json).unwrap();
    stage.rooms.obey(ROOM, &order, &mut stage.out)
}

macro_rules! order {
    ($stage:expr, $($json:tt)+) => { order(&mut $stage, serde_json::json!($($json)+)) };
}

#[test]
fn orders_move_occupants() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b", "c", "d"]);
    assert!(order!(stage, { "order": "affiliate", "nick": "b", "affiliation": "owner", "actor": "a" }));
    assert_eq!(rank(&stage.one("b")), ("owner", "moderator"));
    assert!(order!(stage, { "order": "role", "nick": "c", "role": "visitor" }));
    assert_eq!(rank(&stage.from("c", "c")), ("none", "visitor"));
    stage.send("c", "<message type='groupchat' to='{to}'><body>hi</body></message>");
    assert_eq!(error(&stage.one("c")).1, "forbidden");
    stage.out.stanzas.clear();
    assert!(order!(stage, { "order": "kick", "nick": "c", "reason": "why", "actor": "b" }));
    assert_eq!(codes(&stage.one("c")), ["110", "307"]);
    // Who may not do it does not.
    assert!(!order!(stage, { "order": "kick", "nick": "a", "actor": "d" }));
    assert!(!order!(stage, { "order": "kick", "nick": "z" }));
    assert!(order!(stage, { "order": "destroy", "reason": "over" }));
    assert!(String::from(&stage.inbox("a").pop().unwrap()).contains("over"));
    assert!(!order!(stage, { "order": "destroy" }));
}

#[test]
fn orders_configure() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    assert!(
        order!(stage, { "order": "configure", "lobby": true, "password": "p", "waiting_for_host": true })
    );
    // Who is here stays.
    assert_eq!(codes(&stage.one("b")), ["104"]);
    let refused = stage.join("c", "").one("c");
    let error = refused.get_child("error", CLIENT).unwrap();
    assert!(
        error.has_child("registration-required", STANZA_ERRORS)
            && error.has_child("waiting-for-host", JITMEET)
    );
    let state = stage.rooms.state(ROOM).unwrap();
    assert_eq!((state.password.as_deref(), state.members_only), (Some("p"), true));
    assert_eq!(state.lobby.as_deref(), Some("room@lobby.meet.example"));
    // Whom the password lets in becomes a member.
    assert_eq!(rank(&stage.join("c", "<password>p</password>").from("c", "c")), ("member", "participant"));
    assert!(order!(stage, { "order": "configure", "lobby": false, "password": "" }));
    assert_eq!(stage.rooms.state(ROOM).unwrap().password, None);
    assert!(stage.join("d", "").inbox("d").len() > 1);
}

#[test]
fn who_is_not_connected_does_what_it_is_ordered_to() {
    let mut stage = Stage::default();
    assert!(
        order!(stage, { "order": "enter", "nick": "s", "affiliation": "member", "content": "<nick>S</nick>" })
    );
    stage.enter(&["a"]);
    assert!(!order!(stage, { "order": "enter", "nick": "a" }), "the nick is taken");
    assert!(order!(stage, { "order": "presence", "nick": "s", "content": "<show>dnd</show>" }));
    let told = stage.one("a");
    assert_eq!((nick_of(&told), rank(&told)), ("s", ("member", "participant")));
    assert!(told.has_child("show", CLIENT));
    assert!(!order!(stage, { "order": "presence", "nick": "a" }), "clients speak for themselves");
    assert!(order!(stage, { "order": "flood", "nick": "s", "count": 100 }));
    assert_eq!(stage.inbox("a").len(), 100);
    assert!(order!(stage, { "order": "long_name", "nick": "s", "bytes": 1 << 16 }));
    assert_eq!(stage.one("a").get_child("nick", NICK).unwrap().text().len(), 1 << 16);
    assert!(order!(stage, { "order": "leave", "nick": "s", "status": "bye" }));
    assert_eq!(stage.one("a").get_child("status", CLIENT).unwrap().text(), "bye");
    assert!(!order!(stage, { "order": "leave", "nick": "a" }));
}

#[test]
fn an_impostor_looks_like_the_focus() {
    let mut stage = Stage::default();
    stage.enter(&["a"]);
    assert!(
        order!(stage, { "order": "enter", "nick": "focus", "jid": "focus@auth.meet.example.evil/focus" })
    );
    let told = stage.one("a");
    assert_eq!((nick_of(&told), rank(&told)), ("focus", ("none", "participant")));
    assert_eq!(item(&told).attr("jid"), Some("focus@auth.meet.example.evil/focus"));
    // The true one cannot come while its nick is taken.
    assert!(!order!(stage, { "order": "focus_joins" }));
    let offer = "<iq xmlns='jabber:client' type='set' id='x'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/></iq>";
    assert!(order!(stage, { "order": "send", "from": "other", "to": "a", "stanza": offer }));
    let told = stage.one("a");
    assert_eq!((nick_of(&told), told.attr("id")), ("other", Some("x")));
    assert!(order!(stage, { "order": "send", "stanza": "<message xmlns='jabber:client'/>" }));
    assert_eq!(stage.one("a").attr("from"), Some(ROOM));
    assert!(!order!(stage, { "order": "send", "stanza": "<message" }));
    assert!(!order!(stage, { "order": "send", "to": "z", "stanza": "<message xmlns='jabber:client'/>" }));
}

#[test]
fn a_thousand_come_and_each_is_told_once() {
    let mut stage = Stage::default();
    assert!(order!(stage, { "order": "populate", "count": 500 }));
    stage.enter(&["a"]);
    assert!(order!(stage, { "order": "populate", "count": 499 }));
    // Nobody but the client is sent anything.
    assert!(stage.out.stanzas.iter().all(|(to, _)| *to == jid("a")));
    assert_eq!(stage.out.stanzas.len(), 499);
    stage.out.stanzas.truncate(2);
    assert!(
        stage.inbox("a").iter().all(|it| it.has_child("SourceInfo", CLIENT) && !nick_of(it).contains('-'))
    );
    stage.join("b", "");
    // All others, itself and the subject; and itself for the other client.
    assert_eq!(stage.out.stanzas.len(), 1000 + 1 + 1 + 1);
}

#[test]
fn an_offer_is_made_on_command() {
    let mut stage = Stage::with(RoomSettings { offers: false, ..RoomSettings::default() });
    assert!(order!(stage, { "order": "focus_joins" }));
    stage.enter(&["a", "b"]);
    assert!(order!(stage, { "order": "offer", "nick": "a" }));
    assert_eq!(stage.one("a").name(), "iq");
    assert!(!order!(stage, { "order": "offer", "nick": "a" }), "it has one");
    assert!(!order!(stage, { "order": "offer", "nick": "z" }));
}

#[test]
fn an_order_with_what_it_does_not_know_is_refused() {
    for json in [
        r#"{"order":"kick","nick":"a","reasn":"b"}"#,
        r#"{"order":"dance"}"#,
        r#"{"order":"affiliate","nick":"a","affiliation":"king"}"#,
    ] {
        assert!(serde_json::from_str::<RoomOrder>(json).is_err(), "{json}");
    }
}
