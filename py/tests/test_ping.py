"""Asking the server whether it is there."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from conftest import Server, next_event
from jitsimeet import ConnectionEvent, JitsiConnection, JitsiError, NotConnectedError, SessionLostError


async def test_a_ping_returns_the_seconds_that_the_answer_took(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        before = time.monotonic()
        round_trip = await connection.ping()
        assert isinstance(round_trip, float)
        assert 0 < round_trip <= time.monotonic() - before


async def test_a_ping_of_meanwhile_is_answered_after_the_resumption(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        server.command("cut")
        await next_event(connection, ConnectionEvent.INTERRUPTED)
        assert await connection.ping() > 0


@pytest.mark.parametrize(("timeout", "option"), [(0.05, 60_000), (0, 60_000), (None, 50)])
async def test_a_ping_without_an_answer_is_a_builtin_timeout_error(
    server: Server, timeout: float | None, option: int
) -> None:
    connection = JitsiConnection(options=server.options, iq_timeout=option, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    with pytest.raises(TimeoutError) as caught:
        await connection.ping(timeout)
    assert not isinstance(caught.value, JitsiError)
    await connection.disconnect()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), 1e19])
async def test_the_timeout_of_a_ping_is_checked(server: Server, timeout: float) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        with pytest.raises(ValueError, match="timeout"):
            await connection.ping(timeout)


async def test_there_is_nobody_to_ping_before_connect_and_after_disconnect(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    for _ in range(2):
        with pytest.raises(NotConnectedError):
            await connection.ping()
        async with connection.connect():
            pass


async def test_a_ping_ends_with_its_session(server: Server) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    pinging = asyncio.create_task(connection.ping())
    await asyncio.sleep(0)
    await connection.disconnect()
    with pytest.raises(SessionLostError):
        await pinging


async def test_cancelling_a_ping_drops_the_answer(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        pinging = asyncio.create_task(connection.ping())
        await asyncio.sleep(0)
        pinging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pinging
        await connection.ping()
        gc.collect()
