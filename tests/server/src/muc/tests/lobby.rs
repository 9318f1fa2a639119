//! The lobby.

use super::*;

const LOBBY_ROOM: &str = "room@lobby.meet.example";

/// A room with an owner, a member, a lobby, and somebody in it. Nobody has looked at anything.
fn stage() -> Stage {
    let mut stage = Stage::default();
    stage.enter(&["a", "b"]);
    let lobby = serde_json::from_str(r#"{"order":"configure","lobby":true}"#).unwrap();
    assert!(stage.rooms.obey(ROOM, &lobby, &mut stage.out));
    wait(&mut stage, "c");
    stage.out.stanzas.clear();
    stage
}

/// A client enters the lobby.
fn wait(stage: &mut Stage, name: &str) {
    let nick = format!("<nick xmlns='{NICK}'>Name of {name}</nick>");
    stage.send(name, &format!("<presence to='{LOBBY_ROOM}/{name}'><x xmlns='{MUC}'/>{nick}</presence>"));
}

/// What a message in the main room says as JSON.
fn notice(stanza: &Element) -> serde_json::Value {
    serde_json::from_str(&stanza.get_child("json-message", JITMEET).unwrap().text()).unwrap()
}

#[test]
fn who_waits_is_shown_to_owners_alone() {
    let mut stage = stage();
    wait(&mut stage, "a");
    let told = stage.inbox("a");
    assert_eq!(told.iter().map(nick_of).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!((item(&told[0]).attr("jid"), rank(&told[1])), (Some(&*jid("c")), ("owner", "moderator")));
    assert!(stage.inbox("c").is_empty());
    wait(&mut stage, "d");
    assert_eq!(stage.inbox("d").iter().map(nick_of).collect::<Vec<_>>(), ["d"]);
    assert_eq!(nick_of(&stage.one("a")), "d");
    assert!(stage.inbox("c").is_empty());
}

#[test]
fn who_waits_talks_with_owners_alone() {
    let mut stage = stage();
    ["a", "d"].iter().for_each(|name| wait(&mut stage, name));
    stage.out.stanzas.clear();
    let message =
        |to: &str, kind| format!("<message type='{kind}' to='{LOBBY_ROOM}{to}'><body>hi</body></message>");
    stage.send("c", &message("", "groupchat"));
    assert_eq!((stage.inbox("a").len(), stage.inbox("d").len()), (1, 0));
    stage.send("a", &message("", "groupchat"));
    assert_eq!((stage.inbox("c").len(), stage.inbox("d").len()), (1, 1));
    stage.out.stanzas.clear();
    stage.send("c", &message("/d", "chat")).send("c", &message("/a", "chat"));
    assert_eq!((stage.inbox("a").len(), stage.inbox("d").len()), (1, 0));
}

#[test]
fn who_is_let_in_may_enter_and_the_room_learns_of_it() {
    let mut stage = stage();
    stage.send(
        "a",
        &format!("<message to='{{to}}'><x xmlns='{USER}'><invite to='{}'/></x></message>", jid("c")),
    );
    assert!(stage.one("c").get_child("x", USER).unwrap().has_child("invite", USER));
    let told = notice(&stage.one("b"));
    assert_eq!(
        (told["event"].as_str(), told["name"].as_str()),
        (Some("LOBBY-ACCESS-GRANTED"), Some("Name of c"))
    );
    assert_eq!(told["value"], format!("{LOBBY_ROOM}/c"));
    stage.join("c", "");
    assert_eq!(rank(&stage.from("c", "c")), ("member", "participant"));
}

#[test]
fn who_is_turned_away_is_kicked_and_the_room_learns_of_it() {
    let mut stage = stage();
    wait(&mut stage, "a");
    stage.out.stanzas.clear();
    let kick = format!(
        "<iq type='set' id='1' to='{LOBBY_ROOM}'><query xmlns='{ADMIN}'><item nick='c' role='none'/></query></iq>"
    );
    assert_eq!(error(&stage.send("b", &kick).one("b")).1, "not-allowed");
    stage.send("a", &kick);
    assert_eq!(codes(&stage.one("c")), ["110", "307"]);
    let told = notice(&stage.one("b"));
    assert_eq!(
        (told["event"].as_str(), told["name"].as_str()),
        (Some("LOBBY-ACCESS-DENIED"), Some("Name of c"))
    );
}

#[test]
fn a_lobby_is_there_as_long_as_its_room_has_one() {
    let mut stage = stage();
    let close = serde_json::from_str(r#"{"order":"configure","lobby":false}"#).unwrap();
    assert!(stage.rooms.obey(ROOM, &close, &mut stage.out));
    let told = stage.one("c");
    let destroy = told.get_child("x", USER).unwrap().get_child("destroy", USER).unwrap();
    assert_eq!((destroy.attr("jid"), told.attr("type")), (Some(ROOM), Some("unavailable")));
    wait(&mut stage, "c");
    assert_eq!(error(&stage.one("c")).1, "not-allowed");

    let mut stage = self::stage();
    for name in ["a", "b"] {
        stage.rooms.ended(&jid(name), &mut stage.out);
    }
    let told = stage.one("c");
    assert_eq!(told.get_child("x", USER).unwrap().get_child("destroy", USER).unwrap().attr("jid"), None);
    assert!(stage.rooms.rooms.is_empty());
}
