//! Stanzas and requests, each with exactly one outcome.

use serde_json::json;

use super::*;
use crate::{Completed, Error};

fn iq(rig: &mut Rig, call: u64, to: Option<&str>) -> Vec<Output> {
    let xml = format!("<iq xmlns='jabber:client' type='get' id='q{call}'><q xmlns='u'/></iq>");
    let to = to.map(ToOwned::to_owned);
    rig.session.send_iq(rig.now, CallId(call), format!("q{call}"), to, xml, Duration::from_secs(5));
    rig.outputs()
}

fn result(call: u64, from: &str) -> String {
    let from = if from.is_empty() { String::new() } else { format!(" from='{from}'") };
    format!("<iq xmlns='jabber:client' type='result' id='q{call}'{from}/>")
}

#[test]
fn a_stanza_is_settled_by_its_acknowledgement() {
    let mut rig = Rig::established(json!({}));
    assert_eq!(sent(&rig.send(1)), [&stanza(1), SENT_REQUEST]);
    assert_eq!(sent(&rig.send(2)), [&stanza(2)]);
    let outputs = rig.play(&["<a xmlns='urn:xmpp:sm:3' h='1'/>"]);
    assert_eq!(completed(&outputs), [(1, &Ok(Completed::Done))]);
    assert_eq!(sent(&outputs), [SENT_REQUEST], "the second is still open");
}

#[test]
fn without_stream_management_a_stanza_is_settled_when_it_is_written() {
    let mut rig = Rig::new(json!({ "enableWebsocketResume": false }));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND]);
    let outputs = rig.send(1);
    assert_eq!((sent(&outputs), completed(&outputs)), (vec![stanza(1).as_str()], vec![]));
    rig.session.handle_flushed();
    assert_eq!(completed(&rig.outputs()), [(1, &Ok(Completed::Done))]);
    rig.send(2);
    let outputs = rig.cut();
    assert_eq!(completed(&outputs), [(2, &Err(Error::SessionLost))]);
}

#[test]
fn a_stanza_is_refused_where_there_is_no_session() {
    let mut rig = Rig::new(json!({}));
    assert_eq!(completed(&rig.send(1)), [(1, &Err(Error::NotConnected))]);
    let mut rig = Rig::established(json!({}));
    rig.session.disconnect(rig.now, Duration::from_secs(1));
    assert_eq!(completed(&rig.send(1)), [(1, &Err(Error::NotConnected))]);
}

#[test]
fn the_send_queue_has_bounds_and_beyond_them_nothing_is_queued() {
    for limits in [json!({ "maxStanzas": 2 }), json!({ "maxBytes": stanza(1).len() * 2 })] {
        let mut rig = Rig::established(json!({ "sendQueue": limits }));
        rig.send(1);
        rig.send(2);
        let outputs = rig.send(3);
        assert_eq!((sent(&outputs).len(), completed(&outputs)), (0, vec![(3, &Err(Error::SendQueueFull))]));
        rig.play(&["<a xmlns='urn:xmpp:sm:3' h='1'/>"]);
        assert_eq!(completed(&rig.send(4)), []);
    }
}

#[test]
fn the_server_is_answered_at_once_when_it_asks() {
    let mut rig = Rig::established(json!({}));
    let outputs = rig.play(&[PUSH, PUSH, SENT_REQUEST]);
    assert_eq!(sent(&outputs), ["<a xmlns='urn:xmpp:sm:3' h='2'/>"]);
}

