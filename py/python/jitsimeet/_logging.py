"""What the engine logs, as records of ``logging.getLogger("jitsimeet")``.

The engine is told how much is wanted, and formats nothing beyond that. Python tells nobody when a level changes, so
it is looked up wherever a call or an event passes by.
"""

from __future__ import annotations

import logging
import sys

from . import _native

TRACE = 5
"""The level of what the engine logs at its own ``trace``, below ``logging.DEBUG``."""

logger = logging.getLogger("jitsimeet")
# A program that has not set up logging is left alone.
logger.addHandler(logging.NullHandler())

# From the most to the least that is said.
_LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
# Beyond those, the names that `init` takes; nothing is logged at lib-jitsi-meet's `log`.
_NAMED = {**_LEVELS, "log": logging.WARNING, "off": logging.CRITICAL + 1}
_followed: int | None = None

Record = tuple[float, str, str, int | None, str]


def follow_level() -> None:
    """Have the engine log what the logger wants at this moment."""
    global _followed
    wanted = max(logger.getEffectiveLevel(), logger.manager.disable + 1)
    if logger.disabled:
        wanted = sys.maxsize
    if wanted != _followed:
        _followed = wanted
        names = (name for name, level in _LEVELS.items() if level >= wanted)
        _native.set_log_level(next(names, "off"))


def set_level(name: str) -> None:
    """Set the level of the logger by the engine's name of it."""
    logger.setLevel(_NAMED[name])
    follow_level()


def deliver(records: list[Record]) -> None:
    """Log what the engine has logged. Runs on the thread of the native module."""
    for time, name, target, connection, message in records:
        level = _LEVELS[name]
        if not logger.isEnabledFor(level):
            continue
        extra = {"connection_id": connection}
        record = logger.makeRecord(logger.name, level, target, 0, message, (), None, extra=extra)
        record.created = time
        record.msecs = time % 1 * 1000
        try:
            logger.handle(record)
        except Exception:
            # A filter's: what a handler raises goes the way of the module logging.
            sys.excepthook(*sys.exc_info())
    follow_level()
