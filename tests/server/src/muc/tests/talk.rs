//! Talk.

use super::*;

fn say(text: &str) -> String {
    format!("<message type='groupchat' id='m' to='{{to}}'><body>{text}</body></message>")
}

fn body(stanza: &Element) -> String {
    stanza.get_child("body", CLIENT).map(Element::text).unwrap_or_default()
}

#[test]
fn a_message_comes_to_all_with_its_id() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    let forged = "<nick xmlns='http://jabber.org/protocol/nick'>Somebody</nick><json-message xmlns='j'>{}</json-message>";
    stage.send("b", &say("hi &lt;").replace("</message>", &format!("{forged}</message>")));
    for name in ["a", "b"] {
        let told = stage.one(name);
        assert_eq!((nick_of(&told), told.attr("id"), told.attr("type")), ("b", Some("m"), Some("groupchat")));
        assert_eq!(body(&told), "hi <");
        assert!(
            told.has_child("json-message", "j") && told.has_child("occupant-id", "urn:xmpp:occupant-id:0")
        );
        assert!(!told.children().any(|child| child.name() == "nick"));
    }
    stage.send("b", &say("again").replace(" id='m'", ""));
    assert!(stage.one("a").attr("id").is_some_and(|id| !id.is_empty()));
}

#[test]
fn who_is_not_there_cannot_talk() {
    let mut stage = Stage::default();
    stage.enter(&["a"]);
    stage.send("b", &say("hi"));
    let refused = stage.one("b");
    assert_eq!((refused.attr("id"), refused.attr("from")), (Some("m"), Some(ROOM)));
    assert_eq!(error(&refused), ("cancel".into(), "not-acceptable".into(), NOT_CONNECTED.into()));
    stage.send("b", &say("hi").replace("{to}", "none@conference.meet.example"));
    assert_eq!(error(&stage.one("b")).1, "item-not-found");
    assert!(stage.inbox("a").is_empty());
}

#[test]
fn who_comes_hears_what_was_said() {
    let mut stage = Stage::default();
    stage.enter(&["a"]);
    for number in 0..22 {
        stage.send("a", &say(&number.to_string()));
    }
    let hint = "<no-store xmlns='urn:xmpp:hints'/>";
    stage.send("a", &say("secret").replace("</message>", &format!("{hint}</message>")));
    stage.send("a", &say("").replace("body", "other"));
    stage.join("b", "");
    let told: Vec<_> = stage.inbox("b").into_iter().filter(|it| it.has_child("body", CLIENT)).collect();
    assert_eq!(
        told.iter().map(body).collect::<Vec<_>>(),
        (2..22).map(|it| it.to_string()).collect::<Vec<_>>()
    );
    let delay = told[0].get_child("delay", "urn:xmpp:delay").unwrap();
    assert_eq!((delay.attr("stamp"), delay.attr("from")), (Some("2026-01-01T12:00:00Z"), Some(ROOM)));
    for (wanted, count) in
        [("maxstanzas='3'", 3), ("maxchars='0'", 0), ("seconds='1'", 20), ("since='2026-01-01T12:00:01Z'", 0)]
    {
        stage.rooms.ended(&jid("c"), &mut stage.out);
        stage.inbox("c");
        stage.join("c", &format!("<history {wanted}/>"));
        let told = stage.inbox("c").into_iter().filter(|it| it.has_child("body", CLIENT)).count();
        assert_eq!(told, count, "{wanted}");
    }
}

#[test]
fn a_private_message_goes_to_one() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b", "c"]);
    stage.send("b", "<message type='chat' id='p' to='{to}/a'><body>psst</body></message>");
    let told = stage.one("a");
    assert_eq!(
        (nick_of(&told), told.attr("id"), told.attr("type"), body(&told).as_str()),
        ("b", Some("p"), Some("chat"), "psst")
    );
    assert!(told.has_child("x", USER));
    assert!(stage.inbox("b").is_empty() && stage.inbox("c").is_empty());

    let refused = |stage: &mut Stage, name: &str, stanza: &str| error(&stage.send(name, stanza).one(name));
    let gone = refused(&mut stage, "b", "<message type='chat' to='{to}/z'><body>psst</body></message>");
    assert_eq!(gone, ("cancel".into(), "item-not-found".into(), "Recipient not in room".into()));
    let stranger = refused(&mut stage, "z", "<message type='chat' to='{to}/a'><body>psst</body></message>");
    assert_eq!(stranger.1, "not-acceptable");
    let wrong = refused(&mut stage, "b", "<message type='groupchat' to='{to}/a'><body>psst</body></message>");
    assert_eq!(wrong.1, "bad-request");
}

#[test]
fn a_moderator_sets_the_subject() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    let subject = "<message type='groupchat' to='{to}'><subject>about</subject></message>";
    stage.send("b", subject);
    assert_eq!(error(&stage.one("b")).1, "forbidden");
    stage.send("a", subject);
    for name in ["a", "b"] {
        let told = stage.one(name);
        assert_eq!(
            (nick_of(&told), told.get_child("subject", CLIENT).unwrap().text().as_str()),
            ("a", "about")
        );
    }
    stage.join("c", "");
    let told = stage.inbox("c").pop().unwrap();
    assert_eq!(told.get_child("subject", CLIENT).unwrap().text(), "about");
    assert!(told.has_child("delay", "urn:xmpp:delay"));
}

#[test]
fn requests_go_through_the_room_and_their_answers_come_back() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    stage.send("b", "<iq type='get' id='1' to='{to}/a'><query xmlns='q'/></iq>");
    let asked = stage.one("a");
    assert_eq!((nick_of(&asked), asked.attr("id"), asked.attr("type")), ("b", Some("1"), Some("get")));
    stage.send("a", "<iq type='result' id='1' to='{to}/b'/>");
    let answered = stage.one("b");
    assert_eq!((nick_of(&answered), answered.attr("type")), ("a", Some("result")));
    stage.send("b", "<iq type='get' id='2' to='{to}/z'><query xmlns='q'/></iq>");
    assert_eq!(error(&stage.one("b")).1, "item-not-found");
}

#[test]
fn a_ping_to_oneself_tells_whether_one_is_there() {
    let mut stage = Stage::default();
    stage.enter(&["a"]);
    let ping = format!("<iq type='get' id='1' to='{{to}}/a'><ping xmlns='{PING}'/></iq>");
    assert_eq!(stage.send("a", &ping).one("a").attr("type"), Some("result"));
    assert_eq!(error(&stage.send("b", &ping).one("b")).1, "not-acceptable");
    assert!(stage.inbox("a").is_empty());
}
