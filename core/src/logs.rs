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
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// use jitsimeet::Direction;
///
/// let logs = connection.logs();
/// let (sent, received) = (&logs.entries[0], logs.entries.last().unwrap());
/// assert_eq!((sent.direction, received.direction), (Direction::Outgoing, Direction::Incoming));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    Incoming,
    /// To the server.
    Outgoing,
}

/// A frame that came or went.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// for entry in connection.logs().entries {
///     println!("{:?} {:?} {}", entry.time.elapsed()?, entry.direction, entry.frame);
/// }
/// # assert!(!connection.logs().entries.is_empty());
/// # Ok(()) }
/// ```
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
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// let logs = connection.logs();
/// assert_eq!(logs.url, server.service_url());
/// assert_eq!(serde_json::to_value(&logs)?["metadata"]["xmpp"][0][1], "outgoing");
/// # Ok(()) }
/// ```
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

/// The frames of one connection. Their texts lie one behind the other in one ring, so that keeping one costs a copy
/// and nothing else.
pub(crate) struct FrameLog {
    limits: LogLimits,
    entries: VecDeque<Kept>,
    texts: VecDeque<u8>,
}

#[derive(Clone, Copy)]
struct Kept {
    milliseconds: u64,
    /// At most `logs.maxBytes`, which an `i32` holds.
    length: u32,
    direction: Direction,
}

/// A copy of a log, to be read without holding it.
pub(crate) struct Copied {
    entries: Vec<Kept>,
    texts: Vec<u8>,
}

impl FrameLog {
    pub(crate) const fn new(limits: LogLimits) -> Self {
        Self { limits, entries: VecDeque::new(), texts: VecDeque::new() }
    }

    pub(crate) fn record(&mut self, direction: Direction, frame: &str) {
        if self.limits.entries == 0 || self.limits.bytes == 0 {
            return;
        }
        if frame.len() > self.limits.bytes {
            self.keep(direction, &omitted(frame));
        } else if is_of_the_stream(frame) {
            self.keep(direction, &redact(frame));
        } else {
            self.keep(direction, frame);
        }
    }

    fn keep(&mut self, direction: Direction, text: &str) {
        let Ok(length) = u32::try_from(text.len()) else { return };
        // An idle session has a log of a login, for which doubling would reserve twice what it needs.
        if self.texts.capacity() - self.texts.len() < text.len() {
            self.texts.reserve_exact(text.len() + self.texts.len() / 4);
        }
        if self.entries.capacity() == self.entries.len() {
            self.entries.reserve_exact(8 + self.entries.len() / 4);
        }
        self.texts.extend(text.as_bytes());
        let milliseconds = since_1970(SystemTime::now());
        self.entries.push_back(Kept { milliseconds, length, direction });
        let mut all = PROCESS_BYTES.fetch_add(text.len(), Ordering::Relaxed) + text.len();
        while self.entries.len() > self.limits.entries
            || self.texts.len() > self.limits.bytes
            || all > MAX_PROCESS_BYTES && self.entries.len() > 1
        {
            let oldest = self.entries.pop_front().map_or(0, |oldest| oldest.length as usize);
            self.texts.drain(..oldest);
            all = PROCESS_BYTES.fetch_sub(oldest, Ordering::Relaxed) - oldest;
        }
    }

    pub(crate) fn copy(&self) -> Copied {
        Copied {
            entries: self.entries.iter().copied().collect(),
            texts: self.texts.iter().copied().collect(),
        }
    }
}

impl Copied {
    pub(crate) fn redacted(self) -> Vec<LogEntry> {
        let mut at = 0;
        let entry = |kept: Kept| {
            let length = kept.length as usize;
            let text = String::from_utf8_lossy(&self.texts[at..at + length]);
            at += length;
            LogEntry {
                time: SystemTime::UNIX_EPOCH + Duration::from_millis(kept.milliseconds),
                direction: kept.direction,
                frame: redact(&text),
            }
        };
        self.entries.into_iter().map(entry).collect()
    }
}

impl Drop for FrameLog {
    fn drop(&mut self) {
        PROCESS_BYTES.fetch_sub(self.texts.len(), Ordering::Relaxed);
    }
}

/// Whether a frame is of SASL or of stream management: such a frame has their name, with whatever prefix.
fn is_of_the_stream(frame: &str) -> bool {
    const NAMES: [&str; 8] =
        ["auth", "challenge", "response", "success", "enabled", "resume", "resumed", "failed"];
    let name = frame.trim_start().trim_start_matches('<');
    let end = name.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(name.len());
    let local = name[..end].rsplit(':').next().unwrap_or_default();
    NAMES.contains(&local)
}

fn since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound of the process is one for all tests: those that fill it and those that count take turns.
    fn turn() -> std::sync::MutexGuard<'static, ()> {
        static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
        TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn log(entries: usize, bytes: usize) -> FrameLog {
        FrameLog::new(LogLimits { entries, bytes })
    }

    fn frames(log: &FrameLog) -> Vec<String> {
        log.copy().redacted().into_iter().map(|entry| entry.frame).collect()
    }

    #[test]
    fn the_oldest_go_first_at_either_bound() {
        let _turn = turn();
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
        let _turn = turn();
        let mut log = log(100, 30);
        log.record(Direction::Incoming, &format!("<a>{}</a>", "x".repeat(100)));
        assert_eq!(frames(&log), ["<omitted bytes='107'/>"]);
    }

    #[test]
    fn all_logs_together_have_a_bound_and_give_back_what_they_held() {
        let _turn = turn();
        let frame = format!("<a>{}</a>", "x".repeat(1024 * 1024));
        let mut logs: Vec<_> = (0..10).map(|_| log(100, 16 * 1024 * 1024)).collect();
        for _ in 0..15 {
            logs.iter_mut().for_each(|log| log.record(Direction::Incoming, &frame));
        }
        let held: usize = logs.iter().map(|log| log.texts.len()).sum();
        // The last frame of each stays.
        assert!(held <= MAX_PROCESS_BYTES + 10 * frame.len(), "{held}");
        assert!(held > MAX_PROCESS_BYTES / 2, "{held}");
        logs.truncate(1);
        logs[0].record(Direction::Incoming, "<b/>");
        assert_eq!(frames(&logs[0]).last().map(String::as_str), Some("<b/>"));
        (0..10).for_each(|_| logs[0].record(Direction::Incoming, &frame));
        assert!(logs[0].entries.len() > 10, "there is room again");
    }

    #[test]
    fn the_login_is_redacted_before_it_is_kept() {
        let _turn = turn();
        let mut log = log(100, 1000);
        log.record(Direction::Outgoing, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>canary</auth>");
        log.record(Direction::Incoming, "<enabled xmlns='urn:xmpp:sm:3' id='canary'/>");
        let prefixed = "<sm:resume xmlns:sm='urn:xmpp:sm:3' previd='canary' h='0'/>";
        log.record(Direction::Outgoing, prefixed);
        let kept = String::from_utf8(log.texts.iter().copied().collect()).unwrap();
        assert!(kept.contains("***") && !kept.contains("canary"), "{kept}");
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
