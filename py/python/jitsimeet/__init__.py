"""The signalling client of Jitsi Meet as a native library, for programs that are not browsers.

::

    from jitsimeet import JitsiConnection

    connection = JitsiConnection(
        service_url="wss://meet.example.org/xmpp-websocket",
        hosts={"domain": "meet.example.org"},
    )
    async with connection.connect():
        print("connected as", connection.jid)

The names, event strings and semantics are those of lib-jitsi-meet's ``JitsiConnection``, in snake_case.

Exceptions::

    Exception
     +-- JitsiError                      everything this library raises; has .status
          +-- InvalidOptionError         an option is missing or unusable; has .key; also a ValueError
          +-- InvalidStateError          the call is not allowed in the present state
          +-- ConnectionFailedError      the attempt to connect failed; has .code, .transient and more
          +-- AbortedError               the call was given up because the connection was closed

Besides, a wrong argument is a ``TypeError`` or ``ValueError``, use from another event loop a ``RuntimeError``, and a
time that ran out a ``TimeoutError``, as everywhere in Python.
"""

from ._connection import JitsiConnection
from ._events import (
    ConnectionDisconnected,
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
)
from ._exceptions import (
    AbortedError,
    ConnectionFailedError,
    InvalidOptionError,
    InvalidStateError,
    JitsiError,
)
from ._native import __version__
from ._process import init, shutdown

__all__ = [
    "AbortedError",
    "ConnectionDisconnected",
    "ConnectionErrorCode",
    "ConnectionErrorType",
    "ConnectionEstablished",
    "ConnectionEvent",
    "ConnectionFailed",
    "ConnectionFailedError",
    "InvalidOptionError",
    "InvalidStateError",
    "JitsiConnection",
    "JitsiError",
    "__version__",
    "init",
    "shutdown",
]
