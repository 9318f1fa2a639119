//! The closed lists of core as plain integers, which is how C takes and gets them: a number that an enum of Rust does
//! not know would be undefined behaviour. The compiler compares each with core's.

use jitsimeet_core::{Code, ConnectionState, ErrorType, EventKind, LogLevel, Status};

/// What a call returns: `JM_OK` or one of `JM_STATUS_*`, which are negative and never renumbered. New ones may be
/// added: treat one you do not know as a failure.
pub type jm_status = i32;

/// The version of the ABI. A program that was built for one works with every library that has the same.
pub const JM_ABI_VERSION: i32 = 1;

/// The call did what it was asked.
pub const JM_OK: i32 = 0;
/// An argument is outside what the call accepts; the message names it.
pub const JM_STATUS_INVALID_ARGUMENT: i32 = -1;
/// Text that must be UTF-8 is not.
pub const JM_STATUS_INVALID_UTF8: i32 = -2;
/// An option is missing, unknown or of the wrong type; the message names its key.
pub const JM_STATUS_INVALID_OPTION: i32 = -3;
/// The call is not allowed in the present state of the object.
pub const JM_STATUS_INVALID_STATE: i32 = -4;
/// The attempt to connect ended in `connection.connectionFailed`.
pub const JM_STATUS_CONNECTION_FAILED: i32 = -5;
/// The operation was given up because `disconnect` or `shutdown` was called, or the object was freed.
pub const JM_STATUS_ABORTED: i32 = -6;
/// The time the caller allowed ran out.
pub const JM_STATUS_TIMEOUT: i32 = -7;
/// There is no session to send on.
pub const JM_STATUS_NOT_CONNECTED: i32 = -8;
/// The stanza is not one that can be sent; the message says why.
pub const JM_STATUS_INVALID_STANZA: i32 = -9;
/// `sendQueue` is full: nothing was queued.
pub const JM_STATUS_SEND_QUEUE_FULL: i32 = -10;
/// The session was lost before the server acknowledged the stanza, or answered the request.
pub const JM_STATUS_SESSION_LOST: i32 = -11;
/// The conference has moved to another server: `vnode` and `focus_jid` of the completion say where.
pub const JM_STATUS_REDIRECTED: i32 = -12;
/// The conference request was refused for good; the completion says why.
pub const JM_STATUS_CONFERENCE_REQUEST_FAILED: i32 = -13;
/// The object was made before this process was forked off its parent, whose alone it is. It may be freed.
pub const JM_STATUS_FORKED: i32 = -14;
/// The call needs another transport than that of the service URL.
pub const JM_STATUS_UNSUPPORTED_TRANSPORT: i32 = -15;
/// The conference could not be joined, or was lost.
pub const JM_STATUS_CONFERENCE_FAILED: i32 = -16;
/// A defect of this library. Please report it.
pub const JM_STATUS_INTERNAL: i32 = -100;

/// The credentials were refused, or credentials are needed and none were given.
pub const JM_ERROR_TYPE_PASSWORD_REQUIRED: i32 = 1;
/// An established session was lost and not resumed, or the peer broke the protocol.
pub const JM_ERROR_TYPE_DROPPED_ERROR: i32 = 2;
/// The service URL answered with an HTTP status of 5xx.
pub const JM_ERROR_TYPE_SERVER_ERROR: i32 = 3;
/// Every other failure.
pub const JM_ERROR_TYPE_OTHER_ERROR: i32 = 4;
/// The conference request was refused for good.
pub const JM_ERROR_TYPE_CONFERENCE_REQUEST_FAILED: i32 = 5;
/// The conference is not live.
pub const JM_ERROR_TYPE_NOT_LIVE_ERROR: i32 = 6;
/// The deployment has moved this client to another shard (`testing.enableGracefulReconnect`).
pub const JM_ERROR_TYPE_SHARD_CHANGED_ERROR: i32 = 7;

