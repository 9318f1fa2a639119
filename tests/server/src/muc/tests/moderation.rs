//! Who may do what: affiliations, roles, the configuration, and what a room tells of itself.

use super::*;

fn admin(item: &str) -> String {
    format!("<iq type='set' id='1' to='{{to}}'><query xmlns='{ADMIN}'>{item}</query></iq>")
}

fn owner(content: &str) -> String {
    format!("<iq type='set' id='1' to='{{to}}'><query xmlns='{OWNER}'>{content}</query></iq>")
}

fn form(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| format!("<field var='{name}'><value>{value}</value></field>");
    let fields: String = [&("FORM_TYPE", CONFIGURATION)].into_iter().chain(fields).map(field).collect();
    owner(&format!("<x xmlns='{DATA}' type='submit'>{fields}</x>"))
}

fn disco() -> String {
    format!("<iq type='get' id='1' to='{{to}}'><query xmlns='{DISCO_INFO}'/></iq>")
}

/// The value of a field of the form in a query; `None` if there is no such field.
fn field(answer: &Element, namespace: &str, name: &str) -> Option<String> {
    let form = answer.get_child("query", namespace).and_then(|query| query.get_child("x", DATA)).unwrap();
    let field = form.children().find(|field| field.attr("var") == Some(name))?;
    Some(field.get_child("value", DATA).map(Element::text).unwrap_or_default())
}

#[test]
fn who_is_kicked_and_all_others_learn_by_whom_and_why() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b", "c"]);
    stage.send("a", &admin("<item nick='b' role='none'><reason>enough</reason></item>"));
    for (name, own) in [("b", vec!["110", "307"]), ("c", vec!["307"])] {
        let told = stage.from(name, "b");
        assert_eq!(
            (told.attr("type"), codes(&told)),
            (Some("unavailable"), own.iter().map(ToString::to_string).collect())
        );
        assert_eq!(item(&told).get_child("reason", USER).unwrap().text(), "enough");
        assert_eq!(item(&told).get_child("actor", USER).unwrap().attr("nick"), Some("a"));
    }
    let told = stage.inbox("a");
    let names: Vec<_> = told.iter().map(|it| (it.name(), it.attr("type").unwrap_or_default())).collect();
    assert_eq!(names, [("message", ""), ("presence", "unavailable"), ("iq", "result")]);
    // It may come again.
    stage.join("b", "");
    assert_eq!(rank(&stage.from("b", "b")), ("none", "participant"));
}

#[test]
fn moderators_alone_moderate() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b", "c"]);
    for (name, change, refused) in [
        ("b", "<item nick='c' role='none'/>", "not-allowed"),
        ("b", "<item nick='b' role='moderator'/>", "not-allowed"),
        ("b", "<item jid='b@meet.example' affiliation='owner'/>", "not-allowed"),
        ("a", "<item nick='z' role='none'/>", "item-not-found"),
        ("a", "<item jid='b@meet.example/r' affiliation='owner'/>", "jid-malformed"),
        ("a", "<item jid='b@meet.example' affiliation='king'/>", "not-acceptable"),
        ("a", "<item jid='a@meet.example' affiliation='none'/>", "conflict"),
        ("a", "<item nick='b'/>", "bad-request"),
        ("a", "", "bad-request"),
    ] {
        assert_eq!(error(&stage.send(name, &admin(change)).one(name)).1, refused, "{change}");
    }
    assert!(stage.out.stanzas.is_empty());
}

