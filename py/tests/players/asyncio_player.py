"""Plays scenarios with ``jitsimeet.JitsiConnection``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

from jitsimeet import JitsiConnection
from protocol import EVENTS, Showing, answer, event_delivery, outcome_delivery, seconds, status_of


async def _nothing() -> None:
    pass


class Player:
    """Has a connection from ``new`` to ``end``."""

    def __init__(self) -> None:
        self.connection: JitsiConnection | None = None
        self.deliveries: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.calls: set[asyncio.Task[None]] = set()
        self.showing = Showing()

    def new(self, options: dict[str, Any], token: str | None) -> dict[str, Any]:
        connection = JitsiConnection(token=token, options=options)
        deliveries = self.deliveries
        for event in EVENTS:
            connection.add_event_listener(event, self.showing.show)
            connection.add_event_listener(event, lambda event: deliveries.put_nowait(event_delivery(event)))
        self.connection = connection
        return {"ok": True}

    def start(self, name: str, arguments: dict[str, Any]) -> Awaitable[object]:
        assert self.connection is not None
        match name:
            case "connect":
                return self.connection.connect(**arguments)
            case "attach":
                # Of it only events tell.
                self.connection.attach(**arguments)
                return _nothing()
            case "disconnect":
                return self.connection.disconnect()
            case "refreshToken":
                return self.connection.refresh_token(arguments["token"])
            case "sendStanza":
                return self.connection.send_stanza(arguments["xml"])
            case "sendIq":
                return self.connection.send_iq(arguments["xml"], seconds(arguments))
            case "ping":
                return self.connection.ping(seconds(arguments))
            case "sendConferenceRequest":
                return self.connection.send_conference_request(arguments["room"])
        raise LookupError(f"there is no call {name}")

    async def call(self, name: str, arguments: dict[str, Any], number: int) -> dict[str, Any]:
        refusals: list[Exception] = []
        under_way = False

        async def call() -> None:
            error = None
            try:
                await self.start(name, arguments)
            except Exception as caught:
                error = caught
                self.showing.show(error)
            if name == "attach" and error is None:
                return
            if under_way or error is None:
                self.deliveries.put_nowait(outcome_delivery(number, error))
            else:
                refusals.append(error)

        task = asyncio.create_task(call())
        self.calls.add(task)
        # One step of the task: what it raises there it raises without waiting, and so refuses.
        await asyncio.sleep(0)
        under_way = True
        return {"status": status_of(refusals[0] if refusals else None)}

    def rest(self) -> dict[str, Any]:
        deliveries = []
        while not self.deliveries.empty():
            deliveries.append(self.deliveries.get_nowait())
        return {"deliveries": deliveries}

    async def end(self) -> dict[str, Any]:
        for task in self.calls:
            task.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)
        self.calls.clear()
        if self.connection is not None:
            await self.connection.disconnect()
        self.connection = None
        self.deliveries = asyncio.Queue()
        return {"ok": True}

    async def obey(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "new":
                return self.new(request["options"], request["token"])
            case "call":
                return await self.call(request["name"], request["arguments"], request["number"])
            case "next":
                return await self.deliveries.get()
            case "rest":
                return self.rest()
            case "shown":
                assert self.connection is not None
                return self.showing.shown(self.connection)
            case "end":
                return await self.end()
        raise LookupError(f"cannot {request['do']}")


async def main() -> None:
    """Play until the input ends."""
    player = Player()
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            answer(await player.obey(json.loads(line)))
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


asyncio.run(main())
