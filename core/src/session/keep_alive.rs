//! The GETs over HTTP that keep a client at its shard, and tell when it was moved to another one.

use std::time::{Duration, Instant};

use super::{Ending, HttpAnswer, HttpPurpose, HttpRequest, Output, Session, failures};
use crate::xml::{Element, ns};

/// After the first establishment: soon, but behind what a login is busy with.
const FIRST: Duration = Duration::from_secs(5);
/// So that a thousand clients do not ask in step.
const JITTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct KeepAlive {
    /// When the next one is due; not while one is under way.
    due: Option<Instant>,
    begun: bool,
}

impl KeepAlive {
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

impl Session {
    /// The session is established: soon after the first time, and at once after a loss, which is when clients are
    /// moved to another shard.
    pub(super) fn schedule_keep_alive(&mut self, now: Instant) {
        if self.config.keep_alive.is_some() {
            let delay = if self.keep_alive.begun { Duration::ZERO } else { FIRST };
            self.keep_alive = KeepAlive { due: Some(now + delay), begun: true };
        }
    }

    pub(super) fn check_keep_alive(&mut self, now: Instant) {
        if let Some(options) = &self.config.keep_alive
            && self.keep_alive.due.is_some_and(|due| due <= now)
        {
            self.keep_alive.due = None;
            let request = HttpRequest::get(options.url.clone());
            self.outputs.push_back(Output::Request(HttpPurpose::KeepAlive, request));
        }
    }

    /// A keep-alive was answered, or failed, which says nothing: the WebSocket has its own pings.
    pub(super) fn handle_keep_alive(&mut self, now: Instant, answer: Option<&HttpAnswer>) {
        let Some(options) = &self.config.keep_alive else { return };
        self.keep_alive.due = Some(now + options.interval + JITTER.mul_f64(self.rng.f64()));
        let answered = answer.and_then(|answer| answer.shard.as_deref());
        let (Some(shard), Some(known)) = (answered, self.discovery.shard(&self.config)) else { return };
        if shard != known && self.is_up() {
            let failure = failures::shard_changed(&self.config);
            self.send(&Element::new("presence", ns::CLIENT).with_attribute("type", "unavailable"));
            self.send(&Element::new("close", ns::FRAMING));
            self.end(Ending::Failed(Box::new(failure)));
        }
    }
}
