//! Coming and going.

use super::*;

#[test]
fn who_comes_learns_of_all_and_all_learn_of_it() {
    let mut stage = Stage::default();
    stage.join("a", "");
    let told = stage.inbox("a");
    assert_eq!(told.len(), 2);
    assert_eq!((nick_of(&told[0]), codes(&told[0])), ("a", ["100", "110", "201"].map(String::from).into()));
    assert_eq!(rank(&told[0]), ("owner", "moderator"));
    let subject = told[1].get_child("subject", CLIENT).expect("a subject, though it is empty");
    assert_eq!((told[1].name(), told[1].attr("from"), subject.text().as_str()), ("message", Some(ROOM), ""));

    stage.join("b", "");
    let told = stage.inbox("b");
    assert_eq!(told.iter().map(nick_of).collect::<Vec<_>>(), ["a", "b", ""]);
    assert_eq!((rank(&told[0]), item(&told[0]).attr("jid")), (("owner", "moderator"), Some(&*jid("a"))));
    assert_eq!(
        (rank(&told[1]), codes(&told[1])),
        (("none", "participant"), ["100", "110"].map(String::from).into())
    );
    let told = stage.one("a");
    assert_eq!((nick_of(&told), item(&told).attr("jid"), codes(&told).len()), ("b", Some(&*jid("b")), 0));
    assert!(told.has_child("occupant-id", "urn:xmpp:occupant-id:0"));
}

#[test]
fn a_presence_goes_out_as_it_is_with_what_the_token_says() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    let claims = format!(
        "<x xmlns='{USER}'><status code='110'/></x><occupant-id xmlns='urn:xmpp:occupant-id:0' id='f'/>"
    );
    let own = "<nick xmlns='http://jabber.org/protocol/nick'>B &amp; b</nick><SourceInfo>{}</SourceInfo><identity/>";
    let presence = format!("<presence id='7' to='{{to}}/b'>{own}<show>away</show>{claims}</presence>");
    stage.send_as("b", Some("<identity><user><id>u</id></user></identity>"), &presence);
    for (name, own) in [("a", false), ("b", true)] {
        let told = stage.one(name);
        assert_eq!(told.attr("id"), Some("7"));
        assert_eq!(told.get_child("nick", "http://jabber.org/protocol/nick").unwrap().text(), "B & b");
        assert_eq!(told.get_child("SourceInfo", CLIENT).unwrap().text(), "{}");
        let identities: Vec<_> = told.children().filter(|child| child.name() == "identity").collect();
        assert_eq!((identities.len(), identities[0].text().as_str()), (1, ""));
        assert!(identities[0].has_child("user", CLIENT));
        assert_eq!(codes(&told), if own { vec!["110"] } else { vec![] });
        assert_ne!(told.get_child("occupant-id", "urn:xmpp:occupant-id:0").unwrap().attr("id"), Some("f"));
    }
    // Who comes later learns of the last presence.
    stage.join("c", "");
    assert!(stage.from("c", "b").has_child("show", CLIENT));
}

#[test]
fn who_goes_is_said_to_go_with_its_last_words() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    stage.send("b", "<presence type='unavailable' to='{to}/b'><status>tired</status></presence>");
    for (name, own) in [("a", vec![]), ("b", vec!["110"])] {
        let told = stage.one(name);
        assert_eq!(
            (told.attr("type"), rank(&told), codes(&told)),
            (Some("unavailable"), ("none", "none"), own.iter().map(ToString::to_string).collect())
        );
        assert_eq!(told.get_child("status", CLIENT).unwrap().text(), "tired");
    }
    // Once more: it is not there.
    stage.send("b", "<presence type='unavailable' to='{to}/b'/>");
    assert!(stage.inbox("a").is_empty() && stage.inbox("b").is_empty());
}

#[test]
fn a_session_that_ends_leaves_its_rooms_and_an_empty_room_is_gone() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    stage.rooms.ended(&jid("b"), &mut stage.out);
    assert_eq!(stage.one("a").attr("type"), Some("unavailable"));
    stage.rooms.ended(&jid("a"), &mut stage.out);
    stage.out.stanzas.clear();
    assert!(stage.rooms.rooms.is_empty() && stage.rooms.visited.is_empty());
    stage.join("c", "");
    assert!(codes(&stage.inbox("c")[0]).contains(&"201".to_owned()));
}

