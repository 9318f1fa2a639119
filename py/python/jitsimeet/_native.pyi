"""Handles of the engine, without an opinion about asyncio."""

from collections.abc import Callable
from typing import Any, final

from ._events import Item
from ._values import Statistics

__all__ = [
    "CODES",
    "CONNECTION_TIMES",
    "ERROR_TYPES",
    "EVENTS",
    "OPTIONS",
    "STATES",
    "STATUSES",
    "Connection",
    "Hub",
    "TestServer",
    "__version__",
    "init",
    "set_log_level",
    "set_network_info",
    "shutdown",
]

__version__: str
EVENTS: tuple[str, ...]
ERROR_TYPES: tuple[str, ...]
CODES: tuple[str, ...]
STATUSES: tuple[str, ...]
CONNECTION_TIMES: tuple[str, ...]
STATES: tuple[str, ...]
OPTIONS: tuple[str, ...]

def init(keywords: dict[str, Any]) -> None: ...
def set_log_level(level: str) -> None: ...
def set_network_info(is_online: bool) -> None: ...
def shutdown(timeout: float, exiting: bool) -> None:
    """Block with the GIL released."""

@final
class Hub:
    """Collects what any number of connections deliver to one event loop. One thread drains it."""

    def __new__(cls, wake: Callable[[], object]) -> Hub:
        """Make a hub that calls ``wake`` when it stops being empty, on a thread of this module.

        Not again until a drain has found the hub empty.
        """

    def drain(self, limit: int) -> tuple[list[Item], bool]:
        """Take up to ``limit`` items. True if there is more: then the caller drains again without being woken."""

    def close(self) -> None:
        """Keep and deliver nothing any more."""

@final
class Connection:
    """A connection; dropping it closes the connection in the background."""

    def __new__(
        cls, app_id: str | None, token: str | None, options: dict[str, Any] | None, keywords: dict[str, Any]
    ) -> Connection: ...
    def attach(self, hub: Hub) -> int:
        """Have everything delivered through this hub; return the id there. Once, before any call."""

    # The outcome of what follows comes through the hub, under the number `call`.
    def connect(self, account: str | None, password: str | None, name: str | None, call: int) -> None:
        """Start to connect. Raises ``InvalidStateError``, and ``ValueError`` for a room that cannot be one."""

    def attach_session(self, jid: str, sid: str, rid: str, call: int) -> None:
        """Start to attach.

        Raises ``UnsupportedTransportError``, ``InvalidStateError``, and ``ValueError`` for an unusable argument.
        """

    def disconnect(self, call: int) -> None: ...
    def refresh_token(self, token: str, call: int) -> None:
        """Start to change the token. Raises ``InvalidStateError``."""

    def send_stanza(self, xml: str, call: int) -> None:
        """Start to send. Raises ``InvalidStanzaError``."""

    def send_iq(self, xml: str, timeout: float | None, call: int) -> None:
        """Start to send. Raises ``InvalidStanzaError``."""

    def ping(self, timeout: float | None, call: int) -> None: ...
    def send_conference_request(self, room: str, call: int) -> None:
        """Start to ask. Raises ``ValueError`` for a room that cannot be one."""

    def add_feature(self, feature: str, submit: bool) -> None:
        """Advertise a feature. To be said again after ``attach``. Raises ``ValueError``."""

    def remove_feature(self, feature: str, submit: bool) -> None:
        """Advertise a feature no longer. To be said again after ``attach``. Raises ``ValueError``."""

    def set_stanza_listening(self, listening: bool) -> None:
        """Say whether stanzas are wanted. To be said again after ``attach``."""

    def hold(self, xml: str | None) -> None:
        """Count an event that was drained, with this text, as one that still waits in ``eventQueue``."""

    def release(self, xml: str | None) -> None:
        """Undo it."""

    def check_process(self) -> None:
        """Raise ``ForkedError`` in a fork of the process that made the connection."""

    def id(self) -> int: ...
    def is_idle(self) -> bool: ...
    def jid(self) -> str | None: ...
    def state(self) -> str: ...
    def statistics(self) -> Statistics: ...
    def logs(self) -> str:
        """Return an object as JSON, like the next two."""

    def properties(self) -> str: ...
    def ice_servers(self) -> str: ...
    def connection_times(self, now: float) -> dict[str, float]:
        """Return milliseconds on the clock that reads ``now``, and ``round_trips``."""

@final
class TestServer:
    """The embedded server, on a thread of its own."""

    def __new__(cls, options: str) -> TestServer:
        """Start it. Takes an object as JSON. Raises ``ValueError`` and ``OSError``."""

    def about(self) -> str:
        """Return an object as JSON."""

    def command(self, command: str) -> str:
        """Carry out a command, and return the answer: objects as JSON."""

    def close(self) -> None: ...
