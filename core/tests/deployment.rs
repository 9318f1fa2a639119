//! What makes it Jitsi, against the embedded server: what the server tells, the keep-alive, the conference request.

mod common;

use common::{next, options, within};
use jitsimeet::{
    Code, ConnectOptions, ConnectionState, Error, ErrorType, Event, Events, JitsiConnection, Options,
};
use jitsimeet_testserver::{
    ConferenceAnswer, Deployment, Extdisco, Faults, HealthFault, HttpAnswer, Over, Push, Service, TestServer,
};
use serde_json::{Value, json};

fn deployment(push: Push) -> Deployment {
    let text = |text: &str| text.to_owned();
    Deployment {
        push,
        shard: Some(text("shard-1")),
        region: Some(text("eu")),
        components: [(text("lobbyrooms"), text("lobby.meet.example"))].into(),
        services: vec![Service {
            kind: text("turn"),
            host: text("turn.example"),
            port: Some(3478),
            username: Some(text("user")),
            password: Some(text("credential")),
            expires: Some(text("2999-01-01T00:00:00Z")),
            ..Service::default()
        }],
        ..Deployment::default()
    }
}

async fn server(deployment: Deployment) -> TestServer {
    let options = jitsimeet_testserver::Options { deployment, ..Default::default() };
    TestServer::start(options).await.expect("a loopback server")
}

fn connection(server: &TestServer, more: Value) -> JitsiConnection {
    JitsiConnection::new(None, None, &merged(server, more)).expect("complete options")
}

fn merged(server: &TestServer, more: Value) -> Options {
    let mut options = options(&server.service_url(), server.domain());
    options.merge(more).expect("right types");
    options
}

async fn connected(connection: &JitsiConnection) -> Events {
    let mut events = connection.events();
    within("the connection", connection.connect()).await.expect("it connects");
    while !matches!(next(&mut events).await, Event::ConnectionEstablished { .. }) {}
    events
}

/// Connected to a server that has told what it is, before or after.
async fn placed(connection: &JitsiConnection) -> Events {
    let mut events = connection.events();
    within("the connection", connection.connect()).await.expect("it connects");
    let expected = Event::PropertiesUpdated { shard: Some("shard-1".into()), region: Some("eu".into()) };
    let both = [next(&mut events).await, next(&mut events).await];
    assert!(both.contains(&expected), "{both:?}");
    assert!(both.iter().any(|event| matches!(event, Event::ConnectionEstablished { .. })), "{both:?}");
    events
}

#[tokio::test]
async fn what_the_server_pushes_is_known() {
    let server = server(deployment(Push::AfterBind)).await;
    let connection = connection(&server, json!({ "p2pStunServers": [{ "urls": "stun:own.example" }] }));
    let _events = placed(&connection).await;
    assert_eq!(connection.properties().components["lobbyrooms"], "lobby.meet.example");
    let servers = connection.ice_servers();
    assert_eq!(servers[0].urls, ["stun:own.example"]);
    assert_eq!(servers[1].urls, ["turn:turn.example:3478"]);
    assert_eq!(servers[1].credential.as_deref(), Some("credential"));
    assert!(servers[1].expires.is_some());
}

#[tokio::test]
async fn what_the_server_pushes_before_the_bind_is_known_when_the_connection_is_established() {
    let server = server(deployment(Push::BeforeBind)).await;
    let connection = connection(&server, json!({}));
    let mut events = connection.events();
    within("the connection", connection.connect()).await.expect("it connects");
    assert!(matches!(next(&mut events).await, Event::PropertiesUpdated { .. }));
    assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
}

#[tokio::test]
async fn a_server_that_does_not_push_is_asked() {
    let required = "http://jitsi.org/protocol/lobbyrooms#displayname_required".to_owned();
    let features = [("lobby.meet.example".to_owned(), vec![required])].into();
    let told = Deployment { component_features: features, extdisco: Extdisco::V1, ..deployment(Push::None) };
    let server = server(told).await;
    let connection = connection(&server, json!({}));
    let mut events = placed(&connection).await;
    assert_eq!(next(&mut events).await, Event::DisplayNameRequired);
    assert_eq!(connection.ice_servers().len(), 1, "by the older extdisco");
}

#[tokio::test]
async fn a_malformed_push_costs_nothing_but_itself() {
    let raw = "<message xmlns='jabber:client' from='meet.example' to='{jid}'>\
               <query xmlns='http://jabber.org/protocol/disco#info'><identity/><identity type=''/></query>\
               <services xmlns='urn:xmpp:extdisco:2'><service/><service type='turn'/></services></message>";
    let server = server(Deployment { raw_push: Some(raw.to_owned()), ..deployment(Push::AfterBind) }).await;
    let connection = connection(&server, json!({}));
    let _events = connected(&connection).await;
    within("an answer", connection.ping(None)).await.expect("the session is alive");
    assert!(connection.properties().components.is_empty() && connection.ice_servers().is_empty());
}

