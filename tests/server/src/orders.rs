//! What a running server can be told to do to the connections that there are.

use std::time::Duration;

use serde::Deserialize;

use crate::TestServer;
use crate::sessions::Out;

/// A disturbance of the connections and sessions that there are when it is given. As JSON an object whose `command` is the name of
/// the order in snake case, beside its fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Order {
    /// Drop every TCP connection: those of WebSockets, and those of BOSH that carry a request.
    Cut,
    /// Neither read nor write any more, and keep the connections.
    Stall,
    /// Go on reading, and handle what comes, but send nothing any more.
    Silence,
    /// Forget all sessions and drop every TCP connection, as a server that restarts.
    Restart,
    /// End every session that waits to be resumed, as if its time were over.
    Expire,
    /// Close every stream with `<close/>` (RFC 7395, section 3.6).
    Close,
    /// Close every WebSocket without closing its stream first; end every BOSH session without saying why.
    End,
    /// Send a frame as it is, behind the back of all counters.
    Inject {
        /// The text of the frame.
        frame: String,
    },
    /// Send a text frame that is not UTF-8.
    InvalidUtf8,
    /// Send a binary frame.
    Binary,
    /// Send a frame that is not well-formed.
    Malformed,
    /// Send a stanza of at least so many bytes.
    Oversize {
        /// The length of its text.
        bytes: usize,
    },
    /// From now on send each frame in WebSocket fragments of at most so many bytes.
    Split {
        /// The length of a fragment, at least 1.
        bytes: usize,
    },
    /// Send the frame after the next before the next.
    Reorder,
    /// End the stream with this error (RFC 6120, section 4.9.3).
    StreamError {
        /// The defined condition.
        condition: String,
    },
    /// Acknowledge one stanza more than was sent.
    OverAcknowledge,
    /// Acknowledge what was handled, and then one stanza less.
    AcknowledgeBackwards,
    /// End every BOSH session (XEP-0124, section 17.2).
    Terminate {
        /// The condition, if there is to be one.
        condition: Option<String>,
    },
    /// Of every BOSH session, cut the connection instead of giving the next answer. It is given if it is asked for again.
    LoseAnswer,
    /// Of every BOSH session, give the next answer so much later.
    DelayAnswer {
        /// How much later.
        milliseconds: u64,
    },
    /// Of every BOSH session, give the next answer after the one after it.
    SwapAnswers,
    /// Send messages as fast as they are read, for ever.
    Flood {
        /// The length of a message.
        bytes: usize,
    },
}

impl TestServer {
    /// Carries an order out.
    pub fn order(&self, order: &Order) {
        let text = |text: &str| Out::Text(text.to_owned());
        let out = match order {
            Order::Cut => Out::Cut,
            Order::Stall => Out::Stall,
            Order::Silence => Out::Silence,
            Order::Restart => {
                let mut state = self.shared.state();
                state.sessions.clear();
                state.rooms.clear();
                drop(state);
                Out::Forget
            }
            Order::Expire => return self.shared.expire_sessions(),
            Order::Close => Out::CloseStream,
            Order::End => Out::End,
            Order::Inject { frame } => text(frame),
            Order::InvalidUtf8 => Out::Raw(b"<message xmlns='jabber:client'>\xff</message>".to_vec()),
            Order::Binary => Out::Binary(b"<message xmlns='jabber:client'/>".to_vec()),
            Order::Malformed => text("<message xmlns='jabber:client'><body></message>"),
            Order::Oversize { bytes } => Out::Text(message(*bytes)),
            Order::Split { bytes } => Out::Split((*bytes).max(1)),
            Order::Reorder => Out::Reorder,
            Order::StreamError { condition } => Out::Fail(condition.clone()),
            Order::OverAcknowledge => Out::Count { beyond: 1 },
            Order::AcknowledgeBackwards => Out::Count { beyond: -1 },
            Order::Terminate { condition } => Out::Terminate(condition.clone()),
            Order::LoseAnswer => Out::LoseAnswer,
            Order::DelayAnswer { milliseconds } => Out::DelayAnswer(Duration::from_millis(*milliseconds)),
            Order::SwapAnswers => Out::SwapAnswers,
            Order::Flood { bytes } => Out::Flood(message(*bytes)),
        };
        self.shared.tell_all(&out);
    }
}

/// A message of at least so many bytes.
fn message(bytes: usize) -> String {
    let (start, end) = ("<message xmlns='jabber:client'><body>", "</body></message>");
    let body = "x".repeat(bytes.saturating_sub(start.len() + end.len()));
    format!("{start}{body}{end}")
}
