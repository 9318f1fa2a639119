"""What holds for the whole process."""

import atexit
import contextlib
from collections.abc import Callable
from typing import Any

from . import _logging, _native

# A dropped connection gets as long for its goodbye.
_EXIT_TIMEOUT = 1.0

at_shutdown: list[Callable[[], None]] = []
"""What is to be done when the engine has ended."""


def init(**options: Any) -> None:
    """Set what holds for the whole process. Optional; may be called again.

    ``worker_threads`` (default 2) is how many threads serve all connections of the process. ``log_level`` (``"off"``,
    ``"error"``, ``"warn"``, ``"info"``, ``"debug"`` or ``"trace"``) sets the level of
    ``logging.getLogger("jitsimeet")``, which can be set there as well; without it that is left as it is. Options of
    connections, and those that only mean something in a browser, are accepted and have no effect here.

    Raises :class:`InvalidStateError` if it would change something while connections run, which is from the first
    ``connect`` until :func:`shutdown`; :class:`InvalidOptionError` or ``TypeError`` for a wrong option.
    """
    _native.init(options)
    if level := options.get("log_level"):
        _logging.set_level(level)
    else:
        _logging.follow_level()


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
    try:
        _native.shutdown(timeout, exiting=False)
    finally:
        for stop in at_shutdown:
            stop()


@atexit.register
def _shutdown_at_exit() -> None:
    # Nobody is left who could do anything about a server that does not answer.
    with contextlib.suppress(TimeoutError):
        _native.shutdown(_EXIT_TIMEOUT, exiting=True)