#[test]
fn a_request_is_settled_by_its_id_and_its_sender_together() {
    let mut rig = Rig::established(json!({}));
    iq(&mut rig, 1, Some("focus.meet.example"));
    for wrong in [result(2, "focus.meet.example"), result(1, "room@focus.meet.example"), result(1, "")] {
        assert_eq!(completed(&rig.play(&[&wrong])), [], "{wrong}");
    }
    let answer = result(1, "focus.meet.example");
    let outputs = rig.play(&[&answer, &answer]);
    assert_eq!(completed(&outputs), [(1, &Ok(Completed::Answer { xml: answer.clone() }))], "once");

    for own in ["", "guest@meet.example", "guest@meet.example/one", "meet.example"] {
        let mut rig = Rig::established(json!({}));
        iq(&mut rig, 1, None);
        assert_eq!(completed(&rig.play(&[&result(1, own)])).len(), 1, "{own}");
    }
}

#[test]
fn a_request_has_a_deadline_and_an_answer_after_it_is_ignored() {
    let mut rig = Rig::established(json!({ "xmppPing": { "interval": 0 } }));
    iq(&mut rig, 1, None);
    let start = rig.now;
    let outputs = rig.time_out();
    assert_eq!(rig.now - start, Duration::from_secs(5));
    assert!(matches!(completed(&outputs)[..], [(1, Err(Error::Timeout(_)))]));
    assert_eq!(completed(&rig.play(&[&result(1, "")])), []);
}

#[test]
fn a_request_whose_deadline_passes_while_away_is_not_sent_later() {
    let mut rig = Rig::established(json!({ "resume": { "minDelay": 10_000 } }));
    rig.session.set_online(rig.now, false);
    rig.cut();
    iq(&mut rig, 1, None);
    rig.send(2);
    assert!(matches!(completed(&rig.time_out())[..], [(1, Err(Error::Timeout(_)))]));
    rig.session.set_online(rig.now, true);
    rig.session.handle_timeout(rig.now);
    let outputs = rig.resume(0);
    assert!(sent(&outputs).contains(&stanza(2).as_str()));
    assert!(!sent(&outputs).iter().any(|frame| frame.contains("id='q1'")), "{outputs:?}");
}

#[test]
fn a_request_of_the_server_is_answered_even_when_we_do_not_know_it() {
    let mut rig = Rig::established(json!({}));
    let outputs = rig.play(&[
        "<iq xmlns='jabber:client' type='get' id='a&amp;b' from='meet.example'><query xmlns='urn:x'/></iq>",
        "<iq xmlns='jabber:client' type='result' id='unasked'/>",
    ]);
    let answer = "<iq xmlns='jabber:client' type='error' id='a&amp;b' to='meet.example'><error type='cancel'>\
        <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    assert_eq!(sent(&outputs), [answer, SENT_REQUEST]);
}

#[test]
fn stanzas_are_delivered_only_while_someone_listens() {
    let mut rig = Rig::established(json!({}));
    assert_eq!(rig.play(&[PUSH]), []);
    rig.session.set_listening(true);
    let outputs = rig.play(&[PUSH]);
    let [Output::Stanza(stanza)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let seen = (stanza.xml(), stanza.name(), stanza.from(), stanza.to(), stanza.kind(), stanza.id());
    assert_eq!(seen, (PUSH, "message", Some("meet.example"), None, None, None));
}

#[test]
fn a_paused_link_is_acknowledged_and_not_judged() {
    let mut rig = Rig::established(json!({}));
    rig.play(&[PUSH, PUSH]);
    rig.session.pause();
    assert_eq!(sent(&rig.outputs()), ["<a xmlns='urn:xmpp:sm:3' h='2'/>"]);
    assert_eq!(rig.session.poll_timeout(), None);
    rig.pass(100_000);
    rig.session.unpause(rig.now);
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(10)));
}

#[test]
fn an_answer_is_delivered_before_the_call_that_it_settles() {
    let mut rig = Rig::established(json!({}));
    rig.session.set_listening(true);
    iq(&mut rig, 1, None);
    let outputs = rig.play(&[&result(1, "")]);
    assert!(
        matches!(outputs.as_slice(), [Output::Stanza(_), Output::Completed(CallId(1), Ok(_))]),
        "{outputs:?}"
    );
}
