//! The three closed lists of failure (status, error type, code), and the error that carries them.

use std::fmt;
use std::time::Duration;

use crate::ConferenceFailure;
use crate::closed_list::closed_list;

closed_list! {
    /// What a call returns: the outcome of asking, as against the outcome of the connection.
    ///
    /// ```
    /// use jitsimeet::{Error, Status};
    ///
    /// assert_eq!(Error::NotConnected.status(), Status::NotConnected);
    /// ```
    pub enum Status {
        /// The call did what it was asked.
        Ok = 0 => "ok",
        /// An argument is outside what the call accepts; the message names it.
        InvalidArgument = -1 => "invalid_argument",
        /// Text that must be UTF-8 is not.
        InvalidUtf8 = -2 => "invalid_utf8",
        /// An option is missing, unknown or of the wrong type; the message names its key.
        InvalidOption = -3 => "invalid_option",
        /// The call is not allowed in the present state of the object.
        InvalidState = -4 => "invalid_state",
        /// The attempt to connect ended in `connection.connectionFailed`.
        ConnectionFailed = -5 => "connection_failed",
        /// The operation was given up because `disconnect` or `shutdown` was called, or the object was freed.
        Aborted = -6 => "aborted",
        /// The time the caller allowed ran out.
        Timeout = -7 => "timeout",
        /// There is no session to send on.
        NotConnected = -8 => "not_connected",
        /// The stanza is not one that can be sent; the message says why.
        InvalidStanza = -9 => "invalid_stanza",
        /// `sendQueue` is full: nothing was queued.
        SendQueueFull = -10 => "send_queue_full",
        /// The session was lost before the server acknowledged the stanza, or answered the request.
        SessionLost = -11 => "session_lost",
        /// The conference has moved to another server; the error says where.
        Redirected = -12 => "redirected",
        /// The conference request was refused for good.
        ConferenceRequestFailed = -13 => "conference_request_failed",
        /// The object was made before this process forked off its parent: it is the parent's alone.
        Forked = -14 => "forked",
        /// The call needs another transport than that of the service URL.
        UnsupportedTransport = -15 => "unsupported_transport",
        /// The conference could not be joined, or was lost.
        ConferenceFailed = -16 => "conference_failed",
        /// A defect of this library. Please report it.
        Internal = -100 => "internal",
    }
}

closed_list! {
    /// Why a connection failed, with the strings of lib-jitsi-meet's `JitsiConnectionErrors`.
    ///
    /// ```
    /// assert_eq!(jitsimeet::ErrorType::PasswordRequired.as_str(), "connection.passwordRequired");
    /// ```
    pub enum ErrorType {
        /// The credentials were refused, or credentials are needed and none were given.
        PasswordRequired = 1 => "connection.passwordRequired",
        /// An established session was lost and not resumed, or the peer broke the protocol.
        DroppedError = 2 => "connection.droppedError",
        /// The service URL answered with an HTTP status of 5xx.
        ServerError = 3 => "connection.serverError",
        /// Every other failure.
        OtherError = 4 => "connection.otherError",
        /// The conference request was refused for good.
        ConferenceRequestFailed = 5 => "connection.conferenceRequestFailed",
        /// The conference is not live.
        NotLiveError = 6 => "connection.notLiveError",
        /// The deployment has moved this client to another shard (`testing.enableGracefulReconnect`).
        ShardChangedError = 7 => "connection.shardChangedError",
    }
}

