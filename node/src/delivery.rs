//! What a drain hands to JavaScript.

use jitsimeet::{Completed, CompletionResult, ConnectionId, Event, Item};
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
    /// Of a failed event: why.
    pub failure: Option<FailureRecord>,
    /// Of a disconnected event: what the server said.
    pub message: Option<String>,
    /// The number that the caller gave the call.
    pub call: Option<f64>,
    /// Of a successful connect: the full JID.
    pub jid: Option<String>,
    /// Of a call that did not succeed: why.
    pub error: Option<ErrorRecord>,
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
        let kind = Some(event.kind().as_str());
        match event {
            Event::ConnectionEstablished { id } => Self { event: kind, id: Some(id), ..Self::default() },
            Event::ConnectionFailed(failure) => {
                Self { event: kind, failure: Some((*failure).into()), ..Self::default() }
            }
            Event::ConnectionDisconnected { message } => Self { event: kind, message, ..Self::default() },
            _ => Self { event: kind, ..Self::default() },
        }
    }

    fn completion(token: u64, result: CompletionResult) -> Self {
        let (jid, error) = match result {
            Ok(Completed::Connected { jid }) => (Some(jid), None),
            Ok(_) => (None, None),
            Err(error) => (None, Some(ErrorRecord::from(&error))),
        };
        Self { call: Some(number(token)), jid, error, ..Self::default() }
    }
}

/// Ids and calls are counted from 1: they stay far below 2^53, up to which a JavaScript number is exact.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(crate) const fn number(counted: u64) -> f64 {
    counted as f64
}
