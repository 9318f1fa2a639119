//! The course of a session.

use super::*;

#[test]
fn a_login_has_no_request_without_a_purpose() {
    let mut rig = Rig::new();
    assert_eq!(rig.posts(), []);
    rig.machine.send(OPEN);
    rig.machine.send("<auth/>");
    let create = rig.post();
    assert_eq!(
        text(&create),
        format!(
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='{}' to='h' ver='1.6' wait='60' hold='1' \
             content='text/xml; charset=utf-8' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>",
            create.rid
        )
    );
    rig.answer(&create, body(CREATED, FEATURES));
    let frames = rig.frames();
    assert_eq!(frames[0], "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='h'/>");
    assert!(frames[1].starts_with("<stream:features ") && frames.len() == 2, "{frames:?}");

    let auth = rig.post();
    assert_eq!(auth.rid, create.rid + 1);
    assert!(text(&auth).ends_with("sid='s'><auth/></body>"), "{auth:?}");
    rig.answer(&auth, body("", "<success/>"));
    assert_eq!(rig.frames().len(), 1);
    assert_eq!(rig.posts(), [], "the server has nothing to say before it is asked");

    // The restart and what follows it go out together.
    rig.machine.send(OPEN);
    rig.machine.send("<iq/>");
    let posts = rig.posts();
    assert_eq!(posts.len(), 2);
    assert!(text(&posts[0]).contains(" to='h' ") && text(&posts[0]).contains(" xmpp:restart='true'"));
    assert!(text(&posts[1]).contains("<iq/>"));
    let stream = "xmlns:stream='http://etherx.jabber.org/streams'";
    rig.answer(&posts[0], body(stream, FEATURES));
    rig.answer(&posts[1], body("", "<iq xmlns='jabber:client'/>"));
    let frames = rig.frames();
    assert_eq!(frames[0], "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>");
    assert!(frames[1].starts_with("<stream:features ") && frames[2].starts_with("<iq "), "{frames:?}");

    let poll = rig.post();
    assert!(text(&poll).ends_with(" sid='s'/>"), "the server can speak now: {poll:?}");
}

#[test]
fn one_request_is_always_open_and_never_more_than_two() {
    let mut rig = Rig::attached();
    let held = rig.post();
    assert_eq!(held.rid, 100);
    rig.machine.send("<a/>");
    let second = rig.post();
    for stanza in ["<b/>", "<c/>"] {
        rig.machine.send(stanza);
        assert_eq!(rig.posts(), []);
    }
    rig.answer(&held, body("", ""));
    assert!(text(&rig.post()).ends_with("<b/><c/></body>"), "what was written meanwhile goes out together");
    rig.answer(&second, body("", ""));
    assert_eq!(rig.posts(), []);
}

#[test]
fn a_frame_is_written_when_its_request_is_and_the_next_one_waits_for_that() {
    let mut rig = Rig::attached();
    rig.post();
    assert!(!rig.machine.take_flushed(), "nothing was queued");
    rig.machine.send("<a/>");
    assert!(!rig.machine.take_flushed());
    let post = rig.machine.poll_request(rig.now).unwrap();
    assert!(!rig.machine.take_flushed());
    rig.machine.handle_written(rig.now, post.rid);
    assert!(rig.machine.take_flushed());
    assert!(!rig.machine.take_flushed());

    let mut rig = Rig::attached();
    let first = rig.machine.poll_request(rig.now).unwrap();
    rig.machine.send("<a/>");
    assert_eq!(rig.machine.poll_request(rig.now), None, "it might overtake the first");
    rig.machine.handle_written(rig.now, first.rid);
    assert!(rig.machine.poll_request(rig.now).is_some());
}

#[test]
fn a_lost_request_is_sent_again_as_it_was() {
    let mut rig = Rig::attached();
    rig.machine.send("<a/>");
    let first = rig.post();
    rig.lose(&first);
    assert_eq!(rig.posts(), [], "not in step with others");
    rig.now = rig.machine.poll_timeout().unwrap();
    let again = rig.post();
    assert_eq!((again.rid, &again.body, again.attempt), (first.rid, &first.body, 2));
    // The first attempt cannot fail twice.
    rig.lose(&first);
    assert_eq!(rig.posts(), []);
    rig.answer(&again, body("", &message(1)));
    rig.answer(&again, body("", &message(1)));
    assert_eq!(rig.frames(), [message(1)]);
}

