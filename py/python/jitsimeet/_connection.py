"""``JitsiConnection`` for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from . import _native
from ._events import (
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionInterrupted,
    ConnectionResumed,
    Event,
    StanzaReceived,
)
from ._listeners import Listener, Listeners
from ._loop import LoopHub

if TYPE_CHECKING:
    from typing_extensions import Self

_Established = Literal[ConnectionEvent.CONNECTION_ESTABLISHED, "connection.connectionEstablished"]
_Failed = Literal[ConnectionEvent.CONNECTION_FAILED, "connection.connectionFailed"]
_Disconnected = Literal[ConnectionEvent.CONNECTION_DISCONNECTED, "connection.connectionDisconnected"]
_Interrupted = Literal[ConnectionEvent.INTERRUPTED, "connection.interrupted"]
_Resumed = Literal[ConnectionEvent.RESUMED, "connection.resumed"]
_Stanza = Literal[ConnectionEvent.STANZA_RECEIVED, "connection.stanzaReceived"]

_L = TypeVar("_L", bound=Listener)
_EstablishedL = TypeVar("_EstablishedL", bound=Callable[[ConnectionEstablished], object])
_FailedL = TypeVar("_FailedL", bound=Callable[[ConnectionFailed], object])
_DisconnectedL = TypeVar("_DisconnectedL", bound=Callable[[ConnectionDisconnected], object])
_InterruptedL = TypeVar("_InterruptedL", bound=Callable[[ConnectionInterrupted], object])
_ResumedL = TypeVar("_ResumedL", bound=Callable[[ConnectionResumed], object])
_StanzaL = TypeVar("_StanzaL", bound=Callable[[StanzaReceived], object])


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
    ``hosts["anonymousdomain"]`` none         the guests' domain, used when there is neither id nor token
    ``enable_websocket_resume``  True         stream management: a lost transport is replaced, and the session
                                              goes on
    ``xmpp_ping``                             dict: ``interval`` (10000; 0 disables), ``timeout`` (5000),
                                              ``threshold`` (2: unanswered pings until the link counts as dead)
    ``login_timeout``            15000        from the open WebSocket to the established session
    ``disconnect_timeout``       2000         how long ``disconnect`` waits for the server
    ``iq_timeout``               15000        how long ``send_iq`` waits unless it is told otherwise
    ``resume``                                dict: ``attempt_timeout`` (10000), ``max_elapsed`` (what the server
                                              grants), ``min_delay`` (0), ``max_delay`` (10000)
    ``reconnect``                off          dict: ``max_attempts`` (no limit), ``base_delay`` (1000),
                                              ``max_delay`` (30000); given, even empty: a fresh session after a
                                              transient failure
    ``sasl``                                  dict: ``mechanisms`` (a list: the only ones to use),
                                              ``allow_plain_without_tls`` (False)
    ``send_queue``                            dict: ``max_stanzas`` (1000), ``max_bytes`` (4194304): what is sent
                                              and not acknowledged
    ``event_queue``                           dict: ``max_events`` (10000), ``max_bytes`` (16777216): received
                                              stanzas that the event loop has not taken; at either bound nothing
                                              is read until half is taken, for up to ``stall_timeout`` (30000)
    ``transport``                             dict: ``connect_timeout`` (15000, from the name look-up to the
                                              open WebSocket), ``max_stanza_bytes`` (10485760), ``pipelining``
                                              (``"auto"`` or ``"off"``)
    ``tls``                                   dict: ``ca_certificates`` (PEM text or a list of them: the only
                                              authorities to trust; default: those of the platform)
    ============================ ============ ==========================================================

    Raises :class:`InvalidOptionError`, with the key, for an option that is missing or unusable.

    A connection belongs to the event loop in which it is first used; use from another one is a ``RuntimeError``.
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

    def connect(
        self,
        *,
        id: str | None = None,  # noqa: A002 (lib-jitsi-meet's name)
        password: str | None = None,
    ) -> ConnectAttempt:
        """Start to connect, at once; the result can be awaited, for the full JID.

        ``id`` and ``password`` are those of an account: the id is a JID, or a user name of ``hosts["domain"]``; a full
        JID asks for its resource. Without them the connection is that of a guest, or of the bearer of the token.

        ::

            jid = await connection.connect()

        or entered, which yields the connection and disconnects at the end of the block::

            async with connection.connect() as connection:
                ...

        Awaiting raises :class:`ConnectionFailedError` if the attempt fails and :class:`AbortedError` if ``disconnect``
        is called meanwhile; listeners are told before. With the option ``reconnect`` a failed attempt is repeated, and
        awaiting ends with the first that succeeds, or with the last. A program that only listens need not await at
        all. Cancelling (``task.cancel()``, ``asyncio.timeout``) disconnects, and takes effect when that is done.

        The call itself needs a running event loop, and raises :class:`InvalidStateError` unless the connection is
        idle: new, failed or disconnected.
        """
        hub = self._loop_hub()
        return ConnectAttempt(self, hub.call(lambda call: self._native.connect(id, password, call)))

    async def disconnect(self) -> None:
        """Close the connection in an orderly way, or give up the attempt under way. Of an idle connection: nothing.

        Returns after the listeners of ``CONNECTION_DISCONNECTED`` have been called. Cancelling gives up waiting, not
        the disconnecting.
        """
        if self._hub is not None:
            await self._loop_hub().call(self._native.disconnect)

    async def refresh_token(self, token: str) -> None:
        """Go on with another token: at once where there is a session, from the next attempt on where there is none.

        Returns when the session goes on with the new token: resumed on a new transport, or, where it cannot be
        resumed, after a fresh login. If the server refuses the token, a session that can be resumed goes on with the
        old one, and :class:`ConnectionFailedError` is raised, with the server's text.

        Raises :class:`InvalidStateError` while disconnecting, and :class:`AbortedError` if ``disconnect`` or another
        ``refresh_token`` is called meanwhile. Cancelling gives up waiting, not the new token.
        """
        await self._loop_hub().call(lambda call: self._native.refresh_token(token, call))

    async def send_stanza(self, xml: str) -> None:
        """Send a stanza: a ``message``, a ``presence`` or an ``iq``, as XML text.

        A missing namespace is ``jabber:client``. Returns when the server has acknowledged the stanza; on a stream
        without stream management, when it is written. While the session is being resumed it is held.

        Raises :class:`InvalidStanzaError`, :class:`NotConnectedError` or :class:`SendQueueFullError` if nothing was
        sent, and :class:`SessionLostError` if the server may or may not have it. Cancelling gives up waiting, not the
        sending.
        """
        await self._loop_hub().call(lambda call: self._native.send_stanza(xml, call))

    async def send_iq(self, xml: str, timeout: float | None = None) -> str:
        """Send a request, an ``iq`` of type ``get`` or ``set``, as XML text, and return the answer as it came.

        The answer is of type ``result`` or ``error``: an error is not raised. A missing id is made up. ``timeout`` is
        in seconds; ``None`` is the option ``iq_timeout``.

        Raises the builtin ``TimeoutError`` if no answer came in time, and besides what :meth:`send_stanza` raises.
        Cancelling gives up waiting: the answer is dropped.
        """
        answer: str = await self._loop_hub().call(lambda call: self._native.send_iq(xml, timeout, call))
        return answer

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
        (``dns``, ``tcp``, ``tls``, ``upgrade``, ``authenticated``, ``bound``, ``resumed``). What has not happened is
        missing. ``round_trips`` is no time: it is how many the last login or resumption took, from TCP on.
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
    def add_event_listener(self, event: str, listener: Listener) -> None: ...
    def add_event_listener(self, event: str, listener: Listener) -> None:
        """Have ``listener`` called with each event of this kind: a :class:`ConnectionEvent` or its string.

        Events come in order, one at a time, in the event loop of the connection. An ``async def`` listener is awaited
        by a task of its own, one event after the other; nothing else waits for it, so that what it has not come to is
        kept in memory, however much it is. What a listener raises goes to the event loop's exception handler, and the
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

    def _tell_listening(self) -> None:
        """Have the engine deliver stanzas while somebody listens to them."""
        self._native.set_stanza_listening(self._listeners.listens_to(ConnectionEvent.STANZA_RECEIVED))

    def _loop_hub(self) -> LoopHub:
        """Return the hub of the running loop, to which the connection belongs from now on."""
        hub = LoopHub.of(asyncio.get_running_loop())
        if self._hub is None:
            hub.attach(self, self._native)
            self._hub = hub
            self._tell_listening()
        elif self._hub is not hub:
            raise RuntimeError(f"{self!r} belongs to another event loop")
        return hub


class ConnectAttempt:
    """What :meth:`JitsiConnection.connect` returns: an awaitable and an asynchronous context manager."""

    def __init__(self, connection: JitsiConnection, outcome: asyncio.Future[str]) -> None:
        self._connection = connection
        self._outcome = outcome

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
