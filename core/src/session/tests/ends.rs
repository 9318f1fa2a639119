//! How a session ends, and that it ends once.

use serde_json::json;

use super::*;
use crate::transport::TransportError;
use crate::{Code, Completed, Error, ErrorType};

fn assert_disconnected(outputs: &[Output]) {
    assert_eq!(outputs.last(), Some(&Output::Ended(Ending::Disconnected)));
}

#[test]
fn the_connect_timeout_covers_everything_up_to_the_open_transport() {
    let mut rig = Rig::new(json!({ "transport": { "connectTimeout": 1000 } }));
    rig.outputs();
    let start = rig.now;
    let outputs = rig.time_out();
    assert_eq!(rig.now - start, Duration::from_millis(1000));
    assert_eq!(failure(&outputs).code, Code::TimeoutConnect);
}

#[test]
fn the_login_timeout_runs_from_the_open_transport_and_no_frame_extends_it() {
    let offer = mechanisms(&["ANONYMOUS"]);
    for done in 0..7 {
        let mut rig = Rig::new(json!({ "loginTimeout": 2000 }));
        rig.pass(500);
        rig.open();
        let start = rig.now;
        rig.pass(1);
        rig.play(&[OPEN, &offer, SUCCESS, OPEN, FEATURES, PUSH, BOUND][..done]);
        let outputs = rig.time_out();
        assert_eq!(rig.now - start, Duration::from_millis(2000), "after {done} frames");
        assert_eq!(failure(&outputs).code, Code::TimeoutLogin);
    }
}

#[test]
fn disconnect_waits_for_the_server_only_so_long() {
    let mut rig = Rig::established(json!({}));
    rig.session.disconnect(rig.now, Duration::from_millis(300));
    assert_eq!(sent(&rig.outputs()), ["<presence xmlns='jabber:client' type='unavailable'/>", SENT_CLOSE]);
    let start = rig.now;
    assert_disconnected(&rig.time_out());
    assert_eq!(rig.now - start, Duration::from_millis(300));
}

#[test]
fn whatever_comes_after_our_close_the_session_ends_as_disconnected() {
    let endings: [&dyn Fn(&mut Rig); 4] = [
        &|rig| rig.session.handle_frame(rig.now, &CLOSE.into()),
        &|rig| rig.session.handle_frame(rig.now, &"<oops".into()),
        &|rig| rig.session.handle_transport_error(rig.now, TransportError::Closed),
        &|rig| rig.session.handle_frame(rig.now, &"<error xmlns='http://etherx.jabber.org/streams'/>".into()),
    ];
    for end in endings {
        let mut rig = Rig::established(json!({}));
        rig.session.disconnect(rig.now, Duration::from_secs(2));
        rig.play(&[PUSH]);
        end(&mut rig);
        assert_disconnected(&rig.outputs());
    }
}

#[test]
fn disconnect_while_away_sends_nothing() {
    let mut rig = Rig::established(json!({}));
    rig.cut();
    rig.session.disconnect(rig.now, Duration::from_secs(2));
    let outputs = rig.outputs();
    assert_eq!(sent(&outputs), [""; 0]);
    assert_disconnected(&outputs);
}

#[test]
fn an_ended_session_says_nothing_more() {
    let mut rig = Rig::established(json!({}));
    let outputs = rig.play(&[CLOSE]);
    assert_eq!(failure(&outputs).error_type, ErrorType::DroppedError);
    rig.cut();
    rig.session.handle_opened(rig.now, 2);
    rig.session.disconnect(rig.now, Duration::from_secs(1));
    rig.session.handle_timeout(rig.now + Duration::from_secs(1000));
    assert_eq!(rig.play(&[OPEN, PUSH, "<oops", CLOSE]), []);
    assert_eq!(rig.session.poll_timeout(), None);
}

#[test]
fn what_the_server_broke_is_final() {
    let broken = [
        ("<oops", Code::MalformedXml),
        (SUCCESS, Code::ProtocolViolation),
        ("<a xmlns='urn:xmpp:sm:3' h='1'/>", Code::OverAcknowledged),
        ("<a xmlns='urn:xmpp:sm:3' h='4294967295'/>", Code::ProtocolViolation),
        ("<a xmlns='urn:xmpp:sm:3' h='x'/>", Code::ProtocolViolation),
        ("<a xmlns='urn:xmpp:sm:3'/>", Code::ProtocolViolation),
    ];
    for (frame, code) in broken {
        let mut rig = Rig::established(json!({}));
        let outputs = rig.play(&[frame]);
        let failure = failure(&outputs);
        assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, code), "{frame}");
        assert!(!failure.transient, "{frame}");
    }
}

#[test]
fn an_over_acknowledgement_closes_the_stream_with_its_error() {
    let mut rig = Rig::established(json!({}));
    rig.send(1);
    let outputs = rig.play(&["<a xmlns='urn:xmpp:sm:3' h='2'/>"]);
    let error = "<error xmlns='http://etherx.jabber.org/streams'>\
        <undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
        <handled-count-too-high xmlns='urn:xmpp:sm:3' send-count='1'/></error>";
    assert_eq!(sent(&outputs), [error, SENT_CLOSE]);
}

#[test]
fn a_stream_error_says_whether_to_try_again() {
    let cases = [("system-shutdown", true), ("host-unknown", false), ("conflict", false)];
    for (condition, transient) in cases {
        let mut rig = Rig::established(json!({}));
        let outputs = rig.play(&[&format!(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>why</text></stream:error>"
        )]);
        let failure = failure(&outputs);
        assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::StreamError));
        assert_eq!(failure.condition.as_deref(), Some(condition));
        assert_eq!(failure.server_text.as_deref(), Some("why"));
        assert_eq!(failure.transient, transient, "{condition}");
    }
}

#[test]
fn what_the_server_acknowledges_after_our_close_was_not_in_vain() {
    let mut rig = Rig::established(json!({}));
    rig.send(1);
    rig.send(2);
    rig.session.disconnect(rig.now, Duration::from_secs(2));
    rig.outputs();
    let outputs = rig.play(&["<a xmlns='urn:xmpp:sm:3' h='1'/>", CLOSE]);
    assert_eq!(completed(&outputs), [(1, &Ok(Completed::Done)), (2, &Err(Error::SessionLost))]);
    assert_eq!(sent(&outputs), [""; 0], "nothing goes out behind <close/>");
    assert_disconnected(&outputs);
}

#[test]
fn disconnect_acknowledges_says_that_we_leave_and_closes() {
    let mut rig = Rig::established(json!({}));
    rig.play(&[PUSH]);
    rig.session.disconnect(rig.now, Duration::from_secs(2));
    let expected = [
        "<a xmlns='urn:xmpp:sm:3' h='1'/>",
        "<presence xmlns='jabber:client' type='unavailable'/>",
        SENT_CLOSE,
    ];
    assert_eq!(sent(&rig.outputs()), expected);
}
