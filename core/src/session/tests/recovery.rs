//! Resume, reconnect, ping, and a new token.

use serde_json::json;

use super::super::{Link, Management, Mechanism, Phase};
use super::*;
use crate::session::management::Resumption;
use crate::{Code, Completed, Error, ErrorType};

fn interrupted(outputs: &[Output]) -> Option<Code> {
    outputs.iter().find_map(|output| match output {
        Output::Interrupted(failure) => Some(failure.code),
        _ => None,
    })
}

fn opened(outputs: &[Output]) -> Option<(Option<&str>, Option<&str>)> {
    outputs.iter().find_map(|output| match output {
        Output::Open { token, previd, .. } => Some((token.as_deref(), previd.as_deref())),
        _ => None,
    })
}

/// The transport is lost and the first attempt begins.
fn away(rig: &mut Rig) {
    assert_eq!(interrupted(&rig.cut()), Some(Code::ConnectionLost));
    rig.now = rig.session.poll_timeout().unwrap();
    rig.session.handle_timeout(rig.now);
}

#[test]
fn a_resume_is_one_burst_and_three_round_trips() {
    let mut rig = Rig::established(json!({}));
    rig.play(&[PUSH, PUSH]);
    away(&mut rig);
    let outputs = rig.open();
    assert_eq!(sent(&outputs), [SENT_OPEN, SENT_AUTH, SENT_OPEN, &resume(2)]);
    let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='previous' h='0'/>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, resumed]);
    let Some(Output::Established { resumed: true, round_trips: 3, .. }) = outputs.last() else {
        panic!("{outputs:?}")
    };
}

#[test]
fn the_open_of_a_resume_carries_the_session_it_is_for() {
    let mut rig = Rig::established(json!({}));
    away(&mut rig);
    assert_eq!(opened(&rig.outputs()), Some((None, Some("previous"))));
}

#[test]
fn what_was_not_acknowledged_goes_out_again_before_established_and_is_settled_once() {
    let mut rig = Rig::established(json!({}));
    (1..=3).for_each(|n| drop(rig.send(n)));
    away(&mut rig);
    rig.session.send_stanza(rig.now, CallId(4), stanza(4));
    let outputs = rig.resume(1);
    assert_eq!(completed(&outputs), [(1, &Ok(Completed::Done))]);
    let resumed =
        outputs.iter().position(|output| matches!(output, Output::Resumed { resent: 2, attempts: 1, .. }));
    let established = outputs.iter().position(|output| matches!(output, Output::Established { .. }));
    assert!(resumed.is_some() && resumed < established, "{outputs:?}");
    let resent = outputs.iter().position(|output| *output == Output::Send(stanza(3)));
    assert!(resent.is_some() && resent < established, "{outputs:?}");
    let again: Vec<_> = sent(&outputs).into_iter().filter(|frame| frame.starts_with("<message")).collect();
    assert_eq!(again, [&stanza(2), &stanza(3), &stanza(4)]);
    let outputs = rig.play(&["<a xmlns='urn:xmpp:sm:3' h='4'/>"]);
    assert_eq!(completed(&outputs), [2, 3, 4].map(|call| (call, &Ok(Completed::Done))));
}

#[test]
fn a_refused_resume_honours_the_count_and_loses_the_rest_before_it_fails() {
    let mut rig = Rig::established(json!({}));
    (1..=3).for_each(|n| drop(rig.send(n)));
    away(&mut rig);
    rig.open();
    let refused = "<failed xmlns='urn:xmpp:sm:3' h='2'>\
        <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, refused]);
    let (done, lost) = (Ok(Completed::Done), Err(Error::SessionLost));
    assert_eq!(completed(&outputs), [(1, &done), (2, &done), (3, &lost)]);
    let failure = failure(&outputs);
    assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::ResumeRefused));
    assert_eq!(failure.condition.as_deref(), Some("item-not-found"));
}

