"""What the asyncio and the blocking ``JitsiConnection`` have in common: all that needs no waiting."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from . import _logging, _native
from ._events import (
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionInterrupted,
    ConnectionRedirected,
    ConnectionResumed,
    ConnectionState,
    DisplayNameRequired,
    Event,
    PropertiesUpdated,
    StanzaReceived,
    TokenExpired,
)
from ._listeners import Listener, Listeners
from ._values import IceServer, Logs, Properties, Statistics

_Established = Literal[ConnectionEvent.CONNECTION_ESTABLISHED, "connection.connectionEstablished"]
_Failed = Literal[ConnectionEvent.CONNECTION_FAILED, "connection.connectionFailed"]
_Disconnected = Literal[ConnectionEvent.CONNECTION_DISCONNECTED, "connection.connectionDisconnected"]
_Interrupted = Literal[ConnectionEvent.INTERRUPTED, "connection.interrupted"]
_Resumed = Literal[ConnectionEvent.RESUMED, "connection.resumed"]
_Stanza = Literal[ConnectionEvent.STANZA_RECEIVED, "connection.stanzaReceived"]
_Redirected = Literal[ConnectionEvent.REDIRECTED, "connection.redirected"]
_TokenExpired = Literal[ConnectionEvent.TOKEN_EXPIRED, "connection.token_expired"]
_DisplayName = Literal[ConnectionEvent.DISPLAY_NAME_REQUIRED, "connection.display_name_required"]
_Properties = Literal[ConnectionEvent.PROPERTIES_UPDATED, "connection.propertiesUpdated"]

_L = TypeVar("_L", bound=Listener)
_EstablishedL = TypeVar("_EstablishedL", bound=Callable[[ConnectionEstablished], object])
_FailedL = TypeVar("_FailedL", bound=Callable[[ConnectionFailed], object])
_DisconnectedL = TypeVar("_DisconnectedL", bound=Callable[[ConnectionDisconnected], object])
_InterruptedL = TypeVar("_InterruptedL", bound=Callable[[ConnectionInterrupted], object])
_ResumedL = TypeVar("_ResumedL", bound=Callable[[ConnectionResumed], object])
_StanzaL = TypeVar("_StanzaL", bound=Callable[[StanzaReceived], object])
_RedirectedL = TypeVar("_RedirectedL", bound=Callable[[ConnectionRedirected], object])
_TokenExpiredL = TypeVar("_TokenExpiredL", bound=Callable[[TokenExpired], object])
_DisplayNameL = TypeVar("_DisplayNameL", bound=Callable[[DisplayNameRequired], object])
_PropertiesL = TypeVar("_PropertiesL", bound=Callable[[PropertiesUpdated], object])


class BaseConnection:
    """A connection, whoever waits for it."""

    _listeners_class: type[Listeners]

    def __init__(
        self,
        app_id: str | None = None,
        token: str | None = None,
        options: dict[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        _logging.follow_level()
        self._native = _native.Connection(app_id, token, options, keywords)
        self._listeners = self._listeners_class(self._native)
        # What the engine is to be told anew with the hub: whether each feature is advertised.
        self._features: dict[str, bool] = {}

    def add_feature(self, feature: str, submit: bool = False) -> None:
        """Advertise a feature: answers to disco#info (XEP-0030) name it.

        ``submit`` tells every room that this connection has joined at once; without it they hear of it with the next
        presence.

        Raises ``ValueError`` for a feature that is empty or holds control characters.
        """
        self._native.add_feature(feature, submit)
        self._features[feature] = True

    def remove_feature(self, feature: str, submit: bool = False) -> None:
        """Advertise a feature no longer, be it added or the library's own. Do nothing if it is not advertised.

        ``submit`` and ``ValueError`` as for :meth:`add_feature`.
        """
        self._native.remove_feature(feature, submit)
        self._features[feature] = False

    @property
    def jid(self) -> str | None:
        """The full JID, from the moment it is bound until the next attempt."""
        return self._native.jid()

    def get_jid(self) -> str | None:
        """Return :attr:`jid`."""
        return self._native.jid()

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return ConnectionState(self._native.state())

    def get_state(self) -> ConnectionState:
        """Return :attr:`state`."""
        return self.state

    def get_statistics(self) -> Statistics:
        """Return what the connection has carried so far, and what waits."""
        return self._native.statistics()

    def get_logs(self) -> Logs:
        """Return the last frames of the connection, without secrets, in lib-jitsi-meet's shape.

        ``{"metadata": {"time": ..., "url": ..., "ua": ..., "xmpp": [[ms, direction, frame], ...]}}``: milliseconds
        since 1970, ``"incoming"`` or ``"outgoing"``, and the text of the frame with ``***`` in place of every secret;
        oldest first, as many as the option ``logs`` keeps. The URL is without its query.
        """
        logs: Logs = _parse(self._native.logs())
        return logs

    def get_properties(self) -> Properties:
        """Return what the deployment has told of itself; until then, what the option ``deployment_info`` says.

        ``shard``, ``region`` and ``release`` where they are known; ``components``, the addresses of the components by
        their kind, such as ``lobbyrooms``; ``features``, those of the server and of some components.
        """
        properties: Properties = _parse(self._native.properties())
        return properties

    def get_ice_servers(self) -> list[IceServer]:
        """Return the STUN and TURN servers, as WebRTC takes them: dicts like ``RTCIceServer``.

        Those of the options ``p2p_stun_servers`` and ``p2p``, and those that the server names, as far as they have not
        expired. ``urls`` is a list; ``username`` and ``credential`` are there where the server wants them, and
        ``expires``, in milliseconds since 1970, where they do.
        """
        servers: list[IceServer] = _parse(self._native.ice_servers())
        return servers

    def get_connection_times(self) -> dict[str, float]:
        """Return when what happened, in milliseconds of ``time.monotonic() * 1000``.

        lib-jitsi-meet's statuses in lower case (``connecting``, ``authenticating``, ``connected``, ``attaching``,
        ``attached``, ``disconnecting``, ``disconnected``, ``authfail``, ``connfail``; of repeated ones the last), and
        the phases of the last attempt (``dns``, ``tcp``, ``tls``, ``upgrade``, ``authenticated``, ``bound``,
        ``resumed``). What has not happened is missing. ``round_trips`` is no time: it is how many the last login or
        resumption took, from TCP on.
        """
        return self._native.connection_times(time.monotonic() * 1000)

    @overload
    def add_event_listener(
        self, event: _Established, listener: Callable[[ConnectionEstablished], object]
    ) -> None: ...
    @overload
    def add_event_listener(self, event: _Failed, listener: Callable[[ConnectionFailed], object]) -> None: ...
    @overload
    def add_event_listener(
        self, event: _Disconnected, listener: Callable[[ConnectionDisconnected], object]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, event: _Interrupted, listener: Callable[[ConnectionInterrupted], object]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, event: _Resumed, listener: Callable[[ConnectionResumed], object]
    ) -> None: ...
    @overload
    def add_event_listener(self, event: _Stanza, listener: Callable[[StanzaReceived], object]) -> None: ...
    @overload
    def add_event_listener(
        self, event: _Redirected, listener: Callable[[ConnectionRedirected], object]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, event: _TokenExpired, listener: Callable[[TokenExpired], object]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, event: _DisplayName, listener: Callable[[DisplayNameRequired], object]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, event: _Properties, listener: Callable[[PropertiesUpdated], object]
    ) -> None: ...
    @overload
    def add_event_listener(self, event: str, listener: Listener) -> None: ...
    def add_event_listener(self, event: str, listener: Listener) -> None:
        """Have ``listener`` called with each event of this kind: a :class:`ConnectionEvent` or its string.

        Events come in order, one at a time, in the event loop of the connection. An ``async def`` listener is awaited
        by a task of its own, one event after the other; nothing else waits for it, and what it has not come to counts
        in the option ``event_queue``. What a listener raises goes to the event loop's exception handler, and the
        others are called all the same.

        Raises ``ValueError`` for an event that is not known.
        """
        self._listeners.add(ConnectionEvent(event), listener)
        self._tell_listening()

    def remove_event_listener(self, event: str, listener: Listener) -> None:
        """Undo one :meth:`add_event_listener`. Do nothing if there was none."""
        self._listeners.remove(ConnectionEvent(event), listener)
        self._tell_listening()

    @overload
    def on(self, event: _Established) -> Callable[[_EstablishedL], _EstablishedL]: ...
    @overload
    def on(self, event: _Failed) -> Callable[[_FailedL], _FailedL]: ...
    @overload
    def on(self, event: _Disconnected) -> Callable[[_DisconnectedL], _DisconnectedL]: ...
    @overload
    def on(self, event: _Interrupted) -> Callable[[_InterruptedL], _InterruptedL]: ...
    @overload
    def on(self, event: _Resumed) -> Callable[[_ResumedL], _ResumedL]: ...
    @overload
    def on(self, event: _Stanza) -> Callable[[_StanzaL], _StanzaL]: ...
    @overload
    def on(self, event: _Redirected) -> Callable[[_RedirectedL], _RedirectedL]: ...
    @overload
    def on(self, event: _TokenExpired) -> Callable[[_TokenExpiredL], _TokenExpiredL]: ...
    @overload
    def on(self, event: _DisplayName) -> Callable[[_DisplayNameL], _DisplayNameL]: ...
    @overload
    def on(self, event: _Properties) -> Callable[[_PropertiesL], _PropertiesL]: ...
    @overload
    def on(self, event: str) -> Callable[[_L], _L]: ...
    def on(self, event: str) -> Callable[[_L], _L]:
        """Make a function a listener: :meth:`add_event_listener` as a decorator."""

        def add(listener: _L) -> _L:
            self.add_event_listener(event, listener)
            return listener

        return add

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._native.id()} jid={self.jid!r}>"

    def __del__(self) -> None:
        # Not there if the options were refused.
        native = getattr(self, "_native", None)
        if native is not None and not native.is_idle():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)

    def _deliver(self, event: Event) -> None:
        self._listeners.call(event)

    def _tell_listening(self) -> None:
        """Have the engine deliver stanzas while somebody listens to them."""
        self._native.set_stanza_listening(self._listeners.listens_to(ConnectionEvent.STANZA_RECEIVED))

    def _attach(self, hub: _native.Hub) -> int:
        """Give the engine the hub, and tell it what it has heard before."""
        identity = self._native.attach(hub)
        self._tell_listening()
        for feature, advertised in self._features.items():
            change = self._native.add_feature if advertised else self._native.remove_feature
            change(feature, submit=False)
        return identity


def _parse(text: str) -> Any:
    # Here, since few ask for what comes as JSON, and everybody would wait for the import.
    import json

    return json.loads(text)
