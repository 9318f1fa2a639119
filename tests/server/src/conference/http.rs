//! The conference request over HTTP: a POST of JSON.

use std::collections::BTreeMap;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use serde_json::{Map, Value, json};

use super::{ConferenceAnswer, ConferenceRequest, HttpAnswer, NOT_AUTHORIZED, Over, SESSION_INVALID};
use crate::Shared;
use crate::http::reply::{self, Reply};

/// Answers the POST with these headers and this body.
pub(crate) async fn answer(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Reply {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return reply::text(415, "application/json is wanted\n");
    }
    let Some(request) = read(headers, body) else {
        return reply::text(400, "a JSON object with a room is wanted\n");
    };
    let room = request.room.clone();
    let script = shared.script(request);
    tokio::time::sleep(script.delay()).await;
    let hang = script.http.as_ref().is_some_and(|http| http.hang);
    if script.silent || hang {
        return std::future::pending().await;
    }
    write(&room, &script)
}

/// `None` if it is not JSON, or without a room.
fn read(headers: &HeaderMap, body: &[u8]) -> Option<ConferenceRequest> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let properties: BTreeMap<_, _> = match body.get("properties").and_then(Value::as_object) {
        Some(properties) => properties.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        None => BTreeMap::new(),
    };
    Some(ConferenceRequest {
        over: Over::Http,
        room: text("room").filter(|room| !room.is_empty())?,
        machine_uid: text("machineUid"),
        token: reply::authorization(headers)
            .and_then(|value| Some(value.strip_prefix("Bearer ")?.to_owned())),
        session_id: text("sessionId"),
        properties,
    })
}

/// A string as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn write(room: &str, script: &ConferenceAnswer) -> Reply {
    if let Some(http) = &script.http {
        return write_http(http);
    }
    if let Some(error) = &script.error {
        return match error.as_str() {
            NOT_AUTHORIZED => reply::text(403, "not authorized\n"),
            // What lib-jitsi-meet looks for.
            SESSION_INVALID => reply::text(400, "400 invalid-session\n"),
            other => reply::text(500, other),
        };
    }
    if let Some(reservation) = &script.reservation {
        return reply::text(400, &reservation.text);
    }
    let mut answer = Map::new();
    answer.insert("ready".to_owned(), script.ready.into());
    answer.insert("room".to_owned(), room.into());
    let optional = [
        ("focusJid", &script.focus_jid),
        ("sessionId", &script.session_id),
        ("identity", &script.identity),
        ("vnode", &script.vnode),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            answer.insert(name.to_owned(), value.as_str().into());
        }
    }
    answer.insert("properties".to_owned(), json!(script.properties));
    reply::json(200, Value::Object(answer).to_string())
}

fn write_http(http: &HttpAnswer) -> Reply {
    let status = http.status.unwrap_or(if http.location.is_some() { 302 } else { 200 });
    let mut reply = match http.endless {
        true => reply::endless(status),
        false => reply::json(status, http.body.clone()),
    };
    // What cannot be in a header cannot be sent.
    if let Some(location) = http.location.as_deref().and_then(|to| HeaderValue::from_str(to).ok()) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}
