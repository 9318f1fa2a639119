"""A Jitsi Meet deployment in this process, for tests without a network, and with the faults that no real server shows.

::

    from jitsimeet import JitsiConnection
    from jitsimeet.testing import TestServer

    async def test_my_bot() -> None:
        with TestServer() as server:
            async with JitsiConnection(options=server.options).connect() as connection:
                server.cut()  # The session goes on over another transport.

It speaks XMPP over WebSocket on the loopback interface alone: guests, accounts, tokens, stream management with
resumption, disco, ping, conference requests, rooms with a focus. For pytest there is the fixture
``jitsimeet_server``, with ``pytest_plugins = ["jitsimeet.pytest_plugin"]`` in a ``conftest.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _native

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TestServer"]


class TestServer:
    """A running server; a context manager, with ``with`` or ``async with``, that closes it.

    ``port`` is a port on 127.0.0.1; 0 lets the system choose. With ``tls`` it serves ``wss:``, with a certificate for
    ``localhost`` from a fresh authority. ``accounts`` are user names and their passwords. With ``token_secret``, guests
    must bear a JSON Web Token signed with this secret (HS256). ``deployment`` is what the server tells of itself, as
    for :meth:`set_deployment`, ``conference`` how it answers conference requests, as for :meth:`set_conference`, and
    ``rooms`` what its rooms are like, as for :meth:`set_rooms`.

    Raises ``OSError`` if the port cannot be had, and ``ValueError`` for a deployment or a conference that cannot be
    understood. All methods return at once, and may be called from any thread; on a closed server they raise
    ``RuntimeError``.
    """

    # pytest takes it for a class of tests otherwise.
    __test__ = False

    def __init__(
        self,
        *,
        port: int = 0,
        tls: bool = False,
        accounts: Mapping[str, str] | None = None,
        token_secret: str | None = None,
        deployment: Mapping[str, Any] | None = None,
        conference: Iterable[Mapping[str, Any]] = (),
        rooms: Mapping[str, Any] | None = None,
    ) -> None:
        options = {
            "port": port,
            "tls": tls,
            "accounts": dict(accounts or {}),
            "token_secret": token_secret,
            "deployment": dict(deployment or {}),
            "conference": list(conference),
            "rooms": dict(rooms or {}),
        }
        self._native = _native.TestServer(json.dumps(options))
        self._about: dict[str, Any] = json.loads(self._native.about())

    @property
    def service_url(self) -> str:
        """The URL for the option ``service_url``."""
        return str(self._about["serviceUrl"])

    @property
    def domain(self) -> str:
        """The domain for the option ``hosts``."""
        return str(self._about["domain"])

    @property
    def conference_request_url(self) -> str:
        """The URL for the option ``conference_request_url``."""
        return str(self._about["conferenceRequestUrl"])

    @property
    def health_url(self) -> str:
        """The URL of the health check, which is where keep-alive requests go."""
        return str(self._about["healthUrl"])

    @property
    def ca_certificate(self) -> str | None:
        """The certificate of the authority to trust, as PEM text; ``None`` without TLS."""
        certificate: str | None = self._about["caCertificate"]
        return certificate

    @property
    def options(self) -> dict[str, Any]:
        """What ``JitsiConnection(options=...)`` connects to the server with."""
        options: dict[str, Any] = {"serviceUrl": self.service_url, "hosts": {"domain": self.domain}}
        if self.ca_certificate is not None:
            options["tls"] = {"caCertificates": self.ca_certificate}
        return options

    def sessions(self) -> list[str]:
        """Return the full JIDs that are bound, those that wait to be resumed included."""
        sessions: list[str] = self._command("sessions")["sessions"]
        return sessions

    def connections(self) -> int:
        """Return how many TCP connections have been accepted so far."""
        connections: int = self._command("sessions")["connections"]
        return connections

    def requests(self) -> list[dict[str, Any]]:
        """Return the HTTP requests seen, those for a WebSocket included: the last 1000."""
        requests: list[dict[str, Any]] = self._command("requests")["requests"]
        return requests

    def conference_requests(self) -> list[dict[str, Any]]:
        """Return the conference requests seen: the last 1000."""
        requests: list[dict[str, Any]] = self._command("conference_requests")["requests"]
        return requests

    def deliver(self, jid: str, stanza: str) -> bool:
        """Send a stanza to a full JID, as XML text with its namespace. False if nobody is bound there."""
        return bool(self._command("deliver", jid=jid, stanza=stanza)["ok"])

    def set_faults(self, **faults: Any) -> None:
        """Set what goes wrong on connections that are accepted from now on; without arguments, nothing.

        ============== ====================================================================================
        ``upgrade``    in place of the WebSocket: ``silent``, ``refuse``, ``no_subprotocol``, ``not_http``,
                       ``web_page``
        ``stream``     of the XMPP stream: ``silent``, ``close``, ``cut``, ``malformed``, ``binary``,
                       ``large``, ``host_unknown``, ``no_anonymous``, ``refuse_auth``, ``refuse_bind``,
                       ``stanza``, ``require_session``, ``no_close``
        ``resume``     when a session is to be resumed: ``refuse``, ``refuse_with_count``, ``silent``,
                       ``over_acknowledge``
        ``health``     of the health check, at once: ``silent``, ``status``, ``endless``, ``no_shard``
        ``status``     the HTTP status that ``upgrade`` and ``health`` refuse with (503)
        ``mechanisms`` a list: the SASL mechanisms to offer
        ============== ====================================================================================

        ``no_management`` and ``no_id`` (bool): no stream management, or none that can be resumed; ``location``: where
        to resume. Raises ``ValueError`` for what is not known.
        """
        self._command("faults", **faults)

    def set_deployment(self, **deployment: Any) -> None:
        """Set what the server tells of itself from now on. Raises ``ValueError`` for what is not known.

        Such as ``shard``, ``region`` and ``release``.
        """
        self._command("deployment", **deployment)

    def set_conference(self, *answers: Mapping[str, Any]) -> None:
        """Set the answers to conference requests. Each takes the next; the last stays. Without any: ready.

        Raises ``ValueError`` for an answer that cannot be understood.
        """
        self._command("conference", answers=answers)

    def order(self, command: str, **fields: Any) -> None:
        """Disturb the connections that there are.

        ========================= ============================================================================
        ``cut``                   drop every TCP connection
        ``stall``                 neither read nor write any more, and keep the connections
        ``silence``               go on reading, but send nothing any more
        ``restart``               forget all sessions and rooms, and drop every TCP connection
        ``expire``                end every session that waits to be resumed, as if its time were over
        ``close``, ``end``        close every stream; every WebSocket, but not its stream first
        ``stream_error``          end the stream with an error (``condition``)
        ``inject``                send a frame as it is (``frame``)
        ``malformed``, ``binary`` send a frame that cannot be read
        ``invalid_utf8``          send one that is not UTF-8
        ``oversize``              send a stanza of so many ``bytes``
        ``split``, ``reorder``    send in fragments of so many ``bytes``; in the wrong order
        ``over_acknowledge``      acknowledge one stanza more than was sent
        ``acknowledge_backwards`` acknowledge less than before
        ``flood``                 send messages of so many ``bytes`` as fast as they are read, for ever
        ========================= ============================================================================

        Raises ``ValueError`` for an order that is not known.
        """
        self._command(command, **fields)

    def set_rooms(self, **settings: Any) -> None:
        """Set what the rooms, ``NAME@conference.meet.example``, are like from now on.

        ===================== ================================================================================
        ``restrict_creation`` nobody but the focus creates rooms: "Room creation is restricted"
        ``max_occupants``     how many may be in a room beside the focus
        ``semi_anonymous``    moderators alone learn real JIDs
        ``focus``             a conference request brings the focus (``True``)
        ``auto_owner``        the focus makes the first to come an owner (``True``)
        ``offers``            the focus offers media as soon as there are two (``True``)
        ``region``            that of the bridge, in offers
        ``properties``        a dict: the ``conference-properties`` of the focus
        ``meeting_id``        that of new rooms
        ``fields``            a dict: more fields of what a room tells, such as ``muc#roominfo_isbreakout``
        ``features``          a list: more of its features
        ===================== ================================================================================

        Raises ``ValueError`` for what is not known.
        """
        self._command("rooms", **settings)

    def set_joins(self, *answers: Mapping[str, Any]) -> None:
        """Set the answers to those who want to enter a room. Each takes the next; without any the room answers.

        ``silent`` answers nothing; ``error``, a condition, refuses, with ``type`` (``cancel``), ``text`` and
        ``application``, XML that is put into the error. An empty one lets the room answer. Raises ``ValueError`` for an
        answer that cannot be understood.
        """
        self._command("joins", answers=answers)

    def order_room(self, room: str, order: str, **fields: Any) -> bool:
        """Have something happen in a room. False if it cannot: the room, or who is to do it, is not there.

        ================ ====================================================================================
        ``destroy``      end it (``reason``, ``alternate``)
        ``kick``         take an occupant out (``nick``, ``reason``, ``actor``)
        ``affiliate``    make an occupant ``owner``, ``member``, ``outcast`` ... (``nick``, ``affiliation``,
                         ``reason``, ``actor``)
        ``role``         make it ``moderator``, ``participant``, ``visitor`` (``nick``, ``role``)
        ``configure``    change ``password``, ``members_only``, ``lobby``, ``waiting_for_host``,
                         ``semi_anonymous``, ``change_subject``
        ``enter``        have somebody enter who is not connected (``nick``, ``jid``, ``affiliation``,
                         ``content``: what its presence holds, as XML)
        ``populate``     have so many of these enter (``count``)
        ``presence``     have one of these send another presence (``nick``, ``content``)
        ``flood``        have it send so many (``nick``, ``count``)
        ``long_name``    have it take a display name of so many ``bytes`` (``nick``)
        ``leave``        have it leave (``nick``, ``status``)
        ``send``         send a ``stanza`` as if it came ``from_`` a nick, or the room, ``to`` a nick, or all
        ``focus_joins``  have the focus come
        ``focus_leaves`` have it go
        ``offer``        have it offer media to an occupant (``nick``)
        ================ ====================================================================================

        Raises ``ValueError`` for an order that is not known.
        """
        # ``from`` is a keyword of Python's.
        given = {name.removesuffix("_"): value for name, value in fields.items()}
        return bool(self._command("room", room=room, order=order, **given)["ok"])

    def room(self, room: str) -> dict[str, Any] | None:
        """Return what a room is like: who is in it, its subject, its configuration. ``None`` if there is none."""
        state: dict[str, Any] | None = self._command("room_state", room=room)["state"]
        return state

    def jingle_answers(self) -> list[dict[str, Any]]:
        """Return what clients said to offers of the focus: the last 1000."""
        answers: list[dict[str, Any]] = self._command("jingle_answers")["answers"]
        return answers

    def cut(self) -> None:
        """Drop every TCP connection: sessions are resumed."""
        self.order("cut")

    def restart(self) -> None:
        """Forget all sessions and drop every TCP connection, as a server that restarts."""
        self.order("restart")

    def close(self) -> None:
        """End the server, and cut all its connections. Once more: nothing."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TestServer {self.service_url}>"

    def _command(self, command: str, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._native.command(json.dumps({"command": command, **fields})))
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer
