"""Every await can be cancelled, and given a time by `asyncio.timeout`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from conftest import Server, make_token, record
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionState,
    JitsiConnection,
)

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    from async_timeout import timeout

Call = Callable[[JitsiConnection], Coroutine[Any, Any, object]]


async def leave(connection: JitsiConnection) -> None:
    async with connection:
        pass


async def iterate(connection: JitsiConnection) -> None:
    async for _ in connection.events():
        pass


CALLS: dict[str, Call] = {
    "disconnect": lambda connection: connection.disconnect(),
    "async with": leave,
    "refresh_token": lambda connection: connection.refresh_token(make_token()),
    "send_stanza": lambda connection: connection.send_stanza("<message/>"),
    "send_iq": lambda connection: connection.send_iq("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"),
    "ping": lambda connection: connection.ping(),
    "send_conference_request": lambda connection: connection.send_conference_request("room"),
    "async for": iterate,
}


async def enter(connection: JitsiConnection) -> None:
    async with connection.connect():
        pass


async def connect(connection: JitsiConnection) -> None:
    await connection.connect()


async def attach(connection: JitsiConnection) -> None:
    await connection.attach(jid="guest@meet.example/r", sid="sid", rid=1)


# What waits for a server that takes the connection and says nothing, and the URL of it.
STARTS: dict[str, tuple[Call, str]] = {
    "connect": (connect, "serviceUrl"),
    "connect over BOSH": (connect, "boshUrl"),
    "async with connect": (enter, "serviceUrl"),
    "attach": (attach, "boshUrl"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_giving_up_takes_effect_at_once_and_harms_nothing(server: Server, call: Call) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=500, xmpp_ping={"interval": 0})
    await connection.connect()
    server.command("faults", stream="silent")
    server.command("stall")
    with pytest.raises(asyncio.TimeoutError):
        async with timeout(0.02):
            await call(connection)
    task = asyncio.create_task(call(connection))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connection.disconnect()
    assert connection.state is ConnectionState.IDLE


@pytest.mark.parametrize(("start", "url"), STARTS.values(), ids=STARTS)
async def test_giving_up_connecting_disconnects_first(server: Server, start: Call, url: str) -> None:
    server.command("faults", upgrade="silent")
    connection = JitsiConnection(options=server.options_for(server.about[url]), disconnect_timeout=100)
    events = record(connection)
    for _ in range(2):
        with pytest.raises(asyncio.TimeoutError):
            async with timeout(0.05):
                await start(connection)
        assert connection.state is ConnectionState.IDLE
        assert events == [ConnectionDisconnected()]
        events.clear()
    task = asyncio.create_task(start(connection))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events == [ConnectionDisconnected()]
    server.command("faults")
    async with connection.connect():
        pass


async def test_a_time_that_is_not_used_up_leaves_no_trace(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events()
    async with timeout(30):
        async with connection.connect():
            await connection.ping()
        assert connection.state is ConnectionState.IDLE
    assert isinstance(await events.__anext__(), ConnectionEstablished)


async def test_the_next_event_is_still_there_for_whoever_had_no_time_for_it(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events(
        ConnectionEvent.CONNECTION_ESTABLISHED, ConnectionEvent.CONNECTION_DISCONNECTED
    )
    with pytest.raises(asyncio.TimeoutError):
        async with timeout(0.01):
            await events.__anext__()
    async with connection.connect():
        assert isinstance(await events.__anext__(), ConnectionEstablished)
        with pytest.raises(asyncio.TimeoutError):
            async with timeout(0):
                await events.__anext__()
    assert isinstance(await events.__anext__(), ConnectionDisconnected)


async def test_a_connection_as_a_context_manager_disconnects_also_by_an_exception(server: Server) -> None:
    connection = JitsiConnection(options=server.options)

    async def fail() -> None:
        async with connection:
            await connection.connect()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert connection.state is ConnectionState.IDLE
    assert server.sessions() == []