#[test]
fn what_is_sent_again_has_time_to_arrive_before_the_next_request() {
    let mut rig = Rig::attached();
    let held = rig.post();
    rig.machine.send("<a/>");
    let second = rig.post();
    rig.lose(&held);
    rig.lose(&second);
    assert_eq!(rig.next_post().rid, held.rid);
    // On another connection it could arrive first.
    let repeated = rig.now;
    assert_eq!(rig.next_post().rid, second.rid);
    assert_eq!(rig.now - repeated, Duration::from_millis(250));
}

#[test]
fn what_is_sent_again_has_arrived_when_it_is_answered() {
    let mut rig = Rig::attached();
    let held = rig.post();
    rig.lose(&held);
    let again = rig.next_post();
    rig.machine.send("<a/>");
    assert_eq!(rig.posts(), []);
    rig.answer(&again, body("", ""));
    assert!(text(&rig.post()).contains("<a/>"));
}

#[test]
fn answers_count_in_the_order_of_their_requests() {
    let mut rig = Rig::attached();
    let first = rig.post();
    rig.machine.send("<a/>");
    let second = rig.post();
    rig.answer(&second, body("", &message(2)));
    assert_eq!(rig.frames(), [""; 0]);
    rig.answer(&first, body("", &message(1)));
    assert_eq!(rig.frames(), [message(1), message(2)]);
}

#[test]
fn an_answer_that_the_server_owes_is_soon_asked_for_again() {
    let mut rig = Rig::attached();
    let held = rig.post();
    rig.pass(1000);
    rig.machine.send("<a/>");
    rig.post();
    // It may keep one of two, so it has to answer the older.
    let due = rig.machine.poll_timeout().unwrap();
    assert!((5_000..5_100).contains(&(due - rig.now).as_millis()));
    rig.now = due;
    assert_eq!(rig.posts(), []);
    // If it does not, it may not have had the newer one.
    assert_eq!([rig.next_post().rid, rig.next_post().rid], [held.rid, held.rid + 1]);
    // One by itself it may keep as long as was agreed.
    let mut rig = Rig::attached();
    rig.post();
    let wait = rig.machine.poll_timeout().unwrap() - rig.now;
    assert!((70_000..70_100).contains(&wait.as_millis()), "{wait:?}");
}

#[test]
fn what_is_long_may_take_long() {
    let mut rig = Rig::attached();
    rig.post();
    rig.machine.send(&format!("<a>{}</a>", "x".repeat(100_000)));
    let second = rig.post();
    let due = rig.machine.poll_timeout().unwrap();
    assert!(due > rig.now + Duration::from_secs(15), "it goes up at 10 kB/s at worst");
    rig.now = due - Duration::from_millis(1);
    rig.machine.handle_progress(rig.now, second.rid - 1);
    rig.pass(10_000);
    assert_eq!(rig.posts(), [], "the answer is coming");
}

#[test]
fn empty_requests_respect_polling() {
    let mut rig = Rig::attached();
    let first = rig.post();
    rig.pass(100);
    rig.answer(&first, body("", ""));
    assert_eq!(rig.posts(), []);
    assert_eq!(rig.machine.poll_timeout(), Some(rig.now + Duration::from_millis(4900)));
    // A stanza need not wait.
    rig.machine.send("<a/>");
    let second = rig.post();
    rig.answer(&second, body("", ""));
    let third = rig.post();
    rig.answer(&third, body("", &message(1)));
    rig.frames();
    rig.post();
}

#[test]
fn what_nobody_takes_holds_the_server_back_but_not_into_inactivity() {
    let mut rig = Rig::attached();
    let first = rig.post();
    rig.answer(&first, body("", &message(1)));
    rig.pass(29_999);
    assert_eq!(rig.posts(), []);
    rig.pass(1);
    let second = rig.post();
    rig.answer(&second, body("", &"<a xmlns='u'/>".repeat(10_000)));
    rig.machine.send("<b/>");
    assert_eq!(rig.posts(), [], "there is more than anyone should have to hold");
    rig.frames();
    assert!(text(&rig.post()).contains("<b/>"));
}