#[test]
fn refuses_as_prosody_does() {
    let mut stage = Stage::with(RoomSettings { max_occupants: Some(2), ..RoomSettings::default() });
    stage.enter(&["a"]);
    let presence = format!("<presence id='1' to='{{to}}/a'><x xmlns='{MUC}'/></presence>");
    stage.send("b", &presence);
    let refused = stage.one("b");
    assert_eq!(
        (refused.attr("id"), refused.attr("from")),
        (Some("1"), Some("room@conference.meet.example/a"))
    );
    assert_eq!(error(&refused).1, "conflict");
    stage.send("b", "<presence to='{to}/b'/>");
    assert_eq!(error(&stage.one("b")).1, "item-not-found");
    stage.send("b", &presence.replace("/a'", "/ '"));
    assert_eq!(error(&stage.one("b")).1, "not-allowed");
    stage.enter(&["b"]);
    stage.join("c", "");
    assert_eq!(error(&stage.one("c")), ("cancel".into(), "service-unavailable".into(), String::new()));
    assert!(stage.inbox("a").is_empty(), "nobody hears of who was refused");

    let mut stage = Stage::with(RoomSettings { restrict_creation: true, ..RoomSettings::default() });
    stage.join("a", "");
    let refused = ("cancel".to_owned(), "not-allowed".to_owned(), "Room creation is restricted".to_owned());
    assert_eq!(error(&stage.one("a")), refused);
}

#[test]
fn a_script_answers_each_who_wants_to_enter() {
    let mut stage = Stage::default();
    let answers = [
        "{\"silent\":true}",
        "{}",
        r#"{"error":"gone","type":"modify","text":"t","application":"<a xmlns='b'/>"}"#,
    ];
    stage.rooms.set_joins(answers.map(|answer| serde_json::from_str(answer).unwrap()).into());
    stage.join("a", "");
    assert!(stage.inbox("a").is_empty());
    stage.enter(&["a"]);
    // A presence of who is there takes no answer.
    stage.send("a", "<presence to='{to}/a'/>").one("a");
    stage.join("b", "");
    let refused = stage.one("b");
    assert_eq!(error(&refused), ("modify".into(), "gone".into(), "t".into()));
    assert!(refused.get_child("error", CLIENT).unwrap().has_child("a", "b"));
    stage.enter(&["b"]);
    assert_eq!(stage.rooms.rooms[ROOM].occupants.len(), 2);
}

#[test]
fn who_has_lost_track_is_told_all_again() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    stage.join("b", "");
    assert_eq!(stage.inbox("b").iter().map(nick_of).collect::<Vec<_>>(), ["a", "b", ""]);
    assert_eq!(nick_of(&stage.one("a")), "b");
}

#[test]
fn who_answers_with_an_error_is_taken_out() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    let gone = format!(
        "<message type='error' to='{{to}}/a'><error type='cancel'><gone xmlns='{STANZA_ERRORS}'/></error></message>"
    );
    stage.send("b", &gone.replace("gone", "forbidden"));
    assert!(stage.inbox("a").is_empty(), "that is no sign of being gone");
    stage.send("b", &gone);
    assert_eq!(codes(&stage.one("a")), ["333"]);
}

#[test]
fn a_semi_anonymous_room_tells_moderators_alone_who_is_who() {
    let mut stage = Stage::with(RoomSettings { semi_anonymous: true, ..RoomSettings::default() });
    stage.enter(&["a", "b"]);
    stage.join("c", "");
    assert_eq!(item(&stage.from("a", "c")).attr("jid"), Some(&*jid("c")));
    assert_eq!(item(&stage.from("b", "c")).attr("jid"), None);
    let told = stage.inbox("c");
    assert_eq!(
        told[..3].iter().map(|it| item(it).attr("jid").is_some()).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(codes(&told[2]), ["110"]);
}
