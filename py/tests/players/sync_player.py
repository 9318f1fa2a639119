"""Plays scenarios with ``jitsimeet.sync.JitsiConnection``: each call on a thread of its own."""

from __future__ import annotations

import json
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from jitsimeet import sync
from protocol import EVENTS, Showing, answer, event_delivery, outcome_delivery, seconds, status_of

if TYPE_CHECKING:
    from jitsimeet import _native
    from jitsimeet._events import Item

DEADLINE = 30.0
THREADS = 8
STARTS = {
    "connect",
    "attach_session",
    "disconnect",
    "refresh_token",
    "send_stanza",
    "send_iq",
    "ping",
    "send_conference_request",
}


class Watched:
    """The native connection of a connection, which tells how the start of a call went."""

    def __init__(self, native: _native.Connection, player: Player) -> None:
        self._native = native
        self._player = player

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._native, name)
        if name not in STARTS:
            return method

        def start(*arguments: Any) -> None:
            try:
                method(*arguments)
            except Exception as error:
                self._player.started.put(error)
                raise
            self._player.started.put(None)

        return start


class Player:
    """Has a connection from ``new`` to ``end``."""

    def __init__(self) -> None:
        self.connection: sync.JitsiConnection | None = None
        self.deliveries: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.started: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self.recorded = threading.Semaphore(0)
        self.showing = Showing()
        # Started beforehand: some scenarios have one call overtake another.
        self.threads = ThreadPoolExecutor(THREADS)
        barrier = threading.Barrier(THREADS)
        list(self.threads.map(lambda _: barrier.wait(), range(THREADS)))

    def new(self, options: dict[str, Any], token: str | None) -> dict[str, Any]:
        connection = sync.JitsiConnection(token=token, options=options)
        deliveries = self.deliveries
        for event in EVENTS:
            connection.add_event_listener(event, self.showing.show)
            connection.add_event_listener(event, lambda event: deliveries.put(event_delivery(event)))
        connection._native = Watched(connection._native, self)  # type: ignore[assignment]
        self.connection = connection
        return {"ok": True}

    def make(self, name: str, arguments: dict[str, Any]) -> None:
        assert self.connection is not None
        match name:
            case "connect":
                self.connection.connect(**arguments)
            case "attach":
                self.connection.attach(**arguments)
            case "disconnect":
                self.connection.disconnect()
            case "refreshToken":
                self.connection.refresh_token(arguments["token"])
            case "sendStanza":
                self.connection.send_stanza(arguments["xml"])
            case "sendIq":
                self.connection.send_iq(arguments["xml"], seconds(arguments))
            case "ping":
                self.connection.ping(seconds(arguments))
            case "sendConferenceRequest":
                self.connection.send_conference_request(arguments["room"])
            case _:
                self.started.put(LookupError(f"there is no call {name}"))

    def call(self, name: str, arguments: dict[str, Any], number: int) -> dict[str, Any]:
        may_deliver = threading.Event()
        refused = False
        # Those of this scenario: it may end before the call does.
        deliveries, recorded = self.deliveries, self.recorded

        def call() -> None:
            error = None
            try:
                self.make(name, arguments)
            except Exception as caught:
                error = caught
                self.showing.show(error)
            may_deliver.wait(DEADLINE)
            if not refused:
                # Of this one only events tell.
                if name != "attach":
                    deliveries.put(outcome_delivery(number, error))
                recorded.release()

        self.threads.submit(call)
        refusal = self.started.get(timeout=DEADLINE)
        refused = refusal is not None
        may_deliver.set()
        return {"status": status_of(refusal)}

    def rest(self) -> dict[str, Any]:
        deliveries = []
        while not self.deliveries.empty():
            deliveries.append(self.deliveries.get())
        return {"deliveries": deliveries}

    def end(self) -> dict[str, Any]:
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.disconnect()
            self.recorded = threading.Semaphore(0)
        self.started = queue.SimpleQueue()
        self.deliveries = queue.SimpleQueue()
        return {"ok": True}

    def obey(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "new":
                return self.new(request["options"], request["token"])
            case "call":
                return self.call(request["name"], request["arguments"], request["number"])
            case "next":
                return self.deliveries.get(timeout=DEADLINE)
            case "rest":
                return self.rest()
            case "shown":
                assert self.connection is not None
                return self.showing.shown(self.connection)
            case "end":
                return self.end()
        raise LookupError(f"cannot {request['do']}")


def main() -> None:
    """Play until the input ends."""
    player = Player()
    deliver = sync._Hub._deliver

    def deliver_in_order(hub: sync._Hub, item: Item) -> None:
        """Deliver; and nothing behind an outcome before the thread that waited for it has put it down."""
        waited_for = item[1] is not None and item[1] in hub.calls
        deliver(hub, item)
        if waited_for and player.connection is not None:
            player.recorded.acquire(timeout=DEADLINE)

    setattr(sync._Hub, "_deliver", deliver_in_order)  # noqa: B010 (which mypy would not have otherwise)
    for line in sys.stdin:
        try:
            answer(player.obey(json.loads(line)))
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
    player.threads.shutdown(wait=False, cancel_futures=True)


main()
