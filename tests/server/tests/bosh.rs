//! BOSH as a client sees it that does not know what is behind it.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use jitsimeet_testserver::{Faults, Options, Order, TestServer, UpgradeFault};
use tokio::net::TcpStream;

const HTTPBIND: &str = "xmlns='http://jabber.org/protocol/httpbind'";

async fn server() -> TestServer {
    TestServer::start(Options::default()).await.unwrap()
}

/// Posts on a connection of its own; `None` if that was cut.
async fn post(server: &TestServer, body: String) -> Option<(StatusCode, String)> {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("/http-bind").header("host", "h").body(Full::<Bytes>::from(body)).unwrap();
    let response = sender.send_request(request).await.ok()?;
    let status = response.status();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, String::from_utf8(body.to_vec()).unwrap()))
}

fn request(rid: u64, sid: &str, attributes: &str, payload: &str) -> String {
    format!("<body {HTTPBIND} rid='{rid}' sid='{sid}' {attributes}>{payload}</body>")
}

const PING: &str =
    "<iq xmlns='jabber:client' type='get' id='p' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";

#[tokio::test]
async fn a_session_goes_from_its_creation_to_its_end() {
    let server = server().await;
    let create = format!("<body {HTTPBIND} rid='7' to='meet.example' wait='60' hold='1' ver='1.6'/>");
    let (_, answer) = post(&server, create).await.unwrap();
    assert!(answer.contains("ANONYMOUS") && answer.contains("requests="), "{answer}");
    let sid = "sid-000001";
    assert!(answer.contains(sid), "{answer}");
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
    let (_, answer) = post(&server, request(8, sid, "", auth)).await.unwrap();
    assert!(answer.contains("<success "), "{answer}");
    let restart = "xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true' to='meet.example'";
    let (_, answer) = post(&server, request(9, sid, restart, "")).await.unwrap();
    assert!(answer.contains("xmpp-bind"), "{answer}");
    let bind =
        "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let (_, answer) = post(&server, request(10, sid, "", bind)).await.unwrap();
    assert!(answer.contains(&server.sessions()[0]), "{answer}");
    // An older request gets its answer again, and is not carried out again.
    let (_, again) = post(&server, request(10, sid, "", bind)).await.unwrap();
    assert_eq!(again, answer);
    assert_eq!(server.sessions().len(), 1);

    // A request is kept until the next, which may come first.
    let early = post(&server, request(12, sid, "", PING));
    let (early, (held, _)) = tokio::join!(early, async {
        tokio::task::yield_now().await;
        let held = post(&server, request(11, sid, "", "")).await.unwrap();
        // What is left kept is answered with the end.
        (held, post(&server, request(13, sid, "type='terminate'", "")).await.unwrap())
    });
    assert!(held.1.contains("id='p'") || held.1.contains("id=\"p\""), "{held:?}");
    assert!(early.unwrap().1.contains("terminate"));
    assert!(server.sessions().is_empty());
    let (_, answer) = post(&server, request(14, sid, "", "")).await.unwrap();
    assert!(answer.contains("item-not-found"), "{answer}");
}

#[tokio::test]
async fn a_prebound_session_is_there_to_attach_to() {
    let server = server().await;
    let prebound = server.prebind(None).unwrap();
    assert_eq!(server.sessions(), std::slice::from_ref(&prebound.jid));
    let (_, answer) = post(&server, request(prebound.rid + 1, &prebound.sid, "", PING)).await.unwrap();
    assert!(answer.contains("result"), "{answer}");
    let (_, answer) = post(&server, request(prebound.rid + 9, &prebound.sid, "", PING)).await.unwrap();
    assert!(answer.contains("item-not-found"), "{answer}");
}

#[tokio::test]
async fn answers_go_wrong_on_command() {
    let server = server().await;
    let prebound = server.prebind(None).unwrap();
    let ask = |rid| post(&server, request(prebound.rid + rid, &prebound.sid, "", PING));
    server.order(&Order::LoseAnswer);
    assert_eq!(ask(1).await, None);
    let (_, answer) = ask(1).await.expect("it is given when it is asked for again");
    assert!(answer.contains("result"), "{answer}");

    for status in [404, 502] {
        let upgrade = Some(UpgradeFault::Refuse);
        server.set_faults(Faults { upgrade, status: Some(status), ..Faults::default() });
        assert_eq!(ask(2).await.unwrap().0.as_u16(), status);
    }
    server.set_faults(Faults::default());
    server.order(&Order::Terminate { condition: Some("host-gone".to_owned()) });
    let (_, answer) = ask(2).await.unwrap();
    assert!(answer.contains("terminate") && answer.contains("host-gone"), "{answer}");
}
