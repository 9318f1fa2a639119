"""The exceptions. Native code makes the instances; the tree is drawn in the docstring of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from ._events import ConnectionErrorCode, ConnectionErrorType, ConnectionFailed


class JitsiError(Exception):
    """Base of all exceptions of this library. Raised as such only for a defect of the library itself."""

    status: ClassVar[str] = "internal"
    """Names the kind of error, the same in all languages that this library speaks."""


class InvalidOptionError(JitsiError, ValueError):
    """An option is missing or unusable."""

    status = "invalid_option"

    key: str
    """The option, as a path of lib-jitsi-meet's names such as ``hosts.domain``."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message, key)
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


class InvalidStateError(JitsiError):
    """The call is not allowed in the present state, such as ``connect`` while connected."""

    status = "invalid_state"


class UnsupportedTransportError(JitsiError):
    """The call needs another transport than that of ``serviceUrl``: ``attach`` needs BOSH."""

    status = "unsupported_transport"


class AbortedError(JitsiError):
    """The call was given up because the connection was closed."""

    status = "aborted"


class NotConnectedError(JitsiError):
    """There is no session to send on."""

    status = "not_connected"


class InvalidStanzaError(JitsiError, ValueError):
    """The stanza is not one that can be sent; the message says why."""

    status = "invalid_stanza"


class SendQueueFullError(JitsiError):
    """``sendQueue`` is full, since the server acknowledges too little: nothing was queued."""

    status = "send_queue_full"


class SessionLostError(JitsiError):
    """The session was lost before the server acknowledged the stanza, which may or may not have arrived.

    Or before it answered the request.
    """

    status = "session_lost"


class ForkedError(JitsiError):
    """The connection was made before this process was forked off its parent, whose alone it is. Make a new one."""

    status = "forked"


class RedirectedError(JitsiError):
    """The conference is served by another server of the deployment: connect there.

    The listeners are told before this is raised.
    """

    status = "redirected"

    vnode: str
    """The visitor node, by which the deployment finds the other server."""
    focus_jid: str
    """The JID of the conference's focus there."""

    def __init__(self, message: str, vnode: str, focus_jid: str) -> None:
        super().__init__(message, vnode, focus_jid)
        self.vnode = vnode
        self.focus_jid = focus_jid

    def __str__(self) -> str:
        return str(self.args[0])


class _FailureError(JitsiError):
    """What has a failure to explain it."""

    failure: ConnectionFailed
    """Why, in the form in which listeners are told of a failed connection."""

    def __init__(self, message: str, failure: ConnectionFailed) -> None:
        super().__init__(message, failure)
        self.failure = failure

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def error_type(self) -> ConnectionErrorType:
        """The class of the failure."""
        return self.failure.error_type

    @property
    def code(self) -> ConnectionErrorCode:
        """The finer cause."""
        return self.failure.code

    @property
    def message(self) -> str:
        """What was tried, where, what came back, what to check."""
        return self.failure.message

    @property
    def transient(self) -> bool:
        """Whether trying again later may succeed without changing anything."""
        return self.failure.transient

    @property
    def jid(self) -> str | None:
        """The JID that the attempt used, where one was known."""
        return self.failure.jid

    @property
    def condition(self) -> str | None:
        """The condition of RFC 6120 that the server named, such as ``host-unknown``."""
        return self.failure.condition

    @property
    def http_status(self) -> int | None:
        """The HTTP status, where an HTTP answer was the cause."""
        return self.failure.http_status

    @property
    def server_text(self) -> str | None:
        """The human-readable text that the server sent with its refusal."""
        return self.failure.server_text

    @property
    def shard_changed(self) -> bool | None:
        """Whether the client was moved to another shard of the deployment, where both are known."""
        return self.failure.shard_changed

    @property
    def time_since_last_success(self) -> float | None:
        """How many seconds before the failure the server was heard last, where it was heard at all."""
        return self.failure.time_since_last_success


class ConnectionFailedError(_FailureError):
    """The attempt to connect failed, or the server refused a new token.

    The listeners are told of a failed connection before this is raised. A refused token is no event: the session goes
    on with the old one.
    """

    status = "connection_failed"


class ConferenceRequestFailedError(_FailureError):
    """The conference request was refused for good. It is no event: the session goes on."""

    status = "conference_request_failed"
