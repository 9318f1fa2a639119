//! What the server does wrong on command.

use serde::Deserialize;

/// The faults of a connection. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Misbehaviour in place of the WebSocket upgrade, and of the answers of BOSH.
    pub upgrade: Option<UpgradeFault>,
    /// The HTTP status that `upgrade` and `health` answer with if they are to answer with one; 503 if not given.
    pub status: Option<u16>,
    /// Misbehaviour of the XMPP stream.
    pub stream: Option<StreamFault>,
    /// Misbehaviour of the health check; at once, on connections that there are too.
    pub health: Option<HealthFault>,
    /// Misbehaviour when a session is to be resumed.
    pub resume: Option<ResumeFault>,
    /// Offer no stream management, and close the stream of who asks for it, as Prosody without mod_smacks does.
    #[serde(default)]
    pub no_management: bool,
    /// Grant to resume a session without saying by which id.
    #[serde(default)]
    pub no_id: bool,
    /// Where to come back to resume a session, as `<enabled/>` says.
    pub location: Option<String>,
    /// The mechanisms offered, in place of those that the server has.
    pub mechanisms: Option<Vec<String>>,
}

/// Misbehaviour when a session is to be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeFault {
    /// The session is not known.
    Refuse,
    /// The session is not known any more, and `h` says what arrived.
    RefuseWithCount,
    /// Answer nothing.
    Silent,
    /// Acknowledge one stanza more than was sent.
    OverAcknowledge,
}

/// Misbehaviour in place of the WebSocket upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpgradeFault {
    /// Accept the TCP connection and say nothing.
    Silent,
    /// Answer with an HTTP status. Of BOSH at once, on connections that there are too.
    Refuse,
    /// Accept the upgrade without a subprotocol.
    NoSubprotocol,
    /// Answer with something that is not HTTP.
    NotHttp,
    /// Answer with a web page.
    WebPage,
}

/// Misbehaviour of the health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthFault {
    /// Answer nothing.
    Silent,
    /// Answer with an HTTP status.
    Status,
    /// Answer with a body that never ends.
    Endless,
    /// Answer without the header that names the shard.
    NoShard,
}

/// Misbehaviour of the XMPP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamFault {
    /// Read everything, answer nothing.
    Silent,
    /// Answer the stream header with `<close/>`.
    Close,
    /// Cut the TCP connection at the stream header.
    Cut,
    /// Answer the stream header with a frame that is not well-formed.
    Malformed,
    /// Answer the stream header with a binary frame.
    Binary,
    /// Answer the stream header with a frame of 20,000 bytes.
    Large,
    /// Answer the stream header with the stream error `host-unknown`.
    HostUnknown,
    /// Offer no mechanism but PLAIN.
    NoAnonymous,
    /// Refuse the authentication with `not-allowed` and the text "token required".
    RefuseAuth,
    /// Refuse to bind with `resource-constraint`.
    RefuseBind,
    /// Answer a stanza before it is due: a message in place of the stream header.
    Stanza,
    /// Ask for the session request of RFC 3921 after the bind.
    RequireSession,
    /// Keep silent when the client closes the stream.
    NoClose,
}