#[test]
fn attempts_go_on_for_as_long_as_the_server_keeps_the_session() {
    let mut rig = Rig::established(json!({}));
    let lost_at = rig.now;
    rig.cut();
    let mut attempts = 0;
    loop {
        let outputs = rig.time_out();
        if opened(&outputs).is_some() {
            attempts += 1;
            let again = rig.cut();
            assert_eq!(interrupted(&again), None, "one interruption is one event");
            continue;
        }
        assert_eq!(failure(&outputs).code, Code::ResumeTimeout);
        break;
    }
    assert_eq!(rig.now - lost_at, Duration::from_secs(60), "max of <enabled/>");
    assert!(attempts >= 8, "{attempts}");
}

/// The server resumes, having handled `h` of ours, and answers nothing from then on.
fn silent_after_resume(rig: &mut Rig, h: u32) -> Vec<Output> {
    rig.resume(h);
    (0..3).flat_map(|_| rig.time_out()).collect()
}

#[test]
fn a_session_that_is_resumed_twice_and_handles_nothing_is_given_up() {
    let mut rig = Rig::established(json!({}));
    rig.send(1);
    away(&mut rig);
    assert_eq!(interrupted(&silent_after_resume(&mut rig, 0)), Some(Code::PingTimeout), "it may be the link");
    rig.now = rig.session.poll_timeout().unwrap();
    rig.session.handle_timeout(rig.now);
    let outputs = silent_after_resume(&mut rig, 0);
    assert_eq!(interrupted(&outputs), None);
    assert_eq!(completed(&outputs), [(1, &Err(Error::SessionLost))]);
    assert_eq!((failure(&outputs).code, failure(&outputs).transient), (Code::PingTimeout, true));
}

#[test]
fn a_session_that_handles_something_is_resumed_as_often_as_it_takes() {
    let mut rig = Rig::established(json!({}));
    (1..=4).for_each(|number| drop(rig.send(number)));
    away(&mut rig);
    for handled in 1..=4 {
        let outputs = silent_after_resume(&mut rig, handled);
        assert_eq!(interrupted(&outputs), Some(Code::PingTimeout), "{outputs:?}");
        rig.now = rig.session.poll_timeout().unwrap();
        rig.session.handle_timeout(rig.now);
    }
}

#[test]
fn a_server_that_would_keep_the_session_for_ever_is_not_taken_at_its_word() {
    let mut rig = Rig::new(json!({}));
    rig.open();
    let enabled = format!("<enabled xmlns='urn:xmpp:sm:3' id='previous' resume='true' max='{}'/>", u64::MAX);
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, &enabled]);
    away(&mut rig);
    let outputs = rig.resume(0);
    assert!(outputs.iter().any(|output| matches!(output, Output::Established { .. })), "{outputs:?}");
}

#[test]
fn an_attempt_that_hangs_has_a_deadline() {
    let mut rig = Rig::established(json!({ "resume": { "attemptTimeout": 700 } }));
    away(&mut rig);
    rig.outputs();
    let start = rig.now;
    rig.time_out();
    assert_eq!(rig.now - start, Duration::from_millis(700));
    assert_eq!(opened(&rig.time_out()), Some((None, Some("previous"))), "and is followed by another");
}

#[test]
fn a_dead_link_is_found_twenty_seconds_after_the_last_byte() {
    let mut rig = Rig::established(json!({}));
    rig.pass(3_000);
    rig.play(&[PUSH]);
    let last = rig.now;
    assert!(sent(&rig.time_out())[0].contains("urn:xmpp:ping"));
    assert!(sent(&rig.time_out())[0].contains("urn:xmpp:ping"), "an unanswered ping is followed by the next");
    let outputs = rig.time_out();
    assert_eq!(interrupted(&outputs), Some(Code::PingTimeout));
    assert_eq!(rig.now - last, Duration::from_secs(20));
}

#[test]
fn any_byte_is_a_sign_of_life_and_a_backlog_is_no_sign_of_death() {
    let mut rig = Rig::established(json!({}));
    rig.time_out();
    rig.pass(4_000);
    rig.play(&[PUSH]);
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(10)), "the count begins anew");

    let mut rig = Rig::established(json!({}));
    let long = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(100_000));
    rig.session.send_stanza(rig.now, CallId(1), long);
    rig.outputs();
    rig.time_out();
    let wait = rig.session.poll_timeout().unwrap() - rig.now;
    assert!(wait > Duration::from_secs(15), "5 s, and 10 s for 100 kB at 10 kB/s: {wait:?}");
}

