"""What a connection tells its listeners, and the closed lists of names in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal

from ._values import Conference, Record


class _Name(str, Enum):
    """A member is its string: it compares, hashes, prints and formats as that."""

    __str__ = str.__str__


class ConnectionEvent(_Name):
    """The events of a connection, with the strings of lib-jitsi-meet's ``JitsiConnectionEvents``."""

    CONNECTION_ESTABLISHED = "connection.connectionEstablished"
    """The session is established: :class:`ConnectionEstablished`."""
    CONNECTION_FAILED = "connection.connectionFailed"
    """The attempt failed or the session was lost: :class:`ConnectionFailed`."""
    CONNECTION_DISCONNECTED = "connection.connectionDisconnected"
    """The connection was closed on request: :class:`ConnectionDisconnected`."""
    INTERRUPTED = "connection.interrupted"
    """The transport is lost, and recovery is under way: :class:`ConnectionInterrupted`."""
    RESUMED = "connection.resumed"
    """The session goes on over a new transport: :class:`ConnectionResumed`."""
    STANZA_RECEIVED = "connection.stanzaReceived"
    """A stanza came: :class:`StanzaReceived`. Delivered only while it has a listener."""
    REDIRECTED = "connection.redirected"
    """The conference is served elsewhere: :class:`ConnectionRedirected`."""
    TOKEN_EXPIRED = "connection.token_expired"
    """The session is to be resumed, and its token has expired: :class:`TokenExpired`."""
    DISPLAY_NAME_REQUIRED = "connection.display_name_required"
    """The deployment wants a display name of everyone: :class:`DisplayNameRequired`."""
    PROPERTIES_UPDATED = "connection.propertiesUpdated"
    """The deployment has told where this client is: :class:`PropertiesUpdated`."""


class ConnectionState(_Name):
    """Where a connection stands."""

    IDLE = "idle"
    """New, failed, disconnected or redirected: ``connect`` may be called."""
    CONNECTING = "connecting"
    """An attempt is under way."""
    CONNECTED = "connected"
    """The session is established."""
    INTERRUPTED = "interrupted"
    """The transport is lost; the session is being resumed, or a fresh one set up."""
    DISCONNECTING = "disconnecting"
    """``disconnect`` was called and is under way."""


class ConnectionErrorType(_Name):
    """Why a connection failed, with the strings of lib-jitsi-meet's ``JitsiConnectionErrors``."""

    PASSWORD_REQUIRED = "connection.passwordRequired"
    """The credentials were refused, or credentials are needed and none were given."""
    CONNECTION_DROPPED_ERROR = "connection.droppedError"
    """An established session was lost and not resumed, or the peer broke the protocol."""
    SERVER_ERROR = "connection.serverError"
    """The service URL answered with an HTTP status of 5xx."""
    OTHER_ERROR = "connection.otherError"
    """Every other failure."""
    CONFERENCE_REQUEST_FAILED = "connection.conferenceRequestFailed"
    """The conference request was refused for good."""
    NOT_LIVE_ERROR = "connection.notLiveError"
    """The conference is not live."""
    SHARD_CHANGED_ERROR = "connection.shardChangedError"
    """The deployment has moved this client to another shard (``testing.enableGracefulReconnect``)."""


