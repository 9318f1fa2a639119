"""``JitsiConnection`` for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._base import BaseConnection
from ._events import ConnectionEvent, Event
from ._listeners import Stream
from ._loop import LoopHub
from ._loop_listeners import LoopListeners
from ._values import Conference

if TYPE_CHECKING:
    from typing_extensions import Self


class JitsiConnection(BaseConnection):
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
    ``hosts["muc"]``                          the component of rooms (``conference.`` before the domain)
    ``hosts["focus"]``                        the component of the focus (``focus.`` before the domain)
    ``name``                     none         the room that connections are for, where ``connect`` is not given another
    ``enable_websocket_resume``  True         stream management: a lost transport is replaced, and the session
                                              goes on
    ``xmpp_ping``                             dict: ``interval`` (10000; 0 disables), ``timeout`` (5000),
                                              ``threshold`` (2: unanswered pings until the link counts as dead)
    ``login_timeout``            15000        from the open WebSocket to the established session
    ``disconnect_timeout``       2000         how long ``disconnect`` waits for the server
    ``iq_timeout``               15000        how long ``send_iq`` and ``ping`` wait unless they are told otherwise
    ``http_timeout``             10000        for a keep-alive or a conference request over HTTP
    ``websocket_keep_alive``     60000        between the GETs that keep the client at its shard, plus up to a minute at
                                              random; -1 disables; BOSH needs none
    ``websocket_keep_alive_url``              where they go (the service URL, over HTTP)
    ``conference_request_url``   none         send the conference request over HTTP, and before connecting where the
                                              room is known
    ``disable_focus``            False        send no conference request before connecting
    ``focus_user_jid``           none         the JID of the focus user, for rooms
    ``prefer_visitor``           False        in the conference request
    ``i_am_recorder``            False        this is a recorder, which is not redirected
    ``i_am_sip_gateway``         False        this is a gateway, which is not redirected
    ``start_audio_muted``        none         in the conference request, as given
    ``start_video_muted``        none         in the conference request, as given
    ``analytics``                             dict: ``rtcstats_enabled`` (False), in the conference request
    ``deployment_info``                       dict: ``shard`` and ``region``, where the deployment has placed this
                                              client, until it says so itself
    ``testing``                               dict: ``enable_graceful_reconnect`` (False): a changed shard is
                                              ``SHARD_CHANGED_ERROR`` instead of ``OTHER_ERROR``
    ``media_features``           False        advertise the features of a client that handles media
    ``flags``                                 dict: ``ssrc_rewriting_enabled`` (False): one more of them
    ``p2p_stun_servers``         none         list of dicts with ``urls`` and, if needed, ``username`` and
                                              ``credential``: part of ``get_ice_servers``
    ``p2p``                                   dict: ``stun_servers``, a list like that
    ``logs``                                  dict: ``max_entries`` (500), ``max_bytes`` (65536): bounds of
                                              ``get_logs``; 0 keeps none
    ``resume``                                dict: ``attempt_timeout`` (10000), ``max_elapsed`` (what the server
                                              grants), ``min_delay`` (0), ``max_delay`` (10000)
    ``reconnect``                off          dict: ``max_attempts`` (no limit), ``base_delay`` (1000),
                                              ``max_delay`` (30000); given, even empty: a fresh session after a
                                              transient failure
    ``sasl``                                  dict: ``mechanisms`` (a list: the only ones to use),
                                              ``allow_plain_without_tls`` (False)
    ``send_queue``                            dict: ``max_stanzas`` (1000), ``max_bytes`` (4194304): what is sent
                                              and not acknowledged
    ``event_queue``                           dict: ``max_events`` (10000), ``max_bytes`` (16777216): events
                                              that the event loop, an ``async def`` listener or an iterator has
                                              not taken; at either bound nothing is read until half is taken, for
                                              up to ``stall_timeout`` (30000)
    ``transport``                             dict: ``connect_timeout`` (15000, from the name look-up to the
                                              open WebSocket), ``max_stanza_bytes`` (10485760), ``pipelining``
                                              (``"auto"`` or ``"off"``), ``headers`` (dict: for the upgrade and
                                              for requests over HTTP), ``proxy`` (URL of an HTTP proxy, ``""`` for
                                              none; default: as ``HTTPS_PROXY`` and its kin say)
    ``tls``                                   dict: ``ca_certificates`` (PEM text or a list of them: the only
                                              authorities to trust; default: those of the platform),
                                              ``server_name`` (in place of the host of the URL),
                                              ``client_certificate`` and ``client_key`` (PEM texts),
                                              ``insecure_skip_verify`` (False; True is for tests alone)
    ============================ ============ ==========================================================

    Raises :class:`InvalidOptionError`, with the key, for an option that is missing or unusable.

    A connection belongs to the event loop in which it is first used; use from another one is a ``RuntimeError``.
    Keep a reference while you need it: a connection that is dropped closes in the background and tells nobody, and if
    it is open then, it is a ``ResourceWarning``.
    ``async with`` disconnects at the end of the block.
    """

    _listeners_class = LoopListeners

    def __init__(
        self,
        app_id: str | None = None,
        token: str | None = None,
        options: dict[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(app_id, token, options, **keywords)
        self._hub: LoopHub | None = None

    def connect(
        self,
        *,
        id: str | None = None,  # noqa: A002 (lib-jitsi-meet's name)
        password: str | None = None,
        name: str | None = None,
    ) -> ConnectAttempt:
        """Start to connect, at once; the result can be awaited, for the full JID.

        ``id`` and ``password`` are those of an account: the id is a JID, or a user name of ``hosts["domain"]``; a full
        JID asks for its resource. Without them the connection is that of a guest, or of the bearer of the token.

        ``name`` is the room that the connection is for; without it that of the option ``name``. It is added to the
        query of the service URL, by which the modules of a deployment find the room of a session. With the option
        ``conference_request_url``, the conference request for it comes before everything else.

        ::

            jid = await connection.connect()

        or entered, which yields the connection and disconnects at the end of the block::

            async with connection.connect() as connection:
                ...

        Awaiting raises :class:`ConnectionFailedError` if the attempt fails, :class:`RedirectedError` if the conference
        is served elsewhere, and :class:`AbortedError` if ``disconnect`` is called meanwhile; listeners are told before.
        With the option ``reconnect`` a failed attempt is repeated, and awaiting ends with the first that succeeds, or
        with the last. A program that only listens need not await at all. Cancelling (``task.cancel()``,
        ``asyncio.timeout``) disconnects, and takes effect when that is done.

        The call itself needs a running event loop, and raises :class:`InvalidStateError` unless the connection is
        idle: new, failed, disconnected or redirected. It raises ``ValueError`` for a name that no room can have.
        """
        hub = self._loop_hub()
        return ConnectAttempt(self, hub.call(lambda call: self._native.connect(id, password, name, call)))

    def attach(self, *, jid: str, sid: str, rid: int | str) -> ConnectAttempt:
        """Start to go on with a BOSH session that someone else has set up; the result is that of :meth:`connect`.

        ``jid`` is the full JID that is bound, ``sid`` the name of the session, and ``rid`` the number of the last
        request that was made in it: the next has the one after. Whoever has them has the session. It is established
        once the server has answered in it, and closed by :meth:`disconnect` as any other. If it is lost, the option
        ``reconnect`` does not replace it.

        Raises :class:`UnsupportedTransportError` unless ``service_url`` begins with ``http:`` or ``https:``,
        ``ValueError`` naming the argument that is unusable, and :class:`InvalidStateError` unless the connection is
        idle. Awaiting raises :class:`ConnectionFailedError`, with the condition ``item-not-found`` if the server does
        not know the session.
        """
        hub = self._loop_hub()
        return ConnectAttempt(
            self, hub.call(lambda call: self._native.attach_session(jid, sid, str(rid), call))
        )

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

    async def ping(self, timeout: float | None = None) -> float:
        """Ask the server whether it is there, and return how many seconds the answer took.

        An error is an answer too. ``timeout`` is in seconds; ``None`` is the option ``iq_timeout``.

        Raises the builtin ``TimeoutError`` if no answer came in time, :class:`NotConnectedError`,
        :class:`SendQueueFullError` or :class:`SessionLostError`. Cancelling gives up waiting.
        """
        round_trip: float = await self._loop_hub().call(lambda call: self._native.ping(timeout, call))
        return round_trip

    async def send_conference_request(self, room: str) -> Conference:
        """Ask the focus to be in a room, so that it can be joined. ``room`` is the name of the room alone.

        The request goes over HTTP with the option ``conference_request_url``, else as an ``iq`` to ``hosts["focus"]``.
        While the conference is not ready it is repeated, after 1 s, 2 s, 4 s and so on up to 2 minutes, until the
        connection is closed.

        Raises ``ValueError`` for a room that cannot be one, :class:`NotConnectedError`, :class:`RedirectedError`,
        :class:`ConferenceRequestFailedError` with the reason, :class:`SendQueueFullError` or
        :class:`SessionLostError`. Cancelling gives up waiting, not the request.
        """
        conference: Conference = await self._loop_hub().call(
            lambda call: self._native.send_conference_request(room, call)
        )
        return conference

    def events(self, *kinds: ConnectionEvent | str) -> EventStream:
        """Return an asynchronous iterator of the events from now on, in order: of these kinds, or of all.

        ::

            async with connection.connect():
                async for event in connection.events():
                    ...

        It ends behind the event that ends the connection (failed, disconnected, or redirected before it was
        established), be that among the kinds or not. What has not been taken from it counts in the option
        ``event_queue``, so that the server waits for a slow loop. Leaving the loop early leaves the iterator as it is;
        it ends when it is dropped, by ``aclose``, or as an asynchronous context manager.

        Raises ``ValueError`` for an event that is not known. Iterating is for one task at a time, in the event loop of
        the connection, and otherwise raises ``RuntimeError``.
        """
        stream = EventStream(self, kinds)
        self._tell_listening()
        return stream

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

    def _loop_hub(self) -> LoopHub:
        """Return the hub of the running loop, to which the connection belongs from now on."""
        hub = LoopHub.of(asyncio.get_running_loop())
        if self._hub is None:
            hub.attach(self)
            self._hub = hub
        elif self._hub is not hub:
            self._native.check_process()
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


class EventStream(Stream):
    """What :meth:`JitsiConnection.events` returns: an asynchronous iterator and context manager."""

    def __init__(self, connection: JitsiConnection, kinds: tuple[ConnectionEvent | str, ...]) -> None:
        super().__init__(connection, kinds)
        self._loop_hub = connection._loop_hub
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        self._loop_hub()
        while (event := self._take()) is None:
            if self._ended:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("another task waits for the next event already")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return event

    async def aclose(self) -> None:
        """End the iteration, and forget what has not been taken."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