/// The host name of the service URL could not be resolved.
pub const JM_CODE_DNS: i32 = 1;
/// Nothing listens at the address: the connection was refused.
pub const JM_CODE_REFUSED: i32 = 2;
/// The address could not be reached.
pub const JM_CODE_UNREACHABLE: i32 = 3;
/// The server's certificate was not accepted.
pub const JM_CODE_TLS_CERTIFICATE: i32 = 4;
/// The TLS handshake failed for another reason than the certificate.
pub const JM_CODE_TLS_HANDSHAKE: i32 = 5;
/// `transport.connectTimeout` ran out before the WebSocket was open.
pub const JM_CODE_TIMEOUT_CONNECT: i32 = 6;
/// `loginTimeout` ran out between the open WebSocket and the established session.
pub const JM_CODE_TIMEOUT_LOGIN: i32 = 7;
/// What answered does not speak WebSocket.
pub const JM_CODE_NOT_WEBSOCKET: i32 = 8;
/// The server did not accept the `xmpp` subprotocol of RFC 7395.
pub const JM_CODE_BAD_SUBPROTOCOL: i32 = 9;
/// The service URL answered with an HTTP error status.
pub const JM_CODE_HTTP_STATUS: i32 = 10;
/// The server refused the authentication (RFC 6120, section 6.5).
pub const JM_CODE_SASL_FAILURE: i32 = 11;
/// The server offers no SASL mechanism that can be used here.
pub const JM_CODE_NO_MECHANISM: i32 = 12;
/// The server refused to bind a resource (RFC 6120, section 7).
pub const JM_CODE_BIND_REFUSED: i32 = 13;
/// The server closed the stream with an error (RFC 6120, section 4.9).
pub const JM_CODE_STREAM_ERROR: i32 = 14;
/// The server closed the stream or the connection without saying why.
pub const JM_CODE_CLOSED_BY_SERVER: i32 = 15;
/// The transport broke: a reset, a lost link.
pub const JM_CODE_CONNECTION_LOST: i32 = 16;
/// A frame is not the restricted XML of RFC 6120, section 11.
pub const JM_CODE_MALFORMED_XML: i32 = 17;
/// A frame is larger than `transport.maxStanzaBytes`.
pub const JM_CODE_STANZA_TOO_LARGE: i32 = 18;
/// The server sent something that the protocol does not allow at this point.
pub const JM_CODE_PROTOCOL_VIOLATION: i32 = 19;
/// A defect of this library. Please report it.
pub const JM_CODE_INTERNAL: i32 = 20;
/// An id was given without a password, or a password without an id, or one of them cannot be used.
pub const JM_CODE_CREDENTIALS_INCOMPLETE: i32 = 21;
/// The server could not prove that it knows the password.
pub const JM_CODE_SERVER_NOT_AUTHENTICATED: i32 = 22;
/// The server did not answer pings: the link is dead.
pub const JM_CODE_PING_TIMEOUT: i32 = 23;
/// The server no longer has the session that was to be resumed.
pub const JM_CODE_RESUME_REFUSED: i32 = 24;
/// The session could not be resumed within the time that the server keeps it.
pub const JM_CODE_RESUME_TIMEOUT: i32 = 25;
/// The server acknowledged stanzas that were never sent (XEP-0198, section 4).
pub const JM_CODE_OVER_ACKNOWLEDGED: i32 = 26;
/// The caller's listeners did not take events for `eventQueue.stallTimeout`.
pub const JM_CODE_LISTENER_STALLED: i32 = 27;
/// The token had expired when the session was to be resumed, and no new one came in time.
pub const JM_CODE_TOKEN_EXPIRED: i32 = 28;
/// The conference request was refused, or its answer could not be used.
pub const JM_CODE_CONFERENCE_REQUEST: i32 = 29;
/// The deployment has moved this client to another shard.
pub const JM_CODE_SHARD_CHANGED: i32 = 30;
/// The proxy could not be reached, or did not let the connection through.
pub const JM_CODE_PROXY: i32 = 31;
/// Requests of BOSH have failed, one attempt after the other, for as long as `httpTimeout`.
pub const JM_CODE_GIVING_UP: i32 = 32;
/// What answered does not speak BOSH.
pub const JM_CODE_NOT_BOSH: i32 = 33;