#[test]
fn a_long_frame_is_a_sign_of_life_before_it_is_whole() {
    let mut rig = Rig::established(json!({}));
    rig.time_out();
    rig.pass(4_000);
    rig.session.handle_bytes(rig.now - Duration::from_millis(1_000));
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(9)), "of the last byte");
    rig.session.handle_bytes(rig.now - Duration::from_millis(2_000));
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(9)), "never backwards");
}

#[test]
fn a_session_is_kept_for_a_minute_if_the_server_does_not_say_and_never_longer_than_it_says() {
    for (enabled, options, seconds) in [
        (ENABLED.replace(" max='60'", ""), json!({}), 60),
        (ENABLED.replace("60", "20"), json!({ "resume": { "maxElapsed": 30_000 } }), 20),
        (ENABLED.to_owned(), json!({ "resume": { "maxElapsed": 30_000 } }), 30),
    ] {
        let mut rig = Rig::new(options);
        rig.open();
        rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, &enabled]);
        rig.session.set_online(rig.now, false);
        rig.cut();
        let lost = rig.now;
        assert_eq!(failure(&rig.time_out()).code, Code::ResumeTimeout);
        assert_eq!(rig.now - lost, Duration::from_secs(seconds), "{enabled}");
    }
}

#[test]
fn the_socket_of_a_refused_one_burst_resume_is_thrown_away() {
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>";
    let failed = "<failed xmlns='urn:xmpp:sm:3'/>";
    let offer = mechanisms(&["ANONYMOUS"]);
    for frames in [&[OPEN, &offer, refused][..], &[OPEN, &offer, SUCCESS, OPEN, FEATURES, failed]] {
        let mut rig = Rig::established(json!({ "reconnect": {} }));
        away(&mut rig);
        rig.open();
        let outputs = rig.play(frames);
        assert!(outputs.contains(&Output::Drop), "{outputs:?}");
        assert_eq!(sent(&outputs), [""; 0], "nothing more is tried on it");
    }
}

#[test]
fn only_a_resume_without_a_password_is_one_burst() {
    // The mechanism is known beforehand here too, but its `success` comes only behind our proof.
    let scram = Known { mechanism: Some(Mechanism::ScramSha1), no_management: false };
    let mut rig = Rig::with(json!({}), Some(("user", "pencil")), scram);
    rig.open();
    rig.session.management =
        Some(Management::new(Some(Resumption { id: "previous".to_owned(), max: Duration::from_secs(60) })));
    rig.session.phase = Phase::Connected;
    rig.session.link = Link::Up;
    away(&mut rig);
    let outputs = rig.open();
    let [open, auth] = sent(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(open, SENT_OPEN);
    assert!(auth.contains("mechanism='SCRAM-SHA-1'"), "{auth}");
}

#[test]
fn an_account_is_resumed_in_two_bursts_since_its_parser_may_be_reset_only_once() {
    let mut rig =
        Rig::with(json!({ "sasl": { "mechanisms": ["PLAIN"] } }), Some(("user", "pencil")), Known::default());
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["PLAIN"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, ENABLED]);
    away(&mut rig);
    assert_eq!(sent(&rig.open()), [SENT_OPEN]);
    rig.play(&[OPEN, &mechanisms(&["PLAIN"])]);
    assert_eq!(sent(&rig.play(&[SUCCESS])), [SENT_OPEN, &resume(0)]);
}

#[test]
fn without_pipelining_a_resume_waits_at_each_step_too() {
    let mut rig = Rig::new(json!({ "transport": { "pipelining": "off" } }));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND, ENABLED]);
    away(&mut rig);
    assert_eq!(sent(&rig.open()), [SENT_OPEN]);
    assert_eq!(sent(&rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"])])), [SENT_AUTH]);
    assert_eq!(sent(&rig.play(&[SUCCESS])), [SENT_OPEN]);
    assert_eq!(sent(&rig.play(&[OPEN, FEATURES])), [&resume(0)]);
}

#[test]
fn a_lost_session_reconnects_when_that_is_wanted_and_says_so() {
    let mut rig = Rig::established(json!({ "reconnect": { "maxAttempts": 2 } }));
    rig.send(1);
    let shutdown = "<error xmlns='http://etherx.jabber.org/streams'>\
        <system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>";
    let outputs = rig.play(&[shutdown]);
    assert_eq!(completed(&outputs), [(1, &Err(Error::SessionLost))]);
    assert_eq!(interrupted(&outputs), Some(Code::StreamError));
    assert_eq!(opened(&rig.time_out()), Some((None, None)), "a fresh session");
    rig.session.handle_opened(rig.now, 2);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND, ENABLED]);
    assert!(
        matches!(outputs.last(), Some(Output::Established { reconnected: true, resumed: false, .. })),
        "{outputs:?}"
    );
}