#[test]
fn an_owner_makes_owners_and_bans() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b", "c"]);
    stage.send("a", &admin("<item jid='b@meet.example' affiliation='owner'/>"));
    let told = stage.one("b");
    assert_eq!((rank(&told), codes(&told)), (("owner", "moderator"), vec!["110".to_owned()]));
    assert!(told.has_child("permissions", JITMEET));
    let told = stage.one("c");
    assert_eq!((rank(&told), told.has_child("permissions", JITMEET)), (("owner", "moderator"), false));
    stage.out.stanzas.clear();

    let both = "<item jid='b@meet.example' affiliation='none'/><item nick='c' affiliation='outcast'/>";
    stage.send("a", &admin(both));
    assert_eq!(rank(&stage.from("b", "b")), ("none", "participant"));
    let banned = stage.inbox("c").pop().unwrap();
    assert_eq!(
        (rank(&banned), codes(&banned)),
        (("outcast", "none"), ["110", "301"].map(String::from).into())
    );
    assert_eq!(stage.inbox("a").pop().unwrap().attr("type"), Some("result"));
    stage.join("c", "");
    assert_eq!(error(&stage.one("c")), ("auth".into(), "forbidden".into(), String::new()));

    let list = admin("<item affiliation='outcast'/>").replace("set", "get");
    assert!(String::from(&stage.send("a", &list).one("a")).contains("c@meet.example"));
    assert_eq!(error(&stage.send("b", &list).one("b")).1, "forbidden");
}

#[test]
fn a_locked_room_wants_the_password() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    assert_eq!(error(&stage.send("b", &form(&[])).one("b")).1, "forbidden");
    stage.send(
        "a",
        &form(&[("muc#roomconfig_roomsecret", "open"), ("muc#roomconfig_passwordprotectedroom", "1")]),
    );
    assert_eq!(codes(&stage.one("b")), ["104"]);
    stage.out.stanzas.clear();
    for (content, condition) in [("", "not-authorized"), ("<password>wrong</password>", "not-authorized")] {
        assert_eq!(error(&stage.join("c", content).one("c")).1, condition);
    }
    stage.join("c", "<password>open</password>");
    assert_eq!(stage.inbox("c").len(), 4);
    assert!(String::from(&stage.send("c", &disco()).one("c")).contains("muc_passwordprotected"));
    stage.send("a", &form(&[("muc#roomconfig_roomsecret", "")]));
    stage.out.stanzas.clear();
    assert!(String::from(&stage.send("c", &disco()).one("c")).contains("muc_unsecured"));
}

#[test]
fn who_creates_a_room_with_a_password_locks_it() {
    let mut stage = Stage::default();
    stage.join("a", "<password>p</password>").out.stanzas.clear();
    assert_eq!(error(&stage.join("b", "").one("b")).1, "not-authorized");
    stage.join("b", "<password>p</password>");
    assert_eq!(rank(&stage.from("b", "b")), ("none", "participant"));
}

#[test]
fn a_room_that_becomes_members_only_has_a_lobby_and_no_strangers() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b", "c"]);
    stage.send("a", &admin("<item jid='b@meet.example' affiliation='member'/>"));
    stage.out.stanzas.clear();
    stage.send("a", &form(&[("muc#roomconfig_membersonly", "true")]));
    let told = stage.inbox("b");
    assert!(told[0].get_child("json-message", JITMEET).unwrap().text().contains("LOBBY-ENABLED"));
    assert_eq!((nick_of(&told[1]), codes(&told[1])), ("c", vec!["322".to_owned()]));
    assert_eq!(codes(&told[2]), ["104"]);
    stage.out.stanzas.clear();

    let unnamed = stage.join("c", "").one("c");
    assert_eq!(error(&unnamed).1, "not-acceptable");
    assert!(unnamed.get_child("error", CLIENT).unwrap().has_child("displayname-required", JITMEET));
    let named =
        format!("<presence to='{{to}}/c'><x xmlns='{MUC}'/><nick xmlns='{}'>C</nick></presence>", NICK);
    let refused = stage.send("c", &named).one("c");
    assert_eq!(error(&refused), ("auth".into(), "registration-required".into(), String::new()));
    let lobby = refused.get_child("error", CLIENT).unwrap().get_child("lobbyroom", JITMEET).unwrap().text();
    assert_eq!(lobby, "room@lobby.meet.example");
    let told = stage.send("b", &disco()).one("b");
    assert_eq!(field(&told, DISCO_INFO, "muc#roominfo_lobbyroom").as_deref(), Some(&*lobby));
    assert!(String::from(&told).contains("muc_membersonly"));

    // An invitation lets in, as it does from the lobby.
    stage.send(
        "a",
        &format!("<message to='{{to}}'><x xmlns='{USER}'><invite to='{}'/></x></message>", jid("c")),
    );
    let invited = stage.one("c");
    assert_eq!(
        invited.get_child("x", USER).unwrap().get_child("invite", USER).unwrap().attr("from"),
        Some(&*jid("a"))
    );
    stage.send("c", &named);
    assert_eq!(rank(&stage.from("c", "c")), ("member", "participant"));
    stage.send("a", &form(&[("muc#roomconfig_membersonly", "0")])).out.stanzas.clear();
    assert_eq!(field(&stage.send("b", &disco()).one("b"), DISCO_INFO, "muc#roominfo_lobbyroom"), None);
}

