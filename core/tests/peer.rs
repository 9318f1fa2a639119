//! What a peer may send to an established session, item by item: each has its outcome, and none a panic or a hang.

mod common;

use common::{next, options, server, within};
use jitsimeet::{Code, Error, ErrorType, Event, Events, JitsiConnection};
use jitsimeet_testserver::{Faults, Order, ResumeFault, TestServer};
use serde_json::json;

async fn established(server: &TestServer) -> (JitsiConnection, Events) {
    let mut options = options(&server.service_url(), server.domain());
    options
        .merge(json!({ "transport": { "maxStanzaBytes": 100_000 }, "xmppPing": { "interval": 0 } }))
        .unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    connection.set_stanza_listening(true).unwrap();
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    (connection, events)
}

fn inject(frame: impl Into<String>) -> Order {
    Order::Inject { frame: frame.into() }
}

fn stanza(content: &str) -> Order {
    inject(format!("<message xmlns='jabber:client'>{content}</message>"))
}

/// The server does this to an established session, which is lost for it. What the peer broke is final: with a session
/// that could be resumed, no second connection is made.
async fn broken_by(order: Order) -> Code {
    let server = server().await;
    let (connection, mut events) = established(&server).await;
    server.order(&order);
    let event = next(&mut events).await;
    let Event::ConnectionFailed(failure) = event else { panic!("{order:?} led to {event:?}") };
    assert_eq!(
        (failure.error_type, failure.transient),
        (ErrorType::DroppedError, false),
        "{order:?}: {failure}"
    );
    assert_eq!(server.connections(), 1, "{order:?}");
    // The object is not spent.
    within("a fresh connection", connection.connect()).await.unwrap();
    failure.code
}

#[tokio::test]
async fn a_frame_that_is_not_one_element_of_xmpps_xml_is_malformed() {
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let frames = [
        // More or less than one element.
        inject("<message xmlns='jabber:client'/><message xmlns='jabber:client'/>"),
        inject("<message xmlns='jabber:client'/>text"),
        inject("text<message xmlns='jabber:client'/>"),
        inject("<message xmlns='jabber:client'><body>half"),
        inject("<message xmlns='jabber:client'>"),
        inject(""),
        // What XMPP restricts (RFC 6120, section 11.1).
        inject("<!DOCTYPE message><message xmlns='jabber:client'/>"),
        inject("<?xml version='1.0'?><message xmlns='jabber:client'/>"),
        stanza("<?target data?>"),
        stanza("<!-- comment -->"),
        stanza("&unknown;"),
        stanza(&deep),
        // What XML itself forbids.
        Order::Malformed,
        stanza("\u{1}"),
        stanza("&#0;"),
        stanza("&#xFFFE;"),
        stanza("]]>"),
        stanza("<a b='<'/>"),
        stanza("<a b='1'c='2'/>"),
        stanza("<1a/>"),
        stanza("<a b='1' b='2'/>"),
        stanza("<undeclared:a/>"),
        stanza("<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>"),
    ];
    for frame in frames {
        assert_eq!(broken_by(frame.clone()).await, Code::MalformedXml, "{frame:?}");
    }
}

#[tokio::test]
async fn a_frame_that_is_not_text_breaks_the_protocol() {
    assert_eq!(broken_by(Order::InvalidUtf8).await, Code::ProtocolViolation);
    assert_eq!(broken_by(Order::Binary).await, Code::ProtocolViolation);
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_and_one_below_is_not() {
    assert_eq!(broken_by(Order::Oversize { bytes: 100_001 }).await, Code::StanzaTooLarge);
    let server = server().await;
    let (_connection, mut events) = established(&server).await;
    server.order(&Order::Oversize { bytes: 100_000 });
    let Event::StanzaReceived(stanza) = next(&mut events).await else { panic!("it is a stanza") };
    assert_eq!(stanza.xml().len(), 100_000);
}

#[tokio::test]
async fn an_element_out_of_turn_breaks_the_protocol() {
    let elements = [
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</challenge>",
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>",
        "<enabled xmlns='urn:xmpp:sm:3'/>",
        "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
        "<a xmlns='urn:xmpp:sm:3'/>",
        "<a xmlns='urn:xmpp:sm:3' h='4294967296'/>",
        "<a xmlns='urn:xmpp:sm:3' h='-1'/>",
        "<note xmlns='jabber:client'/>",
        "<message/>",
        "<message xmlns='jabber:server'/>",
    ];
    for element in elements {
        assert_eq!(broken_by(inject(element)).await, Code::ProtocolViolation, "{element}");
    }
}

#[tokio::test]
async fn a_count_that_cannot_be_closes_the_stream() {
    assert_eq!(broken_by(Order::OverAcknowledge).await, Code::OverAcknowledged);

    let server = server().await;
    let (connection, mut events) = established(&server).await;
    within("the acknowledgement", connection.send_stanza("<message/>")).await.unwrap();
    server.order(&Order::AcknowledgeBackwards);
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("it counts backwards") };
    assert_eq!((failure.code, failure.transient), (Code::ProtocolViolation, false));
}