#[test]
fn reconnecting_ends_after_its_attempts_and_never_repeats_a_refused_login() {
    let mut rig = Rig::new(json!({ "reconnect": { "maxAttempts": 2 } }));
    rig.outputs();
    for _ in 0..2 {
        assert_eq!(interrupted(&rig.cut()), Some(Code::ConnectionLost));
        assert!(opened(&rig.time_out()).is_some());
    }
    assert_eq!(failure(&rig.cut()).code, Code::ConnectionLost);

    let mut rig = Rig::new(json!({ "reconnect": {} }));
    rig.open();
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), refused]);
    assert_eq!(failure(&outputs).code, Code::SaslFailure);
}

#[test]
fn no_attempt_is_made_without_a_network_and_one_at_once_when_it_is_back() {
    let mut rig = Rig::established(json!({}));
    rig.session.set_online(rig.now, false);
    rig.cut();
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(60)), "only giving up is due");
    rig.pass(30_000);
    rig.session.set_online(rig.now, true);
    assert_eq!(rig.session.poll_timeout(), Some(rig.now));
    assert!(opened(&rig.time_out()).is_some());
}

#[test]
fn a_new_token_resumes_on_a_new_transport_and_drops_the_old() {
    let mut rig = Rig::established(json!({}));
    rig.session.refresh_token(rig.now, CallId(9), "new".to_owned());
    rig.send(1);
    let outputs = rig.outputs();
    assert_eq!(sent(&outputs), [""; 0], "held until the session is resumed");
    let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='previous' h='0'/>";
    rig.session.handle_opened(rig.now, 2);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, resumed]);
    assert!(outputs.contains(&Output::DropParked));
    assert_eq!(completed(&outputs), [(9, &Ok(Completed::Done))]);
    assert_eq!(sent(&outputs)[4..], [&stanza(1), SENT_REQUEST]);
}

#[test]
fn a_refused_token_leaves_the_session_on_its_old_transport() {
    let mut rig = Rig::established(json!({}));
    rig.session.refresh_token(rig.now, CallId(9), "bad".to_owned());
    assert_eq!(opened(&rig.outputs()), Some((Some("bad"), Some("previous"))));
    rig.session.handle_opened(rig.now, 2);
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/><text>Invalid signature</text></failure>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), refused]);
    assert!(outputs.contains(&Output::Unpark));
    let [(9, Err(Error::ConnectionFailed(failure)))] = completed(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(failure.server_text.as_deref(), Some("Invalid signature"));
    assert_eq!(sent(&rig.send(1)), [&stanza(1), SENT_REQUEST], "the session is alive");
    away(&mut rig);
    assert_eq!(opened(&rig.outputs()), Some((None, Some("previous"))), "and has its old token");
}

#[test]
fn a_token_that_overtakes_another_one_is_refused_back_to_the_first() {
    let mut rig = Rig::established(json!({}));
    rig.session.refresh_token(rig.now, CallId(8), "second".to_owned());
    rig.open();
    rig.session.refresh_token(rig.now, CallId(9), "third".to_owned());
    let outputs = rig.outputs();
    assert!(matches!(completed(&outputs)[..], [(8, Err(Error::Aborted(_)))]), "{outputs:?}");
    assert_eq!(opened(&outputs), Some((Some("third"), Some("previous"))));
    rig.session.handle_opened(rig.now, 2);
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/></failure>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), refused]);
    assert!(outputs.contains(&Output::Unpark), "{outputs:?}");
    assert!(matches!(completed(&outputs)[..], [(9, Err(Error::ConnectionFailed(_)))]), "{outputs:?}");
    assert_eq!(rig.session.token(), None, "as at the beginning");
    assert_eq!(sent(&rig.send(1)), [&stanza(1), SENT_REQUEST], "the session is alive");
}