#[test]
fn an_owner_is_told_the_form_and_what_it_hides_is_hidden() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    let told = stage.send("a", &owner("").replace("set", "get")).one("a");
    assert_eq!(field(&told, OWNER, "muc#roomconfig_whois").as_deref(), Some("anyone"));
    stage.send("a", &form(&[("muc#roomconfig_whois", "moderators")]));
    assert_eq!(codes(&stage.one("b")), ["173"]);
    stage.send("a", &form(&[("muc#roomconfig_whois", "anyone")]));
    assert_eq!(codes(&stage.one("b")), ["172"]);
    stage.out.stanzas.clear();
    // What changes nothing is not told.
    stage.send("a", &form(&[("muc#roomconfig_whois", "anyone")]));
    assert_eq!(stage.one("a").attr("type"), Some("result"));
    let wrong = form(&[]).replace(CONFIGURATION, "other");
    assert_eq!(error(&stage.send("a", &wrong).one("a")).1, "bad-request");
    assert!(stage.inbox("b").is_empty());
}

#[test]
fn a_destroyed_room_is_gone() {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    stage.send("a", &owner("<destroy jid='other@conference.meet.example'><reason>over</reason></destroy>"));
    let told = stage.one("b");
    assert_eq!((told.attr("type"), nick_of(&told)), (Some("unavailable"), "b"));
    let destroy = told.get_child("x", USER).unwrap().get_child("destroy", USER).unwrap();
    assert_eq!(destroy.attr("jid"), Some("other@conference.meet.example"));
    assert_eq!(destroy.get_child("reason", USER).unwrap().text(), "over");
    assert_eq!(stage.inbox("a").pop().unwrap().attr("type"), Some("result"));
    assert!(stage.rooms.rooms.is_empty());
    assert_eq!(error(&stage.send("a", &disco()).one("a")).1, "item-not-found");
}

#[test]
fn a_room_tells_of_itself() {
    let settings = RoomSettings {
        meeting_id: Some("meeting".to_owned()),
        fields: [("muc#roominfo_isbreakout".to_owned(), "1".to_owned())].into(),
        features: vec!["more".to_owned()],
        ..RoomSettings::default()
    };
    let mut stage = Stage::with(settings);
    stage.enter(&["a"]);
    let told = stage.send("z", &disco()).one("z");
    let value = |told: &Element, name: &str| field(told, DISCO_INFO, name);
    assert_eq!(value(&told, "muc#roominfo_meetingId").as_deref(), Some("meeting"));
    assert_eq!(value(&told, "muc#roominfo_isbreakout").as_deref(), Some("1"));
    assert_eq!(value(&told, "muc#roominfo_created_timestamp").as_deref(), Some(""));
    for feature in ["muc_open", "muc_unsecured", "muc_nonanonymous", "'more'"] {
        assert!(String::from(&told).replace('"', "'").contains(feature), "{feature}");
    }
    stage.enter(&["b"]);
    let told = stage.send("a", &disco()).one("a");
    assert_eq!(value(&told, "muc#roominfo_created_timestamp").as_deref(), Some("1767268800000"));
    let component = stage.send("a", &disco().replace("{to}", CONFERENCE)).one("a");
    assert!(String::from(&component).contains(MUC));
}