#[tokio::test]
async fn a_stream_error_drops_the_session_with_its_condition() {
    let server = server().await;
    let (_connection, mut events) = established(&server).await;
    server.order(&Order::StreamError { condition: "policy-violation".to_owned() });
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("the stream has ended") };
    assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::StreamError));
    assert_eq!(failure.condition.as_deref(), Some("policy-violation"));
}

#[tokio::test]
async fn a_websocket_closed_without_its_stream_is_a_lost_transport() {
    let server = server().await;
    let (_connection, mut events) = established(&server).await;
    server.order(&Order::End);
    let Event::Interrupted { code, .. } = next(&mut events).await else { panic!("it can be resumed") };
    assert_eq!(code, Code::ClosedByServer);
    assert!(matches!(next(&mut events).await, Event::Resumed { .. }));
}

#[tokio::test]
async fn a_session_granted_without_an_id_is_one_that_cannot_be_resumed() {
    let server = server().await;
    server.set_faults(Faults { no_id: true, ..Faults::default() });
    let (connection, mut events) = established(&server).await;
    within("the acknowledgement", connection.send_stanza("<message/>")).await.unwrap();
    server.order(&Order::Cut);
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("it cannot be resumed") };
    assert_eq!((failure.error_type, failure.transient), (ErrorType::DroppedError, true));
}

#[tokio::test]
async fn the_location_that_a_server_names_is_not_followed() {
    let server = server().await;
    // RFC 5737: an address for documentation. With it the resume would not be done before the deadline.
    let location = Some("192.0.2.1:5222".to_owned());
    server.set_faults(Faults { location, ..Faults::default() });
    let (_connection, mut events) = established(&server).await;
    server.order(&Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    assert!(matches!(next(&mut events).await, Event::Resumed { attempts: 1, .. }));
}

#[tokio::test]
async fn what_a_refused_resume_says_has_arrived_has_arrived() {
    let server = server().await;
    let (connection, mut events) = established(&server).await;
    server.set_faults(Faults { resume: Some(ResumeFault::RefuseWithCount), ..Faults::default() });
    // The stanza arrives, and its acknowledgement is lost with the transport.
    server.order(&Order::Silence);
    let sending = tokio::spawn({
        let connection = connection.clone();
        async move { connection.send_stanza("<message/>").await }
    });
    within("the stanza", server.handled(1)).await;
    server.order(&Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("the resume is refused") };
    assert_eq!(failure.code, Code::ResumeRefused);
    within("the outcome", sending).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stanza_that_a_refused_resume_does_not_count_is_lost() {
    let server = server().await;
    let (connection, mut events) = established(&server).await;
    server.set_faults(Faults { resume: Some(ResumeFault::Refuse), ..Faults::default() });
    server.order(&Order::Silence);
    let sending = tokio::spawn({
        let connection = connection.clone();
        async move { connection.send_stanza("<message/>").await }
    });
    within("the stanza", server.handled(1)).await;
    server.order(&Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    assert!(matches!(next(&mut events).await, Event::ConnectionFailed(_)));
    assert_eq!(within("the outcome", sending).await.unwrap(), Err(Error::SessionLost));
}

#[tokio::test]
async fn frames_in_fragments_and_out_of_order_are_frames() {
    let server = server().await;
    let (connection, mut events) = established(&server).await;
    server.order(&Order::Split { bytes: 1 });
    server.order(&Order::Reorder);
    let jid = connection.jid().unwrap();
    for id in ["first-é", "second-é"] {
        server.deliver(&jid, format!("<message xmlns='jabber:client' id='{id}'/>"));
    }
    for expected in ["second-é", "first-é"] {
        let Event::StanzaReceived(stanza) = next(&mut events).await else { panic!("it is a stanza") };
        assert_eq!(stanza.id(), Some(expected));
    }
    within("the acknowledgement", connection.send_stanza("<message/>")).await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_found_by_ping() {
    let server = server().await;
    let mut connection_options = options(&server.service_url(), server.domain());
    connection_options.merge(json!({ "xmppPing": { "interval": 50, "timeout": 50 } })).unwrap();
    let connection = JitsiConnection::new(None, None, &connection_options).unwrap();
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    server.order(&Order::Silence);
    let Event::Interrupted { code, .. } = next(&mut events).await else { panic!("the server is silent") };
    assert_eq!(code, Code::PingTimeout);
}