/// Cut and resumed, so that the keep-alive comes at once.
async fn kept_alive(server: &TestServer, connection: &JitsiConnection) -> Events {
    let mut events = placed(connection).await;
    server.order(&jitsimeet_testserver::Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    assert!(matches!(next(&mut events).await, Event::Resumed { .. }));
    assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
    events
}

fn keep_alives(server: &TestServer) -> Vec<String> {
    let requests = server.requests().into_iter().filter(|request| !request.upgrade);
    requests.map(|request| request.path).collect()
}

#[tokio::test]
async fn the_keep_alive_follows_a_resume_and_carries_no_secret() {
    let server = server(deployment(Push::AfterBind)).await;
    let url = format!("{}?tenant=a&token=canary", server.service_url());
    let connection = connection(&server, json!({ "serviceUrl": url }));
    let _events = kept_alive(&server, &connection).await;
    within("the keep-alive", server.requested(3)).await;
    assert_eq!(keep_alives(&server), ["/xmpp-websocket?tenant=a"]);
}

#[tokio::test]
async fn another_shard_ends_the_session() {
    for (graceful, error_type) in [(false, ErrorType::OtherError), (true, ErrorType::ShardChangedError)] {
        let server = server(deployment(Push::AfterBind)).await;
        let connection = connection(&server, json!({ "testing": { "enableGracefulReconnect": graceful } }));
        let mut events = placed(&connection).await;
        server.set_deployment(Deployment { shard: Some("shard-2".into()), ..deployment(Push::AfterBind) });
        server.order(&jitsimeet_testserver::Order::Cut);
        let failure = loop {
            if let Event::ConnectionFailed(failure) = next(&mut events).await {
                break failure;
            }
        };
        assert_eq!((failure.error_type, failure.code), (error_type, Code::ShardChanged));
        assert_eq!(failure.shard_changed, Some(true));
        // And the other way: whoever connects anew is at its shard.
        let mut events = connected(&connection).await;
        server.order(&jitsimeet_testserver::Order::Cut);
        let mut resumed = false;
        while !resumed {
            resumed = matches!(next(&mut events).await, Event::Resumed { .. });
        }
        within("an answer", connection.ping(None)).await.expect("the session is alive");
    }
}

#[tokio::test]
async fn a_keep_alive_that_fails_or_hangs_disturbs_nothing() {
    for health in [HealthFault::Silent, HealthFault::Status, HealthFault::Endless, HealthFault::NoShard] {
        let server = server(deployment(Push::AfterBind)).await;
        server.set_faults(Faults { health: Some(health), ..Faults::default() });
        let connection = connection(&server, json!({ "httpTimeout": 50 }));
        let _events = kept_alive(&server, &connection).await;
        within("the keep-alive", server.requested(3)).await;
        within("an answer", connection.ping(None)).await.expect("the session is alive");
    }
}

fn with_conference_url(server: &TestServer, more: Value) -> JitsiConnection {
    let mut options = merged(server, json!({ "conferenceRequestUrl": server.conference_request_url() }));
    options.merge(more).expect("right types");
    JitsiConnection::new(None, Some("a.b.c"), &options).expect("complete options")
}

fn room(name: &str) -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.name = Some(name.to_owned());
    options
}

async fn scripted(answers: Vec<ConferenceAnswer>) -> TestServer {
    let server = server(deployment(Push::AfterBind)).await;
    server.set_conference(answers);
    server
}

#[tokio::test]
async fn over_http_the_request_comes_first_and_once_and_the_room_is_in_the_query() {
    let server =
        scripted(vec![ConferenceAnswer { ready: false, ..Default::default() }, Default::default()]).await;
    let connection = with_conference_url(&server, json!({}));
    within("the connection", connection.connect_with(room("Daily"))).await.expect("it connects");
    let requests = server.conference_requests();
    assert_eq!(requests.len(), 2, "not ready at first");
    assert_eq!((requests[0].over, requests[0].room.as_str()), (Over::Http, "daily@conference.meet.example"));
    assert_eq!(requests[0].token.as_deref(), Some("a.b.c"), "as the bearer's");
    assert_eq!(requests[0].machine_uid, requests[1].machine_uid);
    let upgrade = server.requests().into_iter().find(|request| request.upgrade).expect("the WebSocket");
    assert!(upgrade.path.contains("room=daily"), "{}", upgrade.path);
}

