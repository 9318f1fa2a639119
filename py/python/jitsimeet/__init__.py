"""The signalling client of Jitsi Meet as a native library, for programs that are not browsers.

::

    from jitsimeet import JitsiConnection

    connection = JitsiConnection(
        service_url="wss://meet.example.org/xmpp-websocket",
        hosts={"domain": "meet.example.org"},
    )
    async with connection.connect():
        print("connected as", connection.jid)

The names, event strings and semantics are those of lib-jitsi-meet's ``JitsiConnection``, in snake_case. The same
without asyncio is :mod:`jitsimeet.sync`; a server to test with is :mod:`jitsimeet.testing`.

Logging goes to ``logging.getLogger("jitsimeet")``, which decides how much; the attribute ``connection_id`` of a record
is the number of the connection in its ``repr``, or ``None``. No secret is in what is logged, and no text of a stanza at
``INFO`` or above.

Exceptions::

    Exception
     +-- JitsiError                       everything this library raises; has .status
          +-- InvalidOptionError          an option is missing or unusable; has .key; also a ValueError
          +-- InvalidStateError           the call is not allowed in the present state
          +-- UnsupportedTransportError   ``attach`` needs BOSH, a ``serviceUrl`` of http: or https:
          +-- ConnectionFailedError       the attempt to connect failed, or the server refused a new token; has .code,
          |                               .transient and more
          +-- RedirectedError             the conference is served elsewhere; has .vnode and .focus_jid
          +-- ConferenceRequestFailedError
          |                               the conference request was refused for good; has .code, .condition and more
          +-- AbortedError                the call was given up because the connection was closed
          +-- InvalidStanzaError          the stanza is not one that can be sent; also a ValueError
          +-- NotConnectedError           there is no session to send on
          +-- SendQueueFullError          the server acknowledges too little: nothing was sent
          +-- ForkedError                 the connection belongs to the process that this one was forked from
          +-- SessionLostError            the session was lost: the stanza may or may not have arrived

Besides, a wrong argument is a ``TypeError`` or ``ValueError``, use from another event loop a ``RuntimeError``, and a
time that ran out (of ``shutdown``, ``send_iq`` or ``ping``) the builtin ``TimeoutError``, as everywhere in Python.
"""

import sys as _sys
from typing import TYPE_CHECKING

if "t" in _sys.abiflags:
    raise ImportError(
        "jitsimeet does not support free-threaded builds of Python: it relies on the GIL. Use an ordinary build."
    )

from ._events import (
    ConnectionDisconnected,
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionInterrupted,
    ConnectionRedirected,
    ConnectionResumed,
    ConnectionState,
    DisplayNameRequired,
    PropertiesUpdated,
    StanzaReceived,
    TokenExpired,
)
from ._exceptions import (
    AbortedError,
    ConferenceRequestFailedError,
    ConnectionFailedError,
    ForkedError,
    InvalidOptionError,
    InvalidStanzaError,
    InvalidStateError,
    JitsiError,
    NotConnectedError,
    RedirectedError,
    SendQueueFullError,
    SessionLostError,
    UnsupportedTransportError,
)
from ._native import __version__
from ._process import init, set_network_info, shutdown
from ._values import Conference, Statistics

if TYPE_CHECKING:
    from . import sync
    from ._connection import JitsiConnection

__all__ = [
    "AbortedError",
    "Conference",
    "ConferenceRequestFailedError",
    "ConnectionDisconnected",
    "ConnectionErrorCode",
    "ConnectionErrorType",
    "ConnectionEstablished",
    "ConnectionEvent",
    "ConnectionFailed",
    "ConnectionFailedError",
    "ConnectionInterrupted",
    "ConnectionRedirected",
    "ConnectionResumed",
    "ConnectionState",
    "DisplayNameRequired",
    "ForkedError",
    "InvalidOptionError",
    "InvalidStanzaError",
    "InvalidStateError",
    "JitsiConnection",
    "JitsiError",
    "NotConnectedError",
    "PropertiesUpdated",
    "RedirectedError",
    "SendQueueFullError",
    "SessionLostError",
    "StanzaReceived",
    "Statistics",
    "TokenExpired",
    "UnsupportedTransportError",
    "__version__",
    "init",
    "set_network_info",
    "shutdown",
    "sync",
]

if not TYPE_CHECKING:  # A type checker would take every name for one that there is.

    def __getattr__(name: str) -> object:
        """Import what needs asyncio, or is for who does not: asyncio takes longer than all the rest together."""
        from importlib import import_module

        if name == "sync":
            return import_module(f"{__name__}.sync")
        if name == "JitsiConnection":
            value = globals()[name] = import_module(f"{__name__}._connection").JitsiConnection
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
