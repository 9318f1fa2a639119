"""What a connection has carried, and what waits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import FrozenInstanceError, astuple

import pytest

from conftest import TEST_TIMEOUT, Server, next_event
from jitsimeet import ConnectionEvent, JitsiConnection


def test_a_new_connection_has_carried_nothing(server: Server) -> None:
    assert set(astuple(JitsiConnection(options=server.options).get_statistics())) == {0}


def test_statistics_are_a_copy_that_nobody_changes(server: Server) -> None:
    statistics = JitsiConnection(options=server.options).get_statistics()
    with pytest.raises(FrozenInstanceError):
        statistics.resumes = 1  # type: ignore[misc]


async def test_what_goes_out_and_comes_in_is_counted(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        before = connection.get_statistics()
        assert before.frames_sent > 0
        assert before.bytes_received > before.frames_received > 0
        await connection.send_stanza(f"<message to='{connection.jid}'><body>{'x' * 10_000}</body></message>")
        # The answer comes behind the message.
        await connection.ping()
        after = connection.get_statistics()
        assert after.frames_sent >= before.frames_sent + 2
        assert after.stanzas_sent > before.stanzas_sent
        assert after.stanzas_received <= after.frames_received
        assert after.frames_received >= before.frames_received + 2
        assert after.bytes_sent > before.bytes_sent + 10_000
        assert after.bytes_received > before.bytes_received + 10_000


async def test_what_the_server_has_not_acknowledged_is_counted(server: Server) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    sending = [asyncio.ensure_future(connection.send_stanza("<presence/>")) for _ in range(3)]
    while connection.get_statistics().unacknowledged < 3:
        await asyncio.sleep(0)
    await connection.disconnect()
    await asyncio.gather(*sending, return_exceptions=True)


async def test_resumptions_are_counted(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        server.command("cut")
        await next_event(connection, ConnectionEvent.CONNECTION_ESTABLISHED)
        statistics = connection.get_statistics()
        assert (statistics.resumes, statistics.reconnects) == (1, 0)


async def test_fresh_sessions_are_counted(server: Server) -> None:
    connection = JitsiConnection(options=server.options, reconnect={"base_delay": 1, "max_delay": 1})
    async with connection.connect():
        server.command("close")
        await next_event(connection, ConnectionEvent.CONNECTION_ESTABLISHED)
        statistics = connection.get_statistics()
        assert (statistics.resumes, statistics.reconnects) == (0, 1)


async def test_what_the_event_loop_has_not_taken_is_counted(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    attempt = connection.connect()
    deadline = time.monotonic() + TEST_TIMEOUT
    # The event loop stands still meanwhile: both the event and the outcome wait.
    while connection.get_statistics().queued_events < 2:
        assert time.monotonic() < deadline
    await attempt
    assert connection.get_statistics().queued_events == 0
    await connection.disconnect()
