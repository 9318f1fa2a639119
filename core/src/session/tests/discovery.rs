//! What the server tells, pushed or asked for, and the keep-alive that tells of another shard.

use serde_json::json;

use super::*;
use crate::session::{HttpAnswer, HttpPurpose};
use crate::transport::TransportError;
use crate::{Code, ErrorType, Event, IceServer, Properties};

const IDENTITIES: &str = "<query xmlns='http://jabber.org/protocol/disco#info'>\
    <identity category='server' type='shard' name='shard-1'/><identity category='server' type='region' name='eu'/>\
    <identity category='server' type='release' name='r1'/><identity category='server' type='im' name='Prosody'/>\
    <identity category='component' type='lobbyrooms' name='lobby.meet.example'/>\
    <identity category='component' type='breakout_rooms' name='breakout.meet.example'/></query>";
const SERVICES: &str = "<services xmlns='urn:xmpp:extdisco:2'><service type='stun' host='h' port='3478'/>\
    <service type='turn' host='h' port='3478' username='u' password='p' expires='1970-01-12T14:46:40Z'/></services>";

/// Established by a server that has not told anything yet.
fn untold(options: Value) -> Rig {
    let mut rig = Rig::new(options);
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND, ENABLED]);
    rig
}

fn push(content: &str) -> String {
    format!("<message xmlns='jabber:client' from='meet.example'>{content}</message>")
}

fn discovered(outputs: &[Output]) -> Option<&(Properties, Vec<IceServer>)> {
    outputs.iter().rev().find_map(|output| match output {
        Output::Discovered(discovered) => Some(&**discovered),
        _ => None,
    })
}

fn events(outputs: &[Output]) -> Vec<&Event> {
    let events = outputs.iter().filter_map(|output| match output {
        Output::Event(event) => Some(event),
        _ => None,
    });
    events.collect()
}

fn told(shard: &str) -> Event {
    Event::PropertiesUpdated { shard: Some(shard.to_owned()), region: Some("eu".to_owned()) }
}

/// The id of the request among these frames that contains this.
fn id_of(frames: &[&str], contains: &str) -> String {
    let frame = frames.iter().find(|frame| frame.contains(contains)).unwrap_or_else(|| panic!("{frames:?}"));
    let after = frame.split("id='").nth(1).expect("an id");
    after.split('\'').next().expect("its end").to_owned()
}

fn answer(id: &str, from: &str, content: &str) -> String {
    format!("<iq xmlns='jabber:client' type='result' id='{id}' from='{from}'>{content}</iq>")
}

#[test]
fn a_push_before_the_bind_is_answer_enough() {
    let mut rig = Rig::new(json!({}));
    rig.open();
    let push = push(&format!("{IDENTITIES}{SERVICES}"));
    let outputs =
        rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, &push, BOUND, ENABLED]);
    let (properties, servers) = discovered(&outputs).expect("it is told");
    assert_eq!((properties.shard.as_deref(), properties.release.as_deref()), (Some("shard-1"), Some("r1")));
    assert_eq!(properties.components["lobbyrooms"], "lobby.meet.example");
    assert!(!properties.components.contains_key("im"), "the server is no component of itself");
    assert_eq!(servers[1].urls, ["turn:h:3478"]);
    assert_eq!(events(&outputs), [&told("shard-1")]);
    rig.time_out();
    assert!(sent(&rig.outputs()).is_empty(), "nothing is asked");
}

#[test]
fn a_push_behind_the_bind_is_taken_and_one_of_somebody_else_is_not() {
    let mut rig = untold(json!({}));
    let foreign = push(IDENTITIES).replace("from='meet.example'", "from='evil@meet.example'");
    assert_eq!(discovered(&rig.play(&[&foreign])), None);
    assert!(discovered(&rig.play(&[&push(IDENTITIES)])).is_some());
    let again = push(IDENTITIES).replace("shard-1", "shard-2");
    assert_eq!(events(&rig.play(&[&again, &again])), [&told("shard-2")], "once for a change");
}

#[test]
fn a_server_that_does_not_push_is_asked_and_so_are_its_components() {
    let mut rig = untold(json!({}));
    let outputs = rig.time_out();
    let frames = sent(&outputs);
    let services = id_of(&frames, "urn:xmpp:extdisco:2");
    let info = id_of(&frames, "disco#info");
    let outputs =
        rig.play(&[&answer(&services, "meet.example", SERVICES), &answer(&info, "meet.example", IDENTITIES)]);
    assert_eq!(discovered(&outputs).expect("it is told").1.len(), 2);
    assert_eq!(events(&outputs), [&told("shard-1")]);
    let frames = sent(&outputs);
    assert!(frames.iter().any(|frame| frame.contains("to='breakout.meet.example'")), "{frames:?}");
    let lobby = id_of(&frames, "node='lobbyrooms'");
    let features = "<query xmlns='http://jabber.org/protocol/disco#info' node='lobbyrooms'>\
        <feature var='http://jitsi.org/protocol/lobbyrooms#displayname_required'/></query>";
    let outputs = rig.play(&[&answer(&lobby, "lobby.meet.example", features)]);
    assert_eq!(events(&outputs), [&Event::DisplayNameRequired]);
}

