//! What carries frames between the session and the server.

pub(crate) mod bosh;
mod choice;
mod connector;
mod framing;
pub(crate) mod http;
mod proxy;
mod tcp;
pub(crate) mod tls;
mod websocket;

use std::fmt;
use std::time::Duration;

pub(crate) use choice::Transport;

use crate::xml::XmlError;

/// Why a transport could not be opened, or broke. Nothing of a URL's query or user information is in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransportError {
    Dns {
        host: String,
        reason: String,
    },
    Refused {
        address: String,
    },
    Unreachable {
        address: String,
        reason: String,
    },
    /// `reason` is a whole sentence or two.
    TlsCertificate {
        reason: String,
    },
    /// The same.
    TlsHandshake {
        reason: String,
    },
    /// The proxy is not there, or does not let us through. `proxy` is its host and port.
    Proxy {
        proxy: String,
        reason: String,
        transient: bool,
    },
    HttpStatus {
        status: u16,
    },
    NotWebsocket {
        reason: String,
    },
    BadSubprotocol,
    /// A frame over the limit.
    TooLarge {
        limit: usize,
    },
    /// What answers does not speak BOSH.
    NotBosh {
        reason: String,
    },
    /// A body that is not the XML of XMPP.
    Malformed(XmlError),
    /// The server has ended the BOSH session, with a condition of XEP-0124, section 17, or with an HTTP status.
    Terminated {
        condition: Option<String>,
        status: Option<u16>,
    },
    /// Requests have failed for too long, the last of them for this reason.
    GivingUp {
        attempts: u32,
        patience: Duration,
        reason: String,
    },
    /// What came is not WebSocket, or not text.
    BadFrame {
        reason: String,
    },
    /// The link broke.
    Lost {
        reason: String,
    },
    /// The peer closed the transport.
    Closed,
    /// What answers a request over HTTP does not speak it.
    NotHttp {
        reason: String,
    },
    /// A request over HTTP was not answered in time.
    Timeout {
        patience: Duration,
    },
}

impl TransportError {
    /// Whether the same attempt may succeed a little later.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Dns { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Closed
            | Self::Timeout { .. }
            | Self::Proxy { transient: true, .. } => true,
            Self::HttpStatus { status } => *status >= 500,
            _ => false,
        }
    }
}

/// Briefly, for a message that says what was tried.
impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns { host, reason } => write!(f, "the name {host} could not be resolved ({reason})"),
            Self::Refused { address } => write!(f, "{address} refused the connection"),
            Self::Unreachable { address, reason } => write!(f, "{address} cannot be reached ({reason})"),
            Self::TlsCertificate { reason } => {
                write!(f, "the server's certificate was not accepted: {reason}")
            }
            Self::TlsHandshake { reason } => write!(f, "the TLS handshake failed: {reason}"),
            Self::Proxy { proxy, reason, .. } => write!(f, "the proxy {proxy} could not be used: {reason}"),
            Self::HttpStatus { status } => write!(f, "the answer was HTTP {status}"),
            Self::NotWebsocket { reason }
            | Self::NotBosh { reason }
            | Self::NotHttp { reason }
            | Self::BadFrame { reason } => f.write_str(reason),
            Self::Malformed(error) => write!(f, "the answer is not XMPP: {error}"),
            Self::Terminated { condition, .. } => {
                write!(
                    f,
                    "the session was terminated ({})",
                    condition.as_deref().unwrap_or("no reason given")
                )
            }
            Self::GivingUp { attempts, reason, .. } => write!(f, "{reason}, {attempts} times"),
            Self::BadSubprotocol => f.write_str("the subprotocol was not accepted"),
            Self::TooLarge { limit } => write!(f, "the answer has more than {limit} bytes"),
            Self::Lost { reason } => write!(f, "the connection was lost ({reason})"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Timeout { patience } => write!(f, "no answer within {} ms", patience.as_millis()),
        }
    }
}
