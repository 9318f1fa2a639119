"""What holds for the whole process."""

import atexit
import contextlib
from typing import Any

from . import _native

# A dropped connection gets as long for its goodbye.
_EXIT_TIMEOUT = 1.0


def init(**options: Any) -> None:
    """Set what holds for the whole process. Optional; may be called again.

    ``worker_threads`` (default 2) is how many threads serve all connections of the process, ``log_level`` (default
    ``"info"``) how much the library logs. Options of connections, and those that only mean something in a browser, are
    accepted and have no effect here.

    Raises :class:`InvalidStateError` if it would change something while connections run, which is from the first
    ``connect`` until :func:`shutdown`; :class:`InvalidOptionError` or ``TypeError`` for a wrong option.
    """
    _native.init(options)


def set_network_info(*, is_online: bool) -> None:
    """Tell whether the machine has a network, as lib-jitsi-meet's ``setNetworkInfo`` does.

    Without one no attempt to resume or to reconnect is made; when it is back the next attempt is made at once.
    Connections that are established find out by themselves.
    """
    _native.set_network_info(is_online)


def shutdown(timeout: float = 5.0) -> None:
    """Close all connections of the process and join all threads of this library. Later calls start afresh.

    Connections close as by :meth:`JitsiConnection.disconnect` and deliver their events to their event loops; what is
    not closed after ``timeout`` seconds is cut off, and ``TimeoutError`` raised. The calling thread is blocked
    meanwhile; in a coroutine use ``await asyncio.to_thread(jitsimeet.shutdown)``.

    Called by itself when the interpreter exits.
    """
    _native.shutdown(timeout)


@atexit.register
def _shutdown_at_exit() -> None:
    # Nobody is left who could do anything about a server that does not answer.
    with contextlib.suppress(TimeoutError):
        _native.shutdown(_EXIT_TIMEOUT)
