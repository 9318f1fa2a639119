//! What carries frames between the session and the server.

mod connector;
pub(crate) mod tls;
pub(crate) mod websocket;

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
    TlsHandshake {
        reason: String,
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
}
