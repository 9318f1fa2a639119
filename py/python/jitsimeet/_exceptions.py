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


class AbortedError(JitsiError):
    """The call was given up because the connection was closed."""

    status = "aborted"


class ConnectionFailedError(JitsiError):
    """The attempt to connect failed. The listeners are told the same, before this is raised."""

    status = "connection_failed"

    failure: ConnectionFailed
    """The event with which the listeners were told."""

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