closed_list! {
    /// The finer cause of a failure. New values may be added: treat one you do not know as "other".
    ///
    /// ```
    /// use jitsimeet::Code;
    ///
    /// let advice = |code| match code {
    ///     Code::Dns => "check the host name of `serviceUrl`",
    ///     Code::TlsCertificate => "check `tls.caCertificates`",
    ///     _ => "try again later",
    /// };
    /// assert_eq!(advice(Code::Refused), "try again later");
    /// ```
    pub enum Code {
        /// The host name of the service URL could not be resolved.
        Dns = 1 => "dns",
        /// Nothing listens at the address: the connection was refused.
        Refused = 2 => "refused",
        /// The address could not be reached.
        Unreachable = 3 => "unreachable",
        /// The server's certificate was not accepted.
        TlsCertificate = 4 => "tls_certificate",
        /// The TLS handshake failed for another reason than the certificate.
        TlsHandshake = 5 => "tls_handshake",
        /// `transport.connectTimeout` ran out before the WebSocket, or the connection for BOSH, was open.
        TimeoutConnect = 6 => "timeout_connect",
        /// `loginTimeout` ran out between the open transport and the established session.
        TimeoutLogin = 7 => "timeout_login",
        /// What answered does not speak WebSocket.
        NotWebsocket = 8 => "not_websocket",
        /// The server did not accept the `xmpp` subprotocol of RFC 7395.
        BadSubprotocol = 9 => "bad_subprotocol",
        /// The service URL answered with an HTTP error status.
        HttpStatus = 10 => "http_status",
        /// The server refused the authentication (RFC 6120, section 6.5).
        SaslFailure = 11 => "sasl_failure",
        /// The server offers no SASL mechanism that can be used here.
        NoMechanism = 12 => "no_mechanism",
        /// The server refused to bind a resource (RFC 6120, section 7).
        BindRefused = 13 => "bind_refused",
        /// The server closed the stream with an error (RFC 6120, section 4.9), or ended the BOSH session with a condition
        /// (XEP-0124, section 17).
        StreamError = 14 => "stream_error",
        /// The server closed the stream or the connection without saying why.
        ClosedByServer = 15 => "closed_by_server",
        /// The transport broke: a reset, a lost link.
        ConnectionLost = 16 => "connection_lost",
        /// A frame is not the restricted XML of RFC 6120, section 11.
        MalformedXml = 17 => "malformed_xml",
        /// A frame, or an answer of BOSH, is larger than `transport.maxStanzaBytes`.
        StanzaTooLarge = 18 => "stanza_too_large",
        /// The server sent something that the protocol does not allow at this point.
        ProtocolViolation = 19 => "protocol_violation",
        /// A defect of this library. Please report it.
        Internal = 20 => "internal",
        /// An id was given without a password, or a password without an id, or one of them cannot be used.
        CredentialsIncomplete = 21 => "credentials_incomplete",
        /// The server could not prove that it knows the password.
        ServerNotAuthenticated = 22 => "server_not_authenticated",
        /// The server did not answer pings: the link is dead.
        PingTimeout = 23 => "ping_timeout",
        /// The server no longer has the session that was to be resumed.
        ResumeRefused = 24 => "resume_refused",
        /// The session could not be resumed within the time that the server keeps it.
        ResumeTimeout = 25 => "resume_timeout",
        /// The server acknowledged stanzas that were never sent (XEP-0198, section 4).
        OverAcknowledged = 26 => "over_acknowledged",
        /// The caller's listeners did not take events for `eventQueue.stallTimeout`.
        ListenerStalled = 27 => "listener_stalled",
        /// The token had expired when the session was to be resumed, and no new one came in time.
        TokenExpired = 28 => "token_expired",
        /// The conference request was refused, or its answer could not be used.
        ConferenceRequest = 29 => "conference_request",
        /// The deployment has moved this client to another shard.
        ShardChanged = 30 => "shard_changed",
        /// The proxy could not be reached, or did not let the connection through.
        Proxy = 31 => "proxy",
        /// Requests of BOSH have failed, one attempt after the other, for as long as `httpTimeout`.
        GivingUp = 32 => "giving_up",
        /// What answered does not speak BOSH.
        NotBosh = 33 => "not_bosh",
    }
}

/// Why a connection failed: the arguments of `connection.connectionFailed`.
///
/// ```
/// use jitsimeet::{Code, Error, JitsiConnection, Options};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let mut options = Options::new();
/// options.set("serviceUrl", "ws://127.0.0.1:1/xmpp-websocket")?;
/// options.set("hosts.domain", "meet.example.org")?;
/// let outcome = JitsiConnection::new(None, None, &options)?.connect().await;
/// let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
/// assert_eq!(failure.code, Code::Refused);
/// assert!(failure.transient, "trying again may help");
/// println!("{}", failure.message);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The class of the failure, as lib-jitsi-meet reports it.
    pub error_type: ErrorType,
    /// The finer cause.
    pub code: Code,
    /// A sentence a person can act on: what was tried, where, what came back, what to check.
    pub message: String,
    /// Whether trying again later may succeed without changing anything.
    pub transient: bool,
    /// The JID that the attempt used, where one was known. Never a password.
    pub jid: Option<String>,
    /// The condition of RFC 6120 or XEP-0124 that the server named, such as `host-unknown`.
    pub condition: Option<String>,
    /// The HTTP status, where an HTTP answer was the cause.
    pub http_status: Option<u16>,
    /// The human-readable text that the server sent with its refusal.
    pub server_text: Option<String>,
    /// Whether the client was moved to another shard of the deployment, where both are known.
    pub shard_changed: Option<bool>,
    /// How long before the failure the server was heard last, where it was heard at all.
    pub time_since_last_success: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(error_type: ErrorType, code: Code, message: impl Into<String>) -> Self {
        Self {
            error_type,
            code,
            message: message.into(),
            transient: false,
            jid: None,
            condition: None,
            http_status: None,
            server_text: None,
            shard_changed: None,
            time_since_last_success: None,
        }
    }

    pub(crate) fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorType::OtherError, Code::Internal, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.error_type, self.code, self.message)
    }
}

