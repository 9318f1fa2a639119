//! Is the link alive? XMPP ping (XEP-0199), counted from the last byte that came.

use std::time::{Duration, Instant};

use super::{Session, failures};
use crate::options::{Config, Ping};
use crate::xml::{Element, ns};

/// What deployments let a client send in a second before they stop reading for a while (`limits.c2s.rate`). What we
/// have sent and the server has not acknowledged may take that long, and is no sign of a dead link.
const SLOWEST_BYTES_PER_SECOND: u32 = 10_000;

pub(super) struct Liveness {
    ping: Ping,
    last_received: Option<Instant>,
    /// When the ping under way counts as unanswered.
    deadline: Option<Instant>,
    unanswered: u32,
    paused: bool,
    /// What a backlog adds to the timeout: as of the first ping, so that our own pings do not count.
    allowance: Duration,
    /// Until when the slowest server may be busy with what we have sent, where it does not acknowledge anything.
    busy: Option<Instant>,
    sent: u64,
}

enum Verdict {
    Fine,
    PingDue,
    Dead,
}

impl Liveness {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            ping: config.ping,
            last_received: None,
            deadline: None,
            unanswered: 0,
            paused: false,
            allowance: Duration::ZERO,
            busy: None,
            sent: 0,
        }
    }

    pub(super) const fn start(&mut self, now: Instant) {
        self.busy = None;
        self.handle_received(now);
    }

    /// Something goes out that is not going to be acknowledged.
    pub(super) fn handle_sent(&mut self, now: Instant, bytes: usize) {
        let begin = self.busy.filter(|busy| now < *busy).unwrap_or(now);
        self.busy = Some(begin + at_slowest(bytes));
    }

    /// Any byte is a sign of life.
    pub(super) const fn handle_received(&mut self, now: Instant) {
        self.last_received = Some(now);
        self.deadline = None;
        self.unanswered = 0;
    }

    pub(super) fn handle_bytes(&mut self, at: Instant) {
        if self.last_received.is_some_and(|last| last < at) {
            self.handle_received(at);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if self.ping.interval.is_zero() || self.paused {
            return None;
        }
        self.deadline.or_else(|| self.last_received.map(|last| last + self.ping.interval))
    }

    /// While the transport is not read, no ping is judged.
    pub(super) const fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    fn judge(&mut self, now: Instant) -> Verdict {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return Verdict::Fine;
        }
        if self.deadline.take().is_some() {
            self.unanswered += 1;
            if self.unanswered >= self.ping.threshold {
                return Verdict::Dead;
            }
        }
        Verdict::PingDue
    }
}

/// How long these bytes take at the least.
fn at_slowest(bytes: usize) -> Duration {
    Duration::from_secs(u32::try_from(bytes).unwrap_or(u32::MAX).into()) / SLOWEST_BYTES_PER_SECOND
}

impl Session {
    /// Pings a silent server, and gives up a transport that does not answer.
    pub(super) fn check_liveness(&mut self, now: Instant) {
        match self.liveness.judge(now) {
            Verdict::Fine => {}
            Verdict::PingDue => {
                if self.liveness.unanswered == 0 {
                    let busy = self.liveness.busy.map(|busy| busy.saturating_duration_since(now));
                    self.liveness.allowance = match &self.management {
                        Some(management) => at_slowest(management.bytes()),
                        None => busy.unwrap_or_default(),
                    };
                }
                self.liveness.deadline = Some(now + self.liveness.ping.timeout + self.liveness.allowance);
                self.liveness.sent += 1;
                let id = format!("ping-{}", self.liveness.sent);
                let ping = Element::iq("get", &id)
                    .with_attribute("to", self.credentials.domain())
                    .with_child(Element::new("ping", ns::PING))
                    .to_xml();
                if let Some(management) = &mut self.management {
                    management.idle();
                }
                self.send_own(now, ping);
            }
            Verdict::Dead => {
                let failure = failures::dead(&self.config, self.liveness.unanswered);
                self.link_failed(now, failure);
            }
        }
    }
}
