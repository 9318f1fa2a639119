//! The focus.

use super::*;

fn stage() -> Stage {
    let mut stage = Stage::default();
    stage.rooms.request_focus(ROOM, noon(), &mut stage.out);
    stage
}

/// The offer among what a client was sent.
fn offer(stage: &mut Stage, name: &str) -> Option<Element> {
    stage.inbox(name).into_iter().find(|stanza| stanza.name() == "iq")
}

fn terminate(offer: &Element, bridge: &str) -> String {
    let sid = offer.get_child("jingle", jingle::JINGLE).unwrap().attr("sid").unwrap();
    let jingle = jingle::JINGLE;
    format!(
        "<iq type='set' id='t' to='{{to}}/focus'><jingle xmlns='{jingle}' action='session-terminate' sid='{sid}'>\
         <reason><decline/></reason>{bridge}</jingle></iq>"
    )
}

/// The bridge session of an offer, as it comes back.
fn bridge(offer: &Element, more: &str) -> String {
    let bridge =
        offer.get_child("jingle", jingle::JINGLE).unwrap().get_child("bridge-session", FOCUS_PROTOCOL);
    format!("<bridge-session xmlns='{FOCUS_PROTOCOL}' id='{}'{more}/>", bridge.unwrap().attr("id").unwrap())
}

#[test]
fn the_focus_is_there_first_and_makes_an_owner_of_the_first() {
    let mut stage = stage();
    stage.join("a", "");
    let told = stage.inbox("a");
    assert_eq!(told.iter().map(nick_of).collect::<Vec<_>>(), ["focus", "a", "", "a"]);
    assert_eq!(
        (rank(&told[0]), item(&told[0]).attr("jid")),
        (("owner", "moderator"), Some("focus@auth.meet.example/focus"))
    );
    let properties = told[0].get_child("conference-properties", FOCUS_PROTOCOL).unwrap();
    assert_eq!(properties.children().next().unwrap().attr("key"), Some("support-session-restart"));
    assert_eq!(
        (rank(&told[1]), codes(&told[1])),
        (("none", "participant"), ["100", "110"].map(String::from).into())
    );
    assert_eq!((rank(&told[3]), codes(&told[3])), (("owner", "moderator"), vec!["110".to_owned()]));
    assert_eq!(item(&told[3]).get_child("actor", USER).unwrap().attr("nick"), Some("focus"));
    stage.join("b", "");
    assert_eq!(rank(&stage.from("b", "b")), ("none", "participant"));
    // The next owner is who has been there for the longest time.
    stage.enter(&["c"]);
    stage.send("a", "<presence type='unavailable' to='{to}/a'/>");
    assert_eq!(rank(&stage.inbox("c").pop().unwrap()), ("owner", "moderator"));
    assert_eq!(nick_of(&stage.inbox("b").pop().unwrap()), "b");
}

#[test]
fn the_last_to_leave_takes_the_focus_along() {
    let mut stage = stage();
    stage.enter(&["a"]);
    stage.send("a", "<presence type='unavailable' to='{to}/a'/>");
    assert!(stage.rooms.rooms.is_empty());
}

#[test]
fn the_focus_comes_once_and_where_it_may() {
    let mut stage = stage();
    stage.rooms.request_focus(ROOM, noon(), &mut stage.out);
    for elsewhere in ["room@elsewhere.example", CONFERENCE, ""] {
        stage.rooms.request_focus(elsewhere, noon(), &mut stage.out);
    }
    assert_eq!((stage.rooms.rooms.len(), stage.rooms.rooms[ROOM].occupants.len()), (1, 1));
    stage.rooms.set_settings(RoomSettings { focus: false, ..RoomSettings::default() }, &mut stage.out);
    stage.rooms.request_focus("other@conference.meet.example", noon(), &mut stage.out);
    assert_eq!(stage.rooms.rooms.len(), 1);
}

#[test]
fn a_focus_that_waits_for_nobody_makes_room() {
    let mut stage = stage();
    stage.enter(&["a"]);
    for number in 1..MOST_ROOMS {
        stage.rooms.request_focus(&format!("{number}@{CONFERENCE}"), noon(), &mut stage.out);
    }
    assert_eq!(stage.rooms.rooms.len(), MOST_ROOMS);
    stage.send("b", &format!("<presence to='other@{CONFERENCE}/b'><x xmlns='{MUC}'/></presence>"));
    assert!(codes(&stage.inbox("b")[0]).contains(&"201".to_owned()));
    assert_eq!(stage.rooms.rooms.len(), 2);
}

