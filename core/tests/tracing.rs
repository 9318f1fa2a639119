//! Each connection has a span of `tracing`, and what it does happens within. The subscriber is that of the process.

mod common;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use common::{connection_to, server, within};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// By connection: what its span was told of.
static SEEN: Mutex<BTreeSet<(u64, String)>> = Mutex::new(BTreeSet::new());
/// The connections of the spans, by the spans' numbers, which begin with 1.
static SPANS: Mutex<Vec<Option<u64>>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local!(static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) });

struct Spans;

#[derive(Default)]
struct Fields {
    id: Option<u64>,
    message: String,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "id" {
            self.id = Some(value);
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("jitsimeet")
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut spans = SPANS.lock().unwrap_or_else(PoisonError::into_inner);
        spans.push(fields.id.filter(|_| span.metadata().name() == "connection"));
        Id::from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = ENTERED.with_borrow(|entered| entered.last().copied());
        let spans = SPANS.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = span.and_then(|span| spans[usize::try_from(span).unwrap() - 1]).unwrap_or(0);
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert((connection, fields.message));
    }
    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }
    fn exit(&self, _: &Id) {
        ENTERED.with_borrow_mut(Vec::pop);
    }
}

#[tokio::test]
async fn each_connection_has_a_span_and_speaks_within_it() {
    tracing::subscriber::set_global_default(Spans).expect("the only one");
    let server = server().await;
    let connections = [connection_to(&server), connection_to(&server)];
    for connection in &connections {
        within("the connection", connection.connect()).await.unwrap();
        within("the disconnect", connection.disconnect()).await.unwrap();
    }
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for connection in &connections {
        for message in ["opening a transport", "established"] {
            assert!(seen.contains(&(connection.id(), message.to_owned())), "{message}: {seen:?}");
        }
    }
    assert!(seen.iter().all(|(connection, _)| *connection != 0), "nothing is said outside: {seen:?}");
}