#[test]
fn only_the_lobby_wants_a_display_name_for_itself() {
    let feature = "<feature var='http://jitsi.org/protocol/lobbyrooms#displayname_required'/>";
    let mut rig = untold(json!({}));
    let outputs = rig.time_out();
    let info = id_of(&sent(&outputs), "disco#info");
    // The server itself says so, and the breakout rooms: neither is the lobby.
    let identities = IDENTITIES.replace("</query>", &format!("{feature}</query>"));
    let outputs = rig.play(&[&answer(&info, "meet.example", &identities)]);
    assert_eq!(events(&outputs), [&told("shard-1")]);
    let breakout = id_of(&sent(&outputs), "node='breakout_rooms'");
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{feature}</query>");
    assert!(events(&rig.play(&[&answer(&breakout, "breakout.meet.example", &query)])).is_empty());

    // A push speaks for the lobby, once.
    let mut rig = untold(json!({}));
    let pushed = push(&identities);
    assert_eq!(events(&rig.play(&[&pushed, &pushed])), [&told("shard-1"), &Event::DisplayNameRequired]);
    // Without a lobby there is none to say so.
    let mut rig = untold(json!({}));
    assert_eq!(events(&rig.play(&[&push(&query)])), Vec::<&Event>::new());
}

#[test]
fn a_shard_that_a_push_names_is_told_and_ends_nothing() {
    let mut rig = untold(json!({ "deploymentInfo": { "shard": "shard-0" } }));
    let outputs = rig.play(&[&push(IDENTITIES), &push(&IDENTITIES.replace("shard-1", "shard-2"))]);
    assert_eq!(events(&outputs), [&told("shard-1"), &told("shard-2")]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Ended(_))));
}

#[test]
fn a_resumed_session_is_not_asked_again() {
    let mut rig = untold(json!({ "xmppPing": { "interval": 0 } }));
    rig.play(&[&push(IDENTITIES)]);
    rig.cut();
    rig.now = rig.session.poll_timeout().unwrap();
    rig.session.handle_timeout(rig.now);
    rig.resume(0);
    assert_eq!(rig.session.poll_timeout(), None, "nothing is due");
}

#[test]
fn a_server_of_the_older_extdisco_is_asked_for_that() {
    let mut rig = untold(json!({}));
    let outputs = rig.time_out();
    let id = id_of(&sent(&outputs), "urn:xmpp:extdisco:2");
    let refusal = format!("<iq xmlns='jabber:client' type='error' id='{id}' from='meet.example'/>");
    let outputs = rig.play(&[&refusal]);
    let id = id_of(&sent(&outputs), "urn:xmpp:extdisco:1");
    let services = SERVICES.replace("extdisco:2", "extdisco:1");
    assert_eq!(discovered(&rig.play(&[&answer(&id, "meet.example", &services)])).expect("told").1.len(), 2);
}

#[test]
fn expired_credentials_are_asked_for_again() {
    // Half an hour behind the moment that the virtual calendar begins with.
    let services = SERVICES.replace("1970-01-12T14:46:40Z", "1970-01-12T14:16:40Z");
    let mut rig = untold(json!({ "xmppPing": { "interval": 0 } }));
    rig.play(&[&push(&services)]);
    let expected = rig.now + Duration::from_secs(30 * 60);
    assert!(id_of(&sent(&rig.time_out()), "extdisco:2").starts_with("jm-"));
    assert_eq!(rig.now, expected);
}

#[test]
fn a_huge_push_is_kept_in_part_and_a_malformed_entry_not_at_all() {
    let mut rig = untold(json!({}));
    let many: String = (0..5_000)
        .map(|n| {
            format!(
                "<identity category='component' type='kind{n}' name='c{n}.example'/><feature var='f{n}'/>"
            )
        })
        .collect();
    let bad = "<identity/><identity type='x'/><identity category='component' type='y' name='not a jid@'/><feature/>";
    let content = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{bad}{many}</query>");
    let outputs = rig.play(&[&push(&content)]);
    let (properties, _) = discovered(&outputs).expect("told");
    assert_eq!((properties.components.len(), properties.features.len()), (256, 1024));
    assert!(!properties.components.contains_key("y"));
}

