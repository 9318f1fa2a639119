"""What the players of the scenarios have in common: tests/scenarios/README.md tells the protocol."""

from __future__ import annotations

import dataclasses
import json
import logging
import traceback
from typing import Any

from jitsimeet import (
    ConferenceRequestFailedError,
    ConnectionEvent,
    ConnectionFailedError,
    JitsiConnection,
    JitsiError,
    sync,
)
from jitsimeet._events import Event

TRACE = 5
EVENTS = frozenset(ConnectionEvent) - {ConnectionEvent.STANZA_RECEIVED}


def answer(value: dict[str, Any]) -> None:
    """Answer the request under way."""
    print(json.dumps(value), flush=True)


def event_delivery(event: Event) -> dict[str, Any]:
    """Describe an event that a listener was called with."""
    return {"event": event.kind, "fields": dataclasses.asdict(event)}


def status_of(error: BaseException | None) -> str:
    """Name what became of a call."""
    if error is None:
        return "ok"
    if isinstance(error, JitsiError):
        return error.status
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ValueError):
        return "invalid_argument"
    raise error


def outcome_delivery(number: int, error: BaseException | None) -> dict[str, Any]:
    """Describe the outcome of a call."""
    delivery: dict[str, Any] = {"outcome": number, "status": status_of(error)}
    if isinstance(error, ConnectionFailedError | ConferenceRequestFailedError):
        failure = error.failure
        delivery["failure"] = {
            "error_type": failure.error_type,
            "code": failure.code,
            "condition": failure.condition,
            "server_text": failure.server_text,
        }
    return delivery


class Showing(logging.Handler):
    """Keeps what a program could show: what is logged, and what it prints."""

    def __init__(self) -> None:
        super().__init__()
        self._log: list[str] = []
        self._printed: list[str] = []
        logger = logging.getLogger("jitsimeet")
        logger.addHandler(self)
        logger.setLevel(TRACE)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with all its fields."""
        self._log.append(f"{record.getMessage()} {vars(record)!r}")

    def show(self, value: object) -> None:
        """Print a value, or an error with where it came from."""
        self._printed += [str(value), repr(value)]
        if isinstance(value, BaseException):
            self._printed += [*traceback.format_exception(value), repr(vars(value))]

    def shown(self, connection: JitsiConnection | sync.JitsiConnection) -> dict[str, Any]:
        """Tell what was shown since the last time."""
        self.show(connection)
        logs = connection.get_logs()
        self.show(logs)
        log, self._log = self._log, []
        printed, self._printed = self._printed, []
        return {"log": "\n".join(log), "printed": "\n".join(printed), "get_logs": json.dumps(logs)}


def seconds(arguments: dict[str, Any]) -> float | None:
    """Return the timeout of a call."""
    return arguments["timeout"] / 1000 if "timeout" in arguments else None
