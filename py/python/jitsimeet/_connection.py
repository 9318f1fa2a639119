"""``JitsiConnection`` for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from . import _native
from ._events import ConnectionDisconnected, ConnectionEstablished, ConnectionEvent, ConnectionFailed, Event
from ._listeners import Listener, Listeners
from ._loop import LoopHub

if TYPE_CHECKING:
    from typing_extensions import Self

_Established = Literal[ConnectionEvent.CONNECTION_ESTABLISHED, "connection.connectionEstablished"]
_Failed = Literal[ConnectionEvent.CONNECTION_FAILED, "connection.connectionFailed"]
_Disconnected = Literal[ConnectionEvent.CONNECTION_DISCONNECTED, "connection.connectionDisconnected"]

_L = TypeVar("_L", bound=Listener)
_EstablishedL = TypeVar("_EstablishedL", bound=Callable[[ConnectionEstablished], object])
_FailedL = TypeVar("_FailedL", bound=Callable[[ConnectionFailed], object])
_DisconnectedL = TypeVar("_DisconnectedL", bound=Callable[[ConnectionDisconnected], object])


class JitsiConnection:
    """A connection to a Jitsi Meet deployment: lib-jitsi-meet's ``JitsiConnection``.

    ``app_id`` is accepted for lib-jitsi-meet's sake, which does not send it either. ``token`` is a JSON Web Token of
    the deployment. ``options`` is a dict with lib-jitsi-meet's keys, such as a whole ``config.js`` object: keys that
    are not known are ignored. Keywords are the same options in snake_case, and win over the dict; here a name that is
    not known is a ``TypeError``. Durations in options are milliseconds.

    ============================ ============ ==========================================================
    keyword                      default      meaning
    ============================ ============ ==========================================================
    ``service_url``              required     ``ws:`` or ``wss:`` URL of the XMPP WebSocket
    ``hosts["domain"]``          required     the XMPP domain
    ``hosts["anonymousdomain"]`` none         the guests' domain, used when there is no token
    ``login_timeout``            15000        from the open WebSocket to the established session
    ``disconnect_timeout``       2000         how long ``disconnect`` waits for the server
    ``transport``                             dict: ``connect_timeout`` (15000, from the name look-up to the
                                              open WebSocket), ``max_stanza_bytes`` (10485760)
    ``tls``                                   dict: ``ca_certificates`` (PEM text or a list of them: the only
                                              authorities to trust; default: those of the platform)
    ============================ ============ ==========================================================

    Raises :class:`InvalidOptionError`, with the key, for an option that is missing or unusable.

    A connection belongs to the event loop in which it first connects; use from another one is a ``RuntimeError``.
    Keep a reference while you need it: a connection that is dropped closes in the background and tells nobody.
    ``async with`` disconnects at the end of the block.
    """

    def __init__(
        self,
        app_id: str | None = None,
        token: str | None = None,
        options: dict[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        self._native = _native.Connection(app_id, token, options, keywords)
        self._listeners = Listeners()
        self._hub: LoopHub | None = None

    def connect(self) -> ConnectAttempt:
        """Start to connect, at once; the result can be awaited, for the full JID.

        ::

            jid = await connection.connect()

        or entered, which yields the connection and disconnects at the end of the block::

            async with connection.connect() as connection:
                ...

        Awaiting raises :class:`ConnectionFailedError` if the attempt fails and :class:`AbortedError` if ``disconnect``
        is called meanwhile; listeners are told before. A program that only listens need not await at all. Cancelling
        (``task.cancel()``, ``asyncio.timeout``) disconnects, and takes effect when that is done.

        The call itself needs a running event loop, and raises :class:`InvalidStateError` unless the connection is
        idle: new, failed or disconnected.
        """
        hub = self._loop_hub()
        return ConnectAttempt(self, hub.call(self._native.connect))

    async def disconnect(self) -> None:
        """Close the connection in an orderly way, or give up the attempt under way. Of an idle connection: nothing.

        Returns after the listeners of ``CONNECTION_DISCONNECTED`` have been called. Cancelling gives up waiting, not
        the disconnecting.
        """
        if self._hub is not None:
            await self._loop_hub().call(self._native.disconnect)

    @property
    def jid(self) -> str | None:
        """The full JID, from the moment it is bound until the next attempt."""
        return self._native.jid()

    def get_jid(self) -> str | None:
        """Return :attr:`jid`."""
        return self._native.jid()

    def get_connection_times(self) -> dict[str, float]:
        """Return when what happened, in milliseconds of ``time.monotonic() * 1000``.

        lib-jitsi-meet's statuses in lower case (``connecting``, ``authenticating``, ``connected``, ``disconnecting``,
        ``disconnected``, ``authfail``, ``connfail``; of repeated ones the last), and the phases of the last attempt
        (``dns``, ``tcp``, ``tls``, ``upgrade``, ``authenticated``, ``bound``). What has not happened is missing.
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
    def add_event_listener(self, event: str, listener: Listener) -> None: ...
    def add_event_listener(self, event: str, listener: Listener) -> None:
        """Have ``listener`` called with each event of this kind: a :class:`ConnectionEvent` or its string.

        Events come in order, one at a time, in the event loop of the connection. An ``async def`` listener is awaited
        by a task of its own, one event after the other; nothing else waits for it. What a listener raises goes to the
        event loop's exception handler, and the others are called all the same.

        Raises ``ValueError`` for an event that is not known.
        """
        self._listeners.add(ConnectionEvent(event), listener)

    def remove_event_listener(self, event: str, listener: Listener) -> None:
        """Undo one :meth:`add_event_listener`. Do nothing if there was none."""
        self._listeners.remove(ConnectionEvent(event), listener)

    @overload
    def on(self, event: _Established) -> Callable[[_EstablishedL], _EstablishedL]: ...
    @overload
    def on(self, event: _Failed) -> Callable[[_FailedL], _FailedL]: ...
    @overload
    def on(self, event: _Disconnected) -> Callable[[_DisconnectedL], _DisconnectedL]: ...
    @overload
    def on(self, event: str) -> Callable[[_L], _L]: ...
    def on(self, event: str) -> Callable[[_L], _L]:
        """Make a function a listener: :meth:`add_event_listener` as a decorator."""

        def add(listener: _L) -> _L:
            self.add_event_listener(event, listener)
            return listener

        return add

    async def __aenter__(self) -> Self:
        """Return the connection as it is: this does not connect."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.disconnect()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} jid={self.jid!r}>"

    def _deliver(self, event: Event) -> None:
        self._listeners.call(event)

    def _loop_hub(self) -> LoopHub:
        """Return the hub of the running loop, to which the connection belongs from now on."""
        hub = LoopHub.of(asyncio.get_running_loop())
        if self._hub is None:
            hub.attach(self, self._native)
            self._hub = hub
        elif self._hub is not hub:
            raise RuntimeError(f"{self!r} belongs to another event loop")
        return hub


class ConnectAttempt:
    """What :meth:`JitsiConnection.connect` returns: an awaitable and an asynchronous context manager."""

    def __init__(self, connection: JitsiConnection, outcome: asyncio.Future[str]) -> None:
        self._connection = connection
        self._outcome = outcome
        # Who does not await is told by the events, and needs no "exception was never retrieved" in the log.
        outcome.add_done_callback(lambda outcome: outcome.cancelled() or outcome.exception())

    def __await__(self) -> Generator[Any, None, str]:
        return self._wait().__await__()

    async def _wait(self) -> str:
        try:
            return await self._outcome
        except asyncio.CancelledError:
            # To the end, so that the connection is idle again for whoever asked.
            await self._connection.disconnect()
            raise

    async def __aenter__(self) -> JitsiConnection:
        await self
        return self._connection

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.disconnect()