/// The session is established: the server has bound a resource.
pub const JM_EVENT_CONNECTION_ESTABLISHED: i32 = 1;
/// The attempt failed or the session was lost. The connection is idle again, so that a listener may connect.
pub const JM_EVENT_CONNECTION_FAILED: i32 = 2;
/// The connection was closed, or the attempt given up, by `jm_connection_disconnect` or `jm_shutdown`.
pub const JM_EVENT_CONNECTION_DISCONNECTED: i32 = 3;
/// The transport is lost; the session is being resumed, or a fresh one set up.
pub const JM_EVENT_INTERRUPTED: i32 = 4;
/// The session goes on over a new transport. `JM_EVENT_CONNECTION_ESTABLISHED` follows.
pub const JM_EVENT_RESUMED: i32 = 5;
/// A stanza came. Only while stanzas are listened for.
pub const JM_EVENT_STANZA_RECEIVED: i32 = 6;
/// The conference of a conference request is served elsewhere. It ends an attempt that sent its request before it
/// connected; a session in which `jm_connection_send_conference_request` was called goes on.
pub const JM_EVENT_REDIRECTED: i32 = 7;
/// The session is to be resumed and its token has expired. It waits for `jm_connection_refresh_token`, for as long as
/// the server keeps it.
pub const JM_EVENT_TOKEN_EXPIRED: i32 = 8;
/// The deployment lets nobody join without a display name.
pub const JM_EVENT_DISPLAY_NAME_REQUIRED: i32 = 9;
/// The deployment has told which shard and region serve this client.
pub const JM_EVENT_PROPERTIES_UPDATED: i32 = 10;
/// A call that takes a `done` is complete. The event carries its `user_data` and `status`. In queue mode it comes from
/// the queue; otherwise it is what a `jm_completion_fn` gets, and there are no listeners for it.
pub const JM_EVENT_COMPLETION: i32 = 1000;

/// New, failed, disconnected or redirected: `jm_connection_connect` may be called.
pub const JM_STATE_IDLE: i32 = 0;
/// An attempt is under way.
pub const JM_STATE_CONNECTING: i32 = 1;
/// The session is established.
pub const JM_STATE_CONNECTED: i32 = 2;
/// The transport is lost; the session is being resumed, or a fresh one set up.
pub const JM_STATE_INTERRUPTED: i32 = 3;
/// `jm_connection_disconnect` was called and is under way.
pub const JM_STATE_DISCONNECTING: i32 = 4;

/// Nothing is logged.
pub const JM_LOG_LEVEL_OFF: i32 = 0;
/// A defect of this library.
pub const JM_LOG_LEVEL_ERROR: i32 = 1;
/// What should be changed, such as an option that makes TLS worthless.
pub const JM_LOG_LEVEL_WARN: i32 = 2;
/// What happens to a connection.
pub const JM_LOG_LEVEL_INFO: i32 = 3;
/// What leads to it.
pub const JM_LOG_LEVEL_DEBUG: i32 = 4;
/// Everything.
pub const JM_LOG_LEVEL_TRACE: i32 = 5;

