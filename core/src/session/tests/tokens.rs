//! Tokens that expire while a session is away, and the ping of the caller.

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::*;
use crate::{Code, Completed, Error, ErrorType, Event};

/// A token that expires so many seconds after the virtual calendar begins.
fn token(seconds: u64) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let expiry = (WALL + Duration::from_secs(seconds)).as_secs();
    format!(
        "{}.{}.{}",
        part(r#"{"alg":"HS256"}"#),
        part(&format!(r#"{{"exp":{expiry}}}"#)),
        part("signature")
    )
}

/// Established, with a token that was refreshed and has expired since.
fn expired(options: Value) -> Rig {
    let resumes = options.get("enableWebsocketResume").is_none();
    let mut rig = Rig::new(options);
    rig.session.refresh_token(rig.now, CallId(1), token(100));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND]);
    if resumes {
        rig.play(&[ENABLED]);
    }
    rig.pass(101_000);
    rig
}

#[test]
fn a_session_whose_token_has_expired_waits_for_the_next_one() {
    let mut rig = expired(json!({ "xmppPing": { "interval": 0 } }));
    let lost = rig.now;
    rig.cut();
    let outputs = rig.time_out();
    assert_eq!(outputs, [Output::Event(Event::TokenExpired)], "and no attempt");
    assert_eq!(
        rig.session.poll_timeout(),
        Some(lost + Duration::from_secs(60)),
        "as long as the server waits"
    );
    rig.pass(30_000);
    rig.session.refresh_token(rig.now, CallId(2), token(1_000));
    rig.outputs();
    assert!(matches!(rig.time_out()[..], [Output::Open { .. }]));
    rig.session.handle_opened(rig.now, 2);
    let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='previous' h='0'/>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, resumed]);
    assert_eq!(completed(&outputs), [(2, &Ok(Completed::Done))]);
}

#[test]
fn a_token_that_does_not_come_in_time_is_the_reason_of_the_loss() {
    let mut rig = expired(json!({ "xmppPing": { "interval": 0 } }));
    rig.cut();
    rig.time_out();
    let outputs = rig.time_out();
    let failure = failure(&outputs);
    assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::TokenExpired));
}

#[test]
fn a_fresh_session_is_not_tried_with_an_expired_token() {
    let options = json!({ "enableWebsocketResume": false, "reconnect": {}, "xmppPing": { "interval": 0 } });
    let mut rig = expired(options);
    rig.cut();
    assert_eq!(failure(&rig.time_out()).code, Code::TokenExpired);
}

#[test]
fn a_token_without_an_expiry_is_used_for_ever() {
    for token in ["no token", "a.b.c", ""] {
        let mut rig = Rig::established(json!({ "xmppPing": { "interval": 0 } }));
        rig.session.refresh_token(rig.now, CallId(1), token.to_owned());
        rig.resume(0);
        rig.pass(1_000_000_000);
        rig.cut();
        assert!(rig.time_out().iter().any(|output| matches!(output, Output::Open { .. })), "{token}");
    }
}

#[test]
fn a_ping_measures_the_way_and_an_error_is_an_answer() {
    for kind in ["result", "error"] {
        let mut rig = Rig::established(json!({}));
        rig.session.ping(rig.now, CallId(1), Duration::from_secs(5));
        let outputs = rig.outputs();
        let id = sent(&outputs)[0].split("id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        let answer = format!("<iq xmlns='jabber:client' type='{kind}' id='{id}' from='meet.example'/>");
        rig.pass(7);
        let round_trip = Duration::from_millis(7);
        assert_eq!(completed(&rig.play(&[&answer])), [(1, &Ok(Completed::Pong { round_trip }))]);
    }
    let mut rig = Rig::established(json!({}));
    rig.session.ping(rig.now, CallId(1), Duration::from_secs(5));
    rig.outputs();
    assert!(matches!(completed(&rig.time_out())[..], [(1, Err(Error::Timeout(_)))]));
}
