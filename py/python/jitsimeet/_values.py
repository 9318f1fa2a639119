"""What a connection answers when it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict


class Record:
    """What a dataclass would have generated for each class anew, which is slow: half of what importing them takes."""

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__qualname__}({values})"


@dataclass(frozen=True, eq=False, repr=False)
class Conference(Record):
    """A conference that can be joined: what the focus has answered to the conference request."""

    focus_jid: str | None = None
    """The JID of the focus in the conference."""
    identity: str | None = None
    """Who the focus takes this client for, where it authenticates."""
    vnode: str | None = None
    """The visitor node, for a recorder or a gateway, which is not redirected."""
    properties: dict[str, str] = field(default_factory=dict)
    """Its properties, such as ``authentication``, ``externalAuth``, ``sipGatewayEnabled`` or ``visitors-supported``."""


@dataclass(frozen=True, eq=False, repr=False)
class Statistics(Record):
    """What a connection has carried, over all its attempts and transports, and what waits."""

    bytes_sent: int
    """Bytes of XMPP that went out, without the framing of WebSocket and TLS."""
    bytes_received: int
    """Bytes of XMPP that came, without that framing."""
    frames_sent: int
    """Frames that went out: stanzas, and what opens, manages and closes a stream."""
    frames_received: int
    """Frames that came."""
    stanzas_sent: int
    """Stanzas that went out: those of the program, and the library's own."""
    stanzas_received: int
    """Stanzas that came."""
    unacknowledged: int
    """Stanzas of the caller and of the library that the server has not acknowledged, or that wait for a transport."""
    resumes: int
    """How often the session was resumed."""
    reconnects: int
    """How often a fresh session replaced a lost one (``reconnect``)."""
    queued_events: int
    """Events and outcomes of calls that wait: for the event loop, an ``async def`` listener or an iterator."""


class LogMetadata(TypedDict):
    """The contents of :class:`Logs`."""

    time: str
    url: str
    ua: str
    xmpp: list[list[Any]]


class Logs(TypedDict):
    """What ``get_logs`` returns, in lib-jitsi-meet's shape."""

    metadata: LogMetadata


class _Placement(TypedDict, total=False):
    shard: str
    region: str
    release: str


class Properties(_Placement):
    """What ``get_properties`` returns; what is not known of ``shard``, ``region`` and ``release`` is missing."""

    components: dict[str, str]
    features: list[str]


class _Credentials(TypedDict, total=False):
    username: str
    credential: str
    expires: int


class IceServer(_Credentials):
    """A STUN or TURN server as ``RTCIceServer`` of WebRTC; ``expires`` is in milliseconds since 1970."""

    urls: list[str]