#[test]
fn long_payloads_go_out_one_by_one() {
    let mut rig = Rig::attached();
    let long = format!("<a>{}</a>", "x".repeat(40_000));
    for _ in 0..3 {
        rig.machine.send(&long);
    }
    let lengths: Vec<_> = rig.posts().iter().map(|post| post.body.len()).collect();
    assert!(lengths.len() == 2 && lengths.iter().all(|length| *length < 65_000), "{lengths:?}");
}

#[test]
fn an_orderly_end_carries_the_last_stanza() {
    let mut rig = Rig::attached();
    let held = rig.post();
    rig.machine.send("<presence/>");
    rig.machine.send(CLOSE);
    let last = rig.post();
    assert!(text(&last).contains(" type='terminate'><presence/></body>"), "{last:?}");
    rig.answer(&held, body("", &message(1)));
    assert!(!rig.machine.has_ended(), "what the server still has comes first");
    assert_eq!(rig.posts(), []);
    rig.answer(&last, body("type='terminate'", ""));
    assert_eq!(rig.frames(), [message(1), CLOSE.to_owned()]);
    assert_eq!(rig.end(), TransportError::Closed);
    // A server may answer the older of the two alone.
    let mut rig = Rig::attached();
    let held = rig.post();
    rig.machine.close();
    rig.machine.close();
    rig.post();
    rig.answer(&held, body("type='terminate'", ""));
    assert_eq!(rig.frames(), [CLOSE]);
}

#[test]
fn an_end_before_the_session_is_there_still_ends_it() {
    let mut rig = Rig::new();
    rig.machine.send(OPEN);
    let create = rig.post();
    rig.machine.close();
    assert_eq!(rig.posts(), []);
    rig.answer(&create, body(CREATED, FEATURES));
    assert!(text(&rig.post()).contains("type='terminate'"));
    let mut rig = Rig::new();
    rig.machine.close();
    assert!(rig.machine.has_ended(), "there is nothing to end");
}

#[test]
fn every_condition_of_the_server_is_told() {
    let conditions = [
        "bad-request",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "item-not-found",
        "other-request",
        "policy-violation",
        "remote-connection-failed",
        "see-other-uri",
        "system-shutdown",
        "undefined-condition",
    ];
    for condition in conditions {
        let mut rig = Rig::attached();
        let post = rig.post();
        rig.answer(&post, body(&format!("type='terminate' condition='{condition}'"), ""));
        let condition = Some(condition.to_owned());
        assert_eq!(rig.end(), TransportError::Terminated { condition, status: None });
        assert_eq!(rig.posts(), []);
    }
    let mut rig = Rig::attached();
    let post = rig.post();
    rig.answer(&post, body("type='terminate'", ""));
    assert_eq!(rig.frames(), [CLOSE], "without a condition it is the end of the stream");
    // The error of the stream comes before the end of its transport.
    let mut rig = Rig::attached();
    let post = rig.post();
    let error = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>";
    rig.answer(&post, body("type='terminate' condition='remote-stream-error'", error));
    let frames = rig.frames();
    assert!(frames.len() == 1 && frames[0].starts_with("<stream:error "), "{frames:?}");
}

#[test]
fn the_status_codes_of_old_are_conditions_of_a_session_that_is_there() {
    for (status, condition) in [(400, "bad-request"), (403, "policy-violation"), (404, "item-not-found")] {
        let mut rig = Rig::attached();
        let post = rig.post();
        rig.answer(&post, Response { status, body: String::new() });
        let condition = Some(condition.to_owned());
        assert_eq!(rig.end(), TransportError::Terminated { condition, status: Some(status) });
        let mut rig = Rig::new();
        rig.machine.send(OPEN);
        let post = rig.post();
        rig.answer(&post, Response { status, body: String::new() });
        assert_eq!(rig.end(), TransportError::HttpStatus { status }, "there is no session to be meant");
    }
}