const _: () = {
    assert!(JM_OK == Status::Ok.as_i32());
    assert!(JM_STATUS_INVALID_ARGUMENT == Status::InvalidArgument.as_i32());
    assert!(JM_STATUS_INVALID_UTF8 == Status::InvalidUtf8.as_i32());
    assert!(JM_STATUS_INVALID_OPTION == Status::InvalidOption.as_i32());
    assert!(JM_STATUS_INVALID_STATE == Status::InvalidState.as_i32());
    assert!(JM_STATUS_CONNECTION_FAILED == Status::ConnectionFailed.as_i32());
    assert!(JM_STATUS_ABORTED == Status::Aborted.as_i32());
    assert!(JM_STATUS_TIMEOUT == Status::Timeout.as_i32());
    assert!(JM_STATUS_NOT_CONNECTED == Status::NotConnected.as_i32());
    assert!(JM_STATUS_INVALID_STANZA == Status::InvalidStanza.as_i32());
    assert!(JM_STATUS_SEND_QUEUE_FULL == Status::SendQueueFull.as_i32());
    assert!(JM_STATUS_SESSION_LOST == Status::SessionLost.as_i32());
    assert!(JM_STATUS_REDIRECTED == Status::Redirected.as_i32());
    assert!(JM_STATUS_CONFERENCE_REQUEST_FAILED == Status::ConferenceRequestFailed.as_i32());
    assert!(JM_STATUS_FORKED == Status::Forked.as_i32());
    assert!(JM_STATUS_UNSUPPORTED_TRANSPORT == Status::UnsupportedTransport.as_i32());
    assert!(JM_STATUS_CONFERENCE_FAILED == Status::ConferenceFailed.as_i32());
    assert!(JM_STATUS_INTERNAL == Status::Internal.as_i32());
    assert!(JM_ERROR_TYPE_PASSWORD_REQUIRED == ErrorType::PasswordRequired.as_i32());
    assert!(JM_ERROR_TYPE_DROPPED_ERROR == ErrorType::DroppedError.as_i32());
    assert!(JM_ERROR_TYPE_SERVER_ERROR == ErrorType::ServerError.as_i32());
    assert!(JM_ERROR_TYPE_OTHER_ERROR == ErrorType::OtherError.as_i32());
    assert!(JM_ERROR_TYPE_CONFERENCE_REQUEST_FAILED == ErrorType::ConferenceRequestFailed.as_i32());
    assert!(JM_ERROR_TYPE_NOT_LIVE_ERROR == ErrorType::NotLiveError.as_i32());
    assert!(JM_ERROR_TYPE_SHARD_CHANGED_ERROR == ErrorType::ShardChangedError.as_i32());
    assert!(JM_CODE_DNS == Code::Dns.as_i32());
    assert!(JM_CODE_REFUSED == Code::Refused.as_i32());
    assert!(JM_CODE_UNREACHABLE == Code::Unreachable.as_i32());
    assert!(JM_CODE_TLS_CERTIFICATE == Code::TlsCertificate.as_i32());
    assert!(JM_CODE_TLS_HANDSHAKE == Code::TlsHandshake.as_i32());
    assert!(JM_CODE_TIMEOUT_CONNECT == Code::TimeoutConnect.as_i32());
    assert!(JM_CODE_TIMEOUT_LOGIN == Code::TimeoutLogin.as_i32());
    assert!(JM_CODE_NOT_WEBSOCKET == Code::NotWebsocket.as_i32());
    assert!(JM_CODE_BAD_SUBPROTOCOL == Code::BadSubprotocol.as_i32());
    assert!(JM_CODE_HTTP_STATUS == Code::HttpStatus.as_i32());
    assert!(JM_CODE_SASL_FAILURE == Code::SaslFailure.as_i32());
    assert!(JM_CODE_NO_MECHANISM == Code::NoMechanism.as_i32());
    assert!(JM_CODE_BIND_REFUSED == Code::BindRefused.as_i32());
    assert!(JM_CODE_STREAM_ERROR == Code::StreamError.as_i32());
    assert!(JM_CODE_CLOSED_BY_SERVER == Code::ClosedByServer.as_i32());
    assert!(JM_CODE_CONNECTION_LOST == Code::ConnectionLost.as_i32());
    assert!(JM_CODE_MALFORMED_XML == Code::MalformedXml.as_i32());
    assert!(JM_CODE_STANZA_TOO_LARGE == Code::StanzaTooLarge.as_i32());
    assert!(JM_CODE_PROTOCOL_VIOLATION == Code::ProtocolViolation.as_i32());
    assert!(JM_CODE_INTERNAL == Code::Internal.as_i32());
    assert!(JM_CODE_CREDENTIALS_INCOMPLETE == Code::CredentialsIncomplete.as_i32());
    assert!(JM_CODE_SERVER_NOT_AUTHENTICATED == Code::ServerNotAuthenticated.as_i32());
    assert!(JM_CODE_PING_TIMEOUT == Code::PingTimeout.as_i32());
    assert!(JM_CODE_RESUME_REFUSED == Code::ResumeRefused.as_i32());
    assert!(JM_CODE_RESUME_TIMEOUT == Code::ResumeTimeout.as_i32());
    assert!(JM_CODE_OVER_ACKNOWLEDGED == Code::OverAcknowledged.as_i32());
    assert!(JM_CODE_LISTENER_STALLED == Code::ListenerStalled.as_i32());
    assert!(JM_CODE_TOKEN_EXPIRED == Code::TokenExpired.as_i32());
    assert!(JM_CODE_CONFERENCE_REQUEST == Code::ConferenceRequest.as_i32());
    assert!(JM_CODE_SHARD_CHANGED == Code::ShardChanged.as_i32());
    assert!(JM_CODE_PROXY == Code::Proxy.as_i32());
    assert!(JM_CODE_GIVING_UP == Code::GivingUp.as_i32());
    assert!(JM_CODE_NOT_BOSH == Code::NotBosh.as_i32());
    assert!(JM_EVENT_CONNECTION_ESTABLISHED == EventKind::ConnectionEstablished.as_i32());
    assert!(JM_EVENT_CONNECTION_FAILED == EventKind::ConnectionFailed.as_i32());
    assert!(JM_EVENT_CONNECTION_DISCONNECTED == EventKind::ConnectionDisconnected.as_i32());
    assert!(JM_EVENT_INTERRUPTED == EventKind::Interrupted.as_i32());
    assert!(JM_EVENT_RESUMED == EventKind::Resumed.as_i32());
    assert!(JM_EVENT_STANZA_RECEIVED == EventKind::StanzaReceived.as_i32());
    assert!(JM_EVENT_REDIRECTED == EventKind::Redirected.as_i32());
    assert!(JM_EVENT_TOKEN_EXPIRED == EventKind::TokenExpired.as_i32());
    assert!(JM_EVENT_DISPLAY_NAME_REQUIRED == EventKind::DisplayNameRequired.as_i32());
    assert!(JM_EVENT_PROPERTIES_UPDATED == EventKind::PropertiesUpdated.as_i32());
    assert!(JM_STATE_IDLE == ConnectionState::Idle.as_i32());
    assert!(JM_STATE_CONNECTING == ConnectionState::Connecting.as_i32());
    assert!(JM_STATE_CONNECTED == ConnectionState::Connected.as_i32());
    assert!(JM_STATE_INTERRUPTED == ConnectionState::Interrupted.as_i32());
    assert!(JM_STATE_DISCONNECTING == ConnectionState::Disconnecting.as_i32());
    assert!(JM_LOG_LEVEL_OFF == LogLevel::Off.as_i32());
    assert!(JM_LOG_LEVEL_ERROR == LogLevel::Error.as_i32());
    assert!(JM_LOG_LEVEL_WARN == LogLevel::Warn.as_i32());
    assert!(JM_LOG_LEVEL_INFO == LogLevel::Info.as_i32());
    assert!(JM_LOG_LEVEL_DEBUG == LogLevel::Debug.as_i32());
    assert!(JM_LOG_LEVEL_TRACE == LogLevel::Trace.as_i32());
};
