//! What a caller sends and asks over a real connection, and what the connection keeps of it: statistics and logs.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::{connection_to, next, options, server, within};
use jitsimeet::{Direction, Error, Event, Events, JitsiConnection, Statistics, Status};
use jitsimeet_testserver::{Order, TestServer};
use serde_json::json;

async fn established(server: &TestServer) -> (JitsiConnection, Events, String) {
    let connection = connection_to(server);
    connection.set_stanza_listening(true).unwrap();
    let mut events = connection.events();
    let jid = within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    (connection, events, jid)
}

#[tokio::test]
async fn a_bad_stanza_is_refused_by_name_and_disturbs_nothing() {
    let server = server().await;
    let (connection, _events, _) = established(&server).await;
    let cases = [
        ("<message/><message/>", "more than one element"),
        ("<stream:error/>", "prefix"),
        ("<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>", "not of the namespace"),
        ("</stream:stream>", "not well-formed"),
        ("<message>\u{0}</message>", "not well-formed"),
    ];
    for (xml, says) in cases {
        for outcome in [connection.send_stanza(xml).await, connection.send_iq(xml, None).await.map(drop)] {
            let error = outcome.unwrap_err();
            assert_eq!(error.status(), Status::InvalidStanza, "{xml}");
            assert!(error.to_string().contains(says), "{xml}: {error}");
        }
    }
    within("an answer", connection.ping(None)).await.expect("the session is alive");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_stanza_of_a_hundred_megabytes_is_refused_and_disturbs_nothing() {
    let server = server().await;
    let (connection, _events, _) = established(&server).await;
    let huge = format!("<message><body>{}</body></message>", "x".repeat(100_000_000));
    assert_eq!(connection.send_stanza(&huge).await, Err(Error::SendQueueFull));
    drop(huge);
    within("an answer", connection.ping(None)).await.expect("the session is alive");
    assert!(connection.statistics().bytes_sent < 10_000);
}

#[tokio::test]
async fn a_caller_that_sends_without_end_hears_of_others_all_the_same() {
    let server = server().await;
    let (connection, mut events, jid) = established(&server).await;
    let callers = Callers::start(4, &connection);
    within("the first calls", async {
        while callers.calls() < 20_000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(server.deliver(&jid, "<message xmlns='jabber:client' id='heard'/>"));
    while !matches!(next(&mut events).await, Event::StanzaReceived(stanza) if stanza.id() == Some("heard")) {}
}

/// Threads that send what they can until this is dropped.
struct Callers {
    calls: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Callers {
    const DONE: usize = usize::MAX / 2;

    fn start(count: usize, connection: &JitsiConnection) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let call = |connection: JitsiConnection, calls: Arc<AtomicUsize>| {
            while calls.fetch_add(1, Ordering::Relaxed) < Self::DONE {
                connection.start_send_stanza("<message/>", None).unwrap();
            }
        };
        let threads = (0..count).map(|_| {
            let (connection, calls) = (connection.clone(), Arc::clone(&calls));
            thread::spawn(move || call(connection, calls))
        });
        Self { threads: threads.collect(), calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        self.calls.store(Self::DONE, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

#[tokio::test]
async fn others_are_answered_what_every_client_answers() {
    let server = server().await;
    let (_asked, _events, jid) = established(&server).await;
    let (asking, _asking_events, own) = established(&server).await;
    let cases = [
        ("<ping xmlns='urn:xmpp:ping'/>", "result", ""),
        ("<query xmlns='jabber:iq:version'/>", "result", "jitsimeet"),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "result", "urn:xmpp:ping"),
        ("<query xmlns='urn:example'/>", "error", "service-unavailable"),
    ];
    for (payload, kind, says) in cases {
        let request = format!("<iq type='get' to='{jid}'>{payload}</iq>");
        let answer = within("the answer", asking.send_iq(&request, None)).await.unwrap();
        let plain = answer.replace('"', "'");
        assert!(plain.contains(&format!("type='{kind}'")) && plain.contains(says), "{answer}");
        assert!(
            plain.contains(&format!("from='{jid}'")) && plain.contains(&format!("to='{own}'")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn an_added_feature_is_advertised_and_a_removed_one_is_not() {
    let server = server().await;
    let (asked, _events, jid) = established(&server).await;
    let (asking, _asking_events, _) = established(&server).await;
    let info =
        format!("<iq type='get' to='{jid}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    asked.add_feature("urn:example:added", false).unwrap();
    // A round trip of its own, behind which the command has been heeded.
    within("an answer", asked.ping(None)).await.unwrap();
    let answer = within("the answer", asking.send_iq(&info, None)).await.unwrap();
    assert!(answer.contains("urn:example:added"), "{answer}");
    asked.remove_feature("urn:example:added", false).unwrap();
    within("an answer", asked.ping(None)).await.unwrap();
    let answer = within("the answer", asking.send_iq(&info, None)).await.unwrap();
    assert!(!answer.contains("urn:example:added"), "{answer}");
    for bad in ["", "a\u{1}b"] {
        assert_eq!(asked.add_feature(bad, false).unwrap_err().status(), Status::InvalidArgument);
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_settles_nothing() {
    let server = server().await;
    let (connection, mut events, jid) = established(&server).await;
    let request = "<iq type='get' id='late' to='nobody@meet.example'><q xmlns='urn:example'/></iq>";
    server.order(&Order::Silence);
    let outcome = within("the deadline", connection.send_iq(request, Some(Duration::from_millis(20)))).await;
    assert_eq!(outcome.unwrap_err().status(), Status::Timeout);
    server.order(&Order::Cut);
    // The resumed session has what was not acknowledged, the late answer among it.
    server.deliver(&jid, "<message xmlns='jabber:client' id='end'/>");
    let mut answers = 0;
    loop {
        match next(&mut events).await {
            Event::StanzaReceived(stanza) if stanza.id() == Some("late") => answers += 1,
            Event::StanzaReceived(stanza) if stanza.id() == Some("end") => break,
            _ => {}
        }
    }
    assert_eq!(answers, 1, "it is a stanza all the same");
    within("an answer", connection.ping(None)).await.expect("the session is alive");
}

#[tokio::test]
async fn the_statistics_are_of_what_went_and_came_and_waits() {
    let server = server().await;
    let (connection, mut events, jid) = established(&server).await;
    let before = connection.statistics();
    assert!(before.bytes_sent > 0 && before.bytes_received > 0 && before.frames_sent >= 5);
    assert_eq!((before.resumes, before.reconnects, before.unacknowledged), (0, 0, 0));
    let stanza =
        format!("<message xmlns='jabber:client' id='1'><body>{}</body></message>", "x".repeat(1_000));
    within("the acknowledgement", connection.send_stanza(&stanza)).await.unwrap();
    let after = connection.statistics();
    // The stanza, and the request to acknowledge it.
    assert_eq!((after.frames_sent - before.frames_sent, after.stanzas_sent - before.stanzas_sent), (2, 1));
    assert_eq!(
        after.bytes_sent - before.bytes_sent,
        stanza.len() as u64 + "<r xmlns='urn:xmpp:sm:3'/>".len() as u64
    );
    assert_eq!(after.frames_received - before.frames_received, 1);
    assert_eq!(after.stanzas_received, before.stanzas_received, "an acknowledgement is none");

    server.deliver(&jid, "<message xmlns='jabber:client' id='waits'/>");
    counted(&connection, |statistics| statistics.queued_events > 0).await;
    next(&mut events).await;
    assert_eq!(connection.statistics().queued_events, 0);

    server.order(&Order::Silence);
    let sending = connection.clone();
    let sending = tokio::spawn(async move { sending.send_stanza("<message/>").await });
    within("the stanza", server.handled(2)).await;
    // A counter may move a moment after others can see what it counts.
    counted(&connection, |statistics| statistics.unacknowledged == 1).await;
    server.order(&Order::Cut);
    within("the acknowledgement", sending).await.unwrap().unwrap();
    counted(&connection, |statistics| (statistics.unacknowledged, statistics.resumes) == (0, 1)).await;
}

/// Waits until the statistics are so.
async fn counted(connection: &JitsiConnection, so: impl Fn(&Statistics) -> bool) {
    within("the count", async {
        while !so(&connection.statistics()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_logs_are_the_frames_in_order_without_the_login() {
    let server = server().await;
    let (connection, _events, _) = established(&server).await;
    within("the acknowledgement", connection.send_stanza("<message id='mine'/>")).await.unwrap();
    let logs = connection.logs();
    assert_eq!(logs.url, server.service_url());
    let frames: Vec<_> = logs.entries.iter().map(|entry| (entry.direction, entry.frame.as_str())).collect();
    let begins = |direction, begin: &str| {
        frames.iter().position(|(seen, frame)| *seen == direction && frame.starts_with(begin))
    };
    use Direction::{Incoming, Outgoing};
    let order = [
        begins(Outgoing, "<open"),
        begins(Outgoing, "<auth"),
        begins(Incoming, "<open"),
        begins(Incoming, "<success"),
        begins(Outgoing, "<iq"),
        begins(Incoming, "<iq"),
        begins(Outgoing, "<message"),
        begins(Incoming, "<a "),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?} of {frames:?}");
    assert!(logs.entries.is_sorted_by_key(|entry| entry.time));
}

#[tokio::test]
async fn no_logs_are_kept_where_none_are_wanted() {
    let server = server().await;
    let mut options = options(&server.service_url(), server.domain());
    options.merge(json!({ "logs": { "maxEntries": 0 } })).unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    within("the connection", connection.connect()).await.unwrap();
    assert_eq!(connection.logs().entries, []);
}