class ConnectionErrorCode(_Name):
    """The finer cause of a failure. Values may be added: treat one you do not know as "other"."""

    DNS = "dns"
    """The host name of the service URL could not be resolved."""
    REFUSED = "refused"
    """Nothing listens at the address: the connection was refused."""
    UNREACHABLE = "unreachable"
    """The address could not be reached."""
    TLS_CERTIFICATE = "tls_certificate"
    """The server's certificate was not accepted."""
    TLS_HANDSHAKE = "tls_handshake"
    """The TLS handshake failed for another reason than the certificate."""
    TIMEOUT_CONNECT = "timeout_connect"
    """``transport.connectTimeout`` ran out before the WebSocket was open."""
    TIMEOUT_LOGIN = "timeout_login"
    """``loginTimeout`` ran out between the open WebSocket and the established session."""
    NOT_WEBSOCKET = "not_websocket"
    """What answered does not speak WebSocket."""
    BAD_SUBPROTOCOL = "bad_subprotocol"
    """The server did not accept the ``xmpp`` subprotocol of RFC 7395."""
    HTTP_STATUS = "http_status"
    """The service URL answered with an HTTP error status."""
    SASL_FAILURE = "sasl_failure"
    """The server refused the authentication."""
    NO_MECHANISM = "no_mechanism"
    """The server offers no SASL mechanism that can be used here."""
    BIND_REFUSED = "bind_refused"
    """The server refused to bind a resource."""
    STREAM_ERROR = "stream_error"
    """The server closed the stream with an error."""
    CLOSED_BY_SERVER = "closed_by_server"
    """The server closed the stream or the connection without saying why."""
    CONNECTION_LOST = "connection_lost"
    """The transport broke: a reset, a lost link."""
    MALFORMED_XML = "malformed_xml"
    """A frame is not the restricted XML of RFC 6120."""
    STANZA_TOO_LARGE = "stanza_too_large"
    """A frame is larger than ``transport.maxStanzaBytes``."""
    PROTOCOL_VIOLATION = "protocol_violation"
    """The server sent something that the protocol does not allow at this point."""
    INTERNAL = "internal"
    """A defect of this library. Please report it."""
    CREDENTIALS_INCOMPLETE = "credentials_incomplete"
    """An id was given without a password, or a password without an id, or one of them cannot be used."""
    SERVER_NOT_AUTHENTICATED = "server_not_authenticated"
    """The server could not prove that it knows the password."""
    PING_TIMEOUT = "ping_timeout"
    """The server did not answer pings: the link is dead."""
    RESUME_REFUSED = "resume_refused"
    """The server no longer has the session that was to be resumed."""
    RESUME_TIMEOUT = "resume_timeout"
    """The session could not be resumed within the time that the server keeps it."""
    OVER_ACKNOWLEDGED = "over_acknowledged"
    """The server acknowledged stanzas that were never sent."""
    LISTENER_STALLED = "listener_stalled"
    """The event loop did not take events for ``eventQueue.stallTimeout``."""
    TOKEN_EXPIRED = "token_expired"
    """The token had expired when the session was to be resumed, and no new one came in time."""
    CONFERENCE_REQUEST = "conference_request"
    """The conference request was refused, or its answer could not be used."""
    SHARD_CHANGED = "shard_changed"
    """The deployment has moved this client to another shard."""
    PROXY = "proxy"
    """The proxy could not be reached, or did not let the connection through."""
    GIVING_UP = "giving_up"
    """Requests of BOSH have failed, one attempt after the other, for as long as ``httpTimeout``."""
    NOT_BOSH = "not_bosh"
    """What answered does not speak BOSH."""


@dataclass(frozen=True, eq=False, repr=False)
class ConnectionEstablished(Record):
    """``connection.connectionEstablished``: the server has bound a resource, or the session goes on.

    Comes again after each :class:`ConnectionResumed`, as in lib-jitsi-meet, and after each reconnect.
    """

    kind: ClassVar[Literal[ConnectionEvent.CONNECTION_ESTABLISHED]] = ConnectionEvent.CONNECTION_ESTABLISHED

    id: str
    """The resource of the JID, as lib-jitsi-meet passes it."""
    resumed: bool = False
    """The session of before goes on: nothing that was sent either way is lost."""
    reconnected: bool = False
    """It is a fresh session after a lost one."""


@dataclass(frozen=True, eq=False, repr=False)
class ConnectionFailed(Record):
    """``connection.connectionFailed``: why, in full.

    The connection is idle again when this is delivered, so that a listener may call ``connect``.
    """

    kind: ClassVar[Literal[ConnectionEvent.CONNECTION_FAILED]] = ConnectionEvent.CONNECTION_FAILED

    error_type: ConnectionErrorType
    """The class of the failure."""
    message: str
    """A sentence a person can act on: what was tried, where, what came back, what to check."""
    jid: str | None
    """The JID that the attempt used, where one was known."""
    code: ConnectionErrorCode
    """The finer cause."""
    transient: bool
    """Whether trying again later may succeed without changing anything."""
    condition: str | None = None
    """The condition of RFC 6120 that the server named, such as ``host-unknown``."""
    http_status: int | None = None
    """The HTTP status, where an HTTP answer was the cause."""
    server_text: str | None = None
    """The human-readable text that the server sent with its refusal."""
    shard_changed: bool | None = None
    """Whether the client was moved to another shard of the deployment, where both are known."""
    time_since_last_success: float | None = None
    """How many seconds before the failure the server was heard last, where it was heard at all."""