#[test]
fn a_refused_token_is_no_loss_to_reconnect_from() {
    let mut rig = Rig::established(json!({ "reconnect": { "maxAttempts": 5 } }));
    rig.session.refresh_token(rig.now, CallId(9), "bad".to_owned());
    rig.open();
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/></failure>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), refused]);
    assert!(matches!(completed(&outputs)[..], [(9, Err(Error::ConnectionFailed(_)))]), "{outputs:?}");
    assert_eq!(interrupted(&outputs), None);
    assert_eq!(sent(&rig.send(1)), [&stanza(1), SENT_REQUEST], "the session is alive");
}

#[test]
fn a_new_token_restarts_the_attempt_under_way() {
    let mut rig = Rig::new(json!({}));
    rig.open();
    rig.session.refresh_token(rig.now, CallId(9), "new".to_owned());
    assert_eq!(opened(&rig.outputs()), Some((Some("new"), None)));
    rig.session.handle_opened(rig.now, 2);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND, ENABLED]);
    assert_eq!(completed(&outputs), [(9, &Ok(Completed::Done))]);
}

#[test]
fn a_new_token_while_away_makes_the_next_attempt_at_once() {
    let mut rig = Rig::established(json!({}));
    rig.cut();
    rig.session.refresh_token(rig.now, CallId(9), "new".to_owned());
    assert_eq!(rig.session.poll_timeout(), Some(rig.now));
    rig.session.handle_timeout(rig.now);
    assert_eq!(opened(&rig.outputs()), Some((Some("new"), Some("previous"))));
}

#[test]
fn a_thousand_clients_that_lost_their_server_do_not_come_back_in_step() {
    let mut histogram = [0_u32; 60];
    for seed in 0..1000 {
        let mut rig = Rig::established(json!({}));
        rig.session.rng = fastrand::Rng::with_seed(seed);
        let lost_at = rig.now;
        rig.cut();
        // The first second is the quick first attempt of everyone, spread over its 300 ms.
        loop {
            let outputs = rig.time_out();
            if opened(&outputs).is_none() {
                break;
            }
            let second = usize::try_from((rig.now - lost_at).as_secs()).unwrap();
            histogram[second] += 1;
            rig.cut();
        }
    }
    // After the crowded beginning no second sees more than a third of the clients.
    assert!(histogram[8..].iter().all(|attempts| *attempts < 333), "{histogram:?}");
    assert!(histogram[8..].iter().all(|attempts| *attempts > 50), "{histogram:?}");
}

#[test]
fn disconnect_while_a_new_token_is_tried_says_goodbye_on_the_old_transport() {
    let mut rig = Rig::established(json!({}));
    rig.session.refresh_token(rig.now, CallId(9), "new".to_owned());
    rig.outputs();
    rig.session.disconnect(rig.now, Duration::from_secs(1));
    let outputs = rig.outputs();
    assert!(outputs.contains(&Output::Unpark));
    assert_eq!(sent(&outputs), ["<presence xmlns='jabber:client' type='unavailable'/>", SENT_CLOSE]);
    let outputs = rig.play(&[CLOSE]);
    assert_eq!((completed(&outputs), rig.session.refreshing()), (vec![], Some(CallId(9))), "aborted with it");
}

#[test]
fn a_backlog_is_no_sign_of_death_without_stream_management_either() {
    let mut rig = Rig::new(json!({ "enableWebsocketResume": false }));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND]);
    let long = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(200_000));
    rig.session.send_stanza(rig.now, CallId(1), long);
    rig.outputs();
    rig.time_out();
    let wait = rig.session.poll_timeout().unwrap() - rig.now;
    assert!(wait >= Duration::from_secs(15), "5 s, and what is left of 20 s for 200 kB after 10: {wait:?}");
    assert!(wait < Duration::from_secs(16), "{wait:?}");
    // What the server had time to take adds nothing.
    rig.play(&[PUSH]);
    rig.pass(30_000);
    rig.play(&[PUSH]);
    rig.time_out();
    assert_eq!(rig.session.poll_timeout().unwrap() - rig.now, Duration::from_secs(5));
}