fn keep_alive(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Request(HttpPurpose::KeepAlive, _)))
}

fn health(rig: &mut Rig, shard: Option<&str>) -> Vec<Output> {
    let answer = HttpAnswer { status: 200, shard: shard.map(ToOwned::to_owned), body: String::new() };
    rig.session.handle_http(rig.now, HttpPurpose::KeepAlive, Ok(answer));
    rig.outputs()
}

/// At shard-1, with nothing due but the keep-alive.
fn placed(more: Value) -> Rig {
    let base = json!({ "websocketKeepAlive": 60_000, "xmppPing": { "interval": 0 } });
    let mut tree = base.as_object().unwrap().clone();
    tree.extend(more.as_object().unwrap().clone());
    let mut rig = untold(Value::Object(tree));
    rig.play(&[&push(IDENTITIES)]);
    rig
}

#[test]
fn the_keep_alive_comes_after_five_seconds_then_every_minute_or_two_and_at_once_after_a_resume() {
    let mut rig = placed(json!({}));
    let begun = rig.now;
    assert!(keep_alive(&rig.time_out()));
    assert_eq!(rig.now - begun, Duration::from_secs(5));
    let mut delays = Vec::new();
    for _ in 0..20 {
        let before = rig.now;
        // A failure changes nothing.
        rig.session.handle_http(rig.now, HttpPurpose::KeepAlive, Err(TransportError::Closed));
        assert!(keep_alive(&rig.time_out()));
        delays.push((rig.now - before).as_secs());
    }
    assert!(delays.iter().all(|delay| (60..=120).contains(delay)), "{delays:?}");
    delays.dedup();
    assert!(delays.len() > 10, "not in step: {delays:?}");
    rig.cut();
    rig.now = rig.session.poll_timeout().unwrap();
    rig.session.handle_timeout(rig.now);
    rig.resume(0);
    let resumed = rig.now;
    assert!(keep_alive(&rig.time_out()));
    assert_eq!(rig.now, resumed);
}

#[test]
fn another_shard_ends_the_session_by_the_error_that_the_options_choose() {
    let graceful = json!({ "testing": { "enableGracefulReconnect": true } });
    for (options, error_type) in
        [(json!({}), ErrorType::OtherError), (graceful, ErrorType::ShardChangedError)]
    {
        let mut rig = placed(options);
        rig.time_out();
        assert_eq!(health(&mut rig, Some("shard-1")), []);
        rig.time_out();
        assert_eq!(health(&mut rig, None), [], "a proxy may have dropped the header");
        rig.time_out();
        let outputs = health(&mut rig, Some("shard-2"));
        assert_eq!(sent(&outputs).last(), Some(&SENT_CLOSE), "the old shard need not wait for us");
        let failure = failure(&outputs);
        assert_eq!((failure.error_type, failure.code), (error_type, Code::ShardChanged));
        assert_eq!(failure.shard_changed, Some(true));
    }
}

#[test]
fn the_shard_of_the_options_counts_until_the_server_names_its_own() {
    let options = json!({ "websocketKeepAlive": 1, "deploymentInfo": { "shard": "shard-0" } });
    let mut rig = untold(options);
    rig.pass(5_000);
    rig.session.handle_timeout(rig.now);
    assert_eq!(failure(&health(&mut rig, Some("shard-1"))).code, Code::ShardChanged);
}

#[test]
fn the_keep_alive_goes_to_the_service_without_its_secrets_or_where_the_options_say() {
    let url_of = |options: Value| {
        let mut rig = untold(options);
        rig.pass(5_000);
        rig.session.handle_timeout(rig.now);
        rig.outputs().into_iter().find_map(|output| match output {
            Output::Request(_, request) => Some(request.url.to_string()),
            _ => None,
        })
    };
    let service = "wss://h:1/x?room=a&token=canary&previd=canary";
    let on = json!({ "serviceUrl": service, "websocketKeepAlive": 1 });
    assert_eq!(url_of(on).as_deref(), Some("https://h:1/x?room=a"));
    let own = json!({ "websocketKeepAlive": 1, "websocketKeepAliveUrl": "http://health/" });
    assert_eq!(url_of(own).as_deref(), Some("http://health/"));
    assert_eq!(url_of(json!({ "websocketKeepAlive": -1 })), None);
    let bosh = "http://h/http-bind";
    assert_eq!(url_of(json!({ "serviceUrl": bosh, "websocketKeepAlive": 1 })), None, "as in lib-jitsi-meet");
}