#[test]
fn a_recoverable_error_is_a_request_to_repeat() {
    let mut rig = Rig::attached();
    let first = rig.post();
    rig.answer(&first, body("type='error'", ""));
    rig.now = rig.machine.poll_timeout().unwrap();
    let again = rig.post();
    assert_eq!((again.rid, &again.body), (first.rid, &first.body));
}

#[test]
fn the_end_is_not_missed_for_an_older_answer_that_is_lost() {
    for lost_first in [true, false] {
        let mut rig = Rig::attached();
        let first = rig.post();
        rig.machine.send("<a/>");
        let second = rig.post();
        let end = body("type='terminate' condition='system-shutdown'", "");
        if lost_first {
            rig.lose(&first);
            rig.answer(&second, end);
        } else {
            rig.answer(&second, end);
            rig.lose(&first);
        }
        assert!(matches!(rig.end(), TransportError::Terminated { .. }));
    }
}

#[test]
fn a_server_that_is_away_is_given_up_after_a_while() {
    let mut rig = Rig::attached();
    let start = rig.now;
    let mut post = rig.post();
    let end = loop {
        rig.lose(&post);
        if let Some(frame) = rig.machine.poll_frame() {
            break frame.unwrap_err();
        }
        post = rig.next_post();
    };
    assert!(matches!(end, TransportError::GivingUp { attempts: 4.., .. }), "{end:?}");
    assert!(rig.now < start + Duration::from_secs(10));
}

#[test]
fn two_requests_that_cannot_be_sent_do_not_hurry_each_other() {
    let mut rig = Rig::attached();
    let lost: Vec<_> = ["<a/>", "<b/>"]
        .into_iter()
        .map(|frame| {
            rig.machine.send(frame);
            rig.post()
        })
        .collect();
    lost.iter().for_each(|post| rig.lose(post));
    let end = loop {
        rig.machine.handle_timeout(rig.now);
        // It fails before it is written.
        match rig.machine.poll_request(rig.now) {
            Some(post) => {
                assert_eq!(post.rid, lost[0].rid, "in order");
                assert!(post.attempt < 20, "without a pause");
                rig.lose(&post);
            }
            None => match rig.machine.poll_frame() {
                Some(frame) => break frame.unwrap_err(),
                None => rig.now = rig.machine.poll_timeout().unwrap(),
            },
        }
    };
    assert!(matches!(end, TransportError::GivingUp { attempts: 4..20, .. }), "{end:?}");
}

#[test]
fn what_is_not_bosh_is_final() {
    let mut rig = Rig::new();
    rig.machine.send(OPEN);
    let create = rig.post();
    rig.answer(&create, Response { status: 200, body: "It works!".to_owned() });
    assert!(matches!(rig.end(), TransportError::NotBosh { .. }));
    let mut rig = Rig::new();
    rig.machine.send(OPEN);
    let create = rig.post();
    rig.answer(&create, body("", ""));
    assert!(matches!(rig.end(), TransportError::NotBosh { .. }), "it names no session");
    let mut rig = Rig::attached();
    let post = rig.post();
    rig.answer(&post, Response { status: 200, body: "<body".to_owned() });
    assert!(matches!(rig.end(), TransportError::Malformed(_)));
}

#[test]
fn the_numbers_of_requests_end_below_2_to_the_53() {
    let rig = Rig::new();
    let machine = rig.machine.attach("s".to_owned(), (1 << 53) - 2);
    let mut rig = Rig { machine, now: rig.now };
    let last = rig.post();
    assert_eq!(last.rid, (1 << 53) - 1);
    rig.machine.send("<a/>");
    assert_eq!(rig.posts(), []);
    assert!(matches!(rig.end(), TransportError::Lost { .. }));
}

#[test]
fn nothing_is_due_after_the_end() {
    let mut rig = Rig::attached();
    let post = rig.post();
    rig.lose(&post);
    let again = rig.next_post();
    rig.answer(&again, Response { status: 404, body: String::new() });
    assert!(matches!(rig.end(), TransportError::Terminated { .. }));
    assert_eq!(rig.machine.poll_timeout(), None);
}
