//! BOSH (XEP-0124, XEP-0206): requests find their session, or make one.

mod session;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use minidom::{Element, ElementBuilder};
use serde::Serialize;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;

use self::session::{Request, Session};
use crate::http::reply::{self, Reply};
use crate::stream::{Query, Stream};
use crate::xml::{With, element};
use crate::{DOMAIN, Shared, UpgradeFault};

pub(crate) const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
/// The longest request, before and after it is decompressed.
pub(crate) const LONGEST: usize = 4 * 1024 * 1024;
/// Less than this is not worth compressing.
const SMALL: usize = 1024;

/// The sessions that there are, by their `sid`.
#[derive(Debug, Default)]
pub(crate) struct Manager {
    sessions: HashMap<String, UnboundedSender<Request>>,
    created: u64,
}

/// A session that is logged in and bound, for a client to attach to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Prebound {
    /// The full JID.
    pub jid: String,
    /// The name of the session.
    pub sid: String,
    /// The number of the last request.
    pub rid: u64,
}

/// The connection is to be cut instead of an answer.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut on command")
    }
}

impl std::error::Error for Cut {}

/// The body of a request, readable; `None` if it is not.
pub(crate) fn readable(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let mut text = String::new();
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip") {
        GzDecoder::new(&body[..]).take(LONGEST as u64).read_to_string(&mut text).ok()?;
    } else {
        text.push_str(std::str::from_utf8(body).ok()?);
    }
    Some(text)
}

/// Answers a request, when there is an answer.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    query: &str,
    body: Option<String>,
) -> Result<Reply, Cut> {
    let faults = shared.state().faults.clone();
    if faults.upgrade == Some(UpgradeFault::Refuse) {
        return Ok(reply::text(faults.status.unwrap_or(503), "as ordered\n"));
    }
    let body = body.and_then(|body| body.parse::<Element>().ok());
    let Some(body) = body.filter(|body| body.is("body", HTTPBIND)) else {
        return Ok(xml(headers, terminate(Some("bad-request"))));
    };
    let Some(rid) = body.attr("rid").and_then(|rid| rid.parse().ok()) else {
        return Ok(xml(headers, terminate(Some("bad-request"))));
    };
    let session = match body.attr("sid") {
        Some(sid) => shared.state().bosh.sessions.get(sid).cloned(),
        None if body.attr("to") == Some(DOMAIN) => Some(create(shared, Query::parse(query), rid)),
        None => return Ok(xml(headers, terminate(Some("host-unknown")))),
    };
    let (sender, receiver) = oneshot::channel();
    let known = session.is_some_and(|session| session.send(Request { rid, body, reply: sender }).is_ok());
    if !known {
        return Ok(xml(headers, terminate(Some("item-not-found"))));
    }
    receiver.await.map(|bytes| xml(headers, bytes)).map_err(|_| Cut)
}

fn create(shared: &Arc<Shared>, query: Query, rid: u64) -> UnboundedSender<Request> {
    let (mut session, requests, sid) = new(shared, query, rid);
    session.open();
    start(shared, session, requests, sid)
}

fn new(
    shared: &Arc<Shared>,
    query: Query,
    rid: u64,
) -> (Session, (UnboundedSender<Request>, mpsc::UnboundedReceiver<Request>), String) {
    let (sender, orders) = mpsc::unbounded_channel();
    let sid = {
        let mut state = shared.state();
        state.bosh.created += 1;
        format!("sid-{:06}", state.bosh.created)
    };
    let number = shared.connected(sender.clone());
    let faults = shared.state().faults.clone();
    let stream = Stream::new(query, faults, Arc::clone(shared), sender);
    (Session::new(stream, orders, number, sid.clone(), rid), mpsc::unbounded_channel(), sid)
}

fn start(
    shared: &Arc<Shared>,
    session: Session,
    (sender, requests): (UnboundedSender<Request>, mpsc::UnboundedReceiver<Request>),
    sid: String,
) -> UnboundedSender<Request> {
    shared.state().bosh.sessions.insert(sid.clone(), sender.clone());
    let (stop, shared) = (shared.stop.clone(), Arc::clone(shared));
    // The one who prebinds need not be on it.
    let runtime = shared.runtime.clone();
    runtime.spawn(stop.run_until_cancelled_owned(async move {
        let number = session.number();
        session.run(requests).await;
        shared.state().bosh.sessions.remove(&sid);
        shared.disconnected(number);
    }));
    sender
}

/// Logs a guest in, as someone else than the client would.
pub(crate) fn prebind(shared: &Arc<Shared>, query: Query) -> Option<Prebound> {
    const RID: u64 = 1000;
    let (mut session, requests, sid) = new(shared, query, RID + 1);
    let jid = session.prebind()?;
    start(shared, session, requests, sid.clone());
    Some(Prebound { jid, sid, rid: RID })
}

/// The end of a session.
fn terminate(condition: Option<&str>) -> Vec<u8> {
    let body = body().with("type", "terminate").with_some("condition", condition);
    String::from(&body.build()).into_bytes()
}

fn body() -> ElementBuilder {
    element("body", HTTPBIND)
}

fn xml(headers: &HeaderMap, text: Vec<u8>) -> Reply {
    let accepts = headers.get(ACCEPT_ENCODING).is_some_and(|encodings| encodings == "gzip");
    let mut compressed = Vec::new();
    let gzip = accepts
        && text.len() > SMALL
        && GzEncoder::new(&text[..], Compression::fast()).read_to_end(&mut compressed).is_ok();
    let mut reply = reply::xml(if gzip { compressed } else { text });
    if gzip {
        reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}
