//! What a client is told in its stream: the push, and the answers to conference requests.

mod client;

use client::Client;
use jitsimeet_testserver::{ConferenceAnswer, Deployment, Options, Over, Push, TestServer};

async fn server(deployment: Deployment, conference: Vec<ConferenceAnswer>) -> TestServer {
    TestServer::start(Options { deployment, conference, ..Options::default() }).await.unwrap()
}

#[tokio::test]
async fn the_push_comes_before_or_behind_the_bind() {
    for push in [Push::BeforeBind, Push::AfterBind] {
        let server = server(Deployment { push, ..Deployment::default() }, Vec::new()).await;
        let mut client = Client::bind(&server).await;
        let frames = [client.next().await, client.next().await];
        let (pushed, bound) = match push {
            Push::BeforeBind => (&frames[0], &frames[1]),
            _ => (&frames[1], &frames[0]),
        };
        assert!(pushed.contains("urn:xmpp:extdisco:2") && pushed.starts_with("<message"), "{pushed}");
        assert!(bound.contains("<jid>"), "{bound}");
    }
    let raw_push = Some("<message to='{jid}'".to_owned());
    let deployment = Deployment { push: Push::BeforeBind, raw_push, ..Deployment::default() };
    let server = server(deployment, Vec::new()).await;
    let pushed = Client::bind(&server).await.next().await;
    assert_eq!(pushed, format!("<message to='{}'", server.sessions()[0]));
}

#[tokio::test]
async fn conference_requests_are_answered_as_the_script_says() {
    let script = ["{}", r#"{"twice":true,"from":"evil.example"}"#, r#"{"silent":true}"#, r#"{"delay":50}"#];
    let script = script.map(|answer| serde_json::from_str(answer).unwrap());
    let server = server(Deployment::default(), script.into()).await;
    let mut client = Client::bind(&server).await;
    client.next().await;

    client.ask("r@muc", "1").await;
    let answer = client.next().await;
    for part in ["type='result'", "id='1'", "from='focus.meet.example'", "focus@auth.meet.example"] {
        assert!(answer.replace('"', "'").contains(part), "{part} in {answer}");
    }
    client.ask("r@muc", "2").await;
    for _ in 0..2 {
        assert!(client.next().await.contains("evil.example"));
    }
    client.ask("r@muc", "3").await;
    client.ask("r@muc", "4").await;
    client.ask("", "5").await;
    let refused = client.next().await;
    assert!(refused.contains("bad-request") && refused.contains('5'), "{refused}");
    let late = client.next().await;
    assert!(late.replace('"', "'").contains("id='4'"), "{late}");

    let seen = server.conference_requests();
    assert_eq!((seen.len(), seen[0].over, seen[0].room.as_str()), (4, Over::Iq, "r@muc"));
    // One attribute as long as that is no stanza at all.
    let properties = "<property name='n' value='v'/>".repeat(2500);
    let conference = format!("<conference xmlns='http://jitsi.org/protocol/focus' room='r'>{properties}");
    let iq = "<iq xmlns='jabber:client' type='set' id='6' to='focus.meet.example'>";
    client.send(&format!("{iq}{conference}</conference></iq>")).await;
    assert!(client.next().await.contains("policy-violation"));
    assert_eq!(server.conference_requests().len(), 4);
}
