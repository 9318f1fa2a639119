//! Rooms over the wire: what sessions, requests and orders have to do with them.

mod client;

use client::Client;
use jitsimeet_testserver::{Options, Order, RoomOrder, TestServer};
use serde_json::json;

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";

async fn server() -> TestServer {
    TestServer::start(Options::default()).await.unwrap()
}

async fn client(server: &TestServer) -> Client {
    let mut client = Client::bind(server).await;
    client.until("<jid>").await;
    client
}

fn nicks(server: &TestServer) -> Vec<String> {
    let room = server.room("room").into_iter();
    room.flat_map(|room| room.occupants).map(|occupant| occupant.nick).collect()
}

#[tokio::test]
async fn a_conference_request_brings_the_focus() {
    let server = server().await;
    let mut alice = client(&server).await;
    alice.ask("room@conference.meet.example", "1").await;
    alice.until("id='1'").await;
    assert_eq!(nicks(&server), ["focus"]);
    alice.enter("alice").await;
    let raised = alice.until("role='moderator'").await;
    assert!(raised.contains("/alice'") && raised.contains("code='110'"), "{raised}");
    let mut bob = client(&server).await;
    bob.enter("bob").await;
    let offer = bob.until("session-initiate").await;
    let id = offer.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
    let focus = "room@conference.meet.example/focus";
    bob.send(&format!("<iq xmlns='jabber:client' type='result' id='{id}' to='{focus}'/>")).await;
    server.jingle_answered(1).await;
    let answer = server.jingle_answers().remove(0);
    assert_eq!((answer.nick.as_str(), answer.answer.as_str()), ("bob", "result"));
}

#[tokio::test]
async fn an_occupant_stays_until_its_session_is_over() {
    let server = server().await;
    let (mut alice, mut bob) = (client(&server).await, client(&server).await);
    alice.enter("alice").await;
    bob.send(ENABLE).await;
    bob.until("<enabled").await;
    bob.enter("bob").await;
    drop(bob);
    let mut carol = client(&server).await;
    carol.enter("carol").await;
    drop(carol);
    // Without a session that can be resumed, carol leaves; bob has been away for longer, and stays.
    let left = alice.until("type='unavailable'").await;
    assert!(left.contains("/carol'"), "{left}");
    assert_eq!(nicks(&server), ["alice", "bob"]);
    server.order(&Order::Expire);
    let left = alice.until("type='unavailable'").await;
    assert!(left.contains("/bob'"), "{left}");

    let close = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
    alice.send(close).await;
    alice.until("<close").await;
    assert!(server.room("room").is_none());
}

#[tokio::test]
async fn a_server_that_restarts_has_no_rooms() {
    let server = server().await;
    let mut alice = client(&server).await;
    alice.enter("alice").await;
    server.order(&Order::Restart);
    assert!(server.room("room").is_none());
}

#[tokio::test]
async fn a_presence_tells_what_the_token_says() {
    let options = Options { token_secret: Some("secret".to_owned()), ..Options::default() };
    let server = TestServer::start(options).await.unwrap();
    let user = json!({ "id": "u1", "name": "A & B", "moderator": true, "no name": "x", "list": [] });
    let user = user.as_object().unwrap().clone();
    let token = jitsimeet_testserver::token_of("secret", user, Some("g".to_owned()));
    let mut alice = Client::bind_at(&server, &format!("{}?token={token}", server.service_url())).await;
    alice.until("<jid>").await;
    alice.enter("alice").await;
    let presence = server.room("room").unwrap().occupants.remove(0).presence;
    let user = "<user><id>u1</id><moderator>true</moderator><name>A &amp; B</name></user>";
    assert_eq!(presence, format!("<identity>{user}<group>g</group></identity>"));
}

#[tokio::test]
async fn a_room_of_a_thousand_is_told_to_who_comes() {
    let server = server().await;
    assert!(server.order_room("room", &RoomOrder::Populate { count: 1000 }));
    let mut alice = client(&server).await;
    let x = "<x xmlns='http://jabber.org/protocol/muc'/>";
    alice
        .send(&format!("<presence xmlns='jabber:client' to='room@conference.meet.example/a'>{x}</presence>"))
        .await;
    for _ in 0..1001 {
        assert!(alice.next().await.starts_with("<presence"));
    }
    assert!(alice.next().await.contains("<subject"));
}
