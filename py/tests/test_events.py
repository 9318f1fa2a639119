"""Events by ``async for``."""

from __future__ import annotations

import asyncio
import gc

import pytest

from conftest import Server
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionFailedError,
    JitsiConnection,
    StanzaReceived,
)

STANZA = ConnectionEvent.STANZA_RECEIVED


async def test_all_events_come_in_order_up_to_the_one_that_ends_the_connection(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events()
    async with connection.connect():
        server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client' id='1'/>")
        while not connection.get_statistics().queued_events > 1:
            await asyncio.sleep(0.001)
    kinds = [
        type(event) async for event in events if not isinstance(event, StanzaReceived) or event.id == "1"
    ]
    assert kinds == [ConnectionEstablished, StanzaReceived, ConnectionDisconnected]
    assert [event async for event in events] == []


async def test_only_the_kinds_that_are_named_come_and_the_end_ends_the_iteration_all_the_same(
    server: Server,
) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events("connection.connectionEstablished")
    async with connection.connect():
        pass
    assert [type(event) async for event in events] == [ConnectionEstablished]


async def test_a_failed_attempt_ends_the_iteration(server: Server) -> None:
    server.command("faults", stream="close")
    connection = JitsiConnection(options=server.options)
    events = connection.events()
    with pytest.raises(ConnectionFailedError):
        await connection.connect()
    assert [type(event) async for event in events] == [ConnectionFailed]


async def test_a_new_iteration_goes_with_a_new_attempt(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    for _ in range(2):
        events = connection.events(ConnectionEvent.CONNECTION_ESTABLISHED)
        async with connection.connect():
            pass
        assert len([event async for event in events]) == 1


async def test_the_next_event_is_waited_for_and_waiting_can_be_cancelled(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect(), connection.events(STANZA) as events:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(events.__anext__(), 0.01)
        waiting = asyncio.create_task(events.__anext__())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await events.__anext__()
        server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client' id='1'/>")
        event = await waiting
        assert isinstance(event, StanzaReceived)
        assert event.id == "1"


async def test_what_is_not_taken_counts_in_the_event_queue_until_the_iterator_is_closed_or_dropped(
    server: Server,
) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        for drop in (False, True):
            events = connection.events(STANZA)
            for _ in range(3):
                server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client'/>")
            while connection.get_statistics().queued_events < 3:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
            assert connection.get_statistics().queued_events == 3
            await events.__anext__()
            assert connection.get_statistics().queued_events == 2
            if drop:
                del events
                gc.collect()
            else:
                await events.aclose()
                assert [event async for event in events] == []
            assert connection.get_statistics().queued_events == 0


async def test_an_iterator_that_nobody_reads_holds_the_server_back_and_loses_nothing(server: Server) -> None:
    connection = JitsiConnection(options=server.options, event_queue={"max_events": 100})
    async with connection.connect():
        events = connection.events(STANZA)
        server.command("flood", bytes=200)
        seen = 0
        while seen < 100:
            await asyncio.sleep(0.001)
            seen = connection.get_statistics().queued_events
        # Were it not held back, it would not stop growing: a drain of the loop may go beyond the bound, once.
        received = -1
        while received != (received := connection.get_statistics().frames_received):
            await asyncio.sleep(0.2)
        assert connection.get_statistics().queued_events < 1000
        taken = [await events.__anext__() for _ in range(5000)]
        assert len(taken) == 5000
        await events.aclose()


def test_iterating_belongs_to_the_loop_of_the_connection(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events()

    async def session() -> None:
        async with connection.connect():
            pass

    async def iterate() -> None:
        await events.__anext__()

    asyncio.run(session())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(iterate())


def test_an_event_that_is_not_known_is_refused(server: Server) -> None:
    with pytest.raises(ValueError, match=r"connection\.unknown"):
        JitsiConnection(options=server.options).events("connection.unknown")
