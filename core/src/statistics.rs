//! What a connection has carried: `getStatistics()`.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counted since the connection was made, over all its attempts and transports.
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
    pub unacknowledged: AtomicU64,
    pub resumes: AtomicU64,
    pub reconnects: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self, frame: &str) {
        self.frames_sent.fetch_add(1, Ordering::Relaxed);
        self.bytes_sent.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, frame: &str) {
        self.frames_received.fetch_add(1, Ordering::Relaxed);
        self.bytes_received.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, queued_events: usize) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            bytes_sent: read(&self.bytes_sent),
            bytes_received: read(&self.bytes_received),
            frames_sent: read(&self.frames_sent),
            frames_received: read(&self.frames_received),
            unacknowledged: read(&self.unacknowledged),
            resumes: read(&self.resumes),
            reconnects: read(&self.reconnects),
            queued_events: queued_events as u64,
        }
    }
}