#[test]
fn media_is_offered_as_soon_as_there_are_two() {
    let mut stage = stage();
    stage.join("a", "");
    assert_eq!(offer(&mut stage, "a"), None);
    stage.join("b", "");
    for name in ["a", "b"] {
        let offer = offer(&mut stage, name).expect("an offer");
        assert_eq!((nick_of(&offer), offer.attr("type")), ("focus", Some("set")));
        let jingle = offer.get_child("jingle", jingle::JINGLE).unwrap();
        assert_eq!(jingle.attr("action"), Some("session-initiate"));
        assert_eq!(jingle.attr("responder"), Some(&*format!("{ROOM}/{name}")));
        let contents: Vec<_> = jingle.children().filter_map(|it| it.attr("name")).collect();
        assert_eq!(contents, ["audio", "video"]);
        assert_eq!(
            jingle.get_child("bridge-session", FOCUS_PROTOCOL).unwrap().attr("region"),
            Some("region-1")
        );
        let id = offer.attr("id").unwrap();
        stage.send(name, &format!("<iq type='result' id='{id}' to='{{to}}/focus'/>"));
        let answer = stage.out.answers.pop().unwrap();
        assert_eq!((answer.answer.as_str(), answer.nick.as_str()), ("result", name));
    }
    stage.join("c", "");
    assert!(offer(&mut stage, "c").is_some() && offer(&mut stage, "a").is_none());
}

#[test]
fn who_declines_with_the_right_bridge_session_has_none() {
    let mut stage = stage();
    stage.enter(&["a"]);
    stage.join("b", "");
    let (first, second) = (offer(&mut stage, "a").unwrap(), offer(&mut stage, "b").unwrap());
    stage.send("a", &terminate(&first, ""));
    assert_eq!(error(&stage.one("a")).1, "item-not-found");
    let answer = stage.out.answers.pop().unwrap();
    assert_eq!(
        (answer.condition.as_deref(), answer.refused.as_deref()),
        (Some("decline"), Some("item-not-found"))
    );
    stage.send("a", &terminate(&first, &bridge(&first, "")));
    assert_eq!(error(&stage.one("a")).1, "gone");
    stage.send("b", &terminate(&first, &bridge(&first, "")));
    assert_eq!(error(&stage.one("b")).1, "bad-request");

    stage.send("b", &terminate(&second, &bridge(&second, "")));
    assert_eq!(stage.one("b").attr("type"), Some("result"));
    let answer = stage.out.answers.pop().unwrap();
    assert_eq!((answer.refused, answer.bridge_session.as_deref()), (None, Some("bridge-session-0002")));
    assert_eq!((answer.room.as_str(), answer.sid.as_deref()), (ROOM, Some("session0002")));
    // Others come; it is left alone.
    stage.join("c", "");
    assert_eq!(offer(&mut stage, "b"), None);
}

#[test]
fn a_session_can_be_restarted() {
    let mut stage = stage();
    stage.enter(&["a"]);
    stage.join("b", "");
    let first = offer(&mut stage, "b").unwrap();
    stage.send("b", &terminate(&first, &bridge(&first, " restart='true'")));
    let told = stage.inbox("b");
    assert_eq!(told[0].attr("type"), Some("result"));
    assert_ne!(bridge(&told[1], ""), bridge(&first, ""));
}

#[test]
fn the_focus_leaves_and_comes_back() {
    let mut stage = stage();
    stage.enter(&["a", "b"]);
    assert!(stage.rooms.obey(ROOM, &RoomOrder::FocusLeaves, &mut stage.out));
    let told = stage.one("a");
    assert_eq!((nick_of(&told), told.attr("type")), ("focus", Some("unavailable")));
    assert!(!stage.rooms.obey(ROOM, &RoomOrder::FocusLeaves, &mut stage.out));
    stage.out.stanzas.clear();
    assert!(stage.rooms.obey(ROOM, &RoomOrder::FocusJoins, &mut stage.out));
    let told = stage.inbox("a");
    assert_eq!(
        told.iter().map(|it| (it.name(), nick_of(it))).collect::<Vec<_>>(),
        [("presence", "focus"), ("iq", "focus")]
    );
}

#[test]
fn the_focus_tells_new_properties() {
    let mut stage = stage();
    stage.enter(&["a"]);
    let properties = [("bridge-count".to_owned(), "1".to_owned())].into();
    stage.rooms.set_settings(RoomSettings { properties, ..RoomSettings::default() }, &mut stage.out);
    assert!(String::from(&stage.from("a", "focus")).contains("bridge-count"));
}
