//! The frames of a connection, kept for `getLogs()`: bounded, and without secrets.
//!
//! Frames are kept as they are and redacted when they are read, which is seldom, except those of the login and of
//! stream management, which are redacted before they are kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::json;

use crate::options::LogLimits;
use crate::xml::{omitted, redact};

/// Of all connections together.
const MAX_PROCESS_BYTES: usize = 64 * 1024 * 1024;
static PROCESS_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    Incoming,
    /// To the server.
    Outgoing,
}

/// A frame that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// When.
    pub time: SystemTime,
    /// Which way.
    pub direction: Direction,
    /// Its text, with `***` in place of every secret.
    pub frame: String,
}

/// What `getLogs()` returns. As JSON it has lib-jitsi-meet's shape:
/// `{metadata: {time, url, ua, xmpp: [[milliseconds since 1970, "incoming" or "outgoing", frame], ...]}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logs {
    /// The service URL, without user information and query.
    pub url: String,
    /// The frames, oldest first, as many as the option `logs` keeps.
    pub entries: Vec<LogEntry>,
}

impl Direction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

impl Serialize for Logs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let frames: Vec<_> = self
            .entries
            .iter()
            .map(|entry| json!([since_1970(entry.time), entry.direction.as_str(), entry.frame]))
            .collect();
        let metadata = json!({
            "time": DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true),
            "url": self.url,
            "ua": concat!("jitsimeet/", env!("CARGO_PKG_VERSION")),
            "xmpp": frames,
        });
        let mut object = serializer.serialize_struct("Logs", 1)?;
        object.serialize_field("metadata", &metadata)?;
        object.end()
    }
}

/// The frames of one connection.
pub(crate) struct FrameLog {
    limits: LogLimits,
    entries: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Clone)]
pub(crate) struct Kept {
    milliseconds: u64,
    direction: Direction,
    frame: Box<str>,
}

impl FrameLog {
    pub(crate) const fn new(limits: LogLimits) -> Self {
        Self { limits, entries: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn record(&mut self, direction: Direction, frame: &str) {
        if self.limits.entries == 0 || self.limits.bytes == 0 {
            return;
        }
        let kept: Box<str> = if frame.len() > self.limits.bytes {
            omitted(frame).into()
        } else if names_a_secret_of_the_stream(frame) {
            redact(frame).into()
        } else {
            frame.into()
        };
        self.bytes += kept.len();
        PROCESS_BYTES.fetch_add(kept.len(), Ordering::Relaxed);
        self.entries.push_back(Kept { milliseconds: since_1970(SystemTime::now()), direction, frame: kept });
        while self.entries.len() > self.limits.entries
            || self.bytes > self.limits.bytes
            || PROCESS_BYTES.load(Ordering::Relaxed) > MAX_PROCESS_BYTES && self.entries.len() > 1
        {
            let oldest = self.entries.pop_front().map_or(0, |oldest| oldest.frame.len());
            self.bytes -= oldest;
            PROCESS_BYTES.fetch_sub(oldest, Ordering::Relaxed);
        }
    }

    /// The entries as they are kept: to be redacted once nobody waits for the log.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.entries.iter().cloned().collect()
    }
}

impl Kept {
    pub(crate) fn redacted(self) -> LogEntry {
        LogEntry {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(self.milliseconds),
            direction: self.direction,
            frame: redact(&self.frame),
        }
    }
}

impl Drop for FrameLog {
    fn drop(&mut self) {
        PROCESS_BYTES.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Of SASL and of stream management, by their namespaces.
fn names_a_secret_of_the_stream(frame: &str) -> bool {
    frame.contains("xmpp-sasl") || frame.contains("urn:xmpp:sm:")
}

fn since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: usize, bytes: usize) -> FrameLog {
        FrameLog::new(LogLimits { entries, bytes })
    }

    fn frames(log: &FrameLog) -> Vec<String> {
        log.kept().into_iter().map(|kept| kept.redacted().frame).collect()
    }

    #[test]
    fn the_oldest_go_first_at_either_bound() {
        let mut two = log(2, 1000);
        ["<a/>", "<b/>", "<c/>"].iter().for_each(|frame| two.record(Direction::Incoming, frame));
        assert_eq!(frames(&two), ["<b/>", "<c/>"]);
        let mut bytes = log(100, 10);
        ["<a/>", "<b/>", "<c/>"].iter().for_each(|frame| bytes.record(Direction::Outgoing, frame));
        assert_eq!(frames(&bytes), ["<b/>", "<c/>"]);
        let mut none = log(0, 1000);
        none.record(Direction::Incoming, "<a/>");
        assert!(frames(&none).is_empty());
    }

    #[test]
    fn what_is_larger_than_the_log_is_named() {
        let mut log = log(100, 30);
        log.record(Direction::Incoming, &format!("<a>{}</a>", "x".repeat(100)));
        assert_eq!(frames(&log), ["<omitted bytes='107'/>"]);
    }

    #[test]
    fn the_login_is_redacted_before_it_is_kept() {
        let mut log = log(100, 1000);
        log.record(Direction::Outgoing, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>canary</auth>");
        log.record(Direction::Incoming, "<enabled xmlns='urn:xmpp:sm:3' id='canary'/>");
        assert!(log.entries.iter().all(|kept| !kept.frame.contains("canary")));
    }

    #[test]
    fn the_shape_is_lib_jitsi_meets() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(5);
        let entry = LogEntry { time, direction: Direction::Incoming, frame: "<a/>".to_owned() };
        let logs = Logs { url: "wss://h/x".to_owned(), entries: vec![entry] };
        let metadata = &serde_json::to_value(&logs).unwrap()["metadata"];
        assert_eq!(metadata["xmpp"], json!([[5, "incoming", "<a/>"]]));
        assert_eq!(metadata["url"], "wss://h/x");
        assert!(metadata["ua"].as_str().unwrap().starts_with("jitsimeet/"));
        assert!(DateTime::parse_from_rfc3339(metadata["time"].as_str().unwrap()).is_ok());
    }
}
