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

#[test]
fn without_stream_management_the_send_queue_is_bounded_too() {
    for limits in [json!({ "maxStanzas": 2 }), json!({ "maxBytes": stanza(1).len() * 2 })] {
        let mut rig = Rig::new(json!({ "enableWebsocketResume": false, "sendQueue": limits }));
        rig.open();
        rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND]);
        rig.session.handle_flushed();
        rig.send(1);
        rig.send(2);
        assert_eq!(completed(&rig.send(3)), [(3, &Err(Error::SendQueueFull))]);
        assert_eq!(completed(&iq(&mut rig, 4, None)), [(4, &Err(Error::SendQueueFull))]);
        rig.session.handle_flushed();
        rig.outputs();
        assert_eq!(completed(&rig.send(5)), []);
    }
}

const ASKED: &str = "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";

#[test]
fn a_server_that_asks_for_ever_and_acknowledges_nothing_is_answered_so_often_and_no_more() {
    let mut rig = Rig::established(json!({ "sendQueue": { "maxStanzas": 10 } }));
    let outputs = rig.play(&[ASKED; 100]);
    let answers = |outputs: &[Output]| sent(outputs).iter().filter(|frame| frame.contains("result")).count();
    assert_eq!((answers(&outputs), rig.session.unsettled()), (20, 20));
    // It comes to its senses.
    rig.play(&["<a xmlns='urn:xmpp:sm:3' h='20'/>"]);
    assert_eq!(answers(&rig.play(&[ASKED])), 1);
}

#[test]
fn a_server_that_speaks_and_acknowledges_nothing_is_not_pinged_without_end() {
    let mut rig = Rig::established(json!({ "sendQueue": { "maxStanzas": 10 } }));
    for _ in 0..50 {
        rig.time_out();
        rig.play(&["<a xmlns='urn:xmpp:sm:3' h='0'/>"]);
    }
    assert_eq!(rig.session.unsettled(), 20);
}

#[test]
fn answers_have_room_beside_what_the_caller_sends() {
    let mut rig = Rig::established(json!({ "sendQueue": { "maxStanzas": 2 } }));
    (1..=3).for_each(|number| drop(rig.send(number)));
    assert!(sent(&rig.play(&[ASKED]))[0].contains("result"));
}

#[test]
fn a_server_that_does_not_read_is_not_read_either() {
    let mut rig = Rig::established(json!({ "sendQueue": { "maxBytes": 1024 } }));
    rig.session.handle_flushed();
    let limit = 1024 * 1024 + 1024;
    let mut sent_bytes = 0;
    while rig.session.may_read() {
        sent_bytes += rig
            .play(&[SENT_REQUEST; 1_000])
            .iter()
            .map(|output| match output {
                Output::Send(frame) => frame.len(),
                other => panic!("{other:?}"),
            })
            .sum::<usize>();
        assert!(sent_bytes < limit + 100_000, "{sent_bytes}");
    }
    assert!(sent_bytes > limit);
    rig.session.handle_flushed();
    assert!(rig.session.may_read());
}

#[test]
fn a_conference_request_whose_deadline_passes_while_away_is_not_sent_later() {
    let mut rig = Rig::established(json!({ "iqTimeout": 1000 }));
    rig.session.set_online(rig.now, false);
    rig.cut();
    rig.session.request_conference(rig.now, CallId(1), "room".to_owned());
    let outputs = rig.time_out();
    assert!(matches!(completed(&outputs)[..], [(1, Err(Error::ConferenceRequestFailed(_)))]), "{outputs:?}");
    rig.session.set_online(rig.now, true);
    rig.session.handle_timeout(rig.now);
    let outputs = rig.resume(0);
    assert!(!sent(&outputs).iter().any(|frame| frame.contains("protocol/focus")), "{outputs:?}");
}

#[test]
fn a_request_that_is_held_is_answered_within_its_deadline() {
    let mut rig = Rig::established(json!({}));
    rig.cut();
    assert_eq!(sent(&iq(&mut rig, 1, None)), [""; 0], "held");
    rig.session.handle_timeout(rig.session.poll_timeout().unwrap());
    let outputs = rig.resume(0);
    assert!(sent(&outputs).iter().any(|frame| frame.contains("id='q1'")), "{outputs:?}");
    assert_eq!(completed(&rig.play(&[&result(1, "")])).len(), 1);
}

#[test]
fn an_id_that_is_in_use_is_refused() {
    let mut rig = Rig::established(json!({}));
    iq(&mut rig, 1, None);
    let xml = "<iq xmlns='jabber:client' type='get' id='q1' to='a'><q xmlns='u'/></iq>".to_owned();
    rig.session.send_iq(
        rig.now,
        CallId(2),
        "q1".to_owned(),
        Some("a".to_owned()),
        xml,
        Duration::from_secs(1),
    );
    assert!(matches!(completed(&rig.outputs())[..], [(2, Err(Error::InvalidStanza(_)))]));
}

#[test]
fn what_is_no_jid_is_not_taken_for_another_that_is_none() {
    let mut rig = Rig::established(json!({}));
    iq(&mut rig, 1, Some("@one"));
    assert_eq!(completed(&rig.play(&[&result(1, "@two")])), []);
    assert_eq!(completed(&rig.play(&[&result(1, "@one")])).len(), 1);
}

#[test]
fn a_stream_that_was_idle_is_asked_again() {
    let mut rig = Rig::established(json!({}));
    assert_eq!(sent(&rig.send(1)), [&stanza(1), SENT_REQUEST]);
    assert_eq!(sent(&rig.send(2)), [&stanza(2)]);
    // The answer covers less than was asked for, and nothing more comes by itself.
    rig.play(&["<a xmlns='urn:xmpp:sm:3' h='0'/>"]);
    assert_eq!(sent(&rig.time_out())[1..], [SENT_REQUEST], "behind the ping");
}

#[test]
fn every_hundred_stanzas_are_acknowledged_unasked() {
    let mut rig = Rig::established(json!({}));
    let outputs = rig.play(&[PUSH; 250]);
    assert_eq!(sent(&outputs), ["<a xmlns='urn:xmpp:sm:3' h='100'/>", "<a xmlns='urn:xmpp:sm:3' h='200'/>"]);
}
