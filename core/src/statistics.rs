//! What a connection has carried: `getStatistics()`.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counted since the connection was made, over all its attempts and transports.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// connection.send_stanza("<presence/>").await?;
/// let statistics = connection.statistics();
/// assert_eq!((statistics.resumes, statistics.reconnects), (0, 0));
/// assert!(statistics.stanzas_sent < statistics.frames_sent, "a stream is opened by a frame");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Statistics {
    /// Bytes of XMPP that went out, without the framing of WebSocket and TLS.
    pub bytes_sent: u64,
    /// Bytes of XMPP that came, without that framing.
    pub bytes_received: u64,
    /// Frames that went out: stanzas, and what opens, manages and closes a stream.
    pub frames_sent: u64,
    /// Frames that came.
    pub frames_received: u64,
    /// Stanzas that went out: those of the caller, and the library's own.
    pub stanzas_sent: u64,
    /// Stanzas that came.
    pub stanzas_received: u64,
    /// Stanzas of the caller and of the library that the server has not acknowledged yet, or that wait for a
    /// transport: what `sendQueue` bounds.
    pub unacknowledged: u64,
    /// How often the session was resumed.
    pub resumes: u64,
    /// How often a fresh session replaced a lost one (`reconnect`).
    pub reconnects: u64,
    /// Events and completions that wait for the listeners.
    pub queued_events: u64,
}

/// The counters behind it. Each is written by one task and read by anyone; they need not agree to the last frame.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub bytes_sent: AtomicU64,
    pub bytes_received: AtomicU64,
    pub frames_sent: AtomicU64,
    pub frames_received: AtomicU64,
    pub stanzas_sent: AtomicU64,
    pub stanzas_received: AtomicU64,
    pub unacknowledged: AtomicU64,
    pub resumes: AtomicU64,
    pub reconnects: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self, frame: &str) {
        self.frames_sent.fetch_add(1, Ordering::Relaxed);
        self.stanzas_sent.fetch_add(is_stanza(frame).into(), Ordering::Relaxed);
        self.bytes_sent.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, frame: &str) {
        self.frames_received.fetch_add(1, Ordering::Relaxed);
        self.stanzas_received.fetch_add(is_stanza(frame).into(), Ordering::Relaxed);
        self.bytes_received.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, queued_events: usize) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            bytes_sent: read(&self.bytes_sent),
            bytes_received: read(&self.bytes_received),
            frames_sent: read(&self.frames_sent),
            frames_received: read(&self.frames_received),
            stanzas_sent: read(&self.stanzas_sent),
            stanzas_received: read(&self.stanzas_received),
            unacknowledged: read(&self.unacknowledged),
            resumes: read(&self.resumes),
            reconnects: read(&self.reconnects),
            queued_events: queued_events as u64,
        }
    }
}

/// By how the frame begins: the namespace of a stanza is the default one in all that XMPP servers send.
fn is_stanza(frame: &str) -> bool {
    let name = frame.strip_prefix('<').unwrap_or_default();
    ["message", "presence", "iq"].iter().any(|stanza| {
        let rest = name.strip_prefix(stanza);
        rest.is_some_and(|rest| {
            rest.starts_with(|next: char| next.is_ascii_whitespace() || matches!(next, '>' | '/'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_is_a_message_a_presence_or_an_iq() {
        let frames = ["<message/>", "<message>", "<presence xmlns='jabber:client'/>", "<iq\nid='1'/>"];
        assert!(frames.into_iter().all(is_stanza));
        let others = ["<messages/>", "<iqs>", "<r xmlns='urn:xmpp:sm:3'/>", "<open/>", "", "message", "<"];
        assert!(!others.into_iter().any(is_stanza));
    }
}
