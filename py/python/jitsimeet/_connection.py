"""``JitsiConnection`` for asyncio."""

from __future__ import annotations

import asyncio
import json
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
from ._loop import LoopHub
from ._values import Conference, IceServer, Logs, Properties, Statistics

if TYPE_CHECKING:
    from typing_extensions import Self

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
                                              random; -1 disables
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
    ``event_queue``                           dict: ``max_events`` (10000), ``max_bytes`` (16777216): received
                                              stanzas that the event loop has not taken; at either bound nothing
                                              is read until half is taken, for up to ``stall_timeout`` (30000)
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
        # What the engine is to be told anew with the hub: whether each feature is advertised.
        self._features: dict[str, bool] = {}

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
        :class:`ConferenceRequestFailedError` with the reason, or :class:`SessionLostError`. Cancelling gives up
        waiting, not the request.
        """
        conference: Conference = await self._loop_hub().call(
            lambda call: self._native.send_conference_request(room, call)
        )
        return conference

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
        logs: Logs = json.loads(self._native.logs())
        return logs

    def get_properties(self) -> Properties:
        """Return what the deployment has told of itself; until then, what the option ``deployment_info`` says.

        ``shard``, ``region`` and ``release`` where they are known; ``components``, the addresses of the components by
        their kind, such as ``lobbyrooms``; ``features``, those of the server and of some components.
        """
        properties: Properties = json.loads(self._native.properties())
        return properties

    def get_ice_servers(self) -> list[IceServer]:
        """Return the STUN and TURN servers, as WebRTC takes them: dicts like ``RTCIceServer``.

        Those of the options ``p2p_stun_servers`` and ``p2p``, and those that the server names, as far as they have not
        expired. ``urls`` is a list; ``username`` and ``credential`` are there where the server wants them, and
        ``expires``, in milliseconds since 1970, where they do.
        """
        servers: list[IceServer] = json.loads(self._native.ice_servers())
        return servers

    def get_connection_times(self) -> dict[str, float]:
        """Return when what happened, in milliseconds of ``time.monotonic() * 1000``.

        lib-jitsi-meet's statuses in lower case (``connecting``, ``authenticating``, ``connected``, ``disconnecting``,
        ``disconnected``, ``attaching``, ``attached``, ``authfail``, ``connfail``; of repeated ones the last), and the
        phases of the last attempt (``dns``, ``tcp``, ``tls``, ``upgrade``, ``authenticated``, ``bound``, ``resumed``).
        What has not happened is missing. ``round_trips`` is no time: it is how many the last login or resumption took,
        from TCP on.
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

    def _tell_features(self) -> None:
        """Tell the engine what it has heard before it was given the hub."""
        for feature, advertised in self._features.items():
            change = self._native.add_feature if advertised else self._native.remove_feature
            change(feature, submit=False)

    def _loop_hub(self) -> LoopHub:
        """Return the hub of the running loop, to which the connection belongs from now on."""
        hub = LoopHub.of(asyncio.get_running_loop())
        if self._hub is None:
            hub.attach(self, self._native)
            self._hub = hub
            self._tell_listening()
            self._tell_features()
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
