"""Every await can be cancelled, and given a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from conftest import Server, make_token
from jitsimeet import ConnectionState, JitsiConnection

CALLS: dict[str, Callable[[JitsiConnection], Coroutine[Any, Any, object]]] = {
    "disconnect": lambda connection: connection.disconnect(),
    "refresh_token": lambda connection: connection.refresh_token(make_token()),
    "send_stanza": lambda connection: connection.send_stanza("<message/>"),
    "send_iq": lambda connection: connection.send_iq("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"),
    "ping": lambda connection: connection.ping(),
    "send_conference_request": lambda connection: connection.send_conference_request("room"),
    "events": lambda connection: connection.events().__anext__(),
}


@pytest.mark.parametrize("call", CALLS)
async def test_giving_up_takes_effect_at_once_and_harms_nothing(server: Server, call: str) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=500, xmpp_ping={"interval": 0})
    await connection.connect()
    server.command("faults", stream="silent")
    server.command("stall")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(CALLS[call](connection), 0.02)
    task = asyncio.create_task(CALLS[call](connection))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connection.disconnect()
    assert connection.state is ConnectionState.IDLE


async def test_giving_up_connecting_disconnects_first(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    for _ in range(2):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(connection.connect(), 0.05)
        assert connection.state is ConnectionState.IDLE
    server.command("faults")
    async with connection.connect():
        pass


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
