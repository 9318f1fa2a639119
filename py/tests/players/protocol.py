"""What the players of the scenarios have in common: tests/scenarios/README.md tells the protocol."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from jitsimeet import (
    ConferenceRequestFailedError,
    ConnectionEvent,
    ConnectionFailedError,
    JitsiError,
)
from jitsimeet._events import Event

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


def seconds(arguments: dict[str, Any]) -> float | None:
    """Return the timeout of a call."""
    return arguments["timeout"] / 1000 if "timeout" in arguments else None
