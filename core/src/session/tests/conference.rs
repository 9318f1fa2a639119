//! The conference request: over HTTP before connecting, over IQ and HTTP while connected, and every answer to it.

use serde_json::json;

use super::*;
use crate::session::{HttpAnswer, HttpPurpose, HttpRequest};
use crate::transport::TransportError;
use crate::{Code, Completed, Error, ErrorType, Event};

const URL: &str = "https://h/conference-request/v1";

fn http(more: Value) -> Value {
    let mut tree = json!({ "conferenceRequestUrl": URL, "name": "Room" }).as_object().unwrap().clone();
    tree.extend(more.as_object().unwrap().clone());
    Value::Object(tree)
}

fn request(outputs: &[Output]) -> Option<(HttpPurpose, &HttpRequest)> {
    outputs.iter().find_map(|output| match output {
        Output::Request(purpose, request) => Some((*purpose, request)),
        _ => None,
    })
}

/// The request that is under way is answered.
fn reply(rig: &mut Rig, outputs: &[Output], status: u16, body: &str) -> Vec<Output> {
    let (purpose, _) = request(outputs).expect("a request");
    let answer = HttpAnswer { status, shard: None, body: body.to_owned() };
    rig.session.handle_http(rig.now, purpose, Ok(answer));
    rig.outputs()
}

fn opened(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Open { .. }))
}

/// Where a request over IQ goes out; its id.
fn iq(rig: &mut Rig) -> String {
    let outputs = rig.outputs();
    let frames = sent(&outputs);
    let frame = frames.iter().find(|frame| frame.contains("protocol/focus")).expect("a request");
    frame.split("id='").nth(1).and_then(|rest| rest.split('\'').next()).expect("an id").to_owned()
}

fn answer(id: &str, kind: &str, content: &str) -> String {
    format!("<iq xmlns='jabber:client' type='{kind}' id='{id}' from='focus.meet.example'>{content}</iq>")
}

fn conference(attributes: &str, properties: &str) -> String {
    format!("<conference xmlns='http://jitsi.org/protocol/focus' {attributes}>{properties}</conference>")
}

fn error(condition: &str) -> String {
    format!("<error type='cancel'>{condition}</error>")
}

const NOT_AUTHORIZED: &str = "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
const SESSION_INVALID: &str = "<session-invalid xmlns='http://jitsi.org/protocol/focus'/>";

#[test]
fn over_http_it_comes_before_the_transport_and_once() {
    let mut rig = Rig::new(http(json!({ "startAudioMuted": 10, "preferVisitor": true })));
    let outputs = rig.outputs();
    assert!(!opened(&outputs));
    let (_, request) = request(&outputs).expect("the request comes first");
    assert_eq!(request.url.as_str(), URL);
    let body: Value = serde_json::from_str(request.json.as_deref().expect("a body")).unwrap();
    let expected = json!({
        "room": "room@conference.meet.example",
        "machineUid": "machine",
        "properties": {
            "startAudioMuted": 10, "rtcstatsEnabled": false, "visitors-version": 1, "visitor": true
        },
    });
    assert_eq!(body, expected);
    let outputs = reply(&mut rig, &outputs, 200, r#"{"ready":true,"focusJid":"focus@auth"}"#);
    assert!(matches!(&outputs[..], [Output::Open { room: Some(room), .. }] if room == "room"), "{outputs:?}");
    rig.session.handle_opened(rig.now, 2);
    let outputs =
        rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, ENABLED]);
    assert!(self::request(&outputs).is_none());
}

#[test]
fn without_a_room_a_url_or_with_disable_focus_there_is_none_before_connecting() {
    let tree = |tree: Value| Rig::new(tree).outputs();
    assert!(opened(&tree(json!({ "conferenceRequestUrl": URL }))));
    assert!(opened(&tree(json!({ "name": "room" }))));
    assert!(opened(&tree(http(json!({ "disableFocus": true })))));
}

#[test]
fn a_token_goes_with_it_and_a_new_one_starts_again() {
    let mut rig = Rig::new(http(json!({})));
    rig.outputs();
    rig.session.refresh_token(rig.now, CallId(1), "new".to_owned());
    let outputs = rig.outputs();
    assert_eq!(request(&outputs).expect("again").1.token.as_deref(), Some("new"));
}

