//! A BOSH session that someone else than the player sets up (XEP-0124, XEP-0206).

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use crate::Failure;

/// The number of the first request.
const FIRST: u64 = 1000;

/// Logs a guest in, request by request: the arguments of `attach`.
pub(crate) async fn prebind(port: u16, domain: &str) -> Result<Map<String, Value>, Failure> {
    let attributes = "xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'";
    let create = format!(
        "<body {attributes} rid='{FIRST}' to='{domain}' wait='60' hold='1' ver='1.6' xml:lang='en' xmpp:version='1.0'/>"
    );
    let created = post(port, create).await?;
    let sid = between(&created, " sid=", &['\'', '"'])?;
    let body = |number: u64, more: &str, payload: &str| {
        let rid = FIRST + number;
        format!("<body {attributes} rid='{rid}' sid='{sid}' {more}>{payload}</body>")
    };
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
    post(port, body(1, "", auth)).await?;
    post(port, body(2, &format!("to='{domain}' xmpp:restart='true'"), "")).await?;
    let bind =
        "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let bound = post(port, body(3, "", bind)).await?;
    let jid = between(&bound, "<jid", &['>', '<'])?;
    let session = [("jid", json!(jid)), ("sid", json!(sid)), ("rid", json!((FIRST + 3).to_string()))];
    Ok(session.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The text between the first two of the `ends` behind `start`.
fn between<'a>(text: &'a str, start: &str, ends: &[char]) -> Result<&'a str, Failure> {
    let rest = text.split_once(start).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split(ends).nth(1));
    found.ok_or_else(|| Failure::new(format!("no{start} in {text}")).at("the prebinding"))
}

async fn post(port: u16, body: String) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string()).at("the prebinding");
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    let request = Request::post("/http-bind")
        .header("host", "localhost")
        .header("content-type", "text/xml; charset=utf-8")
        .body(Full::<Bytes>::from(body))
        .map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let body = response.into_body().collect().await.map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}
