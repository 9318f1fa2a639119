//! What a drain hands to JavaScript.

use std::time::Duration;

use jitsimeet::{Completed, CompletionResult, ConnectionId, Event, Item, Stanza};
use napi_derive::napi;

use crate::error::{ErrorRecord, FailureRecord};

/// One turn of deliveries.
#[napi(object, object_from_js = false)]
pub struct Turn {
    /// In the order in which they are to be delivered.
    pub deliveries: Vec<Delivery>,
    /// Whether the hub holds more, of which there will be no wake-up.
    pub more: bool,
}

/// An event (it has `event`) or the outcome of a call (it has `call`).
#[napi(object, object_from_js = false, use_nullable = false)]
#[derive(Default)]
pub struct Delivery {
    /// The id of the connection.
    pub connection: f64,
    /// The event's string.
    pub event: Option<&'static str>,
    /// Of an established event: the resource of the JID.
    pub id: Option<String>,
    /// Of an established event: how the session came about.
    pub session: Option<SessionRecord>,
    /// Of a failed event: why.
    pub failure: Option<FailureRecord>,
    /// Of a disconnected event: what the server said.
    pub message: Option<String>,
    /// Of an interrupted event: why.
    pub interruption: Option<InterruptionRecord>,
    /// Of a resumed event: what it took.
    pub resumption: Option<ResumptionRecord>,
    /// Of a redirected event: the visitor node.
    pub vnode: Option<String>,
    /// Of a redirected event: the JID of the focus there.
    pub focus_jid: Option<String>,
    /// Of a properties event: what the deployment says of itself.
    pub properties: Option<PropertiesRecord>,
    /// Of a stanza, or of the answer to a request: its text.
    pub xml: Option<String>,
    /// Of a stanza: its name and attributes.
    pub stanza: Option<StanzaRecord>,
    /// The number that the caller gave the call.
    pub call: Option<f64>,
    /// Of a successful connect: the full JID.
    pub jid: Option<String>,
    /// Of a successful ping: how long the answer took, in milliseconds.
    pub round_trip: Option<f64>,
    /// Of a successful conference request: what the focus has answered, as JSON.
    pub conference: Option<String>,
    /// Of a call that did not succeed: why.
    pub error: Option<ErrorRecord>,
}

/// How a session came about, as its listeners see it.
#[napi(object, object_from_js = false)]
pub struct SessionRecord {
    /// The session of before goes on.
    pub resumed: bool,
    /// It is a fresh session after a lost one.
    pub reconnected: bool,
}

/// Why a transport was lost, as its listeners see it.
#[napi(object, object_from_js = false)]
pub struct InterruptionRecord {
    /// The code's string.
    pub code: &'static str,
    /// A sentence a person can act on.
    pub message: String,
}

/// What a resumption took, as its listeners see it.
#[napi(object, object_from_js = false)]
pub struct ResumptionRecord {
    /// How many attempts.
    pub attempts: u32,
    /// How long the session was without a transport.
    #[napi(js_name = "downtime_ms")]
    pub downtime_ms: f64,
    /// How many stanzas were sent again.
    pub resent: f64,
}

/// What a deployment says of itself, as its listeners see it.
#[napi(object, object_from_js = false, use_nullable = false)]
pub struct PropertiesRecord {
    /// The shard that serves this client.
    pub shard: Option<String>,
    /// The region that it is in.
    pub region: Option<String>,
}

/// The name and the attributes of a stanza, as its listeners see them.
#[napi(object, object_from_js = false, use_nullable = false)]
pub struct StanzaRecord {
    /// `iq`, `message` or `presence`.
    #[napi(ts_type = "'iq' | 'message' | 'presence'")]
    pub name: &'static str,
    /// Who sent it.
    pub from: Option<String>,
    /// Whom it is for.
    pub to: Option<String>,
    /// The attribute `type`.
    #[napi(js_name = "type")]
    pub kind: Option<String>,
    /// The attribute `id`.
    pub id: Option<String>,
}

impl Delivery {
    /// `None` for what a later version of the core may add.
    pub(crate) fn new(connection: ConnectionId, item: Item) -> Option<Self> {
        let delivery = match item {
            Item::Event(event) => Self::event(event),
            Item::Completed { token, result } => Self::completion(token, result),
            _ => return None,
        };
        Some(Self { connection: number(connection), ..delivery })
    }

    fn event(event: Event) -> Self {
        let named = Self { event: Some(event.kind().as_str()), ..Self::default() };
        match event {
            Event::ConnectionEstablished { id, resumed, reconnected } => {
                Self { id: Some(id), session: Some(SessionRecord { resumed, reconnected }), ..named }
            }
            Event::ConnectionFailed(failure) => Self { failure: Some((*failure).into()), ..named },
            Event::ConnectionDisconnected { message } => Self { message, ..named },
            Event::Interrupted { code, message } => {
                Self { interruption: Some(InterruptionRecord { code: code.as_str(), message }), ..named }
            }
            Event::Resumed { attempts, downtime, resent } => {
                let downtime_ms = milliseconds(downtime);
                let resent = number(resent as u64);
                Self { resumption: Some(ResumptionRecord { attempts, downtime_ms, resent }), ..named }
            }
            Event::StanzaReceived(stanza) => Self {
                xml: Some(stanza.xml().to_owned()),
                stanza: Some(StanzaRecord::from(&*stanza)),
                ..named
            },
            Event::Redirected { vnode, focus_jid } => {
                Self { vnode: Some(vnode), focus_jid: Some(focus_jid), ..named }
            }
            Event::PropertiesUpdated { shard, region } => {
                Self { properties: Some(PropertiesRecord { shard, region }), ..named }
            }
            _ => named,
        }
    }

    fn completion(token: u64, result: CompletionResult) -> Self {
        let settled = Self { call: Some(number(token)), ..Self::default() };
        match result {
            Ok(Completed::Connected { jid }) => Self { jid: Some(jid), ..settled },
            Ok(Completed::Answer { xml }) => Self { xml: Some(xml), ..settled },
            Ok(Completed::Pong { round_trip }) => {
                Self { round_trip: Some(milliseconds(round_trip)), ..settled }
            }
            Ok(Completed::Conference(conference)) => {
                Self { conference: Some(json(serde_json::to_string(&conference))), ..settled }
            }
            Ok(_) => settled,
            Err(error) => Self { error: Some(ErrorRecord::from(&error)), ..settled },
        }
    }
}

impl From<&Stanza> for StanzaRecord {
    fn from(stanza: &Stanza) -> Self {
        Self {
            name: stanza.name(),
            from: stanza.from().map(ToOwned::to_owned),
            to: stanza.to().map(ToOwned::to_owned),
            kind: stanza.kind().map(ToOwned::to_owned),
            id: stanza.id().map(ToOwned::to_owned),
        }
    }
}

/// What JavaScript parses.
pub(crate) fn json(text: serde_json::Result<String>) -> String {
    text.expect("texts, numbers, and lists and maps of them can be written as JSON")
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Ids, calls and stanzas are counted from 1: they stay far below 2^53, up to which a JavaScript number is exact.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(crate) const fn number(counted: u64) -> f64 {
    counted as f64
}