@dataclass(frozen=True, eq=False, repr=False)
class ConnectionDisconnected(Record):
    """``connection.connectionDisconnected``: after ``disconnect`` or ``shutdown``."""

    kind: ClassVar[Literal[ConnectionEvent.CONNECTION_DISCONNECTED]] = ConnectionEvent.CONNECTION_DISCONNECTED

    message: str | None = None
    """What the server said on closing, if anything."""


@dataclass(frozen=True, eq=False, repr=False)
class ConnectionInterrupted(Record):
    """``connection.interrupted``: the transport is lost; the session is being resumed, or a fresh one set up."""

    kind: ClassVar[Literal[ConnectionEvent.INTERRUPTED]] = ConnectionEvent.INTERRUPTED

    code: ConnectionErrorCode
    """Why the transport was lost, or why the last attempt failed."""
    message: str
    """The same, as a sentence."""


@dataclass(frozen=True, eq=False, repr=False)
class ConnectionResumed(Record):
    """``connection.resumed``: the session goes on over a new transport. Its :class:`ConnectionEstablished` follows."""

    kind: ClassVar[Literal[ConnectionEvent.RESUMED]] = ConnectionEvent.RESUMED

    attempts: int
    """How many attempts it took."""
    downtime_ms: float
    """How long the session was without a transport."""
    resent: int
    """How many stanzas were sent again."""


@dataclass(frozen=True, eq=False, repr=False)
class StanzaReceived(Record):
    """``connection.stanzaReceived``: a stanza as it came (RFC 6120, section 8)."""

    kind: ClassVar[Literal[ConnectionEvent.STANZA_RECEIVED]] = ConnectionEvent.STANZA_RECEIVED

    xml: str
    """The XML text, as it came."""
    name: str
    """``iq``, ``message`` or ``presence``."""
    from_: str | None
    """Who sent it; ``None`` if it is the server, for this account."""
    to: str | None
    """Whom it is for."""
    type: str | None
    """The attribute ``type``."""
    id: str | None
    """The attribute ``id``."""


@dataclass(frozen=True, eq=False, repr=False)
class ConnectionRedirected(Record):
    """``connection.redirected``: the conference of the conference request is served elsewhere.

    It ends an attempt that sent its request before it connected; a session that sends one goes on.
    """

    kind: ClassVar[Literal[ConnectionEvent.REDIRECTED]] = ConnectionEvent.REDIRECTED

    vnode: str
    """The visitor node, by which the deployment finds the other server."""
    focus_jid: str
    """The JID of the conference's focus there."""


@dataclass(frozen=True, eq=False, repr=False)
class TokenExpired(Record):
    """``connection.token_expired``: the session is to be resumed, and its token has expired.

    It waits for ``refresh_token``, for as long as the server keeps the session.
    """

    kind: ClassVar[Literal[ConnectionEvent.TOKEN_EXPIRED]] = ConnectionEvent.TOKEN_EXPIRED


@dataclass(frozen=True, eq=False, repr=False)
class DisplayNameRequired(Record):
    """``connection.display_name_required``: the deployment lets nobody join without a display name."""

    kind: ClassVar[Literal[ConnectionEvent.DISPLAY_NAME_REQUIRED]] = ConnectionEvent.DISPLAY_NAME_REQUIRED


@dataclass(frozen=True, eq=False, repr=False)
class PropertiesUpdated(Record):
    """``connection.propertiesUpdated``: where the deployment has placed this client. ``get_properties`` has more."""

    kind: ClassVar[Literal[ConnectionEvent.PROPERTIES_UPDATED]] = ConnectionEvent.PROPERTIES_UPDATED

    shard: str | None = None
    """The shard that serves this client."""
    region: str | None = None
    """The region that it is in."""


Event = (
    ConnectionEstablished
    | ConnectionFailed
    | ConnectionDisconnected
    | ConnectionInterrupted
    | ConnectionResumed
    | StanzaReceived
    | ConnectionRedirected
    | TokenExpired
    | DisplayNameRequired
    | PropertiesUpdated
)

Item = tuple[int, None, Event] | tuple[int, int, str | float | Conference | Exception | None]
"""What the engine delivers: the id of the connection, and an event, or the token of a call and its outcome."""