#[tokio::test]
async fn the_room_of_the_options_is_in_the_query_and_one_in_the_url_stays() {
    let server = server(deployment(Push::None)).await;
    for (url, expected) in [("", "room=daily"), ("?room=own", "room=own")] {
        let url = format!("{}{url}", server.service_url());
        let connection = connection(&server, json!({ "serviceUrl": url, "name": "Daily" }));
        within("the connection", connection.connect()).await.expect("it connects");
        let upgrade = server.requests().pop().expect("the WebSocket");
        assert!(upgrade.path.ends_with(expected), "{}", upgrade.path);
    }
}

#[tokio::test]
async fn a_redirection_ends_the_attempt_and_leaves_the_object_idle() {
    let answer = ConferenceAnswer { vnode: Some("v1".into()), ..Default::default() };
    let server = scripted(vec![answer]).await;
    let connection = with_conference_url(&server, json!({}));
    let mut events = connection.events();
    let outcome = within("the redirection", connection.connect_with(room("daily"))).await;
    let Err(Error::Redirected { vnode, focus_jid }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((vnode.as_str(), focus_jid.as_str()), ("v1", "focus@auth.meet.example"));
    assert_eq!(next(&mut events).await, Event::Redirected { vnode, focus_jid });
    assert_eq!(connection.state(), ConnectionState::Idle);
    assert_eq!(server.sessions(), [""; 0]);
}

#[tokio::test]
async fn what_http_can_answer_is_a_named_failure() {
    let http = |http: HttpAnswer| ConferenceAnswer { http: Some(http), ..Default::default() };
    let status = |status, body: &str| {
        http(HttpAnswer { status: Some(status), body: body.into(), ..Default::default() })
    };
    let cases = [
        (status(200, ""), None, "JSON"),
        (status(200, "[]"), None, "JSON"),
        (status(200, "{\"ready\":1}"), None, "JSON"),
        (status(404, ""), Some(404), "conferenceRequestUrl"),
        (status(503, ""), Some(503), "log"),
        (
            http(HttpAnswer { location: Some("http://192.0.2.1/".into()), ..Default::default() }),
            Some(302),
            "redirection",
        ),
        (http(HttpAnswer { endless: true, ..Default::default() }), None, "not answered"),
        (http(HttpAnswer { hang: true, ..Default::default() }), None, "1000 ms"),
        (ConferenceAnswer { error: Some("not-authorized".into()), ..Default::default() }, Some(403), "token"),
    ];
    for (answer, status, says) in cases {
        let server = scripted(vec![answer]).await;
        let connection = with_conference_url(&server, json!({ "httpTimeout": 1000 }));
        let outcome = within("the failure", connection.connect_with(room("daily"))).await;
        let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.error_type, ErrorType::ConferenceRequestFailed, "{failure}");
        assert_eq!(failure.http_status, status, "{failure}");
        assert!(failure.message.contains(says), "{says} is missing in: {failure}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_the_request() {
    let server = server(deployment(Push::None)).await;
    let connection = connection(&server, json!({ "conferenceRequestUrl": "http://127.0.0.1:1/" }));
    let outcome = within("the failure", connection.connect_with(room("daily"))).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert!(failure.transient && failure.message.contains("refused"), "{failure}");
}

#[tokio::test]
async fn over_iq_a_conference_is_asked_for_and_its_session_remembered() {
    let answer = ConferenceAnswer { session_id: Some("session".into()), ..Default::default() };
    let server = scripted(vec![answer]).await;
    let connection = connection(&server, json!({ "preferVisitor": true }));
    let _events = connected(&connection).await;
    for _ in 0..2 {
        let conference = within("the answer", connection.send_conference_request("Daily")).await.unwrap();
        assert_eq!(conference.focus_jid.as_deref(), Some("focus@auth.meet.example"));
        assert_eq!(conference.properties["authentication"], "false");
    }
    let requests = server.conference_requests();
    assert_eq!((requests[0].over, requests[0].session_id.as_deref()), (Over::Iq, None));
    assert_eq!(requests[1].session_id.as_deref(), Some("session"));
    assert_eq!(requests[0].properties["visitor"], "true");
}

#[tokio::test]
async fn over_iq_only_the_focus_is_believed_and_only_once() {
    let wrong = ConferenceAnswer { from: Some("evil@meet.example/x".into()), ..Default::default() };
    let twice = ConferenceAnswer { twice: true, ..Default::default() };
    let server = scripted(vec![wrong, twice]).await;
    let connection = connection(&server, json!({ "iqTimeout": 100 }));
    let _events = connected(&connection).await;
    let outcome = within("the deadline", connection.send_conference_request("daily")).await;
    assert!(matches!(outcome, Err(Error::ConferenceRequestFailed(_))), "{outcome:?}");
    within("the answer", connection.send_conference_request("daily")).await.unwrap();
    within("an answer", connection.ping(None)).await.expect("the session is alive");
}