#[test]
fn attempts_to_resume_are_none_to_reconnect() {
    let mut rig = Rig::established(json!({ "reconnect": { "maxAttempts": 2 } }));
    rig.cut();
    loop {
        let outputs = rig.time_out();
        if opened(&outputs).is_none() {
            assert_eq!(interrupted(&outputs), Some(Code::ResumeTimeout));
            break;
        }
        rig.cut();
    }
    let mut last = Vec::new();
    for _ in 0..2 {
        assert_eq!(opened(&rig.time_out()), Some((None, None)), "a fresh session");
        last = rig.cut();
    }
    assert_eq!(failure(&last).code, Code::ConnectionLost, "after two attempts");
}

#[test]
fn a_first_login_that_breaks_late_is_no_reconnection() {
    let mut rig = Rig::new(json!({ "reconnect": {} }));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND]);
    assert_eq!(interrupted(&rig.cut()), Some(Code::ConnectionLost));
    assert_eq!(completed(&rig.send(1)), [(1, &Err(Error::NotConnected))], "it was never established");
    rig.time_out();
    rig.session.handle_opened(rig.now, 2);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND, ENABLED]);
    assert!(
        matches!(outputs.last(), Some(Output::Established { reconnected: false, resumed: false, .. })),
        "{outputs:?}"
    );
}

#[test]
fn a_new_token_while_a_fresh_session_is_due_loses_nothing_that_is_held() {
    let mut rig = Rig::new(json!({ "enableWebsocketResume": false, "reconnect": {} }));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND]);
    rig.cut();
    assert_eq!(completed(&rig.send(1)), [], "held");
    rig.session.refresh_token(rig.now, CallId(9), "new".to_owned());
    let outputs = rig.outputs();
    assert_eq!((completed(&outputs), opened(&outputs)), (vec![], Some((Some("new"), None))));
    rig.session.handle_opened(rig.now, 2);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND]);
    assert_eq!(sent(&outputs).last(), Some(&stanza(1).as_str()));
    assert_eq!(completed(&outputs), [(9, &Ok(Completed::Done))]);
}

#[test]
fn a_new_token_that_ends_the_attempt_shares_its_outcome() {
    // For want of a session to go back to: the driver settles the call behind the event.
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/></failure>";
    let begin: [&dyn Fn() -> Rig; 3] = [
        &|| Rig::new(json!({})),
        &|| {
            let mut rig = Rig::established(json!({}));
            rig.cut();
            rig
        },
        &|| {
            let mut rig = Rig::new(json!({ "enableWebsocketResume": false }));
            rig.open();
            rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, PUSH, BOUND]);
            rig
        },
    ];
    for begin in begin {
        let mut rig = begin();
        rig.session.refresh_token(rig.now, CallId(9), "bad".to_owned());
        rig.session.handle_timeout(rig.now);
        rig.open();
        let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), refused]);
        assert_eq!(failure(&outputs).code, Code::SaslFailure);
        assert_eq!((completed(&outputs), rig.session.refreshing()), (vec![], Some(CallId(9))));
    }
}

#[test]
fn a_guest_with_a_new_token_is_no_guest_any_more() {
    let mut rig =
        Rig::new(json!({ "hosts": { "domain": "meet.example", "anonymousdomain": "guest.example" } }));
    assert!(sent(&rig.open())[0].contains("to='guest.example'"));
    rig.session.refresh_token(rig.now, CallId(9), "new".to_owned());
    assert!(sent(&rig.open())[0].contains("to='meet.example'"));
}

#[test]
fn a_refused_token_is_told_so_that_the_next_attempt_is_made_without_it() {
    let mut rig = Rig::established(json!({}));
    rig.session.refresh_token(rig.now, CallId(9), "bad".to_owned());
    rig.open();
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/></failure>";
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), refused]);
    assert!(outputs.contains(&Output::TokenRefused(Some("bad".to_owned()))), "{outputs:?}");
}