#[test]
fn a_conference_that_is_not_ready_is_asked_for_again_and_again() {
    let mut rig = Rig::new(http(json!({})));
    let mut outputs = rig.outputs();
    let mut delays = Vec::new();
    for _ in 0..9 {
        let before = rig.now;
        assert_eq!(reply(&mut rig, &outputs, 200, r#"{"ready":false}"#), []);
        outputs = rig.time_out();
        delays.push((rig.now - before).as_secs());
    }
    assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    assert!(opened(&reply(&mut rig, &outputs, 200, r#"{"ready":true}"#)));
}

#[test]
fn a_redirection_ends_the_attempt_but_not_for_a_recorder() {
    let redirect = r#"{"ready":true,"vnode":"v1","focusJid":"focus@v1"}"#;
    let mut rig = Rig::new(http(json!({})));
    let outputs = rig.outputs();
    let outputs = reply(&mut rig, &outputs, 200, redirect);
    let ending = Ending::Redirected { vnode: "v1".to_owned(), focus_jid: "focus@v1".to_owned() };
    assert_eq!(outputs.last(), Some(&Output::Ended(ending)));
    for role in ["iAmRecorder", "iAmSipGateway"] {
        let mut rig = Rig::new(http(json!({ role: true })));
        let outputs = rig.outputs();
        assert!(opened(&reply(&mut rig, &outputs, 200, redirect)), "{role}");
    }
}

#[test]
fn every_refusal_over_http_has_its_error() {
    use ErrorType::{ConferenceRequestFailed as Failed, NotLiveError};
    let cases = [
        (200, r#"{"ready":true,"properties":{"live":"false"}}"#, NotLiveError, None, false),
        (200, r#"{"ready":true,"properties":{"live":false}}"#, NotLiveError, None, false),
        (200, "", Failed, None, false),
        (200, "[]", Failed, None, false),
        (200, r#"{"ready":"yes"}"#, Failed, None, false),
        (302, "", Failed, None, false),
        (400, "other", Failed, None, false),
        (403, "", Failed, Some("not-authorized"), false),
        (404, "", Failed, None, false),
        (503, "", Failed, None, true),
    ];
    for (status, body, error_type, condition, transient) in cases {
        let mut rig = Rig::new(http(json!({})));
        let outputs = rig.outputs();
        let outputs = reply(&mut rig, &outputs, status, body);
        let failure = failure(&outputs);
        assert_eq!((failure.error_type, failure.code), (error_type, Code::ConferenceRequest), "{failure}");
        assert_eq!((failure.condition.as_deref(), failure.transient), (condition, transient), "{failure}");
        assert_eq!(failure.http_status, (status != 200).then_some(status));
    }
    let mut rig = Rig::new(http(json!({})));
    let outputs = rig.outputs();
    let (purpose, _) = request(&outputs).expect("a request");
    let patience = Duration::from_secs(10);
    rig.session.handle_http(rig.now, purpose, Err(TransportError::Timeout { patience }));
    let outputs = rig.outputs();
    assert!(failure(&outputs).transient && failure(&outputs).message.contains("10000 ms"));
}

#[test]
fn a_session_that_is_no_longer_valid_is_dropped_and_a_new_one_tried_for_a_minute() {
    let mut rig = Rig::new(http(json!({})));
    let outputs = rig.outputs();
    let outputs = reply(&mut rig, &outputs, 200, r#"{"ready":false,"sessionId":"canary"}"#);
    assert_eq!(outputs, [Output::ConferenceSession(Some("canary".to_owned()))]);
    let mut outputs = rig.time_out();
    let body =
        |outputs: &[Output]| request(outputs).and_then(|(_, request)| request.json.clone()).expect("a body");
    assert!(body(&outputs).contains(r#""sessionId":"canary""#));
    let mut delays = Vec::new();
    loop {
        let before = rig.now;
        let answered = reply(&mut rig, &outputs, 400, "400 invalid-session");
        if answered.iter().any(|output| matches!(output, Output::Ended(_))) {
            assert_eq!(failure(&answered).error_type, ErrorType::ConferenceRequestFailed);
            break;
        }
        outputs = rig.time_out();
        delays.push((rig.now - before).as_secs());
        assert!(!body(&outputs).contains("sessionId"));
    }
    assert_eq!(delays, [1, 2, 4, 8, 16, 32]);
}

#[test]
fn disconnect_gives_it_up_and_a_late_answer_changes_nothing() {
    let mut rig = Rig::new(http(json!({})));
    let outputs = rig.outputs();
    rig.session.disconnect(rig.now, Duration::from_secs(1));
    assert_eq!(rig.outputs().last(), Some(&Output::Ended(Ending::Disconnected)));
    assert_eq!(reply(&mut rig, &outputs, 200, r#"{"ready":true}"#), []);
}

#[test]
fn reconnecting_after_a_transient_refusal_asks_again_and_after_success_not() {
    let mut rig = Rig::new(http(json!({ "reconnect": {} })));
    let outputs = rig.outputs();
    let outputs = reply(&mut rig, &outputs, 503, "");
    assert!(outputs.iter().any(|output| matches!(output, Output::Interrupted(_))), "{outputs:?}");
    let outputs = rig.time_out();
    assert!(opened(&reply(&mut rig, &outputs, 200, r#"{"ready":true}"#)));
    let reason = "reset".to_owned();
    rig.session.handle_transport_error(rig.now, TransportError::Lost { reason });
    rig.outputs();
    let outputs = rig.time_out();
    assert!(opened(&outputs) && request(&outputs).is_none(), "{outputs:?}");
}

#[test]
fn over_iq_the_answer_is_the_calls() {
    let mut rig = Rig::established(json!({ "startVideoMuted": true }));
    rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
    let outputs = rig.outputs();
    let frame = sent(&outputs)[0].to_owned();
    for part in [
        "to='focus.meet.example'",
        "room='room@conference.meet.example'",
        "machine-uid='machine'",
        "<property name='startVideoMuted' value='true'/>",
        "<property name='visitors-version' value='1'/>",
    ] {
        assert!(frame.contains(part), "{part} is missing in {frame}");
    }
    let id = frame.split("id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
    let properties = "<property name='authentication' value='true'/>";
    let result = conference("ready='true' focusjid='focus@auth' identity='me' session-id='s'", properties);
    let foreign =
        answer(&id, "result", &result).replace("from='focus.meet.example'", "from='evil@meet.example/x'");
    assert!(completed(&rig.play(&[&foreign])).is_empty(), "not the focus");
    let outputs = rig.play(&[&answer(&id, "result", &result), &answer(&id, "result", &result)]);
    let [(1, Ok(Completed::Conference(conference)))] = completed(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(conference.focus_jid.as_deref(), Some("focus@auth"));
    assert_eq!(conference.properties["authentication"], "true");
}

#[test]
fn every_refusal_over_iq_has_its_error_and_the_session_goes_on() {
    let live = conference("ready='true'", "<property name='live' value='false'/>");
    let reservation = error(
        "<reservation-error xmlns='http://jitsi.org/protocol/focus' error-code='409'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>taken</text>",
    );
    let cases = [
        ("result", live, ErrorType::NotLiveError, None, None),
        ("result", String::new(), ErrorType::ConferenceRequestFailed, None, None),
        ("error", String::new(), ErrorType::ConferenceRequestFailed, None, None),
        ("error", error(NOT_AUTHORIZED), ErrorType::ConferenceRequestFailed, Some("not-authorized"), None),
        ("error", reservation, ErrorType::ConferenceRequestFailed, Some("reservation-error"), Some(409)),
    ];
    for (kind, content, error_type, condition, status) in cases {
        let mut rig = Rig::established(json!({}));
        rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
        let id = iq(&mut rig);
        let outputs = rig.play(&[&answer(&id, kind, &content)]);
        let [(1, Err(Error::ConferenceRequestFailed(failure)))] = completed(&outputs)[..] else {
            panic!("{content}: {outputs:?}")
        };
        assert_eq!((failure.error_type, failure.condition.as_deref()), (error_type, condition), "{failure}");
        assert_eq!(failure.http_status, status, "{failure}");
        if condition == Some("reservation-error") {
            assert_eq!(failure.server_text.as_deref(), Some("taken"));
        }
        assert!(!rig.send(2).is_empty(), "the session is alive");
    }
}

#[test]
fn over_iq_a_redirection_is_told_and_the_session_goes_on() {
    let mut rig = Rig::established(json!({}));
    rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
    let id = iq(&mut rig);
    let outputs =
        rig.play(&[&answer(&id, "result", &conference("ready='true' vnode='v1' focusjid='f'", ""))]);
    let event = Event::Redirected { vnode: "v1".to_owned(), focus_jid: "f".to_owned() };
    assert!(outputs.contains(&Output::Event(event)), "{outputs:?}");
    assert!(matches!(completed(&outputs)[..], [(1, Err(Error::Redirected { .. }))]));
    assert!(!rig.send(2).is_empty(), "the session is alive");
}

#[test]
fn over_iq_an_invalid_session_is_tried_without() {
    for condition in [SESSION_INVALID, "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"] {
        let mut rig = Rig::established(json!({}));
        rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
        let id = iq(&mut rig);
        assert!(completed(&rig.play(&[&answer(&id, "error", &error(condition))])).is_empty());
        let outputs = rig.time_out();
        assert!(sent(&outputs).iter().any(|frame| frame.contains("protocol/focus")), "{condition}");
    }
}

#[test]
fn a_focus_that_does_not_answer_and_a_lost_session_settle_the_call() {
    let mut rig = Rig::established(json!({ "iqTimeout": 1000 }));
    rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
    rig.outputs();
    let outputs = rig.time_out();
    assert!(matches!(completed(&outputs)[..], [(1, Err(Error::ConferenceRequestFailed(_)))]), "{outputs:?}");

    let mut rig = Rig::established(json!({}));
    rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
    rig.outputs();
    assert_eq!(completed(&rig.play(&[CLOSE])), [(1, &Err(Error::SessionLost))]);

    let mut rig = Rig::new(json!({}));
    rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
    assert_eq!(completed(&rig.outputs()), [(1, &Err(Error::NotConnected))]);
}

#[test]
fn requests_over_iq_count_in_the_send_queue() {
    let mut rig = Rig::established(json!({ "sendQueue": { "maxStanzas": 2 } }));
    (1..=3).for_each(|call| rig.session.request_conference(rig.now, CallId(call), "room".to_owned()));
    assert_eq!(completed(&rig.outputs()), [(3, &Err(Error::SendQueueFull))]);
}