/// What a call of this crate fails with.
///
/// ```
/// use jitsimeet::{Error, Options, Status};
///
/// let error = Options::new().set("serviceUrl", 1).unwrap_err();
/// assert!(matches!(&error, Error::InvalidOption { key, .. } if key == "serviceUrl"));
/// assert_eq!(error.status(), Status::InvalidOption);
/// assert_eq!(error.to_string(), "option `serviceUrl`: expected a string, got a number");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument that is not an option is unusable.
    #[error("{0}")]
    InvalidArgument(String),
    /// An option is missing, unknown or of the wrong type.
    #[error("option `{key}`: {problem}")]
    InvalidOption {
        /// The key, as a path such as `hosts.domain`.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The call is not allowed in the present state.
    #[error("{call}() is not allowed in the state `{state}`")]
    InvalidState {
        /// The call that was refused.
        call: &'static str,
        /// The state that refused it: `connecting`, `connected`, `interrupted` or `disconnecting`; `running` for `init`.
        state: &'static str,
    },
    /// The attempt failed; the same failure was delivered as `connection.connectionFailed`.
    #[error("{0}")]
    ConnectionFailed(Box<Failure>),
    /// The operation was given up on request.
    #[error("the operation was aborted: {0}")]
    Aborted(&'static str),
    /// The time that the caller allowed ran out.
    #[error("{0}")]
    Timeout(String),
    /// There is no session to send on.
    #[error("there is no session to send on: the connection is not established")]
    NotConnected,
    /// The stanza is not one that can be sent.
    #[error("the stanza cannot be sent: {0}")]
    InvalidStanza(String),
    /// The send queue is full.
    #[error("sendQueue is full: the server has not acknowledged what was sent before")]
    SendQueueFull,
    /// The session was lost.
    #[error("the session was lost before the server had acknowledged the stanza or answered the request")]
    SessionLost,
    /// The conference has moved: connect to the visitor node instead.
    #[error("the conference is served by {vnode}: connect there")]
    Redirected {
        /// The visitor node, by which the deployment finds the other server.
        vnode: String,
        /// The JID of the conference's focus there.
        focus_jid: String,
    },
    /// The conference request was refused for good.
    #[error("{0}")]
    ConferenceRequestFailed(Box<Failure>),
    /// The connection was made before this process forked off its parent, and is the parent's alone. It may be
    /// dropped; new connections work.
    #[error("the connection belongs to the process that this one was forked from: make a new one")]
    Forked,
    /// The call needs another transport than that of the option `serviceUrl`.
    #[error("{call}() needs BOSH, a serviceUrl that begins with http: or https:")]
    UnsupportedTransport {
        /// The call that was refused.
        call: &'static str,
    },
    /// The conference could not be joined; the same failure was delivered as `conference.failed`.
    #[error("{0}")]
    ConferenceFailed(Box<ConferenceFailure>),
    /// A defect of this library.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// The status that names this error in the C ABI and in the `status` field of the bindings' errors.
    ///
    /// ```
    /// use jitsimeet::{Error, Status};
    ///
    /// assert_eq!(Error::SendQueueFull.status(), Status::SendQueueFull);
    /// assert_eq!(Error::SendQueueFull.status().as_str(), "send_queue_full");
    /// ```
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::InvalidArgument(_) => Status::InvalidArgument,
            Self::InvalidOption { .. } => Status::InvalidOption,
            Self::InvalidState { .. } => Status::InvalidState,
            Self::ConnectionFailed(_) => Status::ConnectionFailed,
            Self::Aborted(_) => Status::Aborted,
            Self::Timeout(_) => Status::Timeout,
            Self::NotConnected => Status::NotConnected,
            Self::InvalidStanza(_) => Status::InvalidStanza,
            Self::SendQueueFull => Status::SendQueueFull,
            Self::SessionLost => Status::SessionLost,
            Self::Redirected { .. } => Status::Redirected,
            Self::ConferenceRequestFailed(_) => Status::ConferenceRequestFailed,
            Self::Forked => Status::Forked,
            Self::UnsupportedTransport { .. } => Status::UnsupportedTransport,
            Self::ConferenceFailed(_) => Status::ConferenceFailed,
            Self::Internal(_) => Status::Internal,
        }
    }

    pub(crate) fn option(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidOption { key: key.into(), problem: problem.into() }
    }
}
