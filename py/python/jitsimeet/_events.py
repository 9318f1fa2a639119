"""What a connection tells its listeners, and the closed lists of names in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal

from ._exceptions import JitsiError


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


class ConnectionErrorType(_Name):
    """Why a connection failed, with the strings of lib-jitsi-meet's ``JitsiConnectionErrors``."""

    PASSWORD_REQUIRED = "connection.passwordRequired"
    """The credentials were refused, or credentials are needed and none were given."""
    CONNECTION_DROPPED_ERROR = "connection.droppedError"
    """An established session was lost, or the peer broke the protocol."""
    SERVER_ERROR = "connection.serverError"
    """The service URL answered with an HTTP status of 5xx."""
    OTHER_ERROR = "connection.otherError"
    """Every other failure."""


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


@dataclass(frozen=True)
class ConnectionEstablished:
    """``connection.connectionEstablished``: the server has bound a resource."""

    kind: ClassVar[Literal[ConnectionEvent.CONNECTION_ESTABLISHED]] = ConnectionEvent.CONNECTION_ESTABLISHED

    id: str
    """The resource of the JID, as lib-jitsi-meet passes it."""


@dataclass(frozen=True)
class ConnectionFailed:
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


@dataclass(frozen=True)
class ConnectionDisconnected:
    """``connection.connectionDisconnected``: after ``disconnect`` or ``shutdown``."""

    kind: ClassVar[Literal[ConnectionEvent.CONNECTION_DISCONNECTED]] = ConnectionEvent.CONNECTION_DISCONNECTED

    message: str | None = None
    """What the server said on closing, if anything."""


Event = ConnectionEstablished | ConnectionFailed | ConnectionDisconnected

Item = tuple[int, None, Event] | tuple[int, int, str | JitsiError | None]
"""What the engine delivers: the id of the connection, and an event, or the token of a call and its outcome."""
